//! How a convolution's sums end, by ReLU and 2x2 max pooling or ReLU alone, and what the way back remembers of it.

use crate::simd::{LANES, Lanes};

/// What the forward pass remembers of an output's 16 filters, a bit for each: whether it carries a gradient, and in
/// two bits from which tap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) any: u16,
    pub(super) low: u16,
    pub(super) high: u16,
}

/// A bit for each of up to 64 filters: whether its value comes from this tap.
#[inline(always)]
pub(super) fn taken_from(taken: &[Taken], tap: usize) -> u64 {
    let mut all = 0;
    for (group, taken) in taken.iter().enumerate() {
        let low = if tap & 1 == 0 { !taken.low } else { taken.low };
        let high = if tap & 2 == 0 { !taken.high } else { taken.high };
        all |= u64::from(taken.any & low & high) << (group * LANES);
    }
    all
}

/// The greatest of four windows, or 0, and where it comes from.
#[inline(always)]
pub(super) fn finish_pool<L: Lanes>(lanes: L, windows: [L::V; 4], y: &mut [f32; LANES]) -> Taken {
    let mut best = windows[0];
    let mut wins = [0; 4];
    for p in 1..4 {
        // The first NaN, as the first maximum, is never replaced by a number.
        let above = lanes.above(windows[p], best);
        best = lanes.select(above, windows[p], best);
        wins[p] = lanes.bits(above);
    }
    let any = lanes.bits(lanes.above(best, lanes.splat(0.0)));
    lanes.store(lanes.relu(best), y);
    // The last to win has it, if it is positive.
    let [_, one, two, three] = wins;
    Taken { any, low: any & (three | one & !two), high: any & (three | two) }
}

/// The positive part of a window.
#[inline(always)]
pub(super) fn finish_relu<L: Lanes>(lanes: L, window: L::V, y: &mut [f32; LANES]) -> Taken {
    lanes.store(lanes.relu(window), y);
    Taken { any: lanes.bits(lanes.above(window, lanes.splat(0.0))), low: 0, high: 0 }
}
