//! What a step of training has at least to compute and to move, whoever computes it; knows nothing of devices.

use crate::architecture::{Architecture, Layer, NamedLayer};

/// Passes over all weights in a step: they are read forward and backward, their gradient is written; Adam reads them, the
/// gradient and both moments, and writes all but the gradient.
const PASSES_OF_WEIGHTS: u64 = 3 + 7;
/// Bytes of a weight, its gradient or a moment, in any precision.
const WEIGHT_BYTES: u64 = 4;

/// The work of one step: forward, backward and Adam. A measured time beside it gives rates.
///
/// *Operations* are the multiplications and additions of convolutions and dense layers: twice their multiply-adds forward, for
/// the gradient of the weights, and for that of the input, which the first layer with weights need not have.
///
/// *Bytes* are those of layers as one pass each, with their activations: forward, input and output; backward, input and
/// the gradients of output and input (a ReLU is passed where the layer behind it writes that). To these come the
/// pictures, taken from bytes and written as numbers, and the weights, ten times. Caches may save some of it, and layers
/// computed together more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepCost {
    /// Multiplications and additions.
    pub operations: u64,
    /// Bytes read and written.
    pub bytes: u64,
}

impl StepCost {
    /// The cost of a step of `batch` pictures, with numbers between layers of `number_bytes` bytes each.
    pub fn of(architecture: &Architecture, batch: usize, number_bytes: u64) -> Self {
        let layers = architecture.layers();
        // Up to here, nobody needs a gradient of the input.
        let first = layers.iter().position(|layer| layer.trainable_count() > 0).unwrap_or(layers.len());
        let (mut multiply_adds, mut numbers) = (0u64, 0u64);
        for (index, layer) in layers.iter().enumerate() {
            let [input, output] = lengths(layer);
            let ways = if index > first { 3 } else { 2 };
            multiply_adds = multiply_adds.saturating_add(layer.multiply_adds().saturating_mul(ways));
            if !matches!(layer.layer, Layer::Flatten) {
                let moved = input.saturating_mul(ways).saturating_add(output.saturating_mul(2));
                numbers = numbers.saturating_add(moved);
            }
        }
        let picture: u64 = architecture.input().iter().map(|&n| n as u64).product();
        let of_picture =
            picture.saturating_mul(1 + number_bytes).saturating_add(numbers.saturating_mul(number_bytes));
        let weights = architecture.trainable_count() as u64 * WEIGHT_BYTES * PASSES_OF_WEIGHTS;
        let batch = batch as u64;
        Self {
            operations: multiply_adds.saturating_mul(2).saturating_mul(batch),
            bytes: of_picture.saturating_mul(batch).saturating_add(weights),
        }
    }
}

/// Numbers of one picture before and after a layer.
fn lengths(layer: &NamedLayer) -> [u64; 2] {
    [&layer.input, &layer.output].map(|shape| shape.iter().map(|&n| n as u64).product())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tutorial_by_hand() {
        let check = |batch, number_bytes, expected| {
            let cost = StepCost::of(&Architecture::tutorial(), batch, number_bytes);
            assert_eq!((cost.operations, cost.bytes), expected, "{batch} {number_bytes}");
        };
        // conv2d has 777,600 multiply-adds of all 4,548,608, and no third way.
        let operations = 2 * (2 * 777_600 + 3 * (4_548_608 - 777_600));
        // In: 32x32x3, 30x30x32, 15x15x32, 13x13x64, 6x6x64, 4x4x64, 64; out: the next of each, 10 at last.
        let (first, inner, last) = (3072, 28_800 + 7200 + 10_816 + 2304 + 1024 + 64, 10);
        let numbers = 2 * (first + inner) + inner + 2 * (inner + last);
        let weights = 40 * 122_570;
        check(1, 4, (operations, 3072 * 5 + numbers * 4 + weights));
        check(32, 4, (32 * operations, 32 * (3072 * 5 + numbers * 4) + weights));
        check(32, 2, (32 * operations, 32 * (3072 * 3 + numbers * 2) + weights));
        assert_eq!((operations, 3072 * 5 + numbers * 4), (25_736_448, 1_044_176));
    }

    #[test]
    fn only_what_lies_behind_weights_has_a_gradient() {
        let pool = Layer::MaxPool2d { window: [2, 2], stride: None };
        let dense = Layer::Dense { units: Some(3), bias: false, activation: crate::Activation::Linear };
        let network =
            Architecture::new("m", [2, 2, 1], &[pool, Layer::Flatten, dense.clone(), dense]).unwrap();
        let cost = StepCost::of(&network, 1, 4);
        // The pool makes 1 of 4, the first dense layer 3 of 1, the second 3 of 3.
        assert_eq!(cost.operations, 2 * (2 * 3 + 3 * 9));
        let numbers = (2 * 4 + 2) + (2 + 2 * 3) + (3 * 3 + 2 * 3);
        assert_eq!(cost.bytes, 4 * 5 + 4 * numbers + 40 * 12);
    }
}
