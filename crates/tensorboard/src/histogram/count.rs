//! Counts the values of a slice into equal widths, fast; knows nothing of what a histogram is stored as.

use super::Float;

/// Values that are gone through together. Their counts are kept apart until the end: neighbours often fall into one
/// bucket, and one count would wait for the other.
const LANES: usize = 8;

/// Values that stay in the nearest cache.
const BLOCK: usize = 128 * LANES;

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
    let (mut least, mut greatest, mut zeros) = ([first; LANES], [first; LANES], [T::ZERO; LANES]);
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    for block in blocks {
        // One after the other: compilers make vector instructions of each loop, not of all in one.
        for lanes in block.as_chunks::<LANES>().0 {
            for (least, &value) in least.iter_mut().zip(lanes) {
                *least = if value < *least { value } else { *least };
            }
        }
        for lanes in block.as_chunks::<LANES>().0 {
            for (greatest, &value) in greatest.iter_mut().zip(lanes) {
                *greatest = if value > *greatest { value } else { *greatest };
            }
        }
        // Comparisons with NaN are false, so it is looked for by itself: x * 0 is 0 for finite numbers alone.
        for lanes in block.as_chunks::<LANES>().0 {
            for (zero, &value) in zeros.iter_mut().zip(lanes) {
                *zero = *zero + value * T::ZERO;
            }
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
///
/// A division, not a multiplication by the reciprocal: only so a value at an edge goes where TensorFlow puts it.
pub(super) fn count<T: Float>(
    values: &[T],
    unit: f64,
    min: f64,
    width: f64,
    buckets: usize,
    non_finite: u64,
) -> Vec<u64> {
    let mut counts = vec![[0u64; LANES]; buckets];
    let last = buckets.saturating_sub(1);
    let index = |value: T| floor((value.into() * unit - min) / width);
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

/// The whole part of a number from 0 to 2^51. In vector instructions, as a conversion of the language is not: it must
/// care for numbers that are too large or none.
fn floor(number: f64) -> usize {
    /// Numbers from here on have no bits below the point, and their lowest bits are the whole number.
    const WHOLE: f64 = (1u64 << 52) as f64;
    let shifted = number + WHOLE;
    let rounded = shifted - WHOLE;
    (shifted.to_bits() & 0x000f_ffff_ffff_ffff) as usize - usize::from(rounded > number)
}
