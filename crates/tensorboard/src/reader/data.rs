//! What values mean, of this version of the format and of the first one; knows nothing of files.

use super::borrowed::TensorView;
use crate::event::{HISTOGRAMS, IMAGES, SCALARS, TEXT};
use crate::message::legacy::HistogramProto;
use crate::message::{DataType, TensorProto, Value, ValueKind};
use crate::{Bucket, Histogram, TensorError};

/// What a point of a series holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// A point of a curve.
    Scalar(f32),
    /// A histogram.
    Histogram(Histogram),
    /// Pictures of one size.
    Images(Images),
    /// Markdown: one text, or the cells of a table in the order of its rows.
    Text(Vec<String>),
    /// What another plugin shows.
    Other(Box<TensorProto>),
}

/// Pictures of one size, as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Their width in pixels, as their writer says.
    pub width: u32,
    /// Their height in pixels.
    pub height: u32,
    /// PNG, JPEG or GIF files.
    pub encoded: Vec<Vec<u8>>,
}

/// The bytes of a bucket: left, right, count.
const TRIPLE_BYTES: usize = 3 * size_of::<f64>();

impl Data {
    /// The data of a tensor that `plugin` shows, where it is of the form that is written today; others go another way.
    pub(super) fn of_view(tensor: &TensorView<'_>, plugin: &str) -> Option<Self> {
        match (plugin, DataType::try_from(i32::try_from(tensor.dtype).ok()?), tensor.shape()) {
            (SCALARS, Ok(DataType::Float), []) => {
                Some(Self::Scalar(f32::from_le_bytes(tensor.content.try_into().ok()?)))
            }
            (HISTOGRAMS, Ok(DataType::Double), &[rows, 3]) => {
                let (triples, rest) = tensor.content.as_chunks::<TRIPLE_BYTES>();
                let whole = rest.is_empty() && usize::try_from(rows).is_ok_and(|rows| rows == triples.len());
                let bucket = |triple: &[u8; TRIPLE_BYTES]| {
                    let (numbers, _) = triple.as_chunks();
                    let [left, right, count] = [0, 1, 2].map(|i| f64::from_le_bytes(numbers[i]));
                    Bucket { left, right, count }
                };
                whole.then(|| {
                    Self::Histogram(Histogram {
                        buckets: triples.iter().map(bucket).collect(),
                        non_finite: 0,
                    })
                })
            }
            _ => None,
        }
    }

    /// The data of a value that `plugin` shows; `None` where there is nothing in it.
    pub(super) fn of(value: Value, plugin: &str) -> Result<Option<Self>, TensorError> {
        let Some(value) = value.value else { return Ok(None) };
        Ok(Some(match value {
            ValueKind::SimpleValue(value) => Self::Scalar(value),
            ValueKind::Histogram(histogram) => Self::Histogram(Histogram::from(&histogram)),
            ValueKind::Image(image) => Self::Images(Images {
                width: image.width.try_into().unwrap_or(0),
                height: image.height.try_into().unwrap_or(0),
                encoded: vec![image.encoded_image_string],
            }),
            // As one of this version: the file, and a label.
            ValueKind::Audio(audio) => {
                let file_and_label = vec![audio.encoded_audio_string, Vec::new()];
                Self::Other(Box::new(TensorProto::strings(&[1, 2], file_and_label)))
            }
            ValueKind::Tensor(tensor) => Self::of_tensor(tensor, plugin)?,
        }))
    }

    fn of_tensor(tensor: TensorProto, plugin: &str) -> Result<Self, TensorError> {
        Ok(match plugin {
            SCALARS => Self::Scalar(scalar(&tensor)?),
            HISTOGRAMS => Self::Histogram(Histogram::from_tensor(&tensor)?),
            IMAGES => Self::Images(images(tensor)?),
            TEXT => Self::Text(strings(tensor)?.into_iter().map(lossless).collect()),
            _ => Self::Other(Box::new(tensor)),
        })
    }
}

/// A histogram of the first version has limits where this one has edges, and the outermost may be the greatest of all
/// numbers. As TensorBoard reads it (`data_compat.py`): without the empty buckets at both ends, and from the least to
/// the greatest value.
impl From<&HistogramProto> for Histogram {
    fn from(old: &HistogramProto) -> Self {
        let has = |&i: &usize| old.bucket[i] > 0.0;
        let count = old.bucket.len().min(old.bucket_limit.len());
        let (first, last) = ((0..count).find(has), (0..count).rev().find(has));
        let (Some(first), Some(last)) = (first, last) else {
            return Self { buckets: Vec::new(), non_finite: 0 };
        };
        let bucket = |i: usize| Bucket {
            left: if i == first { old.min } else { old.bucket_limit[i - 1] },
            right: if i == last { old.max } else { old.bucket_limit[i] },
            count: old.bucket[i],
        };
        Self { buckets: (first..=last).map(bucket).collect(), non_finite: 0 }
    }
}

/// The number in a tensor of one element.
fn scalar(tensor: &TensorProto) -> Result<f32, TensorError> {
    let shape = tensor.shape();
    if shape.iter().any(|&size| size != 1) {
        return Err(TensorError::Shape { found: shape, expected: "[]" });
    }
    match tensor.numbers(1)?[..] {
        [value] => Ok(value as f32),
        _ => Err(TensorError::Shape { found: shape, expected: "[]" }),
    }
}

/// Width, height, and files.
fn images(tensor: TensorProto) -> Result<Images, TensorError> {
    let shape = tensor.shape();
    let size = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
    let mut strings = strings(tensor)?.into_iter();
    let sizes = (strings.next().as_deref().and_then(size), strings.next().as_deref().and_then(size));
    let (Some(width), Some(height)) = sizes else {
        return Err(TensorError::Shape {
            found: shape,
            expected: "[2 + k] with the width and the height first",
        });
    };
    Ok(Images { width, height, encoded: strings.collect() })
}

fn strings(tensor: TensorProto) -> Result<Vec<Vec<u8>>, TensorError> {
    match DataType::try_from(tensor.dtype) {
        Ok(DataType::String) => Ok(tensor.string_val),
        _ => Err(TensorError::NoStrings { found: tensor.dtype }),
    }
}

fn lossless(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
