//! Work shared among threads in pieces whose size and order never depend on how many threads there are.

use rayon::prelude::*;

/// Pictures in a block: the unit of work of a thread, and of the order in which gradients are summed.
pub const BLOCK: usize = 8;

/// Runs `work(block, its part of out)` for every block of pictures, `each` elements of `out` a picture.
pub(crate) fn blocks_mut<T: Send>(out: &mut [T], each: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    if each > 0 {
        out.par_chunks_mut(each * BLOCK).enumerate().for_each(|(block, part)| work(block, part));
    }
}
