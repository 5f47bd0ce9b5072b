//! Sheets of small pictures in named rows: a contact sheet, or originals above their variations. Knows nothing
//! of where the pictures come from.

use crate::axes::{self, HEADING, MARGIN};
use crate::canvas::{Anchor, Canvas, Frame, Point, Type};
use crate::figure::encode_rgb;
use crate::{Error, Figure};

/// The shortest side of a drawn picture: small ones are enlarged by a whole factor.
const SIDE: usize = 64;
/// Between pictures, and around the rows.
const GAP: f64 = 6.0;
/// The most that a row's name may take.
const NAME: f64 = 260.0;
/// No sheet is narrower: its title must have room.
const NARROWEST: f64 = 560.0;

/// A small picture: (height, width, 3) bytes, red, green and blue side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Thumbnail {
    /// Of planes: (C, H, W) bytes. Three channels are red, green and blue; of any other number the first is
    /// drawn in grey. `None` where the number of bytes is not C * H * W, or there are none.
    pub fn of_planes([channels, height, width]: [usize; 3], planes: &[u8]) -> Option<Self> {
        let area = height.checked_mul(width)?;
        if planes.is_empty() || area.checked_mul(channels) != Some(planes.len()) {
            return None;
        }
        let plane =
            |color: usize| if channels == 3 { &planes[color * area..][..area] } else { &planes[..area] };
        let (red, green, blue) = (plane(0), plane(1), plane(2));
        let rgb = (0..area).flat_map(|i| [red[i], green[i], blue[i]]).collect();
        Some(Self { width, height, rgb })
    }

    /// Width and height.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    pub(crate) fn png(&self) -> Result<Vec<u8>, Error> {
        Ok(encode_rgb(self.width as u32, self.height as u32, &self.rgb)?)
    }
}

/// A named row of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetRow {
    /// What stands at its left.
    pub name: String,
    /// From left to right.
    pub pictures: Vec<Thumbnail>,
}

/// Draws rows of pictures one above the other.
///
/// # Errors
/// [`Error::Png`] if a picture cannot be encoded.
pub fn sheet(title: &str, subtitle: &str, rows: &[SheetRow]) -> Result<Figure, Error> {
    let all = || rows.iter().flat_map(|row| &row.pictures);
    let (widest, highest) =
        all().fold((1, 1), |(w, h), picture| (picture.width.max(w), picture.height.max(h)));
    let factor = SIDE.div_ceil(widest.min(highest).min(SIDE));
    let (cell_width, cell_height) = ((widest * factor) as f64, (highest * factor) as f64);
    let style = Type::regular(15.0);
    let name_width = rows.iter().map(|row| style.width(&row.name).min(NAME)).fold(0.0, f64::max);
    let columns = rows.iter().map(|row| row.pictures.len()).max().unwrap_or(0) as f64;
    let left = MARGIN + name_width + 2.0 * GAP;
    let width = (left + columns * (cell_width + GAP) + MARGIN).max(NARROWEST);
    let height = HEADING + GAP + rows.len() as f64 * (cell_height + GAP) + MARGIN;

    let mut canvas = Canvas::new(width.ceil() as u32, height.ceil() as u32);
    let room = width - 2.0 * MARGIN;
    axes::heading(&mut canvas, title, room, subtitle, room);
    for (index, row) in rows.iter().enumerate() {
        let top = HEADING + GAP + index as f64 * (cell_height + GAP);
        let middle = Point { x: MARGIN + name_width, y: top + cell_height / 2.0 + 5.0 };
        canvas.text(middle, Anchor::End, style, &style.fitted(&row.name, NAME));
        for (column, picture) in row.pictures.iter().enumerate() {
            let left = left + column as f64 * (cell_width + GAP);
            let (right, bottom) =
                (left + (picture.width * factor) as f64, top + (picture.height * factor) as f64);
            canvas.image(Frame { left, top, right, bottom }, &picture.png()?);
        }
    }
    Ok(canvas.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, colors: &[[u8; 3]]) -> SheetRow {
        // Two by two pixels of one colour.
        let picture = |&[r, g, b]: &[u8; 3]| [[r; 4], [g; 4], [b; 4]].concat();
        let thumbnail = |color| Thumbnail::of_planes([3, 2, 2], &picture(color)).unwrap();
        SheetRow { name: name.to_owned(), pictures: colors.iter().map(thumbnail).collect() }
    }

    #[test]
    fn every_picture_is_drawn_sharp_in_its_place() {
        let colors = [[200, 10, 30], [1, 2, 3], [0, 255, 0]];
        let figure =
            sheet("A title", "below", &[row("one", &colors[..2]), row("two", &colors[2..])]).unwrap();
        let png = figure.png(1.0).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let pixels: Vec<[u8; 3]> = pixels.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
        for color in colors {
            // All of a square of 64 x 64, no pixel mixed with its neighbours.
            assert_eq!(pixels.iter().filter(|&&pixel| pixel == color).count(), 64 * 64, "{color:?}");
        }
    }

    #[test]
    fn planes_become_pixels() {
        let thumbnail = Thumbnail::of_planes([3, 1, 2], &[1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(thumbnail.rgb, [1, 3, 5, 2, 4, 6]);
        assert_eq!(Thumbnail::of_planes([1, 1, 2], &[7, 9]).unwrap().rgb, [7, 7, 7, 9, 9, 9]);
        assert_eq!(Thumbnail::of_planes([3, 1, 2], &[1, 2]), None);
        assert_eq!(Thumbnail::of_planes([0, 1, 2], &[]), None);
    }

    #[test]
    fn a_sheet_without_pictures_is_a_title() {
        sheet("Nothing", "", &[]).unwrap().png(1.0).unwrap();
    }
}
