//! Checkpoints: what training goes on from, and weights that are kept.
//!
//! `last.safetensors` is one file, so that it is whole or absent: the weights as in the model file, the optimizer's
//! moments beside them as flat tensors `optimizer.NAME`, and where training is as TOML in the file's metadata.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use model::Network;
use model::optimizer::{Optimizer, OptimizerState};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::run_folder::RunFolder;
use crate::state::State;
use crate::{Error, Result};

/// What training goes on from, below the run folder.
pub const LAST: &str = "checkpoints/last.safetensors";
/// The weights of the best epoch.
pub const BEST: &str = "checkpoints/best.safetensors";

const STATE: &str = "training-state";
const PREFIX: &str = "optimizer.";

/// The checkpoints of a run.
#[derive(Clone, Debug)]
pub struct Checkpoints(RunFolder);

impl Checkpoints {
    /// Those in a run's folder.
    pub fn new(folder: &RunFolder) -> Self {
        Self(folder.clone())
    }

    /// Writes what training goes on from.
    ///
    /// # Errors
    /// If the disk refuses: the checkpoint from before is then still there.
    pub fn save(&self, network: &Network, optimizer: &Optimizer, state: &State) -> Result<()> {
        let OptimizerState { steps, moments } = optimizer.state()?;
        let state = State { optimizer_steps: steps, ..state.clone() };
        let text = toml::to_string(&state).map_err(|error| self.refused(LAST, error.to_string()))?;
        let extra: Vec<_> =
            moments.into_iter().map(|(name, values)| (format!("{PREFIX}{name}"), values)).collect();
        let metadata = HashMap::from([(STATE.to_owned(), text)]);
        self.0.write(LAST, &network.to_safetensors_with(&extra, metadata)?)
    }

    /// Reads what training goes on from, into the network and the optimizer; `None` where nothing was saved yet.
    ///
    /// # Errors
    /// If the file cannot be read or is of another network or optimizer.
    pub fn load(&self, network: &Network, optimizer: &mut Optimizer) -> Result<Option<State>> {
        let path = self.path(LAST);
        let bytes = match fs::read(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(Error::io("read", &path))?,
        };
        let refused = |error: safetensors::SafeTensorError| self.refused(LAST, error.to_string());
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(refused)?;
        let text = header.metadata().as_ref().and_then(|metadata| metadata.get(STATE));
        let text =
            text.ok_or_else(|| self.refused(LAST, "it has weights, but not where training was".into()))?;
        let state: State =
            toml::from_str(text).map_err(|error| self.refused(LAST, error.message().into()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(refused)?;
        let mut moments = Vec::new();
        for (name, tensor) in file.tensors() {
            let Some(name) = name.strip_prefix(PREFIX) else { continue };
            if tensor.dtype() != Dtype::F32 {
                return Err(self.refused(LAST, format!("{PREFIX}{name} is not of f32")));
            }
            let values = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            moments.push((name.to_owned(), values));
        }
        network.load_safetensors(&bytes)?;
        optimizer.restore(&OptimizerState { steps: state.optimizer_steps, moments })?;
        Ok(Some(state))
    }

    /// Keeps the weights as the best.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn keep_best(&self, network: &Network) -> Result<()> {
        self.0.write(BEST, &network.to_safetensors()?)
    }

    /// Takes the best weights into the network.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn restore_best(&self, network: &Network) -> Result<()> {
        let path = self.path(BEST);
        Ok(network.load_safetensors(&fs::read(&path).map_err(Error::io("read", &path))?)?)
    }

    /// Keeps the weights of an epoch, counted from 1.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn keep_epoch(&self, network: &Network, epoch: u64) -> Result<()> {
        self.0.write(&format!("checkpoints/epoch-{epoch:04}.safetensors"), &network.to_safetensors()?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn refused(&self, name: &str, reason: String) -> Error {
        Error::Content { path: self.path(name), reason }
    }
}
