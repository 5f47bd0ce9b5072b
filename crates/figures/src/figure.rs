//! A finished picture as SVG text and as PNG bytes; knows nothing of what is drawn on it.

use resvg::{tiny_skia, usvg};

use crate::theme::{self, Theme};
use crate::{Error, fonts};

/// The longest side of a PNG in pixels; above it memory, not paper, is the limit.
const LONGEST_SIDE: f32 = 16_384.0;

/// A picture: SVG text and its size in pixels at scale 1. It is drawn on white, and in dark where asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    light: String,
    /// In the dark theme, what is shown in place of `light`.
    dark: Option<String>,
    width: u32,
    height: u32,
}

impl Figure {
    /// Of an SVG document drawn on white.
    pub(crate) fn new(svg: String, width: u32, height: u32) -> Figure {
        Figure { light: svg, dark: None, width, height }
    }

    /// The same picture in a theme, whichever it is in now. Pictures within the picture stay as they are.
    #[must_use]
    pub fn in_theme(&self, theme: Theme) -> Figure {
        let dark = match theme {
            Theme::Light => None,
            Theme::Dark => Some(theme::on_dark(&self.light)),
        };
        Figure { light: self.light.clone(), dark, ..*self }
    }

    /// The theme it is in: light unless it came from [`in_theme`](Self::in_theme).
    pub fn theme(&self) -> Theme {
        if self.dark.is_some() { Theme::Dark } else { Theme::Light }
    }

    /// The picture as an SVG document, self-contained but for the font, which it names as DejaVu Sans.
    pub fn svg(&self) -> &str {
        self.dark.as_deref().unwrap_or(&self.light)
    }

    /// Width in pixels at scale 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels at scale 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The picture as PNG bytes (RGB, 8 bits), each side `scale` times as long, rounded up.
    ///
    /// # Errors
    /// [`Error::Scale`] where the scale is not positive or a side would be longer than 16,384 pixels.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, Error> {
        let refused = || Error::Scale {
            width: self.width,
            height: self.height,
            scale,
            max: LONGEST_SIDE / self.width.max(self.height) as f32,
        };
        let side = |length: u32| {
            let scaled = (length as f32 * scale).ceil();
            if (1.0..=LONGEST_SIDE).contains(&scaled) { Ok(scaled as u32) } else { Err(refused()) }
        };
        let mut pixels = tiny_skia::Pixmap::new(side(self.width)?, side(self.height)?).ok_or_else(refused)?;
        let tree = usvg::Tree::from_str(self.svg(), &fonts::options())?;
        // A fraction of a pixel at the right and lower edge is paper as well.
        let paper = self.theme().paper();
        pixels.fill(tiny_skia::Color::from_rgba8(paper.0, paper.1, paper.2, u8::MAX));
        resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
        Ok(encode(&pixels)?)
    }
}

/// Encodes opaque pixels. Rows are not filtered: few colours in flat areas pack a quarter smaller as they are.
fn encode(pixels: &tiny_skia::Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let rgb: Vec<u8> =
        pixels.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    encode_rgb(pixels.width(), pixels.height(), &rgb)
}

/// Encodes (height, width, 3) bytes.
pub(crate) fn encode_rgb(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square() -> Figure {
        let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><rect width="30" height="20" fill="#ffffff"/></svg>"##;
        Figure::new(svg.to_owned(), 30, 20)
    }

    /// Width and height as the IHDR chunk of PNG bytes states them.
    fn header_size(png: &[u8]) -> (u32, u32) {
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(png[12..16], *b"IHDR");
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    }

    #[test]
    fn a_png_has_the_asked_size() {
        for (scale, size) in [(1.0, (30, 20)), (2.0, (60, 40)), (0.5, (15, 10)), (1.01, (31, 21))] {
            assert_eq!(header_size(&square().png(scale).unwrap()), size, "scale {scale}");
        }
    }

    #[test]
    fn a_scale_that_gives_no_picture_is_refused() {
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e9] {
            assert!(matches!(square().png(scale), Err(Error::Scale { .. })), "scale {scale}");
        }
    }

    #[test]
    fn a_dark_picture_is_dark_up_to_its_edges() {
        let dark = square().in_theme(Theme::Dark);
        for (figure, paper) in [(&dark, 28), (&dark.in_theme(Theme::Light), 255)] {
            // 30.3 x 20.2 pixels.
            let png = figure.png(1.01).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            assert_eq!(pixels, vec![paper; 31 * 21 * 3]);
        }
    }

    #[test]
    fn a_theme_can_be_taken_back() {
        let (light, dark) = (square(), square().in_theme(Theme::Dark));
        assert_eq!((light.theme(), dark.theme()), (Theme::Light, Theme::Dark));
        assert!(dark.svg().contains("#1c1c1c") && !dark.svg().contains("#ffffff"));
        assert_eq!(dark.in_theme(Theme::Dark), dark);
        assert_eq!(dark.in_theme(Theme::Light), light);
    }

    #[test]
    fn broken_svg_is_an_error() {
        assert!(matches!(Figure::new("<svg".to_owned(), 1, 1).png(1.0), Err(Error::Svg(_))));
    }
}
