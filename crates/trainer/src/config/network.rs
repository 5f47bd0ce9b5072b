//! Which network to train: a built-in one by its name, or a list of layers from a TOML file.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use dataset::Shape;
use model::{Architecture, Layer};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// The names of the built-in networks.
pub const BUILT_IN: [&str; 2] = ["tutorial", "tutorial-plus"];

/// Which network to train. In TOML a word or the path of a file, or a table with layers.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum NetworkChoice {
    /// The network of the Keras tutorial.
    #[default]
    Tutorial,
    /// Of the same size class, with batch normalisation and dropout.
    TutorialPlus,
    /// A TOML file with a [`LayerList`], which is still to be read.
    File(PathBuf),
    /// These layers.
    Layers(LayerList),
}

/// A network as a list of layers: in TOML `[[layers]]` tables, each with the `type` of the layer and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerList {
    /// The model's name, the first part of its tags in TensorBoard.
    #[serde(default = "sequential")]
    pub name: String,
    /// The layers from the pictures on; the last one, dense, has the classes' logits.
    pub layers: Vec<Layer>,
}

impl NetworkChoice {
    /// The choice that a word names: a built-in network, or the path of a file.
    pub fn named(word: &str) -> Self {
        match word {
            "tutorial" => Self::Tutorial,
            "tutorial-plus" => Self::TutorialPlus,
            path => Self::File(path.into()),
        }
    }

    /// The same with the layers of a file in the place of its path, so that the choice stands alone.
    ///
    /// # Errors
    /// If the file cannot be read, or is no list of layers.
    pub fn resolved(self) -> Result<Self> {
        match self {
            Self::File(path) => Ok(Self::Layers(read(&path)?)),
            choice => Ok(choice),
        }
    }

    /// The network for pictures of this shape in so many classes.
    ///
    /// # Errors
    /// If a layer does not fit what comes in.
    pub fn architecture(&self, shape: Shape, classes: usize) -> Result<Architecture> {
        let input = [shape.height, shape.width, shape.channels];
        Ok(match self {
            Self::Tutorial => Architecture::tutorial_for(input, classes)?,
            Self::TutorialPlus => Architecture::tutorial_plus_for(input, classes)?,
            Self::File(path) => of_layers(&read(path)?, input, classes)?,
            Self::Layers(list) => of_layers(list, input, classes)?,
        })
    }
}

fn of_layers(list: &LayerList, input: [usize; 3], classes: usize) -> Result<Architecture> {
    Ok(Architecture::of(&list.name, input, classes, &list.layers)?)
}

impl fmt::Display for NetworkChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tutorial => f.write_str(BUILT_IN[0]),
            Self::TutorialPlus => f.write_str(BUILT_IN[1]),
            Self::File(path) => path.display().fmt(f),
            Self::Layers(list) => write!(f, "{} of {} layers", list.name, list.layers.len()),
        }
    }
}

impl Serialize for NetworkChoice {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Tutorial => to.serialize_str(BUILT_IN[0]),
            Self::TutorialPlus => to.serialize_str(BUILT_IN[1]),
            Self::File(path) => path.serialize(to),
            Self::Layers(list) => list.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for NetworkChoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Choice;
        impl<'de> Visitor<'de> for Choice {
            type Value = NetworkChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tutorial, tutorial-plus, the path of a file, or a table with layers")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> std::result::Result<Self::Value, E> {
                Ok(NetworkChoice::named(word))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Self::Value, A::Error> {
                LayerList::deserialize(MapAccessDeserializer::new(map)).map(NetworkChoice::Layers)
            }
        }
        from.deserialize_any(Choice)
    }
}

fn read(path: &Path) -> Result<LayerList> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let expected = "expected tutorial, tutorial-plus, or the path of a TOML file with layers";
            return Err(Error::Setting(format!(
                "--model {}: there is no such file; {expected}",
                path.display()
            )));
        }
        Err(cause) => return Err(Error::io("read", path)(cause)),
    };
    toml::from_str(&text).map_err(|error| crate::toml_file::refused(path, &text, &error))
}

fn sequential() -> String {
    "sequential".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        model: NetworkChoice,
    }

    #[test]
    fn words_paths_and_layers_read_back() {
        for text in [
            "model = \"tutorial\"\n",
            "model = \"tutorial-plus\"\n",
            "model = \"mine.toml\"\n",
            "[model]\nname = \"sequential\"\n\n[[model.layers]]\ntype = \"flatten\"\n\n[[model.layers]]\ntype = \"dense\"\n",
        ] {
            let holder: Holder = toml::from_str(text).unwrap();
            assert_eq!(toml::to_string(&holder).unwrap(), text);
        }
        let error = toml::from_str::<Holder>("model = 3").unwrap_err().to_string();
        assert!(error.contains("expected tutorial, tutorial-plus, the path of a file"), "{error}");
    }

    #[test]
    fn a_file_is_read_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.toml");
        let check = |text: &str| {
            fs::write(&path, text).unwrap();
            NetworkChoice::File(path.clone()).resolved()?.architecture(Shape::CIFAR, 10)
        };
        let network = check("[[layers]]\ntype = \"flatten\"\n[[layers]]\ntype = \"dense\"\n").unwrap();
        assert_eq!(network.layers()[1].output, [10]);
        let error =
            check("[[layers]]\ntype = \"flatten\"\n[[layers]]\ntype = \"desne\"\n").unwrap_err().to_string();
        assert!(error.contains("net.toml, line 4") && error.contains("desne"), "{error}");
        assert_eq!(error.lines().count(), 1);
        let error = check("[[layers]]\ntype = \"dense\"\n").unwrap_err().to_string();
        assert!(error.contains("[32, 32, 3]") && error.contains("flatten"), "{error}");
    }
}
