//! `trainer evaluate`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;
use trainer::evaluate::{answers, evaluation_loader};
use trainer::scores::Scores;
use trainer::{Error, Result};

use super::runs::RunArgs;
use super::{data, output};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  trainer evaluate latest                    accuracy, loss, precision, recall, F1 and confusion on the test part
  trainer evaluate runs/001-cifar10 --json   the same for programs
  trainer evaluate latest --weights best --part validation")]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Pictures: `test`, `validation` or `train`
    #[arg(long, default_value = "test", value_name = "PART", value_parser = PossibleValuesParser::new(["test", "validation", "train"]))]
    part: String,
    /// Folder that holds cifar-10-batches-bin
    #[arg(long, default_value = "data", value_name = "DIR")]
    data_dir: PathBuf,
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl EvaluateArgs {
    pub(crate) fn run(self) -> Result<()> {
        let (run, network) = self.run.open()?;
        let data = data::load_of(&run, &self.data_dir)?;
        let places = match self.part.as_str() {
            "train" => &data.split.train,
            "validation" => &data.split.validation,
            _ => &data.split.test,
        };
        if places.is_empty() {
            return Err(Error::Setting(format!("--part {} has no pictures in this run", self.part)));
        }
        let loader = evaluation_loader(&data.dataset, places)?;
        let answers = answers(&network, &loader, &AtomicBool::new(false))?.unwrap_or_default();
        let scores = Scores::of(data.dataset.classes(), &answers.logits, &answers.labels)?;
        if !self.json {
            return output::line(&scores);
        }
        let mut object = json!(scores);
        // A row a class, as people write it.
        object["confusion"] = json!(scores.confusion.chunks(scores.classes.len().max(1)).collect::<Vec<_>>());
        object["run"] = json!(run.folder.to_string_lossy());
        object["part"] = json!(self.part);
        output::line(object)
    }
}
