//! Matrix products whose left side is gathered from pictures, so that a convolution needs no copy of its
//! input; knows nothing of convolutions.
//!
//! The left matrix A has a row for every output pixel and a column for every weight of a filter:
//! `A[r][k] = a[rows[r] + offset(k)]`, where the offsets come in runs of neighbours ([`Segment`]): `KW * IC`
//! of them for each row of a filter. Each element of a result is one chain of fused multiply-adds, over `k`
//! ascending (here) or over `r` ascending ([`accumulate_outer`]), whatever the tile it is computed in.

pub(crate) use crate::panels::Panels;
use crate::panels::{Line, ZERO};
use crate::simd::{Kernel, LANES, Lanes, Simd};

/// A run of neighbouring columns of A: `len` values from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// A left matrix, gathered from `values`.
#[derive(Clone, Copy)]
pub(crate) struct Gather<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: &'a [usize],
    pub(crate) segments: &'a [Segment],
}

/// What happens to an element when its sum is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Keep,
    Relu,
}

/// Columns of a right matrix, rounded up to whole virtual registers.
pub(crate) fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

/// Rows of a tile: with two AVX2 registers, or two AVX-512 ones, for each it fills the registers.
const TILE_ROWS: usize = 6;

/// `out (R, N) = finish(A (R, K) · B (K, N) + bias (N))`; `rows` times `segments` must lie inside `values`.
pub(crate) fn product(
    simd: Simd,
    a: Gather,
    b: &Panels,
    bias: Option<&[f32]>,
    finish: Finish,
    out: &mut [f32],
) {
    debug_assert_eq!(out.len(), a.rows.len() * b.columns());
    debug_assert_eq!(a.segments.iter().map(|s| s.len).sum::<usize>(), b.depth());
    let mut start = vec![[0.0; LANES]; b.columns().div_ceil(LANES)];
    if let Some(bias) = bias {
        start.as_flattened_mut()[..bias.len()].copy_from_slice(bias);
    }
    simd.run(Product { a, b, start: &start, finish, out });
}

struct Product<'a> {
    a: Gather<'a>,
    b: &'a Panels,
    start: &'a [[f32; LANES]],
    finish: Finish,
    out: &'a mut [f32],
}

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { a, b, start, finish, out } = self;
        let panels = start.len();
        let mut panel = 0;
        while panel < panels {
            // Two panels at a time where registers allow.
            let wide = L::TILE_WIDTH == 2 && panel + 2 <= panels;
            for (tile, rows) in a.rows.chunks(TILE_ROWS).enumerate() {
                let t = Tile { a, rows, b, start, finish, panel, first: tile * TILE_ROWS };
                match (rows.len(), wide) {
                    (6, true) => t.compute::<L, 6, 2>(lanes, out),
                    (5, true) => t.compute::<L, 5, 2>(lanes, out),
                    (4, true) => t.compute::<L, 4, 2>(lanes, out),
                    (3, true) => t.compute::<L, 3, 2>(lanes, out),
                    (2, true) => t.compute::<L, 2, 2>(lanes, out),
                    (_, true) => t.compute::<L, 1, 2>(lanes, out),
                    (6, false) => t.compute::<L, 6, 1>(lanes, out),
                    (5, false) => t.compute::<L, 5, 1>(lanes, out),
                    (4, false) => t.compute::<L, 4, 1>(lanes, out),
                    (3, false) => t.compute::<L, 3, 1>(lanes, out),
                    (2, false) => t.compute::<L, 2, 1>(lanes, out),
                    (_, false) => t.compute::<L, 1, 1>(lanes, out),
                }
            }
            panel += if wide { 2 } else { 1 };
        }
    }
}

struct Tile<'a> {
    a: Gather<'a>,
    rows: &'a [usize],
    b: &'a Panels,
    start: &'a [[f32; LANES]],
    finish: Finish,
    panel: usize,
    first: usize,
}

