//! Where training is: all that a resumed run needs besides the weights and the optimizer's moments.

use serde::{Deserialize, Serialize};

use crate::callback::{Marks, Metrics};
use crate::history::EpochRecord;

/// Where training is. Random numbers need no place here: they have names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct State {
    /// The epoch that is under way, counted from 0; as many as there are when training is done.
    pub epoch: u64,
    /// Steps of it that are done.
    pub step: u64,
    /// Steps since training began.
    pub iterations: u64,
    /// Steps that the optimizer made.
    pub optimizer_steps: u64,
    /// Seconds that this epoch's training steps took.
    pub epoch_seconds: f64,
    /// Seconds of training, validation included.
    pub seconds: f64,
    /// Why training is done, where it is before its last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// Loss and right answers of the epoch so far.
    pub sum: Sum,
    /// The places of those who listen.
    pub marks: Marks,
    /// The epochs that are done.
    #[serde(default)]
    pub history: Vec<EpochRecord>,
}

/// Running sums over pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    loss: f64,
    correct: usize,
    /// How many pictures.
    pub pictures: usize,
}

impl Sum {
    /// Adds a batch.
    pub fn add(&mut self, mean_loss: f32, correct: usize, pictures: usize) {
        self.loss += f64::from(mean_loss) * pictures as f64;
        self.correct += correct;
        self.pictures += pictures;
    }

    /// The means.
    pub fn metrics(&self) -> Metrics {
        let n = self.pictures.max(1) as f64;
        Metrics { loss: (self.loss / n) as f32, accuracy: (self.correct as f64 / n) as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_reads_back_to_the_last_bit() {
        let mut state =
            State { epoch: 3, iterations: u64::MAX / 4, epoch_seconds: 0.1 + 0.2, ..State::default() };
        state.sum.add(0.1, 3, 7);
        state.sum.add(1.0 / 3.0, 1, 3);
        state.marks.insert("train".into(), 17);
        state.history.push(EpochRecord {
            epoch: 1,
            loss: 0.1,
            accuracy: 1.0 / 3.0,
            val_loss: f32::MIN_POSITIVE,
            val_accuracy: 0.7,
            learning_rate: 1e-3 / 3.0,
            seconds: 5.0,
        });
        let text = toml::to_string(&state).unwrap();
        assert_eq!(toml::from_str::<State>(&text).unwrap(), state);
    }
}
