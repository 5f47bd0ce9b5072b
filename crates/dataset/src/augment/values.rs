//! Variations that change values where they are: (C, H, W) bytes to bytes.

use streams::Stream;

use crate::Shape;

/// Adds so many levels to all values.
pub(super) fn brighten(picture: &mut [u8], levels: i16) {
    picture.iter_mut().for_each(|value| *value = moved(*value, levels));
}

/// A value moved by so many levels, and no farther than black and white.
fn moved(value: u8, levels: i16) -> u8 {
    (i16::from(value) + levels).clamp(0, 255) as u8
}

/// Multiplies the distance of each value from the mean of its plane by `factor`, in 1/4096, at most 2: with the 16
/// bits of a distance it fits into 32.
pub(super) fn contrast(picture: &mut [u8], shape: Shape, factor: i32) {
    let area = shape.height * shape.width;
    for plane in picture.chunks_exact_mut(area) {
        let sum: u64 = plane.iter().map(|&value| u64::from(value)).sum();
        // In 1/256 of a level, rounded.
        let mean = ((sum * 256 + area as u64 / 2) / area as u64) as i32;
        for value in plane {
            let distance = (i32::from(*value) << 8) - mean;
            let new = mean + ((distance * factor + 2048) >> 12);
            *value = ((new + 128) >> 8).clamp(0, 255) as u8;
        }
    }
}

/// Makes a square black whose centre is at a pixel: from `side / 2` before it on.
pub(super) fn cutout(picture: &mut [u8], shape: Shape, side: usize, [row, column]: [u32; 2]) {
    let range = |centre: u32, length: usize| {
        let first = i64::from(centre) - (side / 2) as i64;
        first.max(0) as usize..((first + side as i64) as usize).min(length)
    };
    let (rows, columns) = (range(row, shape.height), range(column, shape.width));
    for plane in picture.chunks_exact_mut(shape.height * shape.width) {
        for row in plane.chunks_exact_mut(shape.width).take(rows.end).skip(rows.start) {
            row[columns.clone()].fill(0);
        }
    }
}

/// Values of the normal distribution that are kept, all equally likely.
const QUANTILES: usize = 8192;
/// Draws at a time: what a stream computes at once.
const DRAWS: usize = 64;

/// Gaussian noise in whole levels, from a table of the distribution's quantiles.
#[derive(Debug)]
pub(super) struct Noise {
    levels: [i16; QUANTILES],
}

impl Noise {
    /// Of a standard deviation as a share of the full scale.
    pub(super) fn new(sigma: f32) -> Self {
        let mut levels = [0; QUANTILES];
        let mut deviation = 0.0;
        for i in QUANTILES / 2..QUANTILES {
            deviation = quantile((i as f64 + 0.5) / QUANTILES as f64, deviation);
            let level = libm::round(deviation * f64::from(sigma) * 255.0) as i16;
            (levels[i], levels[QUANTILES - 1 - i]) = (level, -level);
        }
        Self { levels }
    }

    /// The table.
    pub(super) fn levels(&self) -> &[i16] {
        &self.levels
    }

    /// Adds to each value one of the table, two from each draw: first by its low bits.
    pub(super) fn add(&self, picture: &mut [u8], stream: &mut Stream) {
        let mut words = [0; DRAWS];
        let mut levels = [0; 2 * DRAWS];
        for values in picture.chunks_mut(2 * DRAWS) {
            let words = &mut words[..values.len().div_ceil(2)];
            stream.fill(words);
            for (pair, &word) in levels.chunks_exact_mut(2).zip(words.iter()) {
                pair[0] = self.levels[word as usize % QUANTILES];
                pair[1] = self.levels[(word >> 16) as usize % QUANTILES];
            }
            // Apart from the look-ups, so that it is done for many values at once.
            values.iter_mut().zip(&levels).for_each(|(value, &level)| *value = moved(*value, level));
        }
    }
}

/// The number that a normal variable is below with this probability, at least 1/2; by Newton's method from a
/// number that is not above it.
fn quantile(probability: f64, below: f64) -> f64 {
    let mut x = below;
    loop {
        let density = libm::exp(-0.5 * x * x) / libm::sqrt(std::f64::consts::TAU);
        let step = (probability - 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)) / density;
        x += step;
        // The distribution bends downwards here: from below, no step leads beyond the root, but for rounding.
        if step < 1e-9 {
            return x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        for (probability, expect) in
            [(0.5, 0.0), (0.841_344_746, 1.0), (0.975, 1.959_964), (0.999_9, 3.719_016)]
        {
            let x = quantile(probability, 0.0);
            assert!((x - expect).abs() < 1e-6, "{probability}: {x}");
        }
    }

    #[test]
    fn the_noise_table_has_the_asked_deviation() {
        for sigma in [0.005f32, 0.02, 0.1] {
            let noise = Noise::new(sigma);
            let squares: f64 = noise.levels.iter().map(|&l| f64::from(l).powi(2)).sum();
            let deviation = (squares / QUANTILES as f64).sqrt() / 255.0;
            // Rounding to levels adds a twelfth of a level's square.
            let expect = (f64::from(sigma).powi(2) + 1.0 / 12.0 / 255.0f64.powi(2)).sqrt();
            assert!((deviation / expect - 1.0).abs() < 0.01, "{sigma}: {deviation}, not {expect}");
            assert_eq!(noise.levels.iter().map(|&l| i64::from(l)).sum::<i64>(), 0);
        }
    }
}
