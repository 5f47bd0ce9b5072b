//! What can be chosen by a word: presets, optimizers. Their words are those of config.toml and of the
//! command line.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};

/// The settings that a run begins from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Everything as in the Keras tutorial.
    #[default]
    Tutorial,
    /// A network of the same size class with batch normalisation and dropout, with augmentation, AdamW and a
    /// one-cycle schedule.
    TutorialPlus,
}

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerName {
    /// Adam with Keras' settings.
    #[default]
    Adam,
    /// Adam with decoupled weight decay.
    Adamw,
    /// Stochastic gradient descent, with momentum where one is set.
    Sgd,
}

/// The choice that a word stands for in config.toml.
///
/// # Errors
/// A sentence that names the words there are.
pub fn choice<T: DeserializeOwned>(word: &str) -> Result<T, String> {
    let word: StrDeserializer<serde::de::value::Error> = word.into_deserializer();
    T::deserialize(word).map_err(|error| error.to_string())
}

/// The word for a choice, as config.toml has it.
pub fn word<T: Serialize>(choice: &T) -> String {
    match toml::Value::try_from(choice) {
        Ok(toml::Value::String(word)) => word,
        // Not for choices of this module.
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_choices() {
        assert_eq!(choice::<Preset>("tutorial-plus"), Ok(Preset::TutorialPlus));
        assert_eq!(word(&Preset::TutorialPlus), "tutorial-plus");
        assert_eq!(choice::<OptimizerName>("adamw").map(|name| word(&name)), Ok("adamw".into()));
        let error = choice::<OptimizerName>("lion").unwrap_err();
        assert_eq!(error, "unknown variant `lion`, expected one of `adam`, `adamw`, `sgd`");
    }
}
