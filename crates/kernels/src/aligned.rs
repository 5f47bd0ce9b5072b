//! Buffers that begin at a cache line, so that a load of a register never touches two.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::simd::LANES;

/// Bytes of a cache line, and of a virtual register.
const LINE: usize = 64;

/// `f32`s of which the first lies at the beginning of a cache line.
pub(crate) struct Aligned {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// As many zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let values = vec![0.0; len + LANES];
        // What is not aligned in the end is slower and as right.
        let start = values.as_ptr().align_offset(LINE).min(LANES);
        Self { values, start, len }
    }

    /// The values in whole registers; a rest is left out.
    pub(crate) fn lines(&self) -> &[[f32; LANES]] {
        self.as_chunks().0
    }

    /// As [`lines`](Self::lines), to write to.
    pub(crate) fn lines_mut(&mut self) -> &mut [[f32; LANES]] {
        self.as_chunks_mut().0
    }
}

impl Default for Aligned {
    fn default() -> Self {
        Self::zeros(0)
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..][..self.len]
    }
}

impl fmt::Debug for Aligned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} aligned values", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_begins_a_line() {
        for len in [0, 1, 16, 100, 100_000] {
            let mut values = Aligned::zeros(len);
            assert_eq!(values.len(), len);
            assert_eq!(values.as_ptr() as usize % LINE, 0);
            values.fill(1.0);
            assert_eq!(values.lines_mut().len(), len / LANES);
        }
    }
}
