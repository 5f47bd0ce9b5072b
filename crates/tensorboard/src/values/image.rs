//! Images of the Images dashboard: pixels made to PNG, or files that are already encoded.

use png::{BitDepth, ColorType, Compression, Encoder};

use crate::event::{IMAGES, plugin};
use crate::message::TensorProto;
use crate::{Event, InputError, Step, WallTime};

/// An encoded image with its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    file: Vec<u8>,
}

impl Image {
    /// An image from its pixels, the channels of a pixel side by side: shape (height, width, channels) with 1
    /// (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGBA) channels. `u8` from 0 to 255, or `f32` from 0 to 1, of which
    /// lower ones are 0, higher ones 1, as in TensorFlow.
    ///
    /// # Errors
    /// If the number of elements is not that of the shape, if there are none, at another number of channels, and
    /// at NaN.
    pub fn hwc<T: Element>(shape: [usize; 3], elements: &[T]) -> Result<Self, InputError> {
        let [height, width, channels] = shape;
        check_count(shape, elements.len())?;
        let bytes: Result<Vec<u8>, InputError> =
            elements.iter().enumerate().map(|(i, &element)| byte(i, element)).collect();
        Self::png(width, height, channels, &bytes?)
    }

    /// An image from its pixels, one channel after the other: shape (channels, height, width), else as
    /// [`hwc`](Self::hwc).
    ///
    /// # Errors
    /// As [`hwc`](Self::hwc).
    pub fn chw<T: Element>(shape: [usize; 3], elements: &[T]) -> Result<Self, InputError> {
        let [channels, height, width] = shape;
        check_count(shape, elements.len())?;
        let mut bytes = vec![0; elements.len()];
        let pixels = height * width;
        for (i, &element) in elements.iter().enumerate() {
            // There is at least one element, so there are pixels.
            bytes[i % pixels * channels + i / pixels] = byte(i, element)?;
        }
        Self::png(width, height, channels, &bytes)
    }

    /// A file that is already encoded as PNG, JPEG or GIF.
    ///
    /// # Errors
    /// If the bytes do not begin as such a file with its size.
    pub fn encoded(file: impl Into<Vec<u8>>) -> Result<Self, InputError> {
        let file = file.into();
        let size = png_size(&file).or_else(|| gif_size(&file)).or_else(|| jpeg_size(&file));
        match size {
            Some((width, height)) if width > 0 && height > 0 => Ok(Self { width, height, file }),
            _ => Err(InputError::File { expected: "PNG, JPEG or GIF" }),
        }
    }

    /// Its width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Its height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The encoded file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.file
    }

    fn png(width: usize, height: usize, channels: usize, bytes: &[u8]) -> Result<Self, InputError> {
        let color = match channels {
            1 => ColorType::Grayscale,
            2 => ColorType::GrayscaleAlpha,
            3 => ColorType::Rgb,
            4 => ColorType::Rgba,
            found => return Err(InputError::Channels { found }),
        };
        let (width, height) = (side(width)?, side(height)?);
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, width, height);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Fast);
        let write = |encoder: Encoder<'_, _>| {
            let mut writer = encoder.write_header()?;
            writer.write_image_data(bytes)?;
            writer.finish()
        };
        write(encoder).map_err(|cause: png::EncodingError| InputError::Png { cause: cause.to_string() })?;
        Ok(Self { width, height, file })
    }
}

impl Event {
    /// The images of one step, all of the same size. TensorBoard keeps the images of ten steps a tag.
    ///
    /// # Errors
    /// If there are no images or if their sizes differ.
    pub fn images(at: WallTime, tag: &str, step: Step, images: &[Image]) -> Result<Self, InputError> {
        let first = images.first().ok_or(InputError::Empty { what: "images" })?;
        let expected = (first.width, first.height);
        for (index, image) in images.iter().enumerate() {
            let found = (image.width, image.height);
            if found != expected {
                return Err(InputError::ImageSize { index, found, expected });
            }
        }
        let size = [expected.0, expected.1].map(|side| side.to_string().into_bytes());
        let strings: Vec<Vec<u8>> =
            size.into_iter().chain(images.iter().map(|image| image.file.clone())).collect();
        Ok(Self::summary(
            at,
            tag,
            step,
            TensorProto::strings(&[strings.len() as i64], strings),
            plugin(IMAGES),
        ))
    }
}

