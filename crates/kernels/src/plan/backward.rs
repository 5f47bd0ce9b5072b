//! The way back through a convolution with ReLU and pool, over the places alone that carry a gradient.
//!
//! Behind a pool only the greatest of each window carries a gradient, and behind ReLU only what is positive:
//! of the cells of a pooled layer an eighth or less. The forward pass keeps a bit for each of them; here the
//! bits are gone over. What is left out would be multiplied by 0, so the result is the same.

use super::conv::Stage;
use super::taken::{Taken, taken_from};
use crate::simd::{Kernel, LANES, Lanes, Simd};

/// Values of a stage's input that are gone over at a time: they stay in the first-level cache.
const CHUNK: usize = 8 * 1024;

/// Registers of a run that are summed at a time: as many as hold their sums, and leave the weights of a layer's
/// filters in the first-level cache.
const WIDE: usize = 6;

/// A place that carries a gradient, for one filter: where its window begins, and the gradient.
#[derive(Clone, Copy, Debug, Default)]
struct Carrier {
    window: u32,
    gradient: f32,
}

/// A filter that carries a gradient, at one window: where its weights begin, and the gradient.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    weights: u32,
    gradient: f32,
}

/// A window from which a gradient comes.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Where it begins in the input.
    at: u32,
    /// Where its entries end; they begin where those of the window before end.
    end: u32,
}

/// What carries a gradient in some pictures, filter by filter and window by window, each in the order of pictures and
/// places.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    /// Room for `each` of them a filter.
    of_filters: Vec<Carrier>,
    each: usize,
    counts: Vec<usize>,
    windows: Vec<Window>,
    entries: Vec<Entry>,
}

impl Carriers {
    /// Lists the carriers of the pictures that `dy` belongs to.
    fn list(&mut self, stage: &Stage, dy: &[f32], taken: &[Taken]) {
        let groups = stage.groups();
        self.each = taken.len() / groups;
        self.counts.clear();
        self.counts.resize(stage.filters, 0);
        if self.of_filters.len() < stage.filters * self.each {
            self.of_filters.resize(stage.filters * self.each, Carrier::default());
        }
        self.windows.clear();
        self.entries.clear();
        let outputs = dy.chunks_exact(stage.filters).zip(taken.chunks_exact(groups));
        for (output, (dy, taken)) in outputs.enumerate() {
            let (picture, place) = (output / stage.bases.len(), output % stage.bases.len());
            let base = picture * stage.input + stage.bases[place];
            for (tap, offset) in stage.taps.iter().enumerate() {
                let before = self.entries.len();
                // Sixty-four filters at a time: few are taken from each tap.
                for (word, (taken, dy)) in taken.chunks(4).zip(dy.chunks(64)).enumerate() {
                    let mut bits = taken_from(taken, tap);
                    while bits != 0 {
                        let filter = bits.trailing_zeros() as usize;
                        bits &= bits - 1;
                        self.push(stage, base + offset, word * 64 + filter, dy[filter]);
                    }
                }
                if self.entries.len() > before {
                    self.windows.push(Window { at: (base + offset) as u32, end: self.entries.len() as u32 });
                }
            }
        }
    }

    #[inline(always)]
    fn push(&mut self, stage: &Stage, window: usize, filter: usize, gradient: f32) {
        let count = &mut self.counts[filter];
        self.of_filters[filter * self.each + *count] = Carrier { window: window as u32, gradient };
        *count += 1;
        self.entries.push(Entry { weights: (filter * stage.filter_registers()) as u32, gradient });
    }

    fn of(&self, filter: usize) -> &[Carrier] {
        &self.of_filters[filter * self.each..][..self.counts[filter]]
    }
}

