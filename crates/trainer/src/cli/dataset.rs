//! `trainer dataset`.

use std::path::PathBuf;

use clap::Args;
use trainer::Result;
use trainer::overview::Overview;

use super::data::DataArgs;
use super::output;

#[derive(Args, Debug)]
pub(crate) struct DatasetArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The contact sheet to write, with some training pictures of each class
    #[arg(long, default_value = "dataset.png", value_name = "FILE.png")]
    out: PathBuf,
    /// Pictures of each class on the contact sheet
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pictures: u16,
}

impl DatasetArgs {
    pub(crate) fn run(self) -> Result<()> {
        let data = self.data.load(&self.data.apply(trainer::Config::default()))?;
        let overview = Overview::of(&data);
        output::line(&overview)?;
        output::picture(&self.out, &overview.contact_sheet(self.pictures.into())?)
    }
}
