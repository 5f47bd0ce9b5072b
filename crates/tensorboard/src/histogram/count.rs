//! Counts the values of a slice into equal widths, fast; knows nothing of what a histogram is stored as.

use super::Float;

/// Values that are gone through together. Their counts are kept apart until the end: neighbours often fall into one
/// bucket, and one count would wait for the other.
const LANES: usize = 8;

/// The least and the greatest of the finite values, and how many are not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extremes {
    /// `None` if no value is finite.
    pub(super) between: Option<(f64, f64)>,
    pub(super) non_finite: u64,
}

impl Extremes {
    pub(super) fn of<T: Float>(values: &[T]) -> Self {
        if let Some(between) = if_all_finite(values) {
            return Self { between: Some(between), non_finite: 0 };
        }
        let finite: Vec<T> = values.iter().copied().filter(|&value| value.into().is_finite()).collect();
        Self { between: if_all_finite(&finite), non_finite: (values.len() - finite.len()) as u64 }
    }
}

/// The least and the greatest value in IEEE 754's total order, in which -0 is less than 0; `None` without values, and
/// if one is not finite.
fn if_all_finite<T: Float>(values: &[T]) -> Option<(f64, f64)> {
    let &first = values.first()?;
    // Comparisons with NaN are false, so it is looked for by itself: x * 0 is 0 for finite numbers alone.
    let (mut least, mut greatest, mut zeros) = ([first; LANES], [first; LANES], [T::ZERO; LANES]);
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            let value = chunk[lane];
            least[lane] = if value < least[lane] { value } else { least[lane] };
            greatest[lane] = if value > greatest[lane] { value } else { greatest[lane] };
            zeros[lane] = zeros[lane] + value * T::ZERO;
        }
    }
    let least = least.iter().chain(rest).copied().fold(first, |a, b| if b < a { b } else { a });
    let greatest = greatest.iter().chain(rest).copied().fold(first, |a, b| if b > a { b } else { a });
    let zero = rest.iter().fold(T::ZERO, |sum, &value| sum + value * T::ZERO);
    if !zeros.iter().fold(zero, |sum, &zero| sum + zero).into().is_finite() {
        return None;
    }
    // To `<` and `>` both zeros are the same.
    let has = |bits: u64| values.iter().any(|&value| value.into().to_bits() == bits);
    let (mut least, mut greatest) = (least.into(), greatest.into());
    if least == 0.0 {
        least = if has((-0.0f64).to_bits()) { -0.0 } else { 0.0 };
    }
    if greatest == 0.0 {
        greatest = if has(0.0f64.to_bits()) { 0.0 } else { -0.0 };
    }
    Some((least, greatest))
}

/// Counts the finite values by the whole part of `(value * unit - min) / width`, of which none is negative; those past
/// the last count go into it.
pub(super) fn count<T: Float>(
    values: &[T],
    unit: f64,
    min: f64,
    width: f64,
    buckets: usize,
    non_finite: u64,
) -> Vec<u64> {
    // A division, not a multiplication by the reciprocal: only so a value at an edge goes where TensorFlow puts it.
    // The conversion rounds down.
    let index = |value: T| ((value.into() * unit - min) / width) as usize;
    let mut counts = vec![[0u64; LANES]; buckets];
    let last = buckets.saturating_sub(1);
    if non_finite > 0 {
        for &value in values.iter().filter(|&&value| value.into().is_finite()) {
            counts[index(value).min(last)][0] += 1;
        }
    } else {
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            let indices = chunk.map(index);
            for lane in 0..LANES {
                counts[indices[lane].min(last)][lane] += 1;
            }
        }
        rest.iter().for_each(|&value| counts[index(value).min(last)][0] += 1);
    }
    counts.iter().map(|lanes| lanes.iter().sum()).collect()
}
