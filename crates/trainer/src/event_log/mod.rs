//! TensorBoard logs with the tags, steps and order of Keras' callback (`histogram_freq=1`), and more beside them.

mod pictures;
mod session;

use candle_core::Tensor;
use figures::Figure;
use model::{Network, Parameter, keras_json};
use tensorboard::{Image, Keep, Position, Step, Writer};

use crate::Result;
use crate::callback::{Callback, EpochEnd, Marks, StepEnd};
use crate::config::Config;
use crate::data::Data;
use crate::evaluate::Answers;
use crate::op_graph::op_graph;
use crate::run::Results;
use crate::run_folder::RunFolder;
use crate::state::State;
use crate::variations::{Variations, variations};

/// The names of the writers' places in a checkpoint.
const TRAIN: &str = "train-events";
const VALIDATION: &str = "validation-events";
const SESSION: &str = "session-events";

/// Whether a run is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It is.
    Anew,
    /// It was stopped: what came after its last checkpoint is forgotten.
    Again,
}

/// Writes the run's event files: `train`, `validation`, and in the run's folder itself its hyperparameters.
#[derive(Debug)]
pub struct EventLog<'a> {
    config: &'a Config,
    data: &'a Data,
    folder: RunFolder,
    train: Writer,
    /// Made at the first validation, as Keras does.
    validation: Option<Writer>,
    session: Writer,
}

impl<'a> EventLog<'a> {
    /// Begins the logs with the network's description, or takes them up where a checkpoint has them.
    ///
    /// # Errors
    /// If a file cannot be made, or has less in it than the checkpoint says.
    pub fn new(
        folder: &RunFolder,
        network: &Network,
        config: &'a Config,
        data: &'a Data,
        start: Start,
        state: &State,
    ) -> Result<Self> {
        let mark = |name: &str| state.marks.get(name).copied().unwrap_or(0);
        let open = |name: &str, dir| match start {
            Start::Anew => Writer::create(dir),
            Start::Again => Writer::resume(dir, Keep::Until(Position(mark(name)))),
        };
        let validation = (start == Start::Again && folder.validation().is_dir())
            .then(|| open(VALIDATION, folder.validation()))
            .transpose()?;
        let mut log = Self {
            config,
            data,
            folder: folder.clone(),
            train: open(TRAIN, folder.train())?,
            validation,
            session: open(SESSION, folder.path().to_owned())?,
        };
        if mark(TRAIN) == 0 {
            log.begin(network)?;
        }
        Ok(log)
    }

    fn begin(&mut self, network: &Network) -> Result<()> {
        let architecture = network.architecture();
        self.train.graph(&op_graph(architecture).map_err(tensorboard::Error::from)?)?;
        self.train.keras_model(&keras_json(architecture))?;
        if !self.config.augment.is_none() {
            let figure = variations(self.data, self.config, Variations::OF_A_RUN)?;
            self.train.image("augmentation", 0, &image(&figure)?)?;
        }
        session::settings(&mut self.session, self.config, self.data)?;
        session::begin(&mut self.session, self.config, network.parameter_count(), &self.folder)
    }

    /// What the test brought, and that the run is finished.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn finish(&mut self, tested: &Answers, results: &Results) -> Result<()> {
        session::finish(&mut self.session, results)?;
        if self.config.log_pictures > 0 {
            let pictures = &self.data.split.test;
            pictures::write(&mut self.session, "test", results.epochs, self.data, pictures, tested)?;
        }
        self.train_end()
    }

    fn histograms(&mut self, end: &EpochEnd) -> Result<()> {
        let (name, epoch) = (end.network.architecture().name(), Step::from(end.epoch));
        let mut write = |parameters: &[Parameter], values: &[f32], what: &str| -> Result<()> {
            for parameter in parameters {
                let tag = format!("{name}/{}/{what}", parameter.path());
                let left_out = self.train.histogram(&tag, epoch, parameter.of(values))?;
                if left_out > 0 {
                    let epoch = end.epoch + 1;
                    tracing::warn!(
                        "{tag}: {left_out} values are not finite and not in the histogram of epoch {epoch}"
                    );
                }
            }
            Ok(())
        };
        write(end.network.parameters(), &end.network.values()?, "histogram")?;
        write(end.network.buffers(), &end.network.buffer_values()?, "histogram")?;
        if let Some(gradient) = end.gradient.filter(|_| self.config.log_gradients) {
            write(end.network.parameters(), &numbers(gradient)?, "gradient")?;
        }
        Ok(())
    }
}

impl Callback for EventLog<'_> {
    fn step_end(&mut self, step: &StepEnd) -> Result<()> {
        if self.config.log_every.is_some_and(|every| step.iterations.is_multiple_of(every.max(1))) {
            let at = Step::from(step.iterations);
            self.train.scalar("batch_accuracy", at, step.train.accuracy)?;
            self.train.scalar("batch_loss", at, step.train.loss)?;
            self.train.scalar("batch_learning_rate", at, step.learning_rate as f32)?;
        }
        Ok(())
    }

    fn epoch_end(&mut self, end: &EpochEnd) -> Result<()> {
        let (iterations, epoch) = (Step::from(end.iterations), Step::from(end.epoch));
        let record = end.record();
        let validation = match &mut self.validation {
            Some(writer) => writer,
            none => none.insert(Writer::create(self.folder.validation())?),
        };
        validation.scalar("evaluation_accuracy_vs_iterations", iterations, record.val_accuracy)?;
        validation.scalar("evaluation_loss_vs_iterations", iterations, record.val_loss)?;
        self.train.scalar("epoch_accuracy", epoch, record.accuracy)?;
        self.train.scalar("epoch_loss", epoch, record.loss)?;
        self.train.scalar("epoch_learning_rate", epoch, record.learning_rate as f32)?;
        validation.scalar("epoch_accuracy", epoch, record.val_accuracy)?;
        validation.scalar("epoch_loss", epoch, record.val_loss)?;
        self.train.scalar("epoch_images_per_second", epoch, end.images_per_second() as f32)?;
        let every = self.config.log_pictures;
        if every > 0 && (end.is_last || (end.epoch + 1).is_multiple_of(every)) {
            let places = &self.data.split.validation;
            pictures::write(validation, "validation", end.epoch, self.data, places, end.answers)?;
        }
        validation.flush()?;
        self.histograms(end)?;
        Ok(self.train.flush()?)
    }

    fn checkpoint(&mut self, marks: &mut Marks) -> Result<()> {
        marks.insert(TRAIN.into(), self.train.sync()?.0);
        marks.insert(SESSION.into(), self.session.sync()?.0);
        if let Some(validation) = &self.validation {
            marks.insert(VALIDATION.into(), validation.sync()?.0);
        }
        Ok(())
    }

    fn train_end(&mut self) -> Result<()> {
        self.train.flush()?;
        self.session.flush()?;
        Ok(self.validation.as_ref().map_or(Ok(()), Writer::flush)?)
    }
}

fn image(figure: &Figure) -> Result<Image> {
    Ok(Image::encoded(figure.png(1.0)?).map_err(tensorboard::Error::from)?)
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}
