//! Histograms by TensorFlow's formula; knows nothing of tags and files.

mod count;
#[cfg(test)]
mod tests;

use std::ops::{Add, Mul};

use self::count::Extremes;
use crate::TensorError;
use crate::message::TensorProto;

/// How many values lie where.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The buckets, from the smallest values to the largest.
    pub buckets: Vec<Bucket>,
    /// Values that were NaN or infinite and are in no bucket. An event has no place for this number: it is 0
    /// in a histogram read from a file.
    pub non_finite: u64,
}

/// One bucket: the values in [left, right), in the last bucket those in [left, right].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The lower edge.
    pub left: f64,
    /// The upper edge.
    pub right: f64,
    /// The number of values, an `f64` because TensorBoard stores it so.
    pub count: f64,
}

/// The types that histograms are made of: `f32` and `f64`.
pub trait Float:
    Copy + Into<f64> + PartialOrd + Add<Output = Self> + Mul<Output = Self> + sealed::Sealed
{
    /// 0.
    const ZERO: Self;
}

impl Float for f32 {
    const ZERO: Self = 0.0;
}

impl Float for f64 {
    const ZERO: Self = 0.0;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Histogram {
    /// The number of buckets that `tf.summary.histogram` makes unless told otherwise.
    pub const DEFAULT_BUCKETS: usize = 30;

    /// The histogram of the finite ones of some values in [`Self::DEFAULT_BUCKETS`] buckets; see
    /// [`Self::with_buckets`].
    pub fn of<T: Float>(values: &[T]) -> Self {
        Self::with_buckets(Self::DEFAULT_BUCKETS, values)
    }

    /// The histogram of the finite ones of some values in `count` buckets of equal width.
    ///
    /// The formula is that of `tf.summary.histogram` (tensorboard/plugins/histogram/summary_v2.py), bit for
    /// bit: with width = (max - min) / count, a value belongs to bucket floor((value - min) / width), the
    /// largest to the last; edge i is min + i * width, the last max itself. If all values are the same,
    /// each bucket is [value, value] and the last holds them all; without values all is zero. It departs
    /// from TensorFlow only where that draws nothing: NaN and infinite values are left out and counted, and
    /// a range too large for an `f64` is halved while it is divided. A subnormal range counts as none, as
    /// TensorFlow flushes it to 0.
    ///
    /// No edge is ever NaN or infinite.
    pub fn with_buckets<T: Float>(count: usize, values: &[T]) -> Self {
        let Extremes { between, non_finite } = Extremes::of(values);
        let buckets = match between {
            None => vec![Bucket { left: 0.0, right: 0.0, count: 0.0 }; count],
            Some((min, max)) => match Scale::between(min, max, count) {
                None => same_value(count, max, values.len() as u64 - non_finite),
                Some(scale) => scale.fill(count, values, non_finite),
            },
        };
        Self { buckets, non_finite }
    }

    /// How many values are in the buckets.
    pub fn total(&self) -> f64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }

    /// The histogram as a (buckets, 3) tensor of `f64`: left, right, count.
    pub fn to_tensor(&self) -> TensorProto {
        TensorProto::triples(self.buckets.iter().map(|bucket| [bucket.left, bucket.right, bucket.count]))
    }

    /// The histogram in a (k, 3) tensor of `f64` or `f32`: left, right, count. The numbers are taken as they
    /// are: other writers do make edges that are NaN.
    ///
    /// # Errors
    /// If the tensor has another shape or another element type, or its length does not fit its shape.
    pub fn from_tensor(tensor: &TensorProto) -> Result<Self, TensorError> {
        let shape = tensor.shape();
        let rows = match shape[..] {
            [rows, 3] => usize::try_from(rows).ok(),
            _ => None,
        };
        let Some(rows) = rows else {
            return Err(TensorError::Shape { found: shape, expected: "[k, 3]" });
        };
        let numbers = tensor.numbers(rows.saturating_mul(3))?;
        let buckets = numbers.as_chunks().0.iter().map(|&[left, right, count]| Bucket { left, right, count });
        Ok(Self { buckets: buckets.collect(), non_finite: 0 })
    }
}

/// Equal widths between two different numbers. All three are multiplied by `unit`, which is 1 except for
/// ranges that overflow.
struct Scale {
    min: f64,
    max: f64,
    width: f64,
    unit: f64,
}

impl Scale {
    /// Cuts the range into `count` widths; `None` if there is no range to cut.
    fn between(min: f64, max: f64, count: usize) -> Option<Self> {
        let unit = if (max - min).is_finite() { 1.0 } else { 0.5 };
        let (min, max) = (min * unit, max * unit);
        let range = max - min;
        range.is_normal().then(|| Self { min, max, width: range / count as f64, unit })
    }

    fn fill<T: Float>(&self, count: usize, values: &[T], non_finite: u64) -> Vec<Bucket> {
        if count == 0 {
            return Vec::new();
        }
        let counts = count::count(values, self.unit, self.min, self.width, count, non_finite);
        let bucket = |(i, inside): (usize, &u64)| Bucket {
            left: self.edge(i, count),
            right: self.edge(i + 1, count),
            count: *inside as f64,
        };
        counts.iter().enumerate().map(bucket).collect()
    }

    fn edge(&self, i: usize, count: usize) -> f64 {
        let scaled = match i {
            // As it is: adding 0 * width would turn -0.0 into 0.0.
            0 => self.min,
            i if i == count => self.max,
            i => self.min + i as f64 * self.width,
        };
        scaled / self.unit
    }
}

/// The buckets of `seen` times the same value.
fn same_value(count: usize, value: f64, seen: u64) -> Vec<Bucket> {
    let mut buckets = vec![Bucket { left: value, right: value, count: 0.0 }; count];
    if let Some(last) = buckets.last_mut() {
        last.count = seen as f64;
    }
    buckets
}

impl<T: Float> From<&[T]> for Histogram {
    fn from(values: &[T]) -> Self {
        Self::of(values)
    }
}

impl<T: Float> From<&Vec<T>> for Histogram {
    fn from(values: &Vec<T>) -> Self {
        Self::of(values)
    }
}

impl<T: Float, const N: usize> From<&[T; N]> for Histogram {
    fn from(values: &[T; N]) -> Self {
        Self::of(values)
    }
}

/// The values are kept until all have come.
impl<T: Float> FromIterator<T> for Histogram {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::of(&values.into_iter().collect::<Vec<T>>())
    }
}
