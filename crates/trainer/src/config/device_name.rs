//! Where to compute, as config.toml and the command line name it; knows nothing of what a device does.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use candle_core::utils::{cuda_is_available, metal_is_available};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceName {
    /// The CPU, with this workspace's kernels.
    #[default]
    Cpu,
    /// A CUDA device by its number, from 0.
    Cuda(usize),
    /// The first Metal device.
    Metal,
    /// Whatever of CUDA, Metal and the CPU is the first that this build and this machine have.
    Auto,
}

impl DeviceName {
    /// A device that can be opened in the place of `auto`, for the same device is a part of the same result.
    ///
    /// # Errors
    /// Never for `auto`; else if it cannot be opened.
    pub fn resolved(self) -> Result<Self, Error> {
        let first = [Self::Cuda(0), Self::Metal].into_iter().find(|name| name.open().is_ok());
        match self {
            Self::Auto => Ok(first.unwrap_or(Self::Cpu)),
            name => name.open().map(|_| name),
        }
    }

    /// The device.
    ///
    /// # Errors
    /// If this build or this machine lacks it.
    pub fn open(self) -> Result<Device, Error> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(number) if cuda_is_available() => {
                model::cuda_device(number).map_err(|error| self.lacking(&error.to_string()))
            }
            Self::Metal if metal_is_available() => {
                Device::new_metal(0).map_err(|error| self.lacking(&error.to_string()))
            }
            Self::Cuda(_) => Err(self.not_built("cudnn")),
            Self::Metal => Err(self.not_built("metal")),
            Self::Auto => self.resolved()?.open(),
        }
    }

    /// An error of a device that the build has and the machine has not.
    fn lacking(self, why: &str) -> Error {
        let why = why.lines().next().unwrap_or_default();
        Error::Setting(format!("--device {self} is not on this machine: {why}; use --device cpu or auto"))
    }

    fn not_built(self, feature: &str) -> Error {
        Error::Setting(format!(
            "--device {self} is not in this build: build with `--features {feature}`, or use --device cpu"
        ))
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Metal => f.write_str("metal"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.split_once(':') {
            None if word == "cpu" => Ok(Self::Cpu),
            None if word == "cuda" => Ok(Self::Cuda(0)),
            None if word == "metal" => Ok(Self::Metal),
            None if word == "auto" => Ok(Self::Auto),
            Some(("cuda", number)) if number.parse::<u8>().is_ok() => {
                Ok(Self::Cuda(number.parse().unwrap_or_default()))
            }
            _ => Err(format!("{word:?} is no device: expected cpu, cuda, cuda:N, metal or auto")),
        }
    }
}

impl Serialize for DeviceName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_devices() {
        for (word, device) in [
            ("cpu", DeviceName::Cpu),
            ("cuda", DeviceName::Cuda(0)),
            ("cuda:3", DeviceName::Cuda(3)),
            ("metal", DeviceName::Metal),
            ("auto", DeviceName::Auto),
        ] {
            assert_eq!(word.parse(), Ok(device));
            assert_eq!(device.to_string(), word);
        }
        assert_eq!("cuda:0".parse(), Ok(DeviceName::Cuda(0)));
        for word in ["", "CPU", "cuda:", "cuda:-1", "cuda:300", "cuda:a", "cpu:1", "metal:0", "tpu"] {
            let error = word.parse::<DeviceName>().unwrap_err();
            assert!(error.ends_with("is no device: expected cpu, cuda, cuda:N, metal or auto"), "{error}");
        }
    }

    #[test]
    fn the_cpu_is_always_there_and_auto_is_something() {
        assert_eq!(DeviceName::Cpu.resolved().unwrap(), DeviceName::Cpu);
        let auto = DeviceName::Auto.resolved().unwrap();
        assert!(auto != DeviceName::Auto && auto.open().is_ok(), "{auto}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_was_not_built_in_is_told() {
        let error = DeviceName::Cuda(1).resolved().unwrap_err().to_string();
        assert_eq!(
            error,
            "--device cuda:1 is not in this build: build with `--features cudnn`, or use --device cpu"
        );
    }
}
