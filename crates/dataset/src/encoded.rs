//! One encoded picture, PNG or JPEG, made into planes. Knows nothing of folders, classes or tables.
//!
//! The format is told by the content, not by the name of a file. Pictures of any size and colour become RGB
//! of the size asked for: grey becomes three equal values, 16 bits become 8 (rounded), alpha is dropped and
//! nothing put behind it, as Keras and torchvision do, and the orientation that a camera wrote down is applied.
//! A picture of another size is resized to fit, without keeping its aspect ratio, as Keras'
//! `image_dataset_from_directory` does; one of the right size keeps its bytes.

use std::fs;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "parquet")]
use image::ColorType;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::{Error, Result, Shape};

/// Largest side that pictures can be made to.
pub const MOST_SIDE: usize = 1024;

/// Most pixels on a side of an encoded picture.
const MOST_ON_A_SIDE: u32 = 16_384;
/// Most pixels of an encoded picture: 67 million, more than cameras of full frame have.
const MOST_PIXELS: u64 = 1 << 26;
/// Pictures of more pixels are decoded one at a time, so that the memory does not grow with the cores.
const MANY_PIXELS: u64 = MOST_PIXELS / 2;
/// Most memory that a PNG's decoder may take beside the pixels: for rows in work, profiles, texts.
const MOST_BESIDE: u64 = 1 << 26;
/// Longest file that is read: a picture of the most pixels in 8-bit RGB that could not be compressed at all,
/// and some more.
const MOST_BYTES: u64 = 1 << 28;

/// Reads the picture in a file as the planes of red, green and blue, (3, `side`, `side`).
///
/// # Errors
/// When `side` is not 1 to [`MOST_SIDE`], or the file cannot be read, is neither PNG nor JPEG, or is corrupt,
/// cut off or too large. The error names the file.
pub fn read(path: &Path, side: usize) -> Result<Vec<u8>> {
    let mut planes = vec![0; square(side)?.len()];
    read_into(path, side, &mut planes)?;
    Ok(planes)
}

/// As [`read`], of the bytes of a file; errors name `path`.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(path: &Path, bytes: &[u8], side: usize) -> Result<Vec<u8>> {
    let mut planes = vec![0; square(side)?.len()];
    decode(bytes, side, &mut planes).map_err(|reason| Error::content(path, reason))?;
    Ok(planes)
}

/// Shape of pictures of `side`.
///
/// # Errors
/// When `side` is not 1 to [`MOST_SIDE`].
pub(crate) fn square(side: usize) -> Result<Shape> {
    if (1..=MOST_SIDE).contains(&side) {
        return Ok(Shape { channels: 3, height: side, width: side });
    }
    Err(Error::Unfit(format!("pictures of {side} pixels a side, expected 1 to {MOST_SIDE}")))
}

/// [`read`] into `planes`, whose length must be that of [`square`].
pub(crate) fn read_into(path: &Path, side: usize, planes: &mut [u8]) -> Result<()> {
    let about = fs::metadata(path).map_err(Error::io("read", path))?;
    // Before it is opened: a pipe would wait for ever for somebody to write.
    if !about.is_file() {
        return Err(Error::content(path, "expected a picture, this is no file"));
    }
    if about.len() > MOST_BYTES {
        let reason = format!("a file of {} bytes, expected a picture of at most {MOST_BYTES}", about.len());
        return Err(Error::content(path, reason));
    }
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    decode(&bytes, side, planes).map_err(|reason| Error::content(path, reason))
}

/// How a picture was encoded; a mixture counts as the lossy one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Encoding {
    Png,
    Jpeg,
}

/// Decodes a picture that must be RGB of `shape` already into planes.
#[cfg(feature = "parquet")]
pub(crate) fn decode_exactly(
    bytes: &[u8],
    shape: Shape,
    planes: &mut [u8],
) -> std::result::Result<Encoding, String> {
    contained(broken, || {
        let (decoder, encoding) = open(bytes)?;
        // Before decoding, so that a picture that claims to be huge costs no memory.
        let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
        let Shape { height: rows, width: columns, .. } = shape;
        if (height as usize, width as usize, color) != (rows, columns, ColorType::Rgb8) {
            return Err(format!("a picture of {width}x{height} {color:?}, expected {columns}x{rows} Rgb8"));
        }
        let mut interleaved = vec![0; shape.len()];
        decoder.read_image(&mut interleaved).map_err(corrupt)?;
        to_planes(&interleaved, planes);
        Ok(encoding)
    })
}

