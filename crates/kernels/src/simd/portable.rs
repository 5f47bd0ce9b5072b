//! Sixteen lanes as an array: right on every machine, fast where the compiler has a fused multiply-add to
//! use (x86-64 without FMA calls a slow and exact routine).

use super::{LANES, Lanes};

/// Needs nothing of the machine; tiles of so many registers.
#[derive(Clone, Copy)]
pub(crate) struct Portable<const TILE_WIDTH: usize>;

impl<const TILE_WIDTH: usize> Lanes for Portable<TILE_WIDTH> {
    type V = [f32; LANES];
    type M = [bool; LANES];
    const TILE_WIDTH: usize = TILE_WIDTH;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::V {
        *from
    }

    #[inline(always)]
    fn store(self, value: Self::V, to: &mut [f32; LANES]) {
        *to = value;
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn above(self, a: Self::V, b: Self::V) -> Self::M {
        std::array::from_fn(|i| a[i] > b[i] || a[i].is_nan())
    }

    #[inline(always)]
    fn select(self, mask: Self::M, a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| if mask[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn bits(self, mask: Self::M) -> u16 {
        mask.iter().enumerate().fold(0, |bits, (i, set)| bits | u16::from(*set) << i)
    }

    #[inline(always)]
    fn relu(self, x: Self::V) -> Self::V {
        // As MAXPS does it: the second operand unless the first is greater.
        x.map(|x| if 0.0 > x { 0.0 } else { x })
    }
}
