//! A 3x3 convolution with ReLU, and with 2x2 max pooling or none, by Winograd's F(2x2, 3x3): four outputs for 16
//! multiplications where the definition takes 36.
//!
//! For a tile of 2x2 outputs, `y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` with the 3x3 kernel `g` and the 4x4 inputs `d`, summed
//! over channels between the brackets (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015).

use super::conv::Stage;
use super::taken::{Taken, finish_pool, finish_relu};
use crate::aligned::Aligned;
use crate::simd::{Kernel, LANES, Lanes, Simd};

/// Products of a tile: a 4x4 grid.
const POSITIONS: usize = 16;
/// Tiles computed at a time.
const TILES: usize = 6;
/// Registers of filters computed at a time, at most.
const WIDTH: usize = 2;

/// Room for what lies between the transforms.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Transformed inputs `(POSITION, TILE, CHANNEL)`.
    inputs: Aligned,
    /// Products `(POSITION, TILE, WIDTH)` in registers.
    products: Aligned,
}

impl Scratch {
    /// Room for stages of at most so many channels.
    pub(super) fn new(channels: usize) -> Self {
        Self {
            inputs: Aligned::zeros(POSITIONS * TILES * channels),
            products: Aligned::zeros(POSITIONS * TILES * WIDTH * LANES),
        }
    }
}

/// Values that transformed weights take.
pub(super) fn weights_len(channels: usize, filters: usize) -> usize {
    POSITIONS * channels * filters
}

/// `G g Gᵀ` of weights `(3, 3, IC, OC)`: for each register of filters and position, channel by channel.
pub(super) fn transform_weights(
    simd: Simd,
    channels: usize,
    filters: usize,
    weights: &[f32],
    to: &mut Aligned,
) {
    let weights = weights.as_chunks().0;
    simd.run(TransformWeights { channels, groups: filters / LANES, weights, to: to.lines_mut() });
}

struct TransformWeights<'a> {
    channels: usize,
    groups: usize,
    weights: &'a [[f32; LANES]],
    to: &'a mut [[f32; LANES]],
}

impl Kernel for TransformWeights<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channels, groups, weights, to } = self;
        let tap = channels * groups;
        for channel in 0..channels {
            for group in 0..groups {
                let at = channel * groups + group;
                let mut columns = [[lanes.splat(0.0); 3]; 4];
                for v in 0..3 {
                    let g0 = lanes.load(&weights[v * tap + at]);
                    let g1 = lanes.load(&weights[(3 + v) * tap + at]);
                    let g2 = lanes.load(&weights[(6 + v) * tap + at]);
                    let column = weight_column(lanes, g0, g1, g2);
                    for i in 0..4 {
                        columns[i][v] = column[i];
                    }
                }
                for i in 0..4 {
                    let row = weight_column(lanes, columns[i][0], columns[i][1], columns[i][2]);
                    for j in 0..4 {
                        lanes.store(row[j], &mut to[(group * POSITIONS + i * 4 + j) * channels + channel]);
                    }
                }
            }
        }
    }
}

/// `G g`: the outer two as they are, between them `(g0 + g2) / 2 ± g1 / 2`.
#[inline(always)]
fn weight_column<L: Lanes>(lanes: L, g0: L::V, g1: L::V, g2: L::V) -> [L::V; 4] {
    let (half, zero) = (lanes.splat(0.5), lanes.splat(0.0));
    let outer = lanes.mul_add(lanes.add(g0, g2), half, zero);
    [g0, lanes.mul_add(g1, half, outer), lanes.mul_add(g1, lanes.splat(-0.5), outer), g2]
}

impl Stage {
    /// As [`forward`](Stage::forward), from weights by [`transform_weights`].
    #[expect(clippy::too_many_arguments, reason = "the terms of the formula")]
    pub(super) fn forward_by_tiles(
        &self,
        simd: Simd,
        x: &[f32],
        weights: &Aligned,
        bias: &[f32],
        scratch: &mut Scratch,
        y: &mut [f32],
        taken: &mut [Taken],
    ) {
        simd.run(Forward {
            stage: self,
            x,
            weights: weights.lines(),
            bias: bias.as_chunks().0,
            inputs: &mut scratch.inputs,
            products: scratch.products.lines_mut(),
            y: y.as_chunks_mut().0,
            taken,
        });
    }
}

struct Forward<'a> {
    stage: &'a Stage,
    x: &'a [f32],
    weights: &'a [[f32; LANES]],
    bias: &'a [[f32; LANES]],
    inputs: &'a mut [f32],
    products: &'a mut [[f32; LANES]],
    y: &'a mut [[f32; LANES]],
    taken: &'a mut [Taken],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let per_picture = self.stage.tile_rows() * self.stage.tile_columns();
        let pictures = self.y.len() / (self.stage.output_len() / LANES);
        let tiles = pictures * per_picture;
        let mut first = 0;
        while first < tiles {
            first += match tiles - first {
                6.. => self.tiles::<L, 6>(lanes, first),
                4.. => self.tiles::<L, 4>(lanes, first),
                2.. => self.tiles::<L, 2>(lanes, first),
                _ => self.tiles::<L, 1>(lanes, first),
            };
        }
    }
}

