//! What each epoch brought, as `history.csv` and as JSON lines.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::callback::{Callback, EpochEnd, Metrics};
use crate::early_stopping::Monitor;
use crate::run_folder::RunFolder;

/// The file for spreadsheets.
pub const CSV: &str = "history.csv";
/// The same for programs: a JSON object a line.
pub const JSON_LINES: &str = "history.jsonl";

const HEADER: &str = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n";

/// A line of the history.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: u64,
    /// Mean loss while the weights were changing.
    pub loss: f32,
    /// Share of right answers while the weights were changing.
    pub accuracy: f32,
    /// After the epoch.
    pub val_loss: f32,
    /// After the epoch.
    pub val_accuracy: f32,
    /// The learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Time of the epoch, validation included.
    pub seconds: f64,
}

impl EpochRecord {
    /// What a monitor looks at.
    pub fn value(&self, monitor: Monitor) -> f64 {
        f64::from(match monitor {
            Monitor::Loss => self.loss,
            Monitor::Accuracy => self.accuracy,
            Monitor::ValLoss => self.val_loss,
            Monitor::ValAccuracy => self.val_accuracy,
        })
    }

    /// The training part.
    pub fn train(&self) -> Metrics {
        Metrics { loss: self.loss, accuracy: self.accuracy }
    }

    /// The validation part.
    pub fn validation(&self) -> Metrics {
        Metrics { loss: self.val_loss, accuracy: self.val_accuracy }
    }
}

/// What a monitor sees of a history, turned so that smaller is better.
pub fn costs(history: &[EpochRecord], monitor: Monitor) -> Vec<f64> {
    history.iter().map(|record| monitor.cost(record.value(monitor))).collect()
}

/// Writes the history anew after each epoch, so that the files are always whole.
#[derive(Debug)]
pub struct HistoryFiles(RunFolder);

impl HistoryFiles {
    /// Writes into a run's folder, first what is known already, if anything.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn new(folder: &RunFolder, history: &[EpochRecord]) -> Result<Self> {
        let files = Self(folder.clone());
        files.write(history)?;
        Ok(files)
    }

    fn write(&self, history: &[EpochRecord]) -> Result<()> {
        let mut lines = String::new();
        for record in history {
            lines +=
                &serde_json::to_string(record).map_err(|error| crate::Error::Setting(error.to_string()))?;
            lines.push('\n');
        }
        self.0.write(JSON_LINES, lines.as_bytes())?;
        self.0.write(CSV, csv(history).as_bytes())
    }
}

impl Callback for HistoryFiles {
    fn epoch_end(&mut self, end: &EpochEnd) -> Result<()> {
        self.write(end.history)
    }
}

/// Losses and accuracies are written so that they read back to the same `f32`.
fn csv(history: &[EpochRecord]) -> String {
    let mut text = HEADER.to_owned();
    for record in history {
        let EpochRecord { epoch, loss, accuracy, val_loss, val_accuracy, learning_rate, seconds } = record;
        let _ = writeln!(
            text,
            "{epoch},{loss},{accuracy},{val_loss},{val_accuracy},{learning_rate},{seconds:.3}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_spreadsheets_and_programs_read_them() {
        let record = EpochRecord {
            epoch: 1,
            loss: 1.5,
            accuracy: 0.25,
            val_loss: 1.25,
            val_accuracy: 0.1,
            learning_rate: 1e-3,
            seconds: 1.2344,
        };
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&folder.path().join("run")).unwrap();
        HistoryFiles::new(&run, &[record, EpochRecord { epoch: 2, ..record }]).unwrap();
        let read = |name| std::fs::read_to_string(run.path().join(name)).unwrap();
        assert_eq!(read(CSV).lines().nth(1), Some("1,1.5,0.25,1.25,0.1,0.001,1.234"));
        let lines = read(JSON_LINES);
        assert_eq!(serde_json::from_str::<EpochRecord>(lines.lines().next().unwrap()).unwrap(), record);
        assert_eq!(lines.lines().count(), 2);
        assert_eq!(costs(&[record], Monitor::ValLoss), [1.25]);
    }
}
