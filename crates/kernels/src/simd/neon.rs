//! Sixteen lanes as four NEON registers; compiled on AArch64 only.
#![allow(unsafe_code)]

use std::arch::aarch64::{
    float32x4_t, uint32x4_t, vaddq_f32, vaddvq_u32, vandq_u32, vbslq_f32, vceqq_f32, vcgtq_f32, vdupq_n_f32,
    vdupq_n_u32, vfmaq_f32, vld1q_f32, vld1q_u32, vornq_u32, vst1q_f32, vsubq_f32,
};

use super::{Kernel, LANES, Lanes};

/// Runs a kernel compiled with NEON.
///
/// # Safety
/// The CPU must have NEON.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run_neon<K: Kernel>(kernel: K) {
    kernel.run(Neon(()));
}

/// Exists only inside [`run_neon`], whose caller has seen that the CPU has NEON.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Lanes for Neon {
    type V = [float32x4_t; 4];
    /// Lanes of all ones or all zeros.
    type M = [uint32x4_t; 4];
    /// Six rows of one virtual register are 24 of the 32 that there are.
    const TILE_WIDTH: usize = 1;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        // SAFETY: `self` exists only where the CPU has NEON; so below.
        [unsafe { vdupq_n_f32(value) }; 4]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::V {
        let from = from.as_ptr();
        // SAFETY: as above; the reference covers 64 readable bytes, and the loads need no more alignment than
        // that of an `f32`.
        unsafe { [vld1q_f32(from), vld1q_f32(from.add(4)), vld1q_f32(from.add(8)), vld1q_f32(from.add(12))] }
    }

    #[inline(always)]
    fn store(self, value: Self::V, to: &mut [f32; LANES]) {
        let to = to.as_mut_ptr();
        // SAFETY: as above; the reference covers 64 writable bytes, and the stores need no more alignment than
        // that of an `f32`.
        unsafe {
            vst1q_f32(to, value[0]);
            vst1q_f32(to.add(4), value[1]);
            vst1q_f32(to.add(8), value[2]);
            vst1q_f32(to.add(12), value[3]);
        }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        let mut sum = c;
        for i in 0..4 {
            // SAFETY: as in `splat`. The term that is added comes first.
            sum[i] = unsafe { vfmaq_f32(c[i], a[i], b[i]) };
        }
        sum
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        let mut sum = a;
        for i in 0..4 {
            // SAFETY: as in `splat`.
            sum[i] = unsafe { vaddq_f32(a[i], b[i]) };
        }
        sum
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        let mut sum = a;
        for i in 0..4 {
            // SAFETY: as in `splat`.
            sum[i] = unsafe { vsubq_f32(a[i], b[i]) };
        }
        sum
    }

    #[inline(always)]
    fn above(self, a: Self::V, b: Self::V) -> Self::M {
        // SAFETY: as in `splat`.
        let mut mask = [unsafe { vdupq_n_u32(0) }; 4];
        for i in 0..4 {
            // SAFETY: as in `splat`. A NaN is not equal to itself: ORN adds the lanes that are not.
            mask[i] = unsafe { vornq_u32(vcgtq_f32(a[i], b[i]), vceqq_f32(a[i], a[i])) };
        }
        mask
    }

    #[inline(always)]
    fn select(self, mask: Self::M, a: Self::V, b: Self::V) -> Self::V {
        let mut chosen = b;
        for i in 0..4 {
            // SAFETY: as in `splat`.
            chosen[i] = unsafe { vbslq_f32(mask[i], a[i], b[i]) };
        }
        chosen
    }

    #[inline(always)]
    fn bits(self, mask: Self::M) -> u16 {
        let places = [1u32, 2, 4, 8];
        let mut bits = 0;
        for i in 0..4 {
            // SAFETY: as in `splat`; `places` covers the 16 readable bytes.
            let four = unsafe { vaddvq_u32(vandq_u32(mask[i], vld1q_u32(places.as_ptr()))) };
            bits |= (four as u16) << (4 * i);
        }
        bits
    }

    #[inline(always)]
    fn relu(self, x: Self::V) -> Self::V {
        let zero = self.splat(0.0);
        let mut y = x;
        for i in 0..4 {
            // SAFETY: as in `splat`. As MAXPS does it, so that NaN and -0.0 stay: FMAX would make 0.0 of -0.0.
            y[i] = unsafe { vbslq_f32(vcgtq_f32(zero[i], x[i]), zero[i], x[i]) };
        }
        y
    }
}
