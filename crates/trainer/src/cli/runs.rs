//! The options that name a finished run, and which of its weights.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kernels::Simd;
use model::Network;
use trainer::saved_run::{SavedRun, Weights};
use trainer::{Error, Result};

#[derive(Args, Clone, Debug)]
pub(crate) struct RunArgs {
    /// Folder of a run, or `latest`
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Which weights: those of the model file, of the last checkpoint or of the best epoch
    #[arg(long, default_value = "final", value_name = "WORD", value_parser = weights())]
    pub(crate) weights: Weights,
}

impl RunArgs {
    /// The run with its network.
    pub(crate) fn open(&self) -> Result<(SavedRun, Network)> {
        let run = SavedRun::open(&self.run)?;
        let simd = Simd::from_environment().map_err(|error| Error::Setting(error.to_string()))?;
        let network = run.network(self.weights, simd)?;
        Ok((run, network))
    }
}

fn weights() -> impl TypedValueParser<Value = Weights> {
    PossibleValuesParser::new(["final", "last", "best"]).map(|word| match word.as_str() {
        "last" => Weights::Last,
        "best" => Weights::Best,
        _ => Weights::Final,
    })
}
