//! `trainer report`.

use std::path::PathBuf;

use clap::Args;
use trainer::report::{REPORT_FILE, report};
use trainer::{Error, Result};

use super::runs::RunArgs;
use super::{data, output};

#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Folder that holds cifar-10-batches-bin
    #[arg(long, default_value = "data", value_name = "DIR")]
    data_dir: PathBuf,
    /// The page to write [default: report.html in the run's folder]
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
}

impl ReportArgs {
    pub(crate) fn run(self) -> Result<()> {
        let (run, network) = self.run.open()?;
        let data = data::load_of(&run, &self.data_dir)?;
        let page = report(&run, &data, &network, run.results()?.as_ref())?;
        let path = self.out.unwrap_or_else(|| run.folder.join(REPORT_FILE));
        whole::write(&path, page.as_bytes()).map_err(|cause| Error::Io {
            action: "write",
            path: path.clone(),
            cause,
        })?;
        output::line(path.display())
    }
}
