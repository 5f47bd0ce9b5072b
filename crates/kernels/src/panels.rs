//! Right matrices as the products read them; knows nothing of what their numbers mean.

use rayon::prelude::*;

use crate::simd::LANES;

/// Sixteen values that fill a cache line: a load of a register never reads two.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [f32; LANES]);

/// A line of zeros.
pub(crate) const ZERO: Line = Line([0.0; LANES]);

/// A right matrix `(K, N)` in panels of 16 columns, K lines each, the last panel filled up with zeros.
#[derive(Debug)]
pub(crate) struct Panels {
    lines: Vec<Line>,
    depth: usize,
    columns: usize,
}

impl Panels {
    /// Packs the matrix of which `copy(k, first, to)` copies row k from column `first` on.
    pub(crate) fn of_rows(
        depth: usize,
        columns: usize,
        copy: impl Fn(usize, usize, &mut [f32]) + Sync,
    ) -> Self {
        let mut lines = vec![ZERO; columns.div_ceil(LANES) * depth];
        lines.par_chunks_mut(depth.max(1)).enumerate().for_each(|(panel, lines)| {
            let first = panel * LANES;
            let used = LANES.min(columns - first);
            for (k, line) in lines.iter_mut().enumerate() {
                copy(k, first, &mut line.0[..used]);
            }
        });
        Self { lines, depth, columns }
    }

    /// K.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// N.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The lines of a panel.
    #[inline(always)]
    pub(crate) fn panel(&self, panel: usize) -> &[Line] {
        &self.lines[panel * self.depth..][..self.depth]
    }
}
