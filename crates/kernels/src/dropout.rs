//! Inverted dropout (Srivastava et al., 2014): elements are dropped at random, and those that stay are scaled up
//! so that the expected sum stays; knows nothing of layers and epochs.
//!
//! Each sample of a batch has a stream of random numbers of its own, which the caller names: what is dropped
//! depends on the names alone, not on the order of a batch or the number of threads.

use rayon::prelude::*;
use streams::Stream;

use crate::error::{ShapeError, check_fraction, check_len};
use crate::parallel::BLOCK;

/// Elements whose fate a word of the mask holds.
const WORD: usize = u32::BITS as usize;
/// The bit of each of them, the first lowest.
const BITS: [u32; WORD] = {
    let mut bits = [1; WORD];
    let mut i = 1;
    while i < WORD {
        bits[i] = bits[i - 1] << 1;
        i += 1;
    }
    bits
};

/// A dropout of a part of all elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    rate: f32,
    /// `1 / (1 - rate)`.
    scale: f32,
}

/// Which elements stayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    batch: usize,
    /// Elements of a sample.
    each: usize,
    /// For each sample its words: a set bit for each element that stayed.
    words: Vec<u32>,
}

impl Mask {
    fn words_each(&self) -> usize {
        self.each.div_ceil(WORD)
    }
}

impl Dropout {
    /// Drops each element with the probability `rate`.
    ///
    /// # Errors
    /// If the rate is not in [0, 1).
    pub fn new(rate: f32) -> Result<Self, ShapeError> {
        check_fraction("the dropout rate", f64::from(rate))?;
        Ok(Self { rate, scale: 1.0 / (1.0 - rate) })
    }

    /// `y` from `x`, both `(B, ...)`: 0 where an element is dropped, else `x / (1 - rate)`; and which stayed.
    ///
    /// `stream(i)` opens the stream of the sample at place `i` of the batch. Its name must be another for each
    /// sample, epoch and dropout layer: (seed, purpose of the layer, epoch, sample). A number is drawn for each
    /// element in row-major order.
    ///
    /// # Errors
    /// If `x` is not `batch` samples of one length.
    pub fn forward(
        &self,
        batch: usize,
        x: &[f32],
        stream: impl Fn(usize) -> Stream + Sync,
    ) -> Result<(Vec<f32>, Mask), ShapeError> {
        let each = x.len().checked_div(batch).unwrap_or(0);
        check_len("input", x.len(), &[batch, each])?;
        let mut mask = Mask { batch, each, words: Vec::new() };
        let words_each = mask.words_each();
        mask.words = vec![0; batch * words_each];
        mask.words.par_chunks_mut((words_each * BLOCK).max(1)).enumerate().for_each(|(block, words)| {
            for (i, words) in words.chunks_exact_mut(words_each).enumerate() {
                draw(stream(block * BLOCK + i), self.rate, each, words);
            }
        });
        let y = self.apply(&mask, x);
        Ok((y, mask))
    }

    /// `dx` from the gradient `dy` of the result, both `(B, ...)`: scaled where an element stayed, else 0.
    ///
    /// # Errors
    /// If `dy` does not have the length of what was masked.
    pub fn backward(&self, mask: &Mask, dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
        check_len("gradient of the result", dy.len(), &[mask.batch, mask.each])?;
        Ok(self.apply(mask, dy))
    }

