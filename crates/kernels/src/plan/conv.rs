//! A convolution with ReLU and, behind it, 2x2 max pooling or none, for a block of pictures: its shape, and forward
//! by the definition. Forward by tiles is in [`super::winograd`], the way back in [`super::backward`].

use super::taken::{Taken, finish_pool, finish_relu};
use crate::ShapeError;
use crate::conv::Conv2d;
use crate::simd::{Kernel, LANES, Lanes, Simd};

/// Pixels of a tile.
const PIXELS: usize = 4;

/// Values of a window that is read without asking whether each is there: enough for 3x3 of three channels.
pub(super) const SHORT_WINDOW: usize = 32;

/// What stands behind the convolution's ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    None,
    TwoByTwo,
}

/// How pictures lie in a stage's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// `(H, W, C)`.
    Pixels,
    /// `(H - KH + 1, W, KH, C)`: at each place the pixels that a column of the kernel covers, so that a window is one
    /// run of neighbours. For the pictures themselves, which have few channels.
    Columns,
}

/// A convolution, its ReLU and its pool; filters are whole registers.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Where each output's (first) window begins in a picture.
    pub(super) bases: Vec<usize>,
    /// From there to the windows that are pooled into one output.
    pub(super) taps: Vec<usize>,
    /// Runs of neighbours that a window consists of, the distance between them in a picture, and their length.
    pub(super) runs: usize,
    pub(super) row_stride: usize,
    pub(super) run: usize,
    /// Runs of a window in the order of the weights `(KH, KW, IC, OC)`: where each begins, and its length.
    pieces: Vec<[usize; 2]>,
    /// Where each row of the weights lies among a filter's registers.
    places: Vec<usize>,
    pub(super) filters: usize,
    channels: usize,
    pub(super) input: usize,
    pub(super) output: [usize; 3],
    by_tiles: bool,
}

impl Stage {
    /// The stage, or `None` where this form of it does not apply: filters must be whole registers, and without
    /// a pool the outputs whole tiles.
    pub(super) fn new(
        picture: [usize; 3],
        filters: usize,
        kernel: [usize; 2],
        pool: Pool,
        input: Input,
    ) -> Result<Option<Self>, ShapeError> {
        let conv = Conv2d::new(
            picture,
            filters,
            kernel,
            [1, 1],
            crate::conv::Padding::default(),
            crate::activation::Activation::Relu,
        )?;
        let [oh, ow, _] = conv.output_shape();
        let [height, width, channels] = picture;
        let [kh, kw] = kernel;
        // Values of a place in the input, and of a row of places.
        let (place, rows, runs) = match input {
            Input::Pixels => (channels, height, kh),
            Input::Columns => (kh * channels, oh, 1),
        };
        let (row_stride, run) = (width * place, kw * place);
        let (step, taps) = match pool {
            Pool::None => (1, vec![0]),
            Pool::TwoByTwo => (2, vec![0, place, row_stride, row_stride + place]),
        };
        let output = [oh / step, ow / step, filters];
        let bases: Vec<usize> = (0..output[0])
            .flat_map(|i| (0..output[1]).map(move |j| (i * row_stride + j * place) * step))
            .collect();
        let whole_tiles = taps.len() == PIXELS || bases.len().is_multiple_of(PIXELS);
        if !filters.is_multiple_of(LANES) || bases.is_empty() || !whole_tiles {
            return Ok(None);
        }
        let padded_run = run.next_multiple_of(LANES);
        let place_of = |k: usize| {
            let (u, v, c) = (k / (kw * channels), k / channels % kw, k % channels);
            match input {
                Input::Pixels => u * padded_run + v * channels + c,
                Input::Columns => (v * kh + u) * channels + c,
            }
        };
        let pieces = match input {
            Input::Pixels => (0..kh).map(|u| [u * row_stride, run]).collect(),
            Input::Columns => {
                (0..kh * kw).map(|uv| [(uv % kw * kh + uv / kw) * channels, channels]).collect()
            }
        };
        let even = pool == Pool::TwoByTwo || (oh.is_multiple_of(2) && ow.is_multiple_of(2));
        let by_tiles = input == Input::Pixels && kernel == [3, 3] && channels.is_multiple_of(LANES) && even;
        Ok(Some(Self {
            bases,
            taps,
            runs,
            row_stride,
            run,
            pieces,
            places: (0..kh * kw * channels).map(place_of).collect(),
            filters,
            channels,
            input: rows * row_stride,
            output,
            by_tiles,
        }))
    }

