//! The command line, thin: it turns words into a configuration and calls the library.

mod data;
mod dataset;
pub(crate) mod output;
mod preview;
mod progress;
mod train;

use std::process::ExitCode;

use ::dataset::Shape;
use ::dataset::binary::CLASSES;
use clap::{Parser, Subcommand};
use model::Summary;
use trainer::Error;

/// Train a convolutional network on CIFAR-10 and watch it in TensorBoard.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: train::TrainArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network (also without a subcommand)
    Train(train::TrainArgs),
    /// Print what is in a dataset: counts by class and part, mean and deviation, duplicates; draw a contact sheet
    Dataset(dataset::DatasetArgs),
    /// Draw what augmentation makes of some training pictures: originals above the epochs' variations
    Preview(preview::PreviewArgs),
    /// Print a network's layers, output shapes, parameters and multiply-adds
    Summary {
        /// Which network
        #[arg(long, value_enum, default_value = "tutorial")]
        model: train::ModelArg,
    },
}

impl Cli {
    pub(crate) fn run(self) -> Result<(), Error> {
        match self.command.unwrap_or(Command::Train(self.train)) {
            Command::Train(args) => args.run(),
            Command::Dataset(args) => args.run(),
            Command::Preview(args) => args.run(),
            Command::Summary { model } => {
                let architecture = trainer::run::architecture(model.into(), Shape::CIFAR, CLASSES.len())?;
                output::line(Summary(&architecture))
            }
        }
    }
}

/// 2 for settings that cannot be used, 130 for a run that the user stopped, as shells have it; else 1.
pub(crate) fn exit_code(error: &Error) -> ExitCode {
    match error {
        Error::Setting(_) | Error::NoFolder(_) | Error::RunExists(_) => ExitCode::from(2),
        Error::Interrupted { .. } => ExitCode::from(130),
        _ => ExitCode::FAILURE,
    }
}