    fn apply(&self, mask: &Mask, x: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0; x.len()];
        let (each, words_each) = (mask.each.max(1), mask.words_each().max(1));
        (
            y.par_chunks_mut(each * BLOCK),
            x.par_chunks(each * BLOCK),
            mask.words.par_chunks(words_each * BLOCK),
        )
            .into_par_iter()
            .for_each(|(y, x, words)| {
                let samples = y.chunks_exact_mut(each).zip(x.chunks_exact(each));
                for ((y, x), words) in samples.zip(words.chunks_exact(words_each)) {
                    self.apply_to_sample(words, x, y);
                }
            });
        y
    }

    fn apply_to_sample(&self, words: &[u32], x: &[f32], y: &mut [f32]) {
        // Whole words first: of a fixed length, the compiler makes registers of them.
        let ((whole, y_rest), (x_whole, x_rest)) = (y.as_chunks_mut::<WORD>(), x.as_chunks::<WORD>());
        for ((y, x), word) in whole.iter_mut().zip(x_whole).zip(words) {
            self.apply_word(*word, x, y);
        }
        if let Some(word) = words.get(x_whole.len()) {
            self.apply_word(*word, x_rest, y_rest);
        }
    }

    #[inline(always)]
    fn apply_word(&self, word: u32, x: &[f32], y: &mut [f32]) {
        for ((y, x), bit) in y.iter_mut().zip(x).zip(&BITS) {
            // All ones or all zeros: the compiler would make a branch of an `if`, which cannot be predicted.
            // A NaN that is dropped is gone.
            let mask = u32::from(word & bit != 0).wrapping_neg();
            *y = f32::from_bits((x * self.scale).to_bits() & mask);
        }
    }
}

/// Draws which of a sample's elements stay.
fn draw(mut stream: Stream, rate: f32, each: usize, words: &mut [u32]) {
    let mut rest = each;
    for word in words {
        let bits = &BITS[..rest.min(WORD)];
        rest -= bits.len();
        for bit in bits {
            *word |= bit & u32::from(!stream.chance(rate)).wrapping_neg();
        }
    }
}

#[cfg(test)]
mod tests {
    use streams::{Purpose, Seed};

    use super::*;

    const TEST: Purpose = Purpose::new("dropout");

    fn stream(sample: usize) -> Stream {
        Seed(3).stream(TEST, 1, sample as u64)
    }

    #[test]
    fn what_stays_is_scaled_and_its_gradient_too() {
        let dropout = Dropout::new(0.75).unwrap();
        let x: Vec<f32> = (1..=300).map(|i| i as f32).collect();
        let (y, mask) = dropout.forward(3, &x, stream).unwrap();
        let dx = dropout.backward(&mask, &vec![1.0; 300]).unwrap();
        for ((x, y), dx) in x.iter().zip(&y).zip(&dx) {
            assert!((*y == 0.0 && *dx == 0.0) || (*y == x * 4.0 && *dx == 4.0), "{x} {y} {dx}");
        }
        let kept = y.iter().filter(|y| **y != 0.0).count();
        assert!((50..100).contains(&kept), "{kept} of 300 stayed, 75 are expected");
        assert!(dropout.backward(&mask, &[1.0; 299]).is_err());
    }

    #[test]
    fn the_numbers_never_change() {
        // 1 where the stream's number is not below the rate.
        let (y, _) = Dropout::new(0.5).unwrap().forward(1, &[0.5; 70], stream).unwrap();
        let mut numbers = stream(0);
        let expected: Vec<f32> = (0..70).map(|_| if numbers.unit_f32() < 0.5 { 0.0 } else { 1.0 }).collect();
        assert_eq!(y, expected);
    }

    #[test]
    fn a_rate_of_zero_drops_nothing() {
        let x = [1.0, -2.0, f32::INFINITY];
        assert_eq!(Dropout::new(0.0).unwrap().forward(1, &x, stream).unwrap().0, x);
    }

    #[test]
    fn rates_and_lengths_are_checked() {
        for rate in [-0.1, 1.0, f32::NAN] {
            assert!(Dropout::new(rate).is_err());
        }
        let dropout = Dropout::new(0.5).unwrap();
        assert!(dropout.forward(2, &[0.0; 3], stream).is_err());
        assert!(dropout.forward(0, &[0.0; 3], stream).is_err());
        assert_eq!(dropout.forward(0, &[], stream).unwrap().0, []);
        assert_eq!(dropout.forward(5, &[], stream).unwrap().0, []);
    }
}
