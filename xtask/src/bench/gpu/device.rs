//! Where to compute, as our program and PyTorch name it; knows nothing of what is in this machine.

use std::fmt;
use std::str::FromStr;

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// The CPU, to try the programs.
    Cpu,
    /// A GPU by its number, from 0.
    Cuda(usize),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let wrong = || format!("{word:?} is no device: expected cuda, cuda:N or cpu");
        match word {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let number: u8 =
                    word.strip_prefix("cuda:").and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
                Ok(Self::Cuda(number.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_devices() {
        let check = |word: &str, device: Device, shown| {
            assert_eq!(word.parse(), Ok(device));
            assert_eq!(device.to_string(), shown);
        };
        check("cpu", Device::Cpu, "cpu");
        check("cuda", Device::Cuda(0), "cuda:0");
        check("cuda:3", Device::Cuda(3), "cuda:3");
        for word in ["", "gpu", "cuda:", "cuda:-1", "cuda:300", "cpu:0"] {
            let error = word.parse::<Device>().unwrap_err();
            assert!(error.ends_with("is no device: expected cuda, cuda:N or cpu"), "{error}");
        }
    }
}