/// A number that is a part of a pixel: `u8` or `f32`.
pub trait Element: Copy + Into<f32> + private::Element {}

impl Element for u8 {}
impl Element for f32 {}

mod private {
    /// Keeps other types out, and has what none but this module needs.
    pub trait Element {
        /// From 0 to 255; `None` for NaN.
        fn byte(self) -> Option<u8>;
    }

    impl Element for u8 {
        fn byte(self) -> Option<u8> {
            Some(self)
        }
    }

    impl Element for f32 {
        fn byte(self) -> Option<u8> {
            // TensorFlow's `convert_image_dtype`: scaled by half a step more than 255, cut, saturated.
            (!self.is_nan()).then_some((self * 255.5) as u8)
        }
    }
}

fn byte<T: Element>(index: usize, element: T) -> Result<u8, InputError> {
    element.byte().ok_or_else(|| InputError::number("element", index, element.into(), "a number from 0 to 1"))
}

fn check_count(shape: [usize; 3], found: usize) -> Result<(), InputError> {
    let expected = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    match expected {
        Some(0) => Err(InputError::Empty { what: "pixels" }),
        Some(expected) if expected == found => Ok(()),
        // No slice has so many.
        expected => Err(InputError::Count {
            what: "elements",
            found,
            expected: expected.unwrap_or(usize::MAX),
            reason: "the product of the shape",
        }),
    }
}

/// A side of an image, within what PNG has.
fn side(pixels: usize) -> Result<u32, InputError> {
    const LIMIT: u32 = i32::MAX as u32;
    u32::try_from(pixels).ok().filter(|&side| side <= LIMIT).ok_or(InputError::TooMany {
        what: "pixels on a side",
        found: pixels,
        limit: LIMIT as usize,
        remedy: "write the image in parts",
    })
}

/// The width and height in the first chunk, which must be the header.
fn png_size(file: &[u8]) -> Option<(u32, u32)> {
    let header = file.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let number = |from: usize| Some(u32::from_be_bytes(*header.get(from..)?.first_chunk()?));
    (header.get(4..8)? == b"IHDR").then_some((number(8)?, number(12)?))
}

/// The width and height of the screen, in the header.
fn gif_size(file: &[u8]) -> Option<(u32, u32)> {
    let header = file.strip_prefix(b"GIF87a").or_else(|| file.strip_prefix(b"GIF89a"))?;
    let number = |from: usize| Some(u16::from_le_bytes(*header.get(from..)?.first_chunk()?).into());
    Some((number(0)?, number(2)?))
}

