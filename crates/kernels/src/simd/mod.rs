//! Sixteen virtual lanes of `f32` on whatever registers the machine has, chosen at run time.
//!
//! A kernel is written once, generic over `Lanes`, and compiled for each instruction set. All of them
//! compute the same numbers: a lane is a lane, and multiply-add is fused everywhere.

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

/// Lanes of a virtual register.
pub(crate) const LANES: usize = 16;

/// An instruction set that this machine is known to have: a value exists only after that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simd(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
    /// Portable code in the tiles of AVX-512, for testing those on any machine.
    #[cfg(test)]
    PortableWide,
}

/// The environment variable that [`Simd::from_environment`] reads.
pub const VARIABLE: &str = "KERNELS_SIMD";

/// Names of instruction sets, whether this machine has them or not.
const NAMES: [&str; 4] = ["avx512", "avx2", "neon", "portable"];

/// An instruction set that was asked for by name and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimdError {
    /// No such name.
    #[error("unknown instruction set `{0}`; expected auto, {names}", names = NAMES.join(", "))]
    Unknown(String),
    /// This machine lacks it.
    #[error("this machine has no {0}; use auto, or one of: {1}")]
    Missing(String, String),
    /// The environment variable asks for one that is unknown or missing.
    #[error("the environment variable {VARIABLE}: {0}")]
    Environment(Box<Self>),
}

impl Simd {
    /// The fastest instruction set of this machine.
    pub fn best() -> Self {
        // `available` ends with `portable`, which every machine has.
        Self::available().first().copied().unwrap_or(Self(Level::Portable))
    }

    /// The instruction set that the environment variable `KERNELS_SIMD` names: `auto`, `avx512`, `avx2`, `neon`
    /// or `portable`. Where it is not set, [`best`](Self::best).
    ///
    /// # Errors
    /// If it names no instruction set, or one that this machine lacks.
    pub fn from_environment() -> Result<Self, SimdError> {
        Self::from_variable(std::env::var_os(VARIABLE).as_deref())
    }

    fn from_variable(value: Option<&OsStr>) -> Result<Self, SimdError> {
        let Some(name) = value else { return Ok(Self::best()) };
        name.to_string_lossy().parse().map_err(|error| SimdError::Environment(Box::new(error)))
    }

    /// Portable code in the tiles of AVX-512.
    #[cfg(test)]
    pub(crate) fn portable_wide() -> Self {
        Self(Level::PortableWide)
    }

    /// Every instruction set of this machine, fastest first.
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                levels.push(Self(Level::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Self(Level::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            levels.push(Self(Level::Neon));
        }
        levels.push(Self(Level::Portable));
        levels
    }

    /// Runs a kernel compiled for this instruction set.
    #[inline]
    #[allow(unsafe_code)]
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        match self.0 {
            // SAFETY: a `Simd` of this level exists only where the CPU was seen to have the features.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { x86::run_avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { x86::run_avx2(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Level::Neon => unsafe { neon::run_neon(kernel) },
            Level::Portable => kernel.run(portable::Portable::<1>),
            #[cfg(test)]
            Level::PortableWide => kernel.run(portable::Portable::<2>),
        }
    }
}

impl fmt::Display for Simd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
            Level::Portable => "portable",
            #[cfg(test)]
            Level::PortableWide => "portable-wide",
        })
    }
}

impl FromStr for Simd {
    type Err = SimdError;

    /// Reads `auto`, `avx512`, `avx2`, `neon` or `portable`; an instruction set that the machine lacks is an error.
    fn from_str(name: &str) -> Result<Self, SimdError> {
        if name == "auto" {
            return Ok(Self::best());
        }
        let available = Self::available();
        if let Some(simd) = available.iter().find(|simd| simd.to_string() == name) {
            return Ok(*simd);
        }
        if NAMES.contains(&name) {
            let names: Vec<String> = available.iter().map(ToString::to_string).collect();
            return Err(SimdError::Missing(name.to_owned(), names.join(", ")));
        }
        Err(SimdError::Unknown(name.to_owned()))
    }
}

