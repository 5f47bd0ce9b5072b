//! Downloads the parquet files of `uoft-cs/cifar10` from the Hugging Face hub into the hub's own cache; knows
//! nothing of what is in them.
//!
//! hf-hub reads the environment: `HF_ENDPOINT` for another server, `HF_HOME` or `HF_HUB_CACHE` for the cache,
//! `HF_TOKEN`. What is in the cache already is not downloaded again.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::{panic, thread};

use anyhow::{Context, Error, Result, bail, ensure};
use hf_hub::progress::{DownloadEvent, ProgressEvent, ProgressHandler};
use hf_hub::{HFClientBuilder, HFClientSync, HFError};

use super::download::Patience;
use super::progress::Progress;
use super::sniff::{self, Kind};
use crate::hash::hashes;

const OWNER: &str = "uoft-cs";
const NAME: &str = "cifar10";
/// The layout of the branch `main`.
const FILES: [&str; 2] =
    ["plain_text/train-00000-of-00001.parquet", "plain_text/test-00000-of-00001.parquet"];

/// Downloads the dataset's parquet files and returns the folder of the cache that holds them.
///
/// # Errors
/// If the server cannot be reached and the cache has no copy, or what it sends is not what it announced.
pub(super) fn download(client: HFClientBuilder, patience: &Patience) -> Result<PathBuf> {
    let context = "starting the client of the Hugging Face hub";
    let client = client.build().context(context)?;
    let server = client.endpoint().to_owned();
    let client = HFClientSync::from_inner(client).context(context)?;
    let mut revision = None;
    let mut folder = PathBuf::new();
    for name in FILES {
        let file = Wanted { client: &client, name, revision: revision.as_deref(), patience };
        let path = file.fetch().with_context(|| {
            format!("fetching {name} of {OWNER}/{NAME} from {server} (HF_ENDPOINT names another)")
        })?;
        // .../snapshots/COMMIT/plain_text/NAME: both files are to be of one commit.
        folder = path.ancestors().nth(2).unwrap_or(Path::new("")).to_owned();
        revision = folder.file_name().and_then(|commit| commit.to_str()).map(str::to_owned);
    }
    tracing::info!("the hub's files are in {}", folder.display());
    Ok(folder)
}

/// A client of the hub as the environment asks for it.
pub(super) fn client(patience: &Patience) -> Result<HFClientBuilder> {
    let http = reqwest::Client::builder()
        .user_agent(concat!("cargo-xtask-fetch-cifar/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(patience.connect)
        .read_timeout(patience.read)
        .build()
        .context("starting the HTTP client")?;
    Ok(HFClientBuilder::new()
        .client(http)
        .retry_max_attempts(patience.attempts.saturating_sub(1) as usize)
        // Between two tries hf-hub waits at most 2, 4, 8... times this.
        .retry_base_delay(patience.pause / 4))
}

/// One file of the dataset.
struct Wanted<'a> {
    client: &'a HFClientSync,
    name: &'static str,
    revision: Option<&'a str>,
    patience: &'a Patience,
}

/// What is to be done with a file in the cache.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cached {
    /// It is taken where it is the one that the server has, or the server is in trouble.
    Use,
    /// It is taken, and the server is not asked.
    Only,
    Replace,
}