/// The width and height in the frame header, which the segments before it lead to.
fn jpeg_size(file: &[u8]) -> Option<(u32, u32)> {
    let number = |from: usize| Some(u16::from_be_bytes(*file.get(from..)?.first_chunk()?));
    file.strip_prefix(b"\xff\xd8")?;
    let mut at = 2;
    loop {
        let (&0xff, &marker) = (file.get(at)?, file.get(at + 1)?) else { return None };
        match marker {
            // Fill bytes before a marker, and markers without a segment.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            // Start of frame, of all kinds of compression; among them are three that are none.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((number(at + 7)?.into(), number(at + 5)?.into()));
            }
            // The picture, or the end, before any frame.
            0xd9 | 0xda => return None,
            _ => at += 2 + usize::from(number(at + 2)?.max(2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The width, height, color type and pixels of a PNG file.
    fn decode(image: &Image) -> (u32, u32, ColorType, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(image.as_bytes())).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, info.color_type, pixels)
    }

    #[test]
    fn pixels_come_back_in_both_layouts() {
        let pixels: Vec<u8> = (0..24).map(|i| i * 10).collect();
        let by_pixel = Image::hwc([2, 4, 3], &pixels).unwrap();
        assert_eq!(decode(&by_pixel), (4, 2, ColorType::Rgb, pixels.clone()));
        assert_eq!((by_pixel.width(), by_pixel.height()), (4, 2));
        let channels: Vec<u8> = (0..3).flat_map(|c| (0..8).map(move |i| (3 * i + c) * 10)).collect();
        assert_eq!(Image::chw([3, 2, 4], &channels).unwrap(), by_pixel);
        for (channels, color) in
            [(1, ColorType::Grayscale), (2, ColorType::GrayscaleAlpha), (4, ColorType::Rgba)]
        {
            let image = Image::hwc([24 / channels, 1, channels], &pixels).unwrap();
            assert_eq!(decode(&image), (1, 24 / channels as u32, color, pixels.clone()));
        }
    }

    #[test]
    fn floats_are_scaled_as_tensorflow_does() {
        let check = |value: f32, byte: u8| {
            assert_eq!(decode(&Image::hwc([1, 1, 1], &[value]).unwrap()).3, [byte], "{value}");
        };
        // >>> tf.image.convert_image_dtype([0.0, 0.5, 1.0, -0.5, 7.0], tf.uint8, saturate=True)
        check(0.0, 0);
        check(0.5, 127);
        check(1.0, 255);
        check(-0.5, 0);
        check(7.0, 255);
        check(f32::INFINITY, 255);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let check = |shape: [usize; 3], elements: &[f32], expected: &str| {
            for image in [Image::hwc(shape, elements), Image::chw(shape, elements)] {
                assert_eq!(image.unwrap_err().to_string(), expected);
            }
        };
        check([1, 2, 3], &[0.0; 5], "5 elements, expected 6: the product of the shape");
        check([1, 0, 3], &[], "no pixels: give at least one");
        check(
            [usize::MAX, 2, 3],
            &[0.0],
            &format!("1 elements, expected {}: the product of the shape", usize::MAX),
        );
        check([1, 1, 1], &[f32::NAN], "element 0 is NaN, expected a number from 0 to 1");
        let error = Image::hwc([3, 2, 5], &[0u8; 30]).unwrap_err().to_string();
        assert!(error.starts_with("5 channels, expected 1 (gray), 2"), "{error}");
    }

    #[test]
    fn encoded_files_have_their_size() {
        let png = Image::hwc([3, 5, 1], &[0u8; 15]).unwrap();
        let gif = b"GIF89a\x05\0\x03\0\xf0\0\0";
        let jpeg =
            [&b"\xff\xd8\xff\xe0\0\x06JFIF\xff\xff\xc4\0\x02\xff\xc2\0\x0b\x08\0\x03\0\x05\x01"[..], &[0; 9]]
                .concat();
        for file in [png.as_bytes(), gif, &jpeg] {
            let image = Image::encoded(file).unwrap();
            assert_eq!((image.width(), image.height(), image.as_bytes()), (5, 3, file));
        }
        for file in [&b""[..], b"BM", b"GIF89a\0\0\x03\0", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe0\xff\xff"] {
            let error = Image::encoded(file).unwrap_err();
            assert_eq!(error.to_string(), "these bytes are no whole PNG, JPEG or GIF file");
        }
    }

    #[test]
    fn images_of_a_step_have_one_size() {
        let at = WallTime::now();
        let image = |width: usize| Image::hwc([1, width, 1], &vec![0u8; width]).unwrap();
        let event = Event::images(at, "a", Step(1), &[image(2), image(2)]).unwrap();
        let bytes = prost::Message::encode_to_vec(&event);
        assert!(bytes.windows(4).any(|window| window == b"\x42\x012\x42"), "the width as a text");
        let check = |images: &[Image], expected: &str| {
            assert_eq!(Event::images(at, "a", Step(1), images).unwrap_err().to_string(), expected);
        };
        check(&[], "no images: give at least one");
        check(
            &[image(2), image(3)],
            "image 1 has (3, 1) pixels (width, height), the first one (2, 1): write images of other sizes under other tags",
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_sniffer_panic(
            start in prop::sample::select(vec![&b"\xff\xd8\xff"[..], b"GIF89a", b"\x89PNG\r\n\x1a\n", b""]),
            rest in prop::collection::vec(prop_oneof![Just(0xff), any::<u8>()], 0..60),
        ) {
            let _ = Image::encoded([start, &rest].concat());
        }
    }
}