/// A computation that can be compiled for any instruction set.
pub(crate) trait Kernel {
    /// Does the work. Implementations are `#[inline(always)]`, so that they are compiled with the features
    /// of the caller.
    fn run<L: Lanes>(self, lanes: L);
}

/// The operations of 16 virtual lanes.
///
/// Not `unsafe` to call: a value of an implementing type is made only where its features were seen.
pub(crate) trait Lanes: Copy {
    /// Sixteen `f32`.
    type V: Copy;
    /// Sixteen truths.
    type M: Copy;
    /// How many virtual registers wide a tile of six rows may be without spilling.
    const TILE_WIDTH: usize;

    /// All lanes the same.
    fn splat(self, value: f32) -> Self::V;
    /// Reads 16 values.
    fn load(self, from: &[f32; LANES]) -> Self::V;
    /// Writes 16 values.
    fn store(self, value: Self::V, to: &mut [f32; LANES]);
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `max(x, 0)`; NaN stays NaN.
    fn relu(self, x: Self::V) -> Self::V;
    /// Where `a > b`, or `a` is NaN.
    fn above(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a` where the mask says so, else `b`.
    fn select(self, mask: Self::M, a: Self::V, b: Self::V) -> Self::V;
    /// A bit for each lane, the first lane lowest.
    fn bits(self, mask: Self::M) -> u16;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for simd in Simd::available() {
            assert_eq!(simd.to_string().parse(), Ok(simd));
        }
        assert_eq!("auto".parse(), Ok(Simd::best()));
        assert_eq!("sse9".parse::<Simd>(), Err(SimdError::Unknown("sse9".into())));
    }

    #[test]
    fn errors_name_what_there_is() {
        let error = "sse9".parse::<Simd>().unwrap_err().to_string();
        assert_eq!(error, "unknown instruction set `sse9`; expected auto, avx512, avx2, neon, portable");
        // No machine has both of these.
        let missing = ["neon", "avx2"].map(|name| name.parse::<Simd>().err());
        assert!(
            missing.into_iter().flatten().all(|error| {
                matches!(&error, SimdError::Missing(_, there) if there.ends_with("portable"))
            })
        );
        assert!("neon".parse::<Simd>().is_err() || "avx2".parse::<Simd>().is_err());
    }

    #[test]
    fn the_environment_may_choose() {
        let read = |value: Option<&str>| Simd::from_variable(value.map(OsStr::new));
        assert_eq!(read(None), Ok(Simd::best()));
        assert_eq!(read(Some("auto")), Ok(Simd::best()));
        assert_eq!(read(Some("portable")), Ok(Simd(Level::Portable)));
        let unknown = SimdError::Environment(Box::new(SimdError::Unknown(String::new())));
        assert_eq!(read(Some("")), Err(unknown));
    }

    #[test]
    fn every_level_computes_the_same_lanes() {
        struct Probe<'a>(&'a mut [f32; LANES]);
        impl Kernel for Probe<'_> {
            #[inline(always)]
            fn run<L: Lanes>(self, lanes: L) {
                let x = lanes.load(self.0);
                let y = lanes.mul_add(x, lanes.splat(1.000_000_1), lanes.splat(-0.1));
                let above = lanes.above(y, lanes.splat(0.5));
                let y = lanes.select(above, lanes.add(y, lanes.splat(f32::from(lanes.bits(above)))), y);
                lanes.store(lanes.relu(y), self.0);
            }
        }
        let input: [f32; LANES] = std::array::from_fn(|i| match i {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => -f32::INFINITY,
            3 => -0.0,
            i => (i as f32 - 7.0) / 3.0,
        });
        let bits = |simd: Simd| {
            let mut values = input;
            simd.run(Probe(&mut values));
            values.map(f32::to_bits)
        };
        let portable = bits(Simd(Level::Portable));
        for simd in Simd::available() {
            assert_eq!(bits(simd), portable, "{simd}");
        }
        assert!(f32::from_bits(portable[0]).is_nan(), "relu lets NaN pass");
    }
}
