//! TensorBoard logs with the tags, steps and order of Keras' callback (`histogram_freq=1`).

use figures::Figure;
use model::{Network, keras_json};
use tensorboard::{Image, Step, Writer};

use crate::Result;
use crate::callback::{Callback, EpochEnd};
use crate::op_graph::op_graph;
use crate::run_folder::RunFolder;

/// Writes the run's `train` and `validation` event files.
#[derive(Debug)]
pub struct EventLog {
    folder: RunFolder,
    train: Writer,
    /// Made at the first validation, as Keras does.
    validation: Option<Writer>,
}

impl EventLog {
    /// Begins the training log with the network's description: its operations, and its layers as Keras has them.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn new(folder: &RunFolder, network: &Network) -> Result<Self> {
        let mut train = Writer::create(folder.train())?;
        train.graph(&op_graph(network.architecture()).map_err(tensorboard::Error::from)?)?;
        train.keras_model(&keras_json(network.architecture()))?;
        Ok(Self { folder: folder.clone(), train, validation: None })
    }

    /// Shows what augmentation makes of some training pictures, as the image `augmentation`.
    ///
    /// # Errors
    /// If the picture cannot be drawn, or the file not written.
    pub fn variations(&mut self, figure: &Figure) -> Result<()> {
        let image = Image::encoded(figure.png(1.0)?).map_err(tensorboard::Error::from)?;
        Ok(self.train.image("augmentation", 0, &image)?)
    }
}

impl Callback for EventLog {
    fn epoch_end(&mut self, end: &EpochEnd, network: &Network) -> Result<()> {
        let (iterations, epoch) = (Step::from(end.iterations), Step::from(end.epoch));
        let validation = match &mut self.validation {
            Some(writer) => writer,
            none => none.insert(Writer::create(self.folder.validation())?),
        };
        validation.scalar("evaluation_accuracy_vs_iterations", iterations, end.validation.accuracy)?;
        validation.scalar("evaluation_loss_vs_iterations", iterations, end.validation.loss)?;
        self.train.scalar("epoch_accuracy", epoch, end.train.accuracy)?;
        self.train.scalar("epoch_loss", epoch, end.train.loss)?;
        self.train.scalar("epoch_learning_rate", epoch, end.learning_rate as f32)?;
        validation.scalar("epoch_accuracy", epoch, end.validation.accuracy)?;
        validation.scalar("epoch_loss", epoch, end.validation.loss)?;
        let values = network.values()?;
        for parameter in network.parameters() {
            let tag = format!("{}/{}/histogram", network.architecture().name(), parameter.path());
            let left_out = self.train.histogram(&tag, epoch, parameter.of(&values))?;
            if left_out > 0 {
                tracing::warn!(
                    "{tag}: {left_out} values are not finite and not in the histogram of epoch {}",
                    end.epoch + 1
                );
            }
        }
        validation.flush()?;
        self.train.flush()?;
        Ok(())
    }

    fn train_end(&mut self) -> Result<()> {
        self.train.flush()?;
        if let Some(validation) = &mut self.validation {
            validation.flush()?;
        }
        Ok(())
    }
}
