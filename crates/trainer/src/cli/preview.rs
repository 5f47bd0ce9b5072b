//! `trainer preview`.

use std::path::PathBuf;

use clap::Args;
use dataset::augment::Augmentation;
use trainer::variations::{Variations, variations};
use trainer::{Error, Result};

use super::data::DataArgs;
use super::output;

#[derive(Args, Debug)]
pub(crate) struct PreviewArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Random variations of training pictures, as in `trainer train`
    #[arg(long, default_value = "standard", value_name = "OPS")]
    augment: Augmentation,
    /// Training pictures beside each other
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pictures: u16,
    /// Epochs below each other
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    epochs: u16,
    /// The picture to write
    #[arg(long, default_value = "preview.png", value_name = "FILE.png")]
    out: PathBuf,
}

impl PreviewArgs {
    pub(crate) fn run(self) -> Result<()> {
        if self.augment.is_none() {
            let message =
                "--augment none leaves nothing to preview; expected some variations, as flip,shift:4";
            return Err(Error::Setting(message.into()));
        }
        let config = trainer::Config { augment: self.augment, ..self.data.apply(trainer::Config::default()) };
        let data = self.data.load(&config)?;
        let show = Variations { pictures: self.pictures.into(), epochs: self.epochs.into() };
        output::picture(&self.out, &variations(&data, &config, show)?)
    }
}