impl Stage {
    /// Adds the gradients of the weights, filter by filter, to `sums` and of the bias to `bias`, and sets that of the
    /// input from weights [`by_filter`](Self::by_filter).
    #[expect(clippy::too_many_arguments, reason = "the terms of the formula")]
    pub(super) fn backward(
        &self,
        simd: Simd,
        x: &[f32],
        weights: &[f32],
        dy: &[f32],
        taken: &[Taken],
        carriers: &mut Carriers,
        sums: &mut [[f32; LANES]],
        bias: &mut [f32],
        dx: &mut [f32],
    ) {
        dx.fill(0.0);
        let pictures = (CHUNK / self.input).max(1);
        let chunks = dy.chunks(pictures * self.output_len()).zip(taken.chunks(pictures * self.taken_len()));
        let inputs = x.chunks(pictures * self.input).zip(dx.chunks_mut(pictures * self.input));
        for ((dy, taken), (x, dx)) in chunks.zip(inputs) {
            carriers.list(self, dy, taken);
            for (filter, bias) in bias.iter_mut().enumerate() {
                *bias = carriers.of(filter).iter().fold(*bias, |bias, carrier| bias + carrier.gradient);
            }
            simd.run(WeightGradient { stage: self, x, carriers, sums });
            simd.run(InputGradient { stage: self, carriers, weights: weights.as_chunks().0, dx });
        }
    }

    /// Adds the gradients of the weights and of the bias, for a stage whose windows are one run and whose input needs
    /// none: each carrier is added where it is met. `x` has 16 values to spare at its end.
    pub(super) fn backward_of_first(
        &self,
        simd: Simd,
        x: &[f32],
        dy: &[f32],
        taken: &[Taken],
        sums: &mut [[f32; LANES]],
        bias: &mut [f32],
    ) {
        simd.run(FirstGradient { stage: self, x, dy, taken, sums, bias });
    }
}

struct WeightGradient<'a> {
    stage: &'a Stage,
    x: &'a [f32],
    carriers: &'a Carriers,
    sums: &'a mut [[f32; LANES]],
}

impl Kernel for WeightGradient<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { stage, x, carriers, sums } = self;
        let registers = stage.run_registers();
        for (filter, sums) in sums.chunks_exact_mut(stage.filter_registers()).enumerate() {
            let list = carriers.of(filter);
            if L::TILE_WIDTH == 2 && (stage.runs, registers) == (3, WIDE) {
                filter_gradient::<L, 3, WIDE>(lanes, x, stage.row_stride, list, sums);
                continue;
            }
            for (u, sums) in sums.chunks_exact_mut(registers).enumerate() {
                let mut done = 0;
                while done < registers {
                    let (x, sums) = (&x[u * stage.row_stride + done * LANES..], &mut sums[done..]);
                    done += match registers - done {
                        WIDE.. => filter_gradient::<L, 1, WIDE>(lanes, x, 0, list, sums),
                        2.. => filter_gradient::<L, 1, 2>(lanes, x, 0, list, sums),
                        _ => filter_gradient::<L, 1, 1>(lanes, x, 0, list, sums),
                    };
                }
            }
        }
    }
}

/// Adds gradient times window, over a filter's carriers, for U runs of R registers; returns R.
#[inline(always)]
fn filter_gradient<L: Lanes, const U: usize, const R: usize>(
    lanes: L,
    x: &[f32],
    row_stride: usize,
    list: &[Carrier],
    sums: &mut [[f32; LANES]],
) -> usize {
    let mut acc = [[lanes.splat(0.0); R]; U];
    for u in 0..U {
        for r in 0..R {
            acc[u][r] = lanes.load(&sums[u * R + r]);
        }
    }
    for carrier in list {
        let gradient = lanes.splat(carrier.gradient);
        for u in 0..U {
            let x: &[[f32; LANES]] = x[carrier.window as usize + u * row_stride..][..R * LANES].as_chunks().0;
            for r in 0..R {
                acc[u][r] = lanes.mul_add(gradient, lanes.load(&x[r]), acc[u][r]);
            }
        }
    }
    for u in 0..U {
        for r in 0..R {
            lanes.store(acc[u][r], &mut sums[u * R + r]);
        }
    }
    R
}

struct InputGradient<'a> {
    stage: &'a Stage,
    carriers: &'a Carriers,
    weights: &'a [[f32; LANES]],
    dx: &'a mut [f32],
}

