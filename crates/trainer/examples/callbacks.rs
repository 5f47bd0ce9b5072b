//! The library's own loop with policies that decide and a callback that listens, into a folder of your choice.
//!
//! `cargo run -p trainer --example callbacks -- FOLDER`

#![allow(clippy::print_stdout, reason = "an example")]

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use candle_core::Device;
use dataset::loader::Loader;
use kernels::Simd;
use model::{Architecture, Network};
use streams::Seed;
use trainer::Config;
use trainer::callback::{Callback, EpochEnd};
use trainer::checkpoint::Checkpoints;
use trainer::config::DatasetName;
use trainer::data::Data;
use trainer::early_stopping::Monitor;
use trainer::evaluate::evaluation_loader;
use trainer::history::EpochRecord;
use trainer::policy::{Action, EarlyStopping, KeepBest, Policy, SaveOften};
use trainer::run_folder::RunFolder;
use trainer::training::Trainer;

/// A callback: told what happens, here it prints.
struct Printer;

impl Callback for Printer {
    fn epoch_end(&mut self, end: &EpochEnd) -> trainer::Result<()> {
        let EpochRecord { epoch, accuracy, val_accuracy, .. } = end.record();
        println!("epoch {epoch}: accuracy {accuracy:.3}, in validation {val_accuracy:.3}");
        Ok(())
    }
}

/// A policy: a pure function of the history, here an end at a goal.
struct GoodEnough(f32);

impl Policy for GoodEnough {
    fn after_epoch(&self, history: &[EpochRecord]) -> Option<Action> {
        let accuracy = history.last()?.val_accuracy;
        (accuracy >= self.0).then(|| Action::Finish(format!("validation accuracy is {accuracy:.3}")))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("usage: callbacks FOLDER")?.into();
    let config = Config { dataset: DatasetName::Shapes, epochs: 20, restore_best: true, ..Config::default() };
    let data = Data::load(&config, &folder, &|_, _| ())?;
    let (seed, augment) = (Seed(config.seed), &config.augment);
    let train = Loader::training(&data.dataset, &data.split.train, config.batch_size, seed, augment)?;
    let validation = evaluation_loader(&data.dataset, &data.split.validation)?;
    let network = Network::new(&Architecture::tutorial(), seed, &Device::Cpu, Simd::best())?;

    // Taken up where it was stopped, if the folder is there.
    let run = if folder.exists() { RunFolder::open(&folder)? } else { RunFolder::create(&folder)? };
    let monitor = Monitor::ValLoss;
    let mut trainer = Trainer::new(&network, &config)?
        .policy(KeepBest(monitor))
        .policy(EarlyStopping { monitor, patience: 3, min_delta: 0.0 })
        .policy(GoodEnough(0.7))
        .policy(SaveOften(Duration::from_secs(60)))
        .checkpoints(Checkpoints::new(&run))?;
    trainer.fit(&train, &validation, &mut [&mut Printer], &AtomicBool::new(false))?;
    if let Some(why) = &trainer.state().finished {
        println!("{why}");
    }
    trainer.restore_best()?;
    std::fs::write(folder.join("model.safetensors"), network.to_safetensors()?)?;
    Ok(())
}