impl Wanted<'_> {
    /// The path of the file in the cache, downloaded where it is not there or not right.
    fn fetch(&self) -> Result<PathBuf> {
        let path = self.with_patience(Cached::Use)?;
        let Err(error) = check(&path) else { return Ok(path) };
        // hf-hub keeps whatever a server sent, an error page as well.
        tracing::warn!("{error:#}; fetching it again");
        forget(&path);
        let path = self.with_patience(Cached::Replace)?;
        check(&path).inspect_err(|_| forget(&path))?;
        Ok(path)
    }

    fn with_patience(&self, cached: Cached) -> Result<PathBuf> {
        let mut failures = 0;
        loop {
            let error = match self.request(cached) {
                Some(Ok(path)) => return Ok(path),
                Some(Err(HFError::Request { source, .. })) => source.without_url(),
                Some(Err(error @ HFError::MalformedResponse { .. })) => {
                    return Err(Error::new(error).context("the server does not answer as the hub does"));
                }
                Some(Err(error)) => return Err(error.into()),
                None => {
                    return match self.request(Cached::Only) {
                        Some(Ok(path)) if cached == Cached::Use => Ok(path),
                        _ => bail!("the server does not answer: given up after {:?}", self.patience.answer()),
                    };
                }
            };
            failures += 1;
            // hf-hub itself has tried a few times, but never again where a body broke off.
            let broke_off = error.is_body() || error.is_decode();
            if failures >= self.patience.attempts || !broke_off {
                return Err(error.into());
            }
            let error = Error::new(error);
            tracing::warn!("{error:#}; trying again");
            thread::sleep(self.patience.pause * failures);
        }
    }

    /// One call of hf-hub; `None` where the server does not begin to answer in time.
    fn request(&self, cached: Cached) -> Option<Result<PathBuf, HFError>> {
        let (begun, beginning) = mpsc::channel();
        let (client, name, revision) = (self.client.clone(), self.name, self.revision.map(str::to_owned));
        // hf-hub asks first by a client of its own, which waits for ever. A thread can be left to that.
        let call = thread::spawn(move || {
            client
                .dataset(OWNER, NAME)
                .download_file()
                .filename(name)
                .maybe_revision(revision)
                .local_files_only(cached == Cached::Only)
                .force_download(cached == Cached::Replace)
                .progress(Shown { name, progress: Mutex::new(None), begun })
                .send()
        });
        match beginning.recv_timeout(self.patience.answer()) {
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            // The download has begun, or the call has ended without one.
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                Some(call.join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
            }
        }
    }
}

/// Checks that a file of the cache is parquet and, where the cache names it by its SHA-256 as the hub's large
/// files are, that it has this hash.
fn check(path: &Path) -> Result<()> {
    let context = || format!("reading {}", path.display());
    let mut file = File::open(path).with_context(context)?;
    let mut start = Vec::new();
    file.by_ref().take(sniff::ENOUGH as u64).read_to_end(&mut start).with_context(context)?;
    let kind = Kind::of(&start);
    ensure!(kind == Kind::Parquet, "the hub sent {kind} as {}, expected a parquet file", path.display());
    // snapshots/COMMIT/NAME is a link to blobs/HASH.
    let blob = fs::canonicalize(path).with_context(context)?;
    let named = blob.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if named.len() == 64 && named.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let (_, found) = hashes(start.as_slice().chain(file)).with_context(context)?;
        ensure!(found == named, "{} is damaged: its sha256 is {found}, expected {named}", path.display());
    }
    Ok(())
}

/// Removes a file from the cache, so that no program that shares it takes it for the hub's.
fn forget(path: &Path) {
    let _ = fs::canonicalize(path).and_then(fs::remove_file);
    let _ = fs::remove_file(path);
}

/// hf-hub's events as our progress.
struct Shown {
    name: &'static str,
    progress: Mutex<Option<(Progress, u64)>>,
    /// Told when the server has answered and the download begins.
    begun: mpsc::Sender<()>,
}

impl ProgressHandler for Shown {
    fn on_progress(&self, event: &ProgressEvent) {
        let ProgressEvent::Download(event) = event else { return };
        let Ok(mut progress) = self.progress.lock() else { return };
        let done = match event {
            DownloadEvent::Start { total_bytes, .. } => {
                *progress = Some((Progress::start(self.name, *total_bytes, 0), 0));
                // Nobody may be waiting any more.
                let _ = self.begun.send(());
                return;
            }
            DownloadEvent::Progress { files } => files.iter().map(|file| file.bytes_completed).max(),
            DownloadEvent::AggregateProgress { bytes_completed, .. } => Some(*bytes_completed),
            DownloadEvent::Complete => {
                *progress = None;
                return;
            }
        };
        if let (Some((progress, most)), Some(done)) = (progress.as_mut(), done) {
            *most = done.max(*most);
            progress.at(*most);
        }
    }
}

#[cfg(test)]
mod tests;
