//! The TensorBoard process: started, asked, ended whatever happens; knows nothing of what it is asked.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use reqwest::Url;
use reqwest::blocking::{Client, Response};
use tempfile::TempDir;

use super::Loader;
use crate::processes::own_group;
use crate::venv::{Venv, last_lines};

/// How long TensorBoard may take until it answers, on a slow machine and started for the first time.
const STARTING: Duration = Duration::from_secs(120);
const ANSWERING: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// The file for what it prints.
const LOG: &str = "tensorboard.log";

const SERVE: &str = include_str!("serve.py");
pub(super) const HAS_DATA_SERVER: &str =
    "import tensorboard_data_server; print(tensorboard_data_server.server_binary() is not None)";

/// A running TensorBoard; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// For what it prints and its other files.
    folder: TempDir,
    address: Url,
    client: Client,
}

impl Server {
    /// Starts TensorBoard on `logdir`, on a free port of 127.0.0.1, and waits until it answers. What it
    /// writes goes to a new folder under `parent`, which goes with it.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) fn start(venv: &Venv, loader: Loader, logdir: &Path, parent: &Path) -> Result<Self> {
        let fast = loader == Loader::Fast;
        let folder = tempfile::Builder::new()
            .prefix("tensorboard-")
            .tempdir_in(parent)
            .with_context(|| format!("making a folder in {}", parent.display()))?;
        let log = folder.path().join(LOG);
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        // Not through a proxy, whatever the user's environment says.
        let client =
            Client::builder().no_proxy().timeout(ANSWERING).build().context("making an HTTP client")?;
        let mut command = venv.python();
        command
            .args(["-c", SERVE, "--logdir"])
            .arg(logdir)
            // The system chooses a port that is free, and TensorBoard prints it.
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                &format!("--load_fast={fast}"),
                "--reload_interval",
                "1",
            ])
            // Should this program be killed, serve.py removes it.
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(file.try_clone().context("sharing the log")?)
            .stderr(file);
        own_group(&mut command);
        let child = command.spawn().context("starting Python")?;
        let nowhere = Url::parse("http://127.0.0.1/").context("an address")?;
        let mut server = Self { child, folder, address: nowhere, client };
        server.address = server.wait_for_address()?;
        Ok(server)
    }

    /// The text at a path of its HTTP interface, asked for with a query.
    ///
    /// # Errors
    /// If it does not answer, or answers that it has no such thing.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<String> {
        let url = self.url(path, query);
        text(&url, self.client.get(url.clone()).send())
    }

    /// The bytes at a path, asked for with a query.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) fn get_bytes(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<u8>> {
        let url = self.url(path, query);
        let answer = succeeded(&url, self.client.get(url.clone()).send())?;
        Ok(answer.bytes().with_context(|| format!("reading {url}"))?.to_vec())
    }

    /// The text that is answered to a question in JSON, posted to a path.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) fn post(&self, path: &str, question: &str) -> Result<String> {
        let url = self.url(path, &[]);
        let request = self.client.post(url.clone()).header("Content-Type", "application/json");
        text(&url, request.body(question.to_owned()).send())
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.address.clone();
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Its address, which ends in a slash.
    pub(crate) fn address(&self) -> &str {
        self.address.as_str()
    }

    /// # Errors
    /// If the process has ended, or on Ctrl-C.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        crate::interrupt::check()?;
        match self.child.try_wait().context("looking after TensorBoard")? {
            None => Ok(()),
            Some(status) => Err(anyhow!("TensorBoard ended ({status}): {}", self.last_words())),
        }
    }

    /// The last lines that it printed.
    pub(crate) fn last_words(&self) -> String {
        last_lines(&self.printed())
    }

    fn printed(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join(LOG)).unwrap_or_default()).into_owned()
    }

    fn wait_for_address(&mut self) -> Result<Url> {
        let end = Instant::now() + STARTING;
        loop {
            if let Some(address) = address(&self.printed()) {
                return Url::parse(&address).with_context(|| format!("TensorBoard's address {address:?}"));
            }
            self.check_alive()?;
            if Instant::now() > end {
                bail!("TensorBoard does not answer after {} s: {}", STARTING.as_secs(), self.last_words());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Should this program be killed, TensorBoard sees the end of its input instead (serve.py), and so does
        // its data server when TensorBoard has ended in either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn succeeded(url: &Url, answer: reqwest::Result<Response>) -> Result<Response> {
    let answer = answer.with_context(|| format!("asking {url}"))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let why = answer.text().unwrap_or_default();
    bail!("{url} answers {status}: {}", last_lines(&why))
}

fn text(url: &Url, answer: reqwest::Result<Response>) -> Result<String> {
    succeeded(url, answer)?.text().with_context(|| format!("reading {url}"))
}

/// The address in TensorBoard's greeting "TensorBoard 2.21.0 at http://127.0.0.1:6006/ (Press CTRL+C to quit)",
/// once that line is whole.
fn address(log: &str) -> Option<String> {
    let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let greeting =
        lines.filter(|line| line.starts_with("TensorBoard ")).find_map(|line| line.split_once(" at "))?.1;
    greeting.split_whitespace().next().filter(|word| word.starts_with("http://")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_has_the_address() {
        let check =
            |log: &str, expected: Option<&str>| assert_eq!(address(log).as_deref(), expected, "{log}");
        let note = "TensorFlow installation not found - running with reduced feature set.\n";
        let greeting = "TensorBoard 2.21.0 at http://127.0.0.1:39501/ (Press CTRL+C to quit)";
        check("", None);
        check(note, None);
        check(&format!("{note}{greeting}\n"), Some("http://127.0.0.1:39501/"));
        // Cut where it could be taken for another port.
        check(&format!("{note}{}", &greeting[..40]), None);
        check("TensorBoard could not bind to port 6006 at all\n", None);
    }
}