impl Forward<'_> {
    /// T tiles from `first` on, all filters; returns T.
    #[inline(always)]
    fn tiles<L: Lanes, const T: usize>(&mut self, lanes: L, first: usize) -> usize {
        for tile in 0..T {
            self.transform_input(lanes, first + tile, tile);
        }
        let groups = self.stage.groups();
        let mut group = 0;
        while group < groups {
            if L::TILE_WIDTH == 2 && group + 2 <= groups {
                self.filters::<L, T, 2>(lanes, first, group);
                group += 2;
            } else {
                self.filters::<L, T, 1>(lanes, first, group);
                group += 1;
            }
        }
        T
    }

    /// `Bᵀ d B` of a tile, into place `at`.
    #[inline(always)]
    fn transform_input<L: Lanes>(&mut self, lanes: L, tile: usize, at: usize) {
        let stage = self.stage;
        let (channels, row) = (stage.channels(), stage.row_stride);
        let [picture, i, j] = stage.place_of_tile(tile);
        let corner = picture * stage.input + 2 * i * row + 2 * j * channels;
        let x = &self.x[corner..][..3 * row + 4 * channels];
        for channel in (0..channels).step_by(LANES) {
            let mut columns = [[lanes.splat(0.0); 4]; 4];
            for j in 0..4 {
                let mut d = [lanes.splat(0.0); 4];
                for i in 0..4 {
                    d[i] = lanes.load(line(&x[i * row + j * channels + channel..]));
                }
                let column = input_column(lanes, d);
                for i in 0..4 {
                    columns[i][j] = column[i];
                }
            }
            for i in 0..4 {
                let row = input_column(lanes, columns[i]);
                for j in 0..4 {
                    let to = ((i * 4 + j) * TILES + at) * channels + channel;
                    lanes.store(row[j], line_mut(&mut self.inputs[to..]));
                }
            }
        }
    }

    /// T tiles times W registers of filters.
    #[inline(always)]
    fn filters<L: Lanes, const T: usize, const W: usize>(&mut self, lanes: L, first: usize, group: usize) {
        let channels = self.stage.channels();
        for position in 0..POSITIONS {
            let mut x: [&[f32]; T] = [&[]; T];
            for tile in 0..T {
                x[tile] = &self.inputs[(position * TILES + tile) * channels..][..channels];
            }
            let mut weights: [&[[f32; LANES]]; W] = [&[]; W];
            for w in 0..W {
                weights[w] = &self.weights[((group + w) * POSITIONS + position) * channels..][..channels];
            }
            let mut sums = [[lanes.splat(0.0); W]; T];
            for channel in 0..channels {
                let mut b = [lanes.splat(0.0); W];
                for w in 0..W {
                    b[w] = lanes.load(&weights[w][channel]);
                }
                for tile in 0..T {
                    let x = lanes.splat(x[tile][channel]);
                    for w in 0..W {
                        sums[tile][w] = lanes.mul_add(x, b[w], sums[tile][w]);
                    }
                }
            }
            for tile in 0..T {
                let to = &mut self.products[(position * TILES + tile) * WIDTH..][..W];
                for w in 0..W {
                    lanes.store(sums[tile][w], &mut to[w]);
                }
            }
        }
        for tile in 0..T {
            for w in 0..W {
                self.transform_output(lanes, first + tile, tile * WIDTH + w, group + w);
            }
        }
    }

    /// `Aᵀ m A` of the products at `at`, with bias, ReLU and pool, to its place.
    #[inline(always)]
    fn transform_output<L: Lanes>(&mut self, lanes: L, tile: usize, at: usize, group: usize) {
        let mut rows = [[lanes.splat(0.0); 4]; 2];
        for j in 0..4 {
            let mut m = [lanes.splat(0.0); 4];
            for i in 0..4 {
                m[i] = lanes.load(&self.products[(i * 4 + j) * TILES * WIDTH + at]);
            }
            let column = output_column(lanes, m);
            (rows[0][j], rows[1][j]) = (column[0], column[1]);
        }
        let bias = lanes.load(&self.bias[group]);
        let mut sums = [lanes.splat(0.0); 4];
        for i in 0..2 {
            let row = output_column(lanes, rows[i]);
            for j in 0..2 {
                sums[i * 2 + j] = lanes.add(row[j], bias);
            }
        }
        let groups = self.stage.groups();
        if self.stage.is_pooled() {
            let at = tile * groups + group;
            self.taken[at] = finish_pool(lanes, sums, &mut self.y[at]);
        } else {
            let [picture, i, j] = self.stage.place_of_tile(tile);
            let columns = 2 * self.stage.tile_columns();
            for (tap, sum) in sums.into_iter().enumerate() {
                let row = (picture * self.stage.tile_rows() + i) * 2 + tap / 2;
                let at = (row * columns + 2 * j + tap % 2) * groups + group;
                self.taken[at] = finish_relu(lanes, sum, &mut self.y[at]);
            }
        }
    }
}

#[inline(always)]
fn input_column<L: Lanes>(lanes: L, d: [L::V; 4]) -> [L::V; 4] {
    [lanes.sub(d[0], d[2]), lanes.add(d[1], d[2]), lanes.sub(d[2], d[1]), lanes.sub(d[1], d[3])]
}

#[inline(always)]
fn output_column<L: Lanes>(lanes: L, m: [L::V; 4]) -> [L::V; 2] {
    let difference = lanes.sub(m[1], m[2]);
    [lanes.add(lanes.add(m[0], m[1]), m[2]), lanes.sub(difference, m[3])]
}

/// The register that begins a slice of at least as many values.
#[inline(always)]
fn line(values: &[f32]) -> &[f32; LANES] {
    &values.as_chunks().0[0]
}

#[inline(always)]
fn line_mut(values: &mut [f32]) -> &mut [f32; LANES] {
    &mut values.as_chunks_mut().0[0]
}