impl Tile<'_> {
    /// P rows times W panels, kept in registers.
    #[inline(always)]
    fn compute<L: Lanes, const P: usize, const W: usize>(&self, lanes: L, out: &mut [f32]) {
        // Loops, not closures: those would be compiled without the instruction set of their caller.
        let mut sums = [[lanes.splat(0.0); W]; P];
        for sums in &mut sums {
            for w in 0..W {
                sums[w] = lanes.load(&self.start[self.panel + w]);
            }
        }
        let mut k0 = 0;
        for segment in self.a.segments {
            let len = segment.len;
            let mut left: [&[f32]; P] = [&[]; P];
            for p in 0..P {
                left[p] = &self.a.values[self.rows[p] + segment.start..][..len];
            }
            let mut right: [&[Line]; W] = [&[]; W];
            for w in 0..W {
                right[w] = &self.b.panel(self.panel + w)[k0..][..len];
            }
            for k in 0..len {
                let mut b = [lanes.splat(0.0); W];
                for w in 0..W {
                    b[w] = lanes.load(&right[w][k].0);
                }
                for p in 0..P {
                    let x = lanes.splat(left[p][k]);
                    for w in 0..W {
                        sums[p][w] = lanes.mul_add(x, b[w], sums[p][w]);
                    }
                }
            }
            k0 += len;
        }
        let columns = self.b.columns();
        for (p, sums) in sums.iter().enumerate() {
            for (w, sum) in sums.iter().enumerate() {
                let sum = match self.finish {
                    Finish::Keep => *sum,
                    Finish::Relu => lanes.relu(*sum),
                };
                let column = (self.panel + w) * LANES;
                let row = &mut out[(self.first + p) * columns..][..columns][column..];
                if let Some(whole) = row.first_chunk_mut::<LANES>() {
                    lanes.store(sum, whole);
                } else {
                    let mut last = [0.0; LANES];
                    lanes.store(sum, &mut last);
                    let len = row.len();
                    row.copy_from_slice(&last[..len]);
                }
            }
        }
    }
}

/// `sums (K, N) += A (R, K) transposed · D (R, N)`, with N in whole registers: `d` and `sums` hold
/// `columns / 16` of them a row. For some hundred rows at most: they should stay in the cache.
pub(crate) fn accumulate_outer(simd: Simd, a: Gather, d: &[[f32; LANES]], sums: &mut [[f32; LANES]]) {
    let rows = a.rows.len();
    let width = d.len().checked_div(rows).unwrap_or(0);
    if width == 0 {
        return;
    }
    // Panel after panel, so that a tile reads along.
    let mut panels = vec![ZERO; rows * width];
    for (panel, lines) in panels.chunks_exact_mut(rows).enumerate() {
        for (line, d) in lines.iter_mut().zip(d.chunks_exact(width)) {
            *line = Line(d[panel]);
        }
    }
    simd.run(Outer { a, d: &panels, sums, width });
}

struct Outer<'a> {
    a: Gather<'a>,
    d: &'a [Line],
    sums: &'a mut [[f32; LANES]],
    width: usize,
}

impl Kernel for Outer<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { a, d, sums, width } = self;
        // A tile's columns of A, copied side by side: in pictures they are a pixel apart, often a power of two, and
        // would push each other out of the cache.
        let mut left = vec![[0.0; TILE_ROWS]; a.rows.len()];
        let mut k0 = 0;
        for segment in a.segments {
            for done in (0..segment.len).step_by(TILE_ROWS) {
                let taken = TILE_ROWS.min(segment.len - done);
                let values = &a.values[segment.start + done..];
                if taken == TILE_ROWS {
                    for (to, row) in left.iter_mut().zip(a.rows) {
                        to.copy_from_slice(&values[*row..][..TILE_ROWS]);
                    }
                } else {
                    for (to, row) in left.iter_mut().zip(a.rows) {
                        to[..taken].copy_from_slice(&values[*row..][..taken]);
                    }
                }
                let mut panel = 0;
                while panel < width {
                    let wide = L::TILE_WIDTH == 2 && panel + 2 <= width;
                    let d = &d[panel * left.len()..];
                    let tile = OuterTile { left: &left, d, width, panel, k: k0 + done };
                    match (taken, wide) {
                        (6, true) => tile.add::<L, 6, 2>(lanes, sums),
                        (5, true) => tile.add::<L, 5, 2>(lanes, sums),
                        (4, true) => tile.add::<L, 4, 2>(lanes, sums),
                        (3, true) => tile.add::<L, 3, 2>(lanes, sums),
                        (2, true) => tile.add::<L, 2, 2>(lanes, sums),
                        (_, true) => tile.add::<L, 1, 2>(lanes, sums),
                        (6, false) => tile.add::<L, 6, 1>(lanes, sums),
                        (5, false) => tile.add::<L, 5, 1>(lanes, sums),
                        (4, false) => tile.add::<L, 4, 1>(lanes, sums),
                        (3, false) => tile.add::<L, 3, 1>(lanes, sums),
                        (2, false) => tile.add::<L, 2, 1>(lanes, sums),
                        (_, false) => tile.add::<L, 1, 1>(lanes, sums),
                    }
                    panel += if wide { 2 } else { 1 };
                }
            }
            k0 += segment.len;
        }
    }
}