/// Decodes a picture of any size and colour into planes of `side`.
fn decode(bytes: &[u8], side: usize, planes: &mut [u8]) -> std::result::Result<(), String> {
    static ALONE: Mutex<()> = Mutex::new(());
    let side = u32::try_from(side).map_err(|_| "no picture has so large a side")?;
    contained(broken, || {
        let (mut decoder, encoding) = open(bytes)?;
        let (width, height) = decoder.dimensions();
        check_size(bytes.len(), encoding, width, height)?;
        if encoding == Encoding::Jpeg && !has_end(bytes) {
            return Err("corrupt picture: it is cut off".into());
        }
        let orientation = decoder.orientation().map_err(corrupt)?;
        let many = u64::from(width) * u64::from(height) > MANY_PIXELS;
        let alone = many.then(|| ALONE.lock().unwrap_or_else(PoisonError::into_inner));
        let mut picture = DynamicImage::from_decoder(decoder).map_err(corrupt)?.into_rgb8();
        if (width, height) != (side, side) {
            // A cubic polynomial, in which every step is rounded as IEEE 754 says: the same bytes on every
            // machine. Lanczos would be a little sharper and takes sines from the platform.
            picture = imageops::resize(&picture, side, side, FilterType::CatmullRom);
        }
        drop(alone);
        // Last, where it is small: a square stays one however it is turned.
        let mut picture = DynamicImage::ImageRgb8(picture);
        picture.apply_orientation(orientation);
        to_planes(picture.as_bytes(), planes);
        Ok(())
    })
}

/// Makes `broken` of a panic in `work`: decoders have some left for bytes that were made to break them.
pub(crate) fn contained<T, E>(
    broken: impl FnOnce() -> E,
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    // What `work` was changing is given up with the error, so nobody sees it half changed.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(broken()))
}

fn broken() -> String {
    "corrupt picture: its decoder broke down".into()
}

/// Reads the header of a picture.
fn open(bytes: &[u8]) -> std::result::Result<(impl ImageDecoder + '_, Encoding), String> {
    let (format, encoding) = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => (ImageFormat::Png, Encoding::Png),
        Ok(ImageFormat::Jpeg) => (ImageFormat::Jpeg, Encoding::Jpeg),
        Ok(other) => return Err(format!("the picture is neither PNG nor JPEG, but {other:?}")),
        Err(_) => return Err("the picture is neither PNG nor JPEG".into()),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_BESIDE);
    reader.limits(limits);
    Ok((reader.into_decoder().map_err(corrupt)?, encoding))
}

/// Refuses a picture that claims to be larger than is sensible, or than so many bytes could be, before any
/// memory is taken for it.
fn check_size(bytes: usize, encoding: Encoding, width: u32, height: u32) -> std::result::Result<(), String> {
    // Deflate makes at most 1,032 bytes of one, and a PNG may have 8 pixels in each. A JPEG has at least one
    // bit, that the mean is as before, for 8 x 8 pixels.
    let most_a_byte = match encoding {
        Encoding::Png => 8 * 1032,
        Encoding::Jpeg => 8 * 64,
    };
    let pixels = u64::from(width) * u64::from(height);
    if width > MOST_ON_A_SIDE || height > MOST_ON_A_SIDE || pixels > MOST_PIXELS {
        return Err(format!(
            "a picture of {width}x{height}, expected at most {MOST_ON_A_SIDE} on a side and {MOST_PIXELS} pixels"
        ));
    }
    if pixels > most_a_byte * bytes as u64 {
        return Err(format!("corrupt picture: {width}x{height} cannot be in {bytes} bytes"));
    }
    Ok(())
}

/// Whether a JPEG has its marker of the end (ITU-T T.81, B.1.1). The decoder fills what is missing with grey;
/// TensorFlow and PyTorch refuse such a picture.
fn has_end(jpeg: &[u8]) -> bool {
    let mut rest = jpeg;
    // Between markers lie the encoded pixels, in which 0xff is followed by 0.
    while let Some(at) = rest.iter().position(|&byte| byte == 0xff) {
        let Some(&marker) = rest.get(at + 1) else { return false };
        let skipped = match marker {
            0xd9 => return true,
            // Filled up with 0xff.
            0xff => 1,
            // Markers without a segment: restarts, the start; and the value 0xff.
            0x00 | 0x01 | 0xd0..=0xd8 => 2,
            _ => match rest.get(at + 2..at + 4) {
                Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
        };
        rest = rest.get(at + skipped..).unwrap_or_default();
    }
    false
}

/// (H, W, C) as encoded to (C, H, W).
fn to_planes(interleaved: &[u8], planes: &mut [u8]) {
    let pixels = interleaved.len() / 3;
    for (pixel, values) in interleaved.chunks_exact(3).enumerate() {
        for (plane, &value) in values.iter().enumerate() {
            planes[plane * pixels + pixel] = value;
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn corrupt(error: ImageError) -> String {
    format!("corrupt picture: {}", first_line(&error.to_string()))
}

pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
