//! The dataset that a configuration names, in its three parts.

use std::path::Path;

use dataset::split::{Split, split};
use dataset::{Dataset, binary, folder, shapes};
use streams::Seed;

use crate::config::{Config, DatasetName, IMAGE_SIZE};
use crate::record::DataRecord;
use crate::{Error, Result};

/// A dataset and its parts.
#[derive(Debug)]
pub struct Data {
    /// All pictures.
    pub dataset: Dataset,
    /// Which of them are for what.
    pub split: Split,
}

impl Data {
    /// Loads or draws the pictures and splits them. `progress` is told how many pictures of a folder are read,
    /// and of how many, from any thread.
    ///
    /// # Errors
    /// [`Error::Setting`] where a setting is out of range, [`Error::NoDataset`] or [`Error::NoFolder`] where there
    /// are no pictures; else what is wrong with them.
    pub fn load(config: &Config, data_dir: &Path, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Self> {
        config.check()?;
        let seed = Seed(config.seed);
        let dataset = match &config.dataset {
            DatasetName::Cifar10 => {
                let folder = data_dir.join(binary::FOLDER);
                if !folder.exists() {
                    return Err(Error::NoDataset(data_dir.to_owned()));
                }
                binary::load(&folder)?
            }
            DatasetName::Shapes => shapes::draw(seed, shapes::TRAIN, shapes::TEST)?,
            DatasetName::Folder(path) if !path.exists() => return Err(Error::NoFolder(path.clone())),
            DatasetName::Folder(path) => {
                folder::load(path, config.image_size.unwrap_or(IMAGE_SIZE), progress)?
            }
        };
        let split = split(&dataset, config.plan(), seed)?;
        Ok(Self { dataset, split })
    }

    /// What `config.toml` says of these pictures.
    pub fn record(&self) -> DataRecord {
        DataRecord {
            source: self.dataset.source(),
            description: self.dataset.source().to_string(),
            fingerprint: self.dataset.fingerprint().to_owned(),
            train: self.split.train.len(),
            validation: self.split.validation.len(),
            test: self.split.test.len(),
            classes: self.dataset.classes().to_vec(),
            shape: self.dataset.pictures().shape(),
        }
    }
}