    pub(super) fn input_len(&self) -> usize {
        self.input
    }

    pub(super) fn output_shape(&self) -> [usize; 3] {
        self.output
    }

    pub(super) fn output_len(&self) -> usize {
        self.output.iter().product()
    }

    pub(super) fn depth(&self) -> usize {
        self.places.len()
    }

    pub(super) fn filters(&self) -> usize {
        self.filters
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(super) fn is_pooled(&self) -> bool {
        self.taps.len() > 1
    }

    /// Whether forward goes by tiles of 2x2 outputs.
    pub(super) fn by_tiles(&self) -> bool {
        self.by_tiles
    }

    /// Rows of tiles: of the outputs, or of the windows that are pooled.
    pub(super) fn tile_rows(&self) -> usize {
        if self.is_pooled() { self.output[0] } else { self.output[0] / 2 }
    }

    /// Tiles in a row of them.
    pub(super) fn tile_columns(&self) -> usize {
        if self.is_pooled() { self.output[1] } else { self.output[1] / 2 }
    }

    /// Picture, row and column of a tile.
    pub(super) fn place_of_tile(&self, tile: usize) -> [usize; 3] {
        let (rows, columns) = (self.tile_rows(), self.tile_columns());
        [tile / (rows * columns), tile / columns % rows, tile % columns]
    }

    /// Registers of filters.
    pub(super) fn groups(&self) -> usize {
        self.filters / LANES
    }

    /// Registers that hold a run of one filter's weights; the last may be partly unused.
    pub(super) fn run_registers(&self) -> usize {
        self.run.div_ceil(LANES)
    }

    /// Registers that hold a filter's weights, run by run.
    pub(super) fn filter_registers(&self) -> usize {
        self.runs * self.run_registers()
    }

    /// Whether the gradient of the input can be had: its runs are whole registers.
    pub(super) fn has_input_gradient(&self) -> bool {
        self.run.is_multiple_of(LANES)
    }

    /// How many [`Taken`] a picture needs.
    pub(super) fn taken_len(&self) -> usize {
        self.bases.len() * self.groups()
    }

    /// The weights `(KH, KW, IC, OC)` filter by filter, as the backward pass reads them.
    pub(super) fn by_filter(&self, weights: &[f32], to: &mut [f32]) {
        let len = self.filter_registers() * LANES;
        for (group, to) in to.chunks_exact_mut(LANES * len).enumerate() {
            for (place, weights) in self.places.iter().zip(weights.chunks_exact(self.filters)) {
                for (filter, weight) in weights[group * LANES..][..LANES].iter().enumerate() {
                    to[filter * len + place] = *weight;
                }
            }
        }
    }

    /// Turns sums that lie as [`by_filter`](Self::by_filter) into `(KH, KW, IC, OC)`.
    pub(super) fn by_depth(&self, sums: &[f32], gradient: &mut [f32]) {
        let len = self.filter_registers() * LANES;
        for (group, sums) in sums.chunks_exact(LANES * len).enumerate() {
            for (place, gradient) in self.places.iter().zip(gradient.chunks_exact_mut(self.filters)) {
                for (filter, gradient) in gradient[group * LANES..][..LANES].iter_mut().enumerate() {
                    *gradient = sums[filter * len + place];
                }
            }
        }
    }

    /// `y` and `taken` of the pictures that `y` has room for, from `x`, weights `(KH, KW, IC, OC)` and bias.
    pub(super) fn forward(
        &self,
        simd: Simd,
        x: &[f32],
        weights: &[f32],
        bias: &[f32],
        y: &mut [f32],
        taken: &mut [Taken],
    ) {
        let (weights, bias) = (weights.as_chunks().0, bias.as_chunks().0);
        simd.run(Forward { stage: self, x, weights, bias, y: y.as_chunks_mut().0, taken });
    }
}

struct Forward<'a> {
    stage: &'a Stage,
    x: &'a [f32],
    weights: &'a [[f32; LANES]],
    bias: &'a [[f32; LANES]],
    y: &'a mut [[f32; LANES]],
    taken: &'a mut [Taken],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { stage, x, weights, bias, y, taken } = self;
        let groups = stage.groups();
        let outputs = PIXELS / stage.taps.len();
        let tiles = y.chunks_exact_mut(outputs * groups).zip(taken.chunks_exact_mut(outputs * groups));
        for (tile, (y, taken)) in tiles.enumerate() {
            let first = tile * outputs;
            let mut rows = [0; PIXELS];
            for (pixel, row) in rows.iter_mut().enumerate() {
                let output = first + pixel / stage.taps.len();
                let (picture, place) = (output / stage.bases.len(), output % stage.bases.len());
                *row = picture * stage.input + stage.bases[place] + stage.taps[pixel % stage.taps.len()];
            }
            let mut group = 0;
            while group < groups {
                let left = groups - group;
                let t = ForwardTile { stage, x, weights, bias, rows, group };
                let short = stage.runs == 1 && stage.run <= SHORT_WINDOW;
                group += match (L::TILE_WIDTH, left, short) {
                    (2, 4.., false) => t.compute::<L, 4, false>(lanes, y, taken),
                    (2, 2.., false) => t.compute::<L, 2, false>(lanes, y, taken),
                    (_, _, false) => t.compute::<L, 1, false>(lanes, y, taken),
                    (2, 2.., true) => t.compute::<L, 2, true>(lanes, y, taken),
                    (_, _, true) => t.compute::<L, 1, true>(lanes, y, taken),
                };
            }
        }
    }
}