impl Kernel for InputGradient<'_> {
    /// Run after run, so that the weights of all filters for it stay in the first-level cache; of each, window after
    /// window.
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let registers = self.stage.run_registers();
        for u in 0..self.stage.runs {
            let mut done = 0;
            while done < registers {
                done += match registers - done {
                    WIDE.. => self.add::<L, WIDE>(lanes, u, done),
                    2.. => self.add::<L, 2>(lanes, u, done),
                    _ => self.add::<L, 1>(lanes, u, done),
                };
            }
        }
    }
}

impl InputGradient<'_> {
    /// Adds to every window the weights of its filters times their gradients, R registers of a run; returns R.
    #[inline(always)]
    fn add<L: Lanes, const R: usize>(&mut self, lanes: L, u: usize, register: usize) -> usize {
        let stage = self.stage;
        let weights = &self.weights[u * stage.run_registers() + register..];
        let offset = u * stage.row_stride + register * LANES;
        let mut entries = self.carriers.entries.as_slice();
        let mut done = 0;
        for window in &self.carriers.windows {
            let (mine, rest) = entries.split_at(window.end as usize - done);
            (entries, done) = (rest, window.end as usize);
            let dx: &mut [[f32; LANES]] =
                self.dx[window.at as usize + offset..][..R * LANES].as_chunks_mut().0;
            let mut acc = [lanes.splat(0.0); R];
            for r in 0..R {
                acc[r] = lanes.load(&dx[r]);
            }
            for entry in mine {
                let gradient = lanes.splat(entry.gradient);
                let weights = &weights[entry.weights as usize..][..R];
                for r in 0..R {
                    acc[r] = lanes.mul_add(gradient, lanes.load(&weights[r]), acc[r]);
                }
            }
            for r in 0..R {
                lanes.store(acc[r], &mut dx[r]);
            }
        }
        R
    }
}

struct FirstGradient<'a> {
    stage: &'a Stage,
    x: &'a [f32],
    dy: &'a [f32],
    taken: &'a [Taken],
    sums: &'a mut [[f32; LANES]],
    bias: &'a mut [f32],
}

impl Kernel for FirstGradient<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        match self.stage.run_registers() {
            1 => self.add::<L, 1>(lanes, 1),
            2 => self.add::<L, 2>(lanes, 2),
            registers => self.add::<L, 0>(lanes, registers),
        }
    }
}

impl FirstGradient<'_> {
    /// R registers a window, or 0 where that is not known beforehand.
    #[inline(always)]
    fn add<L: Lanes, const R: usize>(&mut self, lanes: L, registers: usize) {
        let stage = self.stage;
        let groups = stage.groups();
        let registers = if R > 0 { R } else { registers };
        let mut taps = [0; 4];
        taps[..stage.taps.len()].copy_from_slice(&stage.taps);
        let dy: &[[f32; LANES]] = self.dy.as_chunks().0;
        for (output, (dy, taken)) in dy.chunks_exact(groups).zip(self.taken.chunks_exact(groups)).enumerate()
        {
            let (picture, place) = (output / stage.bases.len(), output % stage.bases.len());
            let base = picture * stage.input + stage.bases[place];
            for (group, (dy, taken)) in dy.iter().zip(taken).enumerate() {
                let mut bits = taken.any;
                while bits != 0 {
                    let lane = bits.trailing_zeros() as usize % LANES;
                    bits &= bits - 1;
                    let tap = taken.low >> lane & 1 | (taken.high >> lane & 1) << 1;
                    let window = base + taps[usize::from(tap)];
                    let filter = group * LANES + lane;
                    self.bias[filter] += dy[lane];
                    let gradient = lanes.splat(dy[lane]);
                    let x: &[[f32; LANES]] = self.x[window..][..registers * LANES].as_chunks().0;
                    let sums = &mut self.sums[filter * registers..][..registers];
                    for r in 0..registers {
                        lanes.store(
                            lanes.mul_add(gradient, lanes.load(&x[r]), lanes.load(&sums[r])),
                            &mut sums[r],
                        );
                    }
                }
            }
        }
    }
}
