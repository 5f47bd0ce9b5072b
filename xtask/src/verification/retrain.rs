//! The run of a submission, trained again by the trainer of this workspace; knows nothing of archives.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::check::Check;
use crate::finished_run::{Data, FinishedRun};
use crate::submission::origin::Origin;
use crate::{cargo, interrupt};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What can be asked of training again.
#[derive(Args, Clone, Debug)]
pub(crate) struct Retraining {
    /// Folder that holds cifar-10-batches-bin, for --retrain
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data_dir: PathBuf,
    /// Where the pictures of a run on a folder of pictures are here, for --retrain
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dataset: Option<PathBuf>,
}

/// Trains again and compares.
pub(super) fn checks(
    run: &FinishedRun,
    origin: &Origin,
    retraining: &Retraining,
    tell: &mut dyn FnMut(Check),
) {
    let mut told = |name: String, result: Result<()>| {
        tell(Check::new(name, result.map_err(|error| format!("{error:#}"))));
    };
    let began = Instant::now();
    let again = match train(run, retraining) {
        Ok(again) => again,
        Err(error) => return told("it can be trained again on the same pictures".to_owned(), Err(error)),
    };
    let fingerprint = &run.data.fingerprint;
    told(format!("the pictures are the same: fingerprint {fingerprint:.12}..."), Ok(()));
    let again = &again.run;
    let seconds = began.elapsed().as_secs_f64();
    told(
        format!("trained again in {seconds:.0} s, the model has the same md5"),
        same_model(run, again, origin),
    );
    told("trained again, every epoch is the same".to_owned(), same_history(run, again));
    told("trained again, the final test is the same".to_owned(), same_results(run, again));
}

/// A run in a folder that goes when this is dropped.
struct Again {
    run: FinishedRun,
    _folder: tempfile::TempDir,
}

fn train(run: &FinishedRun, retraining: &Retraining) -> Result<Again> {
    interrupt::listen()?;
    let folder = tempfile::tempdir().context("making a folder to train in")?;
    let place = folder.path().join("again");
    let mut command = cargo::trainer()?;
    tracing::info!("training again: {} epochs", run.config.epochs);
    if std::env::var_os("RUST_LOG").is_none() {
        // Its progress, not where to see a run that goes with its folder.
        command.env("RUST_LOG", "warn");
    }
    command.arg("train").arg("--config").arg(run.folder.join("config.toml"));
    command.arg("--data-dir").arg(&retraining.data_dir).arg("--run-dir").arg(&place);
    if let Some(dataset) = &retraining.dataset {
        command.arg("--dataset").arg(dataset);
    }
    finish(&mut command, &place, &run.data)?;
    let again = FinishedRun::open(&place)?;
    same_pictures(&run.data, &again.data)?;
    Ok(Again { run: again, _folder: folder })
}

/// Waits for the trainer, but not if it trains on other pictures.
fn finish(command: &mut Command, place: &Path, expected: &Data) -> Result<()> {
    /// Ended in every case.
    struct Running(Child);
    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    #[derive(Deserialize)]
    struct Config {
        data: Data,
    }
    let child = command.stdin(Stdio::null()).stdout(io::stderr()).spawn().context("starting the trainer")?;
    let mut running = Running(child);
    let mut looked = false;
    loop {
        let config = std::fs::read_to_string(place.join("config.toml"));
        if let (false, Ok(config)) = (looked, config) {
            same_pictures(expected, &toml::from_str::<Config>(&config)?.data)?;
            looked = true;
        }
        if let Some(status) = running.0.try_wait().context("looking after the trainer")? {
            interrupt::check()?;
            ensure!(status.success(), "the trainer ended with {status}, see above");
            return Ok(());
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

fn same_pictures(expected: &Data, found: &Data) -> Result<()> {
    let named = |data: &Data| format!("{} of fingerprint {}", data.description, data.fingerprint);
    ensure!(
        expected.fingerprint == found.fingerprint,
        "expected {}, found {}: name the right ones with --data-dir or --dataset",
        named(expected),
        named(found)
    );
    Ok(())
}

fn same_model(run: &FinishedRun, again: &FinishedRun, origin: &Origin) -> Result<()> {
    let (expected, found) = (&run.results.model_md5, &again.results.model_md5);
    if expected != found {
        let revision = origin.program.revision.as_deref().unwrap_or("unknown");
        bail!(
            "expected {expected}, found {found}: another configuration was trained, or the program of revision \
             {revision} is another one than this"
        );
    }
    Ok(())
}

fn same_history(run: &FinishedRun, again: &FinishedRun) -> Result<()> {
    ensure!(
        run.history.len() == again.history.len(),
        "expected {} epochs, found {}",
        run.history.len(),
        again.history.len()
    );
    match run.history.iter().zip(&again.history).find(|(expected, found)| expected != found) {
        Some((expected, found)) => bail!("expected {expected:?}, found {found:?}"),
        None => Ok(()),
    }
}

fn same_results(run: &FinishedRun, again: &FinishedRun) -> Result<()> {
    let (expected, found) = (&run.results, &again.results);
    ensure!(
        (expected.test_accuracy, expected.test_loss) == (found.test_accuracy, found.test_loss)
            && expected.confusion == found.confusion,
        "expected accuracy {} and loss {}, found {} and {}",
        expected.test_accuracy,
        expected.test_loss,
        found.test_accuracy,
        found.test_loss
    );
    Ok(())
}
