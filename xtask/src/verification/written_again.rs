//! What of an archive follows from the rest of it, drawn and written again; knows nothing of training.

use anyhow::{Result, bail, ensure};

use crate::finished_run::FinishedRun;
use crate::hash::sha256;
use crate::submission::archive::Entry;
use crate::submission::contents;
use crate::submission::origin::Origin;
use crate::submission::readme;
use crate::submission::unpack::Unpacked;

/// Why a file may be another although nobody changed it.
const VERSIONS: &str = "or it was made by another version of this program";

/// That our own pictures, as they are drawn now, are in the archive.
pub(super) fn pictures(drawn: &[Entry], unpacked: &Unpacked) -> Result<()> {
    drawn.iter().try_for_each(|entry| same(&entry.name, &entry.content, unpacked))
}

/// That each README tells what is in the run's files and which pictures there are.
pub(super) fn readme(run: &FinishedRun, origin: &Origin, drawn: &[Entry], unpacked: &Unpacked) -> Result<()> {
    let drawn = drawn.iter().map(|entry| entry.name.as_str());
    let taken = unpacked.sha256.keys().map(String::as_str).filter(|name| contents::is_of_tensorboard(name));
    let pictures = contents::pictures(drawn.chain(taken));
    for entry in readme::entries(run, origin, &pictures)? {
        same(&entry.name, &entry.content, unpacked)?;
    }
    Ok(())
}

/// That the page about the run is of this model.
pub(super) fn report(run: &FinishedRun) -> Result<()> {
    let page = String::from_utf8_lossy(&run.read("report.html")?).into_owned();
    ensure!(page.contains(&run.results.model_md5), "{} is not in it", run.results.model_md5);
    Ok(())
}

/// That what is said of the run's origin is so.
pub(super) fn origin(run: &FinishedRun, origin: &Origin) -> Result<()> {
    ensure!(
        origin.run.events_sha256 == run.events_sha256()?,
        "it is of other event files, and so are the pictures of TensorBoard"
    );
    ensure!(
        origin.run.command == run.command,
        "it names the command {:?}, config.toml {:?}",
        origin.run.command,
        run.command
    );
    Ok(())
}

fn same(name: &str, content: &[u8], unpacked: &Unpacked) -> Result<()> {
    match unpacked.sha256.get(name) {
        None => bail!("there is no {name}"),
        Some(found) if *found == sha256(content) => Ok(()),
        Some(_) => bail!("{name} is not what the run's files give; {VERSIONS}"),
    }
}
