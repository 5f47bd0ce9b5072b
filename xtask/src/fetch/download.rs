//! Downloads one file of known size over HTTP, resumed after a break; knows nothing of what the file holds
//! beyond that it is a gzip file.
//!
//! The bytes gather in a partial file. It is appended to and never shortened below what earlier attempts
//! brought, so that a break loses nothing. Whether the whole is right is for the caller to check.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow, bail};
use indicatif::HumanBytes;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, HeaderMap, RANGE};
use reqwest::{StatusCode, Url};

use super::progress::Progress;
use super::sniff::{self, Kind};

/// How long a download waits, and how often it tries.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    /// Attempts in a row that bring (almost) nothing, after which the download is given up.
    pub(super) attempts: u32,
    /// The pause after the first failure; it doubles with each further one.
    pub(super) pause: Duration,
    /// For the connection to be made.
    pub(super) connect: Duration,
    /// For the answer to begin, and then for every single read.
    pub(super) read: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 4,
            pause: Duration::from_secs(1),
            connect: Duration::from_secs(20),
            read: Duration::from_secs(30),
        }
    }
}

impl Patience {
    /// For a server, from nothing to the beginning of its answer.
    pub(super) fn answer(&self) -> Duration {
        self.connect + self.read
    }
}

/// An attempt that brought this many bytes counts as progress: the failures before it are forgotten.
const WORTHWHILE: u64 = 1 << 20;
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Brings `partial` to exactly `bytes` bytes, those of the file at `url`. What is in it already is taken for
/// the file's beginning.
///
/// # Errors
/// If the server cannot be reached after a few attempts, refuses, or has something else than a gzip file of
/// this size. The partial file may then stay, to be resumed, and the message names it.
pub(super) fn download(url: &Url, bytes: u64, partial: &Path, patience: &Patience) -> Result<()> {
    let client = client(url, patience)?;
    if length(partial)? > bytes {
        // No beginning of this file is that long.
        fs::remove_file(partial).with_context(|| format!("removing {}", partial.display()))?;
    }
    let transfer = Transfer { client: &client, url, bytes, partial };
    let Err(error) = transfer.with_patience(patience) else { return Ok(()) };
    let kept = length(partial).unwrap_or(0);
    if kept == 0 {
        // Absent, or made by us and still empty.
        let _ = fs::remove_file(partial);
        return Err(error).with_context(|| format!("fetching {url}"));
    }
    let (kept, bytes) = (HumanBytes(kept), HumanBytes(bytes));
    let partial = partial.display();
    bail!(
        "fetching {url}: {error:#}; {kept} of {bytes} are kept in {partial}, the next run goes on from there"
    )
}

fn client(url: &Url, patience: &Patience) -> Result<Client> {
    Client::builder()
        .user_agent(concat!("cargo-xtask-fetch-cifar/", env!("CARGO_PKG_VERSION")))
        // A redirect must not lead from HTTPS to HTTP.
        .https_only(url.scheme() == "https")
        .connect_timeout(patience.connect)
        // The blocking client waits this long for the answer and for each read, not for the whole.
        .timeout(patience.read)
        .build()
        .context("starting the HTTP client")
}

/// Why an attempt ended early.
enum Failure {
    /// Trying again may help.
    Broken(Error),
    /// The server does not do ranges as it should; trying again without may help.
    BadRange(Error),
    /// Trying again will not help.
    Final(Error),
}

impl Failure {
    /// Where it was met, in front of what it was.
    fn context(self, place: String) -> Self {
        match self {
            Self::Broken(error) => Self::Broken(error.context(place)),
            Self::BadRange(error) => Self::BadRange(error.context(place)),
            Self::Final(error) => Self::Final(error.context(place)),
        }
    }
}

/// How an attempt goes on from what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resume {
    /// Asks for the rest only.
    Range,
    /// Asks for the whole and passes over what is there.
    Skip,
}

struct Transfer<'a> {
    client: &'a Client,
    url: &'a Url,
    bytes: u64,
    partial: &'a Path,
}

