//! Values in hand, written by our own library, against what TensorBoard's data API says of them.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`ask`] | questions to the API, and answers against what is expected |
//! | [`curves`] | scalars, histograms, distributions, PR curves, custom scalars |
//! | [`media`] | images, sounds, texts, tables |
//! | [`graphs`] | graphs of operations and of layers |
//! | [`hparams`] | hyperparameters and metrics of sessions |
//! | [`space`] | meshes, points of the projector |

mod ask;
mod curves;
mod graphs;
mod hparams;
mod media;
mod space;

use std::path::Path;

use anyhow::{Context, Result};

use super::tensorboard::start_each;
use crate::check::Check;
use crate::tensorboard::{Loader, Server, settled};
use crate::venv::Venv;
use ask::Ask;

/// One kind of value: its run is named as it is.
struct Kind {
    /// As the data API names it.
    name: &'static str,
    /// Writes its run into a folder.
    write: fn(&Path) -> Result<()>,
    /// Whether TensorBoard says what was written; an error tells what else.
    says: fn(&Ask<'_>) -> Result<()>,
}

/// In the order of TensorBoard's tabs.
const KINDS: [Kind; 12] = [
    curves::SCALARS,
    curves::CUSTOM_SCALARS,
    media::IMAGES,
    media::AUDIO,
    graphs::GRAPHS,
    curves::DISTRIBUTIONS,
    curves::HISTOGRAMS,
    media::TEXT,
    curves::PR_CURVES,
    hparams::HPARAMS,
    space::MESH,
    space::PROJECTOR,
];

/// The checks with both loaders. Everything is written in a new folder under `parent`.
///
/// # Errors
/// If the values cannot be written.
pub(super) fn checks(venv: &Venv, parent: &Path) -> Result<Vec<Check>> {
    let temp = tempfile::Builder::new()
        .prefix("values-")
        .tempdir_in(parent)
        .with_context(|| format!("making a folder in {}", parent.display()))?;
    let logdir = temp.path().join("logs");
    tracing::info!("writing {} kinds of values and asking TensorBoard for them", KINDS.len());
    for kind in &KINDS {
        (kind.write)(&logdir.join(kind.name)).with_context(|| format!("writing {}", kind.name))?;
    }
    let servers = start_each(venv, &logdir, temp.path());
    Ok(servers.into_iter().flat_map(|(loader, server)| of_loader(loader, server)).collect())
}

fn of_loader(loader: Loader, started: Result<Option<Server>>) -> Vec<Check> {
    let subject = format!("data API ({})", loader.name());
    let mut server = match started {
        Ok(Some(server)) => server,
        Ok(None) => return vec![Check::skipped(subject, "its data server is not made for this platform")],
        Err(error) => {
            return vec![Check::new(format!("{subject}: it starts and answers"), Err(format!("{error:#}")))];
        }
    };
    let check = |kind: &Kind| {
        let said = settled(&mut server, |server| (kind.says)(&Ask::new(server, kind.name)));
        Check::new(format!("{subject}: {} as written", kind.name), said.map_err(|error| format!("{error:#}")))
    };
    KINDS.iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tensorboard::Run;

    use super::*;

    #[test]
    fn every_kind_is_written_into_a_run_of_its_own() {
        let logdir = tempfile::tempdir().unwrap();
        let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        for kind in &KINDS {
            let folder = logdir.path().join(kind.name);
            (kind.write)(&folder).unwrap();
            assert!(Run::open(&folder).unwrap().read().is_ok(), "{}", kind.name);
        }
    }
}
