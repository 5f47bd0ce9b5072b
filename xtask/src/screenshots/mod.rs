//! `cargo xtask screenshots`: pictures of a run; knows nothing of how they are made.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`browser`] | those of a real TensorBoard, in a real browser |

pub(crate) mod browser;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use browser::Outcome;

/// What `screenshots` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The folder of the run
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// Where the pictures are put
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Takes the pictures.
///
/// # Errors
/// If they cannot be taken or written.
pub(crate) fn run(options: &Options) -> Result<()> {
    let pictures = match browser::take(&options.run)? {
        Outcome::Taken(pictures) => pictures,
        Outcome::Missing(what) => bail!("{what}"),
    };
    fs::create_dir_all(&options.out).with_context(|| format!("creating {}", options.out.display()))?;
    for (name, png) in &pictures.files {
        let path = options.out.join(name);
        fs::write(&path, png).with_context(|| format!("writing {}", path.display()))?;
    }
    let (count, out) = (pictures.files.len(), options.out.display());
    tracing::info!(
        "{count} pictures by TensorBoard {} and {} in {out}",
        pictures.tensorboard,
        pictures.browser
    );
    Ok(())
}
