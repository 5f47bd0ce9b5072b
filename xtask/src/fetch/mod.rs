//! `cargo xtask fetch-cifar`: CIFAR-10 into the data folder, whole or not at all; knows nothing of training.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`download`] | one file over HTTP, resumed after a break |
//! | [`archive`] | what the official archive is; checking and unpacking it |
//! | [`hub`] | the parquet files of the Hugging Face hub |
//! | [`import`] | archive, unpacked folder or parquet files from this machine |
//! | [`place`] | the data folder: working folders, one rename, clearing up |
//! | [`progress`], [`sniff`] | a bar or lines; what a file is by its first bytes |

mod archive;
mod download;
mod hub;
mod import;
mod place;
mod progress;
mod sniff;
#[cfg(test)]
mod test_hub;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use clap::ValueEnum;
use clap::error::ErrorKind;
use dataset::{FetchRecord, Source, record};
use reqwest::Url;

use archive::ArchiveFacts;
use download::Patience;
use import::Found;
use place::DataDir;

/// Where the official archive lies.
const HOME: &str = "https://www.cs.toronto.edu/~kriz/";

/// Options of `fetch-cifar`.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Where to fetch from
    #[arg(long, value_enum, default_value_t, conflicts_with = "from")]
    source: Origin,
    /// Another server with the official archive: the archive's URL, or that of the folder it is in
    #[arg(long, value_name = "URL", value_parser = parse_url, conflicts_with = "from")]
    mirror: Option<Url>,
    /// Import, without network: the archive, an unpacked folder, or a folder of the hub's parquet files
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// The data folder, relative to the current one
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    data_dir: PathBuf,
}

impl Options {
    /// The data folder.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Origin {
    /// The official binary archive, checked by size, MD5 and SHA-256
    #[default]
    Toronto,
    /// The parquet files of uoft-cs/cifar10 on the Hugging Face hub (honours HF_ENDPOINT and HF_HOME)
    Hub,
}

/// Runs `fetch-cifar`.
///
/// # Errors
/// If the dataset cannot be had or is not right; the data folder is then as before, but for a partial
/// download that the message names.
pub(crate) fn run(options: &Options) -> Result<()> {
    let way = Way::of(options)?;
    let task = Task { facts: archive::OFFICIAL, patience: Patience::default() };
    task.run(&way, &options.data_dir)
}

/// Where this run takes the dataset from.
#[derive(Debug)]
enum Way {
    Archive(Url),
    Hub,
    Import(PathBuf),
}

impl Way {
    fn of(options: &Options) -> Result<Self> {
        match (&options.from, options.source, &options.mirror) {
            (Some(path), ..) => Ok(Self::Import(path.clone())),
            (None, Origin::Hub, Some(_)) => {
                let message = "--mirror is for the archive: HF_ENDPOINT names another server of the hub\n";
                Err(clap::Error::raw(ErrorKind::ArgumentConflict, message).into())
            }
            (None, Origin::Hub, None) => Ok(Self::Hub),
            (None, Origin::Toronto, mirror) => {
                let home = mirror.clone().map_or_else(|| parse_url(HOME), Ok)?;
                Ok(Self::Archive(archive_url(home, archive::OFFICIAL.name)))
            }
        }
    }
}

/// What a run is about; other than the constants only in tests.
struct Task<'a> {
    facts: ArchiveFacts<'a>,
    patience: Patience,
}

