//! `trainer train`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use dataset::augment::Augmentation;
use dataset::loader::LastBatch;
use kernels::Simd;
use trainer::config::{Config, DeviceName, Execution, ModelName, OptimizerName};
use trainer::run::{MODEL_FILE, Run};
use trainer::{Error, Result};

use super::data::DataArgs;
use super::output;
use super::progress::Progress;

/// More than any machine has cores, and few enough to start at once.
const MOST_THREADS: i64 = 1024;

#[derive(Args, Debug)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Passes over the training pictures
    #[arg(long, default_value_t = 10, value_name = "N")]
    epochs: u64,
    /// Pictures in a step
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch_size: usize,
    /// How weights follow their gradients
    #[arg(long, value_enum, default_value = "adam")]
    optimizer: OptimizerArg,
    /// Step size
    #[arg(long, default_value_t = 1e-3, value_name = "RATE")]
    learning_rate: f64,
    /// A shorter last batch of an epoch: `keep` it or `drop` it
    #[arg(long, value_enum, default_value = "keep")]
    last_batch: LastBatchArg,
    /// Random variations of training pictures: `none`, `light`, `standard`, or some of flip, shift:PIXELS, crop:PIXELS,
    /// rotate:DEGREES, zoom:SHARE, brightness:SHARE, contrast:SHARE, noise:SIGMA, cutout:PIXELS, parted by commas
    #[arg(long, default_value = "none", value_name = "OPS")]
    augment: Augmentation,
    /// Which network
    #[arg(long, value_enum, default_value = "tutorial")]
    model: ModelArg,
    /// Where to compute
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceArg,
    /// Threads, 0 for one a core; changes no result
    #[arg(
        long,
        default_value_t = 0,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(0..=MOST_THREADS)
    )]
    threads: u16,
    /// Instruction set: auto, avx512, avx2, neon or portable; changes no result [default: $KERNELS_SIMD, or auto]
    #[arg(long, value_name = "SET")]
    simd: Option<Simd>,
    /// Folder for this run, which must not be there yet [default: the next free runs/NNN-DATASET]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
}

/// Declares the words of an option and what they mean.
macro_rules! words {
    ($name:ident => $of:ident { $($word:ident),+ }) => {
        #[derive(Clone, Copy, Debug, ValueEnum)]
        pub(crate) enum $name { $($word),+ }

        impl From<$name> for $of {
            fn from(word: $name) -> Self {
                match word { $($name::$word => Self::$word),+ }
            }
        }
    };
}

words!(LastBatchArg => LastBatch { Keep, Drop });
words!(OptimizerArg => OptimizerName { Adam, Sgd });
words!(ModelArg => ModelName { Tutorial });
words!(DeviceArg => DeviceName { Cpu, Cuda, Metal });

impl TrainArgs {
    pub(crate) fn run(self) -> Result<()> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.into())
            .build_global()
            .map_err(|error| Error::Setting(format!("cannot start {} threads: {error}", self.threads)))?;
        let arguments = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
        let simd = match self.simd {
            Some(simd) => simd,
            None => Simd::from_environment().map_err(|error| Error::Setting(error.to_string()))?,
        };
        let how = Execution {
            run_dir: self.run_dir.clone(),
            simd,
            command: std::iter::once("trainer".to_owned()).chain(arguments).collect(),
        };
        let config = self.config();
        let data = self.data.load(&config)?;
        let run = Run::prepare(config, data, &how)?;
        announce(&run, simd);

        let stop = Arc::new(AtomicBool::new(false));
        watch_for_interrupts(&stop);
        let results = run.train(&mut Progress::new(run.config().epochs), &stop).map_err(|error| {
            let folder = run.folder().path().display();
            if matches!(error, Error::Interrupted { .. }) {
                tracing::warn!(
                    "what the whole epochs brought is in {folder}: history.csv, event files, \
                     checkpoints/last.safetensors; there is no {MODEL_FILE}, for training did not finish"
                );
            }
            error
        })?;
        let folder = run.folder().path().display();
        output::line(format_args!(
            "test: accuracy {:.4} - loss {:.4} ({} pictures)",
            results.test_accuracy,
            results.test_loss,
            run.data().split.test.len()
        ))?;
        output::line(format_args!("{}  {folder}/{MODEL_FILE}", results.model_md5))?;
        tracing::info!(
            "finished in {:.1} s; see it with: tensorboard --logdir {}",
            results.seconds,
            parent(run.folder().path()).display()
        );
        Ok(())
    }

    fn config(&self) -> Config {
        Config {
            augment: self.augment.clone(),
            model: self.model.into(),
            epochs: self.epochs,
            batch_size: self.batch_size,
            last_batch: self.last_batch.into(),
            optimizer: self.optimizer.into(),
            learning_rate: self.learning_rate,
            device: self.device.into(),
            ..self.data.config()
        }
    }
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
fn watch_for_interrupts(stop: &Arc<AtomicBool>) {
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