struct ForwardTile<'a> {
    stage: &'a Stage,
    x: &'a [f32],
    weights: &'a [[f32; LANES]],
    bias: &'a [[f32; LANES]],
    rows: [usize; PIXELS],
    group: usize,
}

impl ForwardTile<'_> {
    /// Four pixels times W registers of filters, pooled where they belong together; returns W. SHORT is
    /// whether a window is one run of at most [`SHORT_WINDOW`] values.
    #[inline(always)]
    fn compute<L: Lanes, const W: usize, const SHORT: bool>(
        &self,
        lanes: L,
        y: &mut [[f32; LANES]],
        taken: &mut [Taken],
    ) -> usize {
        let groups = self.stage.groups();
        // Loops, not closures: those would be compiled without the instruction set of their caller.
        let mut sums = [[lanes.splat(0.0); W]; PIXELS];
        for sums in &mut sums {
            for w in 0..W {
                sums[w] = lanes.load(&self.bias[self.group + w]);
            }
        }
        if SHORT {
            let mut x = [&[0.0; SHORT_WINDOW]; PIXELS];
            for p in 0..PIXELS {
                x[p] = &self.x[self.rows[p]..].as_chunks().0[0];
            }
            for (&place, weights) in self.stage.places.iter().zip(self.weights.chunks_exact(groups)) {
                let mut near = [0.0; PIXELS];
                for p in 0..PIXELS {
                    // The remainder is the place itself, and shows the compiler that it is inside.
                    near[p] = x[p][place % SHORT_WINDOW];
                }
                add_products(lanes, near, &weights[self.group..][..W], &mut sums);
            }
        } else {
            let mut done = 0;
            for &[start, len] in &self.stage.pieces {
                let mut x: [&[f32]; PIXELS] = [&[]; PIXELS];
                for p in 0..PIXELS {
                    x[p] = &self.x[self.rows[p] + start..][..len];
                }
                let weights = &self.weights[done * groups..][..len * groups];
                for k in 0..len {
                    let near = [x[0][k], x[1][k], x[2][k], x[3][k]];
                    add_products(lanes, near, &weights[k * groups + self.group..][..W], &mut sums);
                }
                done += len;
            }
        }
        for w in 0..W {
            if self.stage.is_pooled() {
                let mut windows = [lanes.splat(0.0); PIXELS];
                for p in 0..PIXELS {
                    windows[p] = sums[p][w];
                }
                taken[self.group + w] = finish_pool(lanes, windows, &mut y[self.group + w]);
            } else {
                for (p, sums) in sums.iter().enumerate() {
                    let at = p * groups + self.group + w;
                    taken[at] = finish_relu(lanes, sums[w], &mut y[at]);
                }
            }
        }
        W
    }
}

/// Adds to each pixel's sums its value times W registers of weights.
#[inline(always)]
fn add_products<L: Lanes, const W: usize>(
    lanes: L,
    x: [f32; PIXELS],
    weights: &[[f32; LANES]],
    sums: &mut [[L::V; W]; PIXELS],
) {
    let mut b = [lanes.splat(0.0); W];
    for w in 0..W {
        b[w] = lanes.load(&weights[w]);
    }
    for p in 0..PIXELS {
        let x = lanes.splat(x[p]);
        for w in 0..W {
            sums[p][w] = lanes.mul_add(x, b[w], sums[p][w]);
        }
    }
}
