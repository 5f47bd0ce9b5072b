//! Other frameworks in Python, in environments under target/peers; knows nothing of what they are asked.

use anyhow::Result;

use crate::venv::Venv;

/// A framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Torch,
    Keras,
}

impl Framework {
    pub(crate) const ALL: [Self; 2] = [Self::Torch, Self::Keras];

    /// As our scripts name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Keras => "keras",
        }
    }

    /// A Python that has it, and the reader of our model files. Installed on first use.
    ///
    /// # Errors
    /// If there is no Python, or the packages cannot be installed.
    pub(crate) fn ready(self) -> Result<Venv> {
        let packages = match self {
            Self::Torch => ["torch", "numpy", "safetensors"],
            Self::Keras => ["tensorflow-cpu", "keras", "safetensors"],
        };
        Venv::ready(&crate::workspace_root().join("target/peers").join(self.name()), &packages)
    }
}
