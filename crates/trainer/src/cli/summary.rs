//! `trainer summary`.

use clap::Args;
use dataset::Shape;
use model::Summary;
use trainer::Result;
use trainer::config::NetworkChoice;

use super::output;

#[derive(Args, Debug)]
pub(crate) struct SummaryArgs {
    /// Network: `tutorial`, `tutorial-plus`, or a TOML file with layers
    #[arg(long, default_value = "tutorial", value_name = "MODEL")]
    model: String,
    /// Height and width of the pictures
    #[arg(long, default_value_t = 32, value_name = "PIXELS")]
    image_size: usize,
    /// Classes to tell apart
    #[arg(long, default_value_t = 10, value_name = "N")]
    classes: usize,
}

impl SummaryArgs {
    pub(crate) fn run(self) -> Result<()> {
        let shape = Shape { height: self.image_size, width: self.image_size, ..Shape::CIFAR };
        let network = NetworkChoice::named(&self.model).architecture(shape, self.classes)?;
        output::line(Summary(&network))
    }
}
