//! The command line, thin: it turns words into a configuration and calls the library.

mod compare;
mod data;
mod dataset;
mod evaluate;
mod export;
mod manual;
mod options;
pub(crate) mod output;
mod predict;
mod preview;
mod progress;
mod runs;
mod summary;
mod train;
mod train_options;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
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
    /// Train a network (also without a subcommand), or go on with a run that was stopped
    Train(Box<train::TrainArgs>),
    /// Look at a trained network: accuracy, precision, recall and F1 of each class, confusion, calibration
    Evaluate(evaluate::EvaluateArgs),
    /// Say what a trained network sees in picture files
    Predict(predict::PredictArgs),
    /// Set several runs beside each other: a table, and their curves in one picture
    Compare(compare::CompareArgs),
    /// Write a trained network for other programs
    Export(export::ExportArgs),
    /// Print what is in a dataset: counts by class and part, mean and deviation, duplicates; draw a contact sheet
    Dataset(dataset::DatasetArgs),
    /// Draw what augmentation makes of some training pictures: originals above the epochs' variations
    Preview(preview::PreviewArgs),
    /// Print a network's layers, output shapes, parameters and multiply-adds
    Summary(summary::SummaryArgs),
    /// Print a script that completes this program's words in a shell
    Completions(manual::CompletionsArgs),
    /// Print the manual page
    Man,
}

impl Cli {
    /// The command line, parsed; and what of it was said and what is default.
    pub(crate) fn parsed() -> (Self, ArgMatches) {
        let matches = Self::command().get_matches();
        match Self::from_arg_matches(&matches) {
            Ok(cli) => (cli, matches),
            Err(error) => error.exit(),
        }
    }

    pub(crate) fn run(self, matches: &ArgMatches) -> Result<(), Error> {
        let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
        match self.command.unwrap_or_else(|| Command::Train(Box::new(self.train))) {
            Command::Train(args) => args.run(matches),
            Command::Evaluate(args) => args.run(),
            Command::Predict(args) => args.run(),
            Command::Compare(args) => args.run(),
            Command::Export(args) => args.run(),
            Command::Completions(args) => args.run(Self::command()),
            Command::Man => manual::print(Self::command()),
            Command::Dataset(args) => args.run(),
            Command::Preview(args) => args.run(),
            Command::Summary(args) => args.run(),
        }
    }
}

/// 2 for settings that cannot be used, 3 for a run that is paused, 130 for one that the user stopped, as shells have
/// it; else 1.
pub(crate) fn exit_code(error: &Error) -> ExitCode {
    match error {
        Error::Setting(_) | Error::NoFolder(_) | Error::RunExists(_) | Error::NoRun(_) => ExitCode::from(2),
        Error::Paused { .. } => ExitCode::from(3),
        Error::Interrupted { .. } => ExitCode::from(130),
        _ => ExitCode::FAILURE,
    }
}