impl Task<'_> {
    fn run(&self, way: &Way, data_dir: &Path) -> Result<()> {
        let data = DataDir::open(data_dir, self.facts.folder)?;
        match State::of(data.target()) {
            State::Absent => {}
            State::Whole(source) => {
                report_whole(data.target(), source, way);
                return Ok(());
            }
            State::Damaged(error) => tracing::warn!(
                "{} is damaged and will be replaced once the new data is whole: {error}",
                data.target().display()
            ),
        }
        let work = data.working_folder()?;
        let new = work.path().join(self.facts.folder);
        fs::create_dir(&new).with_context(|| format!("creating {}", new.display()))?;
        let source = self.fill(&new, way, &data)?;
        FetchRecord::of_folder(&new, source)?.save(&new)?;
        data.install(&new)?;
        let _ = fs::remove_file(data.partial(self.facts.name));
        tracing::info!("{} is whole: {source}", data.target().display());
        Ok(())
    }

    /// Brings the files of the dataset into `new`.
    fn fill(&self, new: &Path, way: &Way, data: &DataDir) -> Result<Source> {
        match way {
            Way::Archive(url) => {
                let partial = data.partial(self.facts.name);
                self.archive(url, &partial)?;
                // It stays where this fails: it is verified, so the reason is a full disk or the like.
                archive::unpack(&partial, &self.facts, new).with_context(|| {
                    format!("unpacking {}, which stays for the next run", partial.display())
                })?;
                Ok(Source::Cifar10)
            }
            Way::Hub => {
                let folder = hub::download(hub::client(&self.patience)?, &self.patience)?;
                Found::Parquet(folder).import(&self.facts, new)
            }
            Way::Import(path) => Found::at(path, &self.facts)?.import(&self.facts, new),
        }
    }

    /// Brings `partial` to the whole, verified archive.
    fn archive(&self, url: &Url, partial: &Path) -> Result<()> {
        let resumed = partial.exists();
        self.download(url, partial)?;
        let mut verified = archive::verify(partial, &self.facts);
        if let Err(error) = &verified
            && resumed
        {
            tracing::warn!("{} cannot be resumed, starting again: {error:#}", partial.display());
            remove(partial)?;
            self.download(url, partial)?;
            verified = archive::verify(partial, &self.facts);
        }
        if verified.is_err() {
            // Never to be resumed.
            remove(partial)?;
        }
        verified.with_context(|| format!("{url} does not give the official archive, nothing of it is kept"))
    }

    fn download(&self, url: &Url, partial: &Path) -> Result<()> {
        let advice = "where the archive is at hand use --from PATH, otherwise --mirror URL or --source hub";
        download::download(url, self.facts.bytes, partial, &self.patience)
            .map_err(|error| anyhow!("{error:#}; {advice}"))
    }
}

/// What is in the dataset's place.
enum State {
    Absent,
    /// Every file is there and, where there is a record, as it was fetched.
    Whole(Source),
    Damaged(dataset::Error),
}

impl State {
    fn of(folder: &Path) -> Self {
        if fs::symlink_metadata(folder).is_err() {
            return Self::Absent;
        }
        let checked = if folder.join(record::FILE).exists() {
            FetchRecord::load(folder).and_then(|record| record.verify(folder).map(|()| record.source))
        } else {
            adopt(folder)
        };
        checked.map_or_else(Self::Damaged, Self::Whole)
    }
}

/// Takes a folder that somebody unpacked in the place, and records it to tell later whether it has changed.
fn adopt(folder: &Path) -> dataset::Result<Source> {
    let record = FetchRecord::of_folder(folder, Source::Cifar10Unverified)?;
    if let Err(error) = record.save(folder) {
        tracing::warn!("{error}");
    }
    Ok(record.source)
}

fn report_whole(folder: &Path, source: Source, way: &Way) {
    let folder = folder.display();
    match (way, source) {
        (Way::Archive(_), Source::Cifar10) => tracing::info!("{folder} is whole: {source}; nothing to do"),
        (Way::Archive(_), _) => tracing::warn!(
            "{folder} is whole, but not from the official archive: {source}; nothing was done, remove the \
             folder and run again to fetch the archive"
        ),
        (Way::Hub | Way::Import(_), _) => tracing::info!(
            "{folder} is whole: {source}; nothing to do (remove the folder first to have it from elsewhere)"
        ),
    }
}

fn parse_url(text: &str) -> Result<Url> {
    let url = Url::parse(text).with_context(|| format!("{text:?} is no URL"))?;
    ensure!(matches!(url.scheme(), "http" | "https"), "{text:?} is neither an http nor an https URL");
    Ok(url)
}

/// The archive's URL on a server, given that or the URL of the archive's folder.
fn archive_url(mut url: Url, name: &str) -> Url {
    if !url.path().ends_with(".tar.gz") && url.query().is_none() {
        let path = format!("{}/{name}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url
}

fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file).with_context(|| format!("removing {}", file.display()))
}