impl Transfer<'_> {
    fn with_patience(&self, patience: &Patience) -> Result<()> {
        let mut failures = 0;
        let mut resume = Resume::Range;
        loop {
            let before = length(self.partial)?;
            if before == self.bytes {
                return Ok(());
            }
            let error = match self.attempt(before, resume) {
                Ok(()) => return Ok(()),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Broken(error)) => error,
                Err(Failure::BadRange(error)) => {
                    resume = Resume::Skip;
                    error
                }
            };
            let gained = length(self.partial)?.saturating_sub(before);
            failures = if gained >= WORTHWHILE { 1 } else { failures + 1 };
            if failures >= patience.attempts {
                return Err(error.context(format!("given up after {failures} attempts")));
            }
            let pause = (patience.pause * 2u32.pow(failures.min(10) - 1)).min(LONGEST_PAUSE);
            tracing::warn!("{error:#}; trying again in {} s", pause.as_secs_f32());
            thread::sleep(pause);
        }
    }

    /// One request, from byte `have` on.
    fn attempt(&self, have: u64, resume: Resume) -> Result<(), Failure> {
        let mut request = self.client.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        if have > 0 && resume == Resume::Range {
            request = request.header(RANGE, format!("bytes={have}-"));
        }
        let response = request.send().map_err(|error| {
            let hopeless = error.is_builder() || error.is_redirect();
            let error = Error::new(error.without_url());
            if hopeless { Failure::Final(error) } else { Failure::Broken(error) }
        })?;
        let elsewhere = (response.url() != self.url).then(|| place(response.url()));
        self.take(response, have).map_err(|failure| match elsewhere {
            Some(place) => failure.context(format!("the server redirects to {place}")),
            None => failure,
        })
    }

    /// Takes what the server answers to a request from byte `have` on.
    fn take(&self, mut response: Response, have: u64) -> Result<(), Failure> {
        match response.status() {
            StatusCode::OK => {
                let start = self.check_start(&mut response)?;
                self.receive(start.as_slice().chain(response), have, have)
            }
            StatusCode::PARTIAL_CONTENT => {
                self.check_range(response.headers(), have)?;
                self.receive(response, have, 0)
            }
            status @ StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => Err(Failure::BadRange(anyhow!(
                "the server answers {status} to a request from byte {have} on"
            ))),
            status if is_transient(status) => Err(Failure::Broken(anyhow!("the server answers {status}"))),
            status => Err(Failure::Final(anyhow!("the server answers {status}"))),
        }
    }

    /// Judges an answer that starts at the file's first byte by its length and its first bytes, which are
    /// returned.
    fn check_start(&self, response: &mut Response) -> Result<Vec<u8>, Failure> {
        let length = response.content_length();
        let mut start = Vec::new();
        response.take(sniff::ENOUGH as u64).read_to_end(&mut start).map_err(broken)?;
        let kind = Kind::of(&start);
        let size = length.map_or(String::new(), |length| format!(" of {length} bytes"));
        let expected = format!("expected the gzip archive of {} bytes", self.bytes);
        if !start.is_empty() && kind != Kind::Gzip {
            return Err(Failure::Final(anyhow!("the server sends {kind}{size}, {expected}")));
        }
        match length {
            Some(length) if length != self.bytes => {
                Err(Failure::Final(anyhow!("the server has a file of {length} bytes, {expected}")))
            }
            _ => Ok(start),
        }
    }

    /// Judges the `Content-Range: bytes START-END/TOTAL` of an answer from byte `have` on.
    fn check_range(&self, headers: &HeaderMap, have: u64) -> Result<(), Failure> {
        let text = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let Some((start, total)) = content_range(text) else {
            return Err(Failure::BadRange(anyhow!("the server sends the unreadable Content-Range {text:?}")));
        };
        match total {
            Some(total) if total != self.bytes => Err(Failure::Final(anyhow!(
                "the server has a file of {total} bytes, expected the gzip archive of {} bytes",
                self.bytes
            ))),
            _ if start != have => Err(Failure::BadRange(anyhow!(
                "the server sends bytes from {start} on where those from {have} on were asked for"
            ))),
            _ => Ok(()),
        }
    }

    /// Appends `body` to the partial file of `have` bytes, passing over the first `skip` bytes of the body.
    fn receive(&self, mut body: impl Read, have: u64, mut skip: u64) -> Result<(), Failure> {
        let mut file =
            OpenOptions::new().create(true).append(true).open(self.partial).map_err(|e| self.disk(e))?;
        let name = self.url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or("download");
        let mut progress = Progress::start(name, self.bytes, have);
        let mut now = have;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let chunk = match body.read(&mut buffer) {
                Ok(0) if now == self.bytes => return Ok(()),
                Ok(0) => {
                    return Err(Failure::Broken(anyhow!(
                        "the connection ended after {now} of {} bytes",
                        self.bytes
                    )));
                }
                Ok(n) => &buffer[..n],
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // All is there; how the connection ends does not matter.
                Err(_) if now == self.bytes => return Ok(()),
                Err(error) => return Err(broken(error)),
            };
            let passed = skip.min(chunk.len() as u64);
            skip -= passed;
            let chunk = &chunk[passed as usize..];
            if now + chunk.len() as u64 > self.bytes {
                // Nothing of such an answer is kept.
                file.set_len(have).map_err(|e| self.disk(e))?;
                return Err(Failure::Final(anyhow!(
                    "the server sends more than the {} bytes of the archive: stopped",
                    self.bytes
                )));
            }
            file.write_all(chunk).map_err(|e| self.disk(e))?;
            now += chunk.len() as u64;
            progress.at(now);
        }
    }

    fn disk(&self, error: io::Error) -> Failure {
        Failure::Final(Error::new(error).context(format!("writing {}", self.partial.display())))
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::Broken(Error::new(error).context("the connection broke"))
}

/// A URL without its query, which may be long and hold a secret.
fn place(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

fn is_transient(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Reads `bytes START-END/TOTAL` (RFC 9110, 14.4) as the start and the total, where one is told.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((start.parse().ok()?, total))
}

/// The length of a file; 0 where there is none.
fn length(path: &Path) -> Result<u64> {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_file() => Ok(data.len()),
        Ok(_) => bail!("{} is not a regular file: remove it", path.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).with_context(|| format!("looking at {}", path.display())),
    }
}

#[cfg(test)]
mod tests;
