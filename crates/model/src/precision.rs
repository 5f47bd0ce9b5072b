//! What a device may round numbers to; knows nothing of networks.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a device may round numbers to, as they are stored or as they are multiplied. Sums are always `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Nothing is rounded to less than 24 bits.
    #[default]
    F32,
    /// Factors of products have 11 bits.
    Tf32,
    /// Pictures, weights and gradients of layers have 8 bits; an optimizer's weights are `f32`. Of networks that train
    /// [on the device](crate::resident) alone, and of their validation; all other answers are computed as `F32`.
    Bf16,
}

impl Precision {
    /// Makes products of candle on CUDA devices, and ours in its graph, of this precision, in the whole program. Training [on
    /// the device](crate::resident) has a setting of its own.
    ///
    /// # Errors
    /// If the device has only `f32`.
    pub fn choose(self, device: &Device) -> Result<(), Error> {
        if self != Self::F32 && !device.is_cuda() {
            return Err(Error::Precision(self));
        }
        #[cfg(feature = "cuda")]
        candle_core::cuda_backend::set_gemm_reduced_precision_f32(self == Self::Tf32);
        Ok(())
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Self::F32, Self::Tf32, Self::Bf16];
        let found = all.into_iter().find(|precision| precision.to_string() == word);
        found.ok_or_else(|| format!("{word:?} is no precision: expected f32, tf32 or bf16"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_precisions() {
        for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        assert!("F32".parse::<Precision>().unwrap_err().contains("expected f32, tf32 or bf16"));
    }

    #[test]
    fn the_cpu_rounds_nothing() {
        assert!(Precision::F32.choose(&Device::Cpu).is_ok());
        let error = Precision::Bf16.choose(&Device::Cpu).unwrap_err().to_string();
        assert_eq!(error, "precision bf16 is for CUDA devices; use f32 on others");
    }
}
