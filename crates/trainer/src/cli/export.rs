//! `trainer export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use trainer::{Error, Result};

use super::output;
use super::runs::RunArgs;

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    run: RunArgs,
    /// What to write
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// The file to write [default: model.onnx or keras.json in the run's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The network in a form that other programs read; docs/other-programs.md has the code of how.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For ONNX Runtime and others: opset 17, from pictures (N, 3, H, W) in [0, 1] to logits
    #[default]
    Onnx,
    /// The layers without their weights, as Keras reads them
    Keras,
}

impl ExportArgs {
    pub(crate) fn run(self) -> Result<()> {
        let (run, network) = self.run.open()?;
        let (name, bytes) = match self.format {
            Format::Onnx => ("model.onnx", model::onnx(&network, &run.record.data.classes)?),
            Format::Keras => ("keras.json", model::keras_json(network.architecture()).into_bytes()),
        };
        let path = self.out.unwrap_or_else(|| run.folder.join(name));
        whole::write(&path, &bytes).map_err(|cause| Error::Io {
            action: "write",
            path: path.clone(),
            cause,
        })?;
        output::line(path.display())
    }
}
