//! `trainer train`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{ArgMatches, Args};
use kernels::Simd;
use trainer::checkpoint::LAST;
use trainer::record::Execution;
use trainer::run::{MODEL_FILE, Results, Run};
use trainer::saved_run::SavedRun;
use trainer::{Error, Result};

use super::options::{first_given, read};
use super::progress::Progress;
use super::train_options::{ExecutionOptions, TrainOptions};
use super::{data, output};

#[derive(Args, Clone, Debug, Default)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TrainArgs {
    /// TOML file with options under their long names; the command line wins
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// Goes on with a run that was stopped: its folder, or `latest`
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    options: TrainOptions,
}

/// What `--help` ends with.
const EXAMPLES: &str = "\
Examples:
  trainer train                                        the Keras tutorial on data/
  trainer train --dataset shapes --epochs 5            on drawn pictures, without any download
  trainer train --preset tutorial-plus                 a better network, with augmentation and a schedule
  trainer train --early-stopping 3 --augment standard  until validation gets no better
  trainer train --config mine.toml --seed 1            options from a file
  trainer train --resume latest                        go on after Ctrl-C, a crash or a time limit

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 paused by --time-limit, 130 stopped by Ctrl-C.";

impl TrainArgs {
    pub(crate) fn run(self, matches: &ArgMatches) -> Result<()> {
        match &self.resume {
            Some(run) => resume(&self, run, matches),
            None => begin(self),
        }
    }
}

fn begin(args: TrainArgs) -> Result<()> {
    let options = match &args.config {
        Some(file) => args.options.over(read(file)?),
        None => args.options,
    };
    let how = execution(&options.execution)?;
    let config = options.config()?;
    let data = options.data.load(&config)?;
    train(&Run::prepare(config, data, &how)?, &how, &options.execution)
}

fn resume(args: &TrainArgs, run: &Path, matches: &ArgMatches) -> Result<()> {
    if let Some(option) = first_given(matches, &DECIDING) {
        let option = option.replace('_', "-");
        return Err(Error::Setting(format!(
            "--{option} is not for --resume: a run goes on with its own settings"
        )));
    }
    let run = SavedRun::open(run)?;
    let how = execution(&args.options.execution)?;
    if let Some(results) = run.results()? {
        tracing::info!("{} is finished: nothing is left to do", run.folder.display());
        return report(
            &run.folder,
            &results,
            run.record.data.test,
            args.options.execution.json == Some(true),
        );
    }
    let data = data::load_of(&run, &args.options.data.data_dir())?;
    train(&Run::resume(&run, data, &how)?, &how, &args.options.execution)
}

pub(crate) fn execution(options: &ExecutionOptions) -> Result<Execution> {
    let threads = options.threads.unwrap_or(0);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.into())
        .build_global()
        .map_err(|error| Error::Setting(format!("cannot start {threads} threads: {error}")))?;
    let arguments = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let simd = match options.simd {
        Some(simd) => simd,
        None => Simd::from_environment().map_err(|error| Error::Setting(error.to_string()))?,
    };
    Ok(Execution {
        run_dir: options.run_dir.clone(),
        simd,
        command: std::iter::once("trainer".to_owned()).chain(arguments).collect(),
        save_every: options.save_every.map_or(Execution::SAVE_EVERY, Duration::from_secs),
        time_limit: options.time_limit,
    })
}

fn train(run: &Run, how: &Execution, options: &ExecutionOptions) -> Result<()> {
    let (quiet, json) = (options.quiet == Some(true), options.json == Some(true));
    if !quiet {
        announce(run, how.simd);
    }
    let stop = Arc::new(AtomicBool::new(false));
    watch_for_interrupts(&stop);
    let folder = run.folder().path();
    let results =
        run.train(&mut Progress::new(run.config().epochs, quiet, json), &stop).inspect_err(|error| {
            match error {
                _ if !run.can_go_on() => {}
                // It would diverge again.
                Error::Diverged { .. } => {
                    tracing::warn!("the last good checkpoint is {}", folder.join(LAST).display());
                }
                _ => tracing::warn!("go on with: trainer train --resume {}", folder.display()),
            }
        })?;
    report(folder, &results, run.data().split.test.len(), json)?;
    if !quiet {
        tracing::info!(
            "finished in {:.1} s; see it with: tensorboard --logdir {}",
            results.seconds,
            parent(folder).display()
        );
    }
    Ok(())
}

/// What came out, on stdout.
fn report(folder: &Path, results: &Results, tested: usize, json: bool) -> Result<()> {
    if json {
        let mut object = serde_json::json!({"event": "finished", "run": folder.to_string_lossy()});
        object["results"] = serde_json::json!(results);
        return output::line(object);
    }
    if let Some(why) = &results.stopped {
        output::line(format_args!("stopped early: {why}"))?;
    }
    output::line(&results.diagnosis)?;
    let Results { test_accuracy, test_loss, model_md5, .. } = results;
    output::line(format_args!(
        "test: accuracy {test_accuracy:.4} - loss {test_loss:.4} ({tested} pictures)"
    ))?;
    output::line(format_args!("{model_md5}  {}/{MODEL_FILE}", folder.display()))
}

fn announce(run: &Run, simd: Simd) {
    let data = run.data();
    tracing::info!("{}: {} (train / validation / test)", data.dataset.source(), data.split.proportions());
    for note in &data.split.notes {
        tracing::warn!("{note}");
    }
    tracing::info!(
        "{} parameters, {} on {} threads, seed {}, into {}",
        run.network().parameter_count(),
        simd,
        rayon::current_num_threads(),
        run.config().seed,
        run.folder().path().display()
    );
}

/// The folder that a run's folder is in; of a plain name, the current one.
fn parent(run: &Path) -> &Path {
    match run.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => run,
    }
}

/// The first Ctrl-C asks the loop to end, the second ends the program.
pub(crate) fn watch_for_interrupts(stop: &Arc<AtomicBool>) {
    let stop = stop.clone();
    let set = ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            #[expect(clippy::exit, reason = "asked twice; every file is whole at any moment")]
            std::process::exit(130);
        }
        output::note("\nstopping after this step (Ctrl-C again to end at once)");
    });
    if let Err(error) = set {
        tracing::warn!("Ctrl-C will end the program at once: {error}");
    }
}

/// The options that decide a result: a run that goes on has its own.
const DECIDING: [&str; 32] = [
    "dataset",
    "image_size",
    "validation",
    "split",
    "limit",
    "seed",
    "preset",
    "model",
    "epochs",
    "batch_size",
    "last_batch",
    "augment",
    "optimizer",
    "learning_rate",
    "schedule",
    "warmup_epochs",
    "momentum",
    "nesterov",
    "weight_decay",
    "label_smoothing",
    "clip_norm",
    "device",
    "precision",
    "monitor",
    "early_stopping",
    "min_delta",
    "restore_best",
    "keep_every",
    "log_every",
    "log_gradients",
    "log_pictures",
    "run_dir",
];
