//! `trainer export`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use trainer::{Error, Result};

use super::output;
use super::runs::RunArgs;

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    run: RunArgs,
    /// What to write: `onnx` for ONNX Runtime and others, opset 17, from pictures (N, 3, H, W) in [0, 1] to logits
    #[arg(long, default_value = "onnx", value_name = "FORMAT", value_parser = PossibleValuesParser::new(["onnx"]))]
    format: String,
    /// The file to write [default: model.onnx in the run's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl ExportArgs {
    pub(crate) fn run(self) -> Result<()> {
        let (run, network) = self.run.open()?;
        let path = self.out.unwrap_or_else(|| run.folder.join(format!("model.{}", self.format)));
        let bytes = model::onnx(&network, &run.record.data.classes)?;
        whole::write(&path, &bytes).map_err(|cause| Error::Io {
            action: "write",
            path: path.clone(),
            cause,
        })?;
        output::line(path.display())
    }
}