struct OuterTile<'a> {
    /// The tile's columns of A.
    left: &'a [[f32; TILE_ROWS]],
    /// From the tile's first panel on, a line a row.
    d: &'a [Line],
    width: usize,
    panel: usize,
    k: usize,
}

impl OuterTile<'_> {
    /// P columns of A times W panels of D, over all rows.
    #[inline(always)]
    fn add<L: Lanes, const P: usize, const W: usize>(&self, lanes: L, sums: &mut [[f32; LANES]]) {
        let mut acc = [[lanes.splat(0.0); W]; P];
        for p in 0..P {
            for w in 0..W {
                acc[p][w] = lanes.load(&sums[(self.k + p) * self.width + self.panel + w]);
            }
        }
        let count = self.left.len();
        let mut panels: [&[Line]; W] = [&[]; W];
        for w in 0..W {
            panels[w] = &self.d[w * count..][..count];
        }
        for r in 0..count {
            let mut d = [lanes.splat(0.0); W];
            for w in 0..W {
                d[w] = lanes.load(&panels[w][r].0);
            }
            for p in 0..P {
                let x = lanes.splat(self.left[r][p]);
                for w in 0..W {
                    acc[p][w] = lanes.mul_add(x, d[w], acc[p][w]);
                }
            }
        }
        for (p, acc) in acc.iter().enumerate() {
            for (w, acc) in acc.iter().enumerate() {
                lanes.store(*acc, &mut sums[(self.k + p) * self.width + self.panel + w]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Small whole numbers: sums are exact, so any order gives the same.
    fn numbers(len: usize, salt: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7 + salt * 13) % 11) as f32 - 5.0).collect()
    }

    proptest! {
        #[test]
        fn both_products_are_right_on_every_instruction_set(
            rows in 1usize..30, columns in 1usize..70, runs in prop::collection::vec((0usize..9, 1usize..14), 1..4)
        ) {
            let segments: Vec<Segment> = runs.iter().map(|&(start, len)| Segment { start, len }).collect();
            let depth: usize = segments.iter().map(|s| s.len).sum();
            let rows: Vec<usize> = (0..rows).map(|r| (r * 5) % 37).collect();
            let values = numbers(64, 1);
            let b = numbers(depth * columns, 2);
            let bias = numbers(columns, 3);
            let offsets: Vec<usize> = segments.iter().flat_map(|s| s.start..s.start + s.len).collect();
            let d = numbers(rows.len() * columns, 4);
            let width = columns.div_ceil(LANES);
            let mut d_panels = vec![[0.0; LANES]; rows.len() * width];
            for (to, from) in d_panels.chunks_mut(width).zip(d.chunks(columns)) {
                to.as_flattened_mut()[..columns].copy_from_slice(from);
            }
            for simd in Simd::available() {
                let gather = Gather { values: &values, rows: &rows, segments: &segments };
                let panels = Panels::of_rows(depth, columns, |k, first, to| to.copy_from_slice(&b[k * columns + first..][..to.len()]));
                let mut out = vec![f32::NAN; rows.len() * columns];
                product(simd, gather, &panels, Some(&bias), Finish::Relu, &mut out);
                for (r, &row) in rows.iter().enumerate() {
                    for n in 0..columns {
                        let sum: f32 = offsets.iter().enumerate().map(|(k, o)| values[row + o] * b[k * columns + n]).sum();
                        prop_assert_eq!(out[r * columns + n], (sum + bias[n]).max(0.0));
                    }
                }
                let mut sums = vec![[1.0; LANES]; depth * width];
                accumulate_outer(simd, gather, &d_panels, &mut sums);
                for (k, o) in offsets.iter().enumerate() {
                    for n in 0..columns {
                        let sum: f32 = rows.iter().enumerate().map(|(r, row)| values[row + o] * d[r * columns + n]).sum();
                        prop_assert_eq!(sums.as_flattened()[k * width * LANES + n], sum + 1.0);
                    }
                }
            }
        }
    }
}
