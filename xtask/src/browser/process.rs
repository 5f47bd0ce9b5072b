//! The browser's process and its profile, gone whatever happens; knows nothing of what is said to it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::processes::own_group;
use crate::venv::last_lines;

/// How long the browser may take until it listens, on a slow machine and started for the first time.
const STARTING: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The file in its profile in which the browser writes where it listens.
const ACTIVE_PORT: &str = "DevToolsActivePort";

/// No window, no graphics card, no first-run pages, and nothing asked of the network by itself.
const FLAGS: [&str; 20] = [
    "--headless",
    "--remote-debugging-port=0",
    "--disable-gpu",
    // Pages in WebGL are drawn by the processor; they are our own.
    "--enable-unsafe-swiftshader",
    // Containers often have a very small /dev/shm.
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--hide-scrollbars",
    "--mute-audio",
    // Without these it asks the user's own store of keys.
    "--password-store=basic",
    "--use-mock-keychain",
];

/// Is told the browser's process group, waits for the end of its input, which is the end of this program in whatever
/// way, and then kills that group and removes the profile. Not every `kill` takes `--` after `-KILL`.
#[cfg(unix)]
const WATCH: &str = r#"read -r group; cat; [ -z "$group" ] || kill -s KILL -- "-$group"
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }"#;

/// Where a browser or one of its pages takes DevTools connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// A port of 127.0.0.1.
    pub(super) port: u16,
    /// The path of the WebSocket.
    pub(super) path: String,
}

impl Endpoint {
    /// The endpoint of one page of this browser.
    pub(super) fn page(&self, target: &str) -> Self {
        Self { port: self.port, path: format!("/devtools/page/{target}") }
    }
}

/// A running browser; when this is dropped it is killed, with all its helpers.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// What ends the browser should this program be killed; on Unix.
    watch: Option<Child>,
    endpoint: Endpoint,
    /// It goes with the process.
    _profile: TempDir,
}

impl Process {
    /// Starts a browser with an empty profile in a new folder under `parent` and waits until it listens.
    ///
    /// # Errors
    /// If it ends or does not listen: with the last lines it printed.
    pub(super) fn start(program: &Path, parent: &Path) -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("browser-")
            .tempdir_in(parent)
            .with_context(|| format!("making a folder in {}", parent.display()))?;
        let log = profile.path().join("browser.log");
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let user_data = profile.path().join("profile");
        let mut command = Command::new(program);
        command
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", user_data.display()))
            .args(as_root(profile.path()).then_some("--no-sandbox"))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("sharing the log")?)
            .stderr(file);
        // What is installed is often a script that starts the browser proper.
        own_group(&mut command);
        // There before the browser is: without one, no browser would be left.
        #[cfg(unix)]
        let watch = Some(watch(profile.path())?);
        #[cfg(not(unix))]
        let watch = None;
        let child = command.spawn().context("it cannot be started")?;
        let nowhere = Endpoint { port: 0, path: String::new() };
        let mut process = Self { child, watch, endpoint: nowhere, _profile: profile };
        process.tell_watch()?;
        process.endpoint = process.wait_for_endpoint(&user_data.join(ACTIVE_PORT), &log)?;
        Ok(process)
    }

    /// Tells the watch what to kill.
    fn tell_watch(&mut self) -> Result<()> {
        match self.watch.as_mut().and_then(|watch| watch.stdin.as_mut()) {
            Some(watch) => tell(watch, &self.child),
            None => Ok(()),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn wait_for_endpoint(&mut self, active_port: &Path, log: &Path) -> Result<Endpoint> {
        let end = Instant::now() + STARTING;
        let printed = || String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
        loop {
            if let Some(endpoint) = fs::read_to_string(active_port).ok().and_then(|text| endpoint(&text)) {
                return Ok(endpoint);
            }
            // A packaged browser may see another file system, with its profile in it.
            if let Some(endpoint) = greeting(&printed()) {
                return Ok(endpoint);
            }
            if let Some(status) = self.child.try_wait().context("looking after the browser")? {
                bail!("it ended ({status}): {}", last_lines(&printed()));
            }
            if Instant::now() > end {
                bail!("it does not listen after {} s: {}", STARTING.as_secs(), last_lines(&printed()));
            }
            thread::sleep(BETWEEN_LOOKS);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(watch) = &mut self.watch {
            drop(watch.stdin.take());
            let _ = watch.wait();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tell(watch: &mut ChildStdin, browser: &Child) -> Result<()> {
    writeln!(watch, "{}", browser.id()).context("telling sh about the browser")
}

#[cfg(unix)]
fn watch(profile: &Path) -> Result<Child> {
    let mut command = Command::new("sh");
    command
        .args(["-c", WATCH, "sh"])
        .arg(profile)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    own_group(&mut command);
    command.spawn().context("starting sh")
}

/// Whether this program runs as root, under whom the browser's sandbox does not work: as the owner of a folder
/// that it made tells.
#[cfg(unix)]
fn as_root(made: &Path) -> bool {
    fs::metadata(made).is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0)
}

#[cfg(not(unix))]
fn as_root(_made: &Path) -> bool {
    false
}

/// What the browser writes into its profile: the port and the path, a line each.
fn endpoint(text: &str) -> Option<Endpoint> {
    let (port, path) = text.split_once('\n')?;
    let path = path.trim_end();
    path.starts_with("/devtools/").then_some(())?;
    Some(Endpoint { port: port.trim_end().parse().ok()?, path: path.to_owned() })
}

/// What it prints: "DevTools listening on ws://127.0.0.1:36901/devtools/browser/0f8c...", once the line is whole.
fn greeting(log: &str) -> Option<Endpoint> {
    let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let address = lines.filter_map(|line| line.split_once("DevTools listening on ws://")).next()?.1;
    let (host, path) = address.split_once('/')?;
    endpoint(&format!("{}\n/{path}", host.rsplit_once(':')?.1))
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::io::{BufRead, BufReader};

    use super::*;

    #[test]
    fn where_the_browser_listens() {
        let at = |port, path: &str| Some(Endpoint { port, path: path.to_owned() });
        let file = |text: &str, expected| assert_eq!(endpoint(text), expected, "{text:?}");
        file("", None);
        file("36901", None);
        file("36901\n", None);
        file("36901\n/devtools/browser/0f-8c", at(36901, "/devtools/browser/0f-8c"));
        file("36901\r\n/devtools/browser/0f-8c\r\n", at(36901, "/devtools/browser/0f-8c"));
        file("port\n/devtools/browser/0f-8c", None);
        let log = |text: &str, expected| assert_eq!(greeting(text), expected, "{text:?}");
        let line = "DevTools listening on ws://127.0.0.1:36901/devtools/browser/0f-8c";
        log("", None);
        // Not whole yet.
        log(line, None);
        log(&format!("warning: a\n\n{line}\nmore\n"), at(36901, "/devtools/browser/0f-8c"));
    }

    #[test]
    fn pages_are_beside_the_browser() {
        let browser = Endpoint { port: 7, path: "/devtools/browser/0f".to_owned() };
        assert_eq!(browser.page("A1"), Endpoint { port: 7, path: "/devtools/page/A1".to_owned() });
    }

    #[cfg(unix)]
    #[test]
    fn whoever_watches_kills_all_and_removes_the_profile() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("profile");
        fs::create_dir(&profile).unwrap();
        // As an installed browser is: a script that starts another program, which says who it is.
        let mut browser = Command::new("sh");
        browser.args(["-c", "sleep 60 & echo $!; wait"]).stdout(Stdio::piped());
        own_group(&mut browser);
        let mut browser = browser.spawn().unwrap();
        let mut helper = String::new();
        BufReader::new(browser.stdout.take().unwrap()).read_line(&mut helper).unwrap();
        let mut watch = watch(&profile).unwrap();
        tell(watch.stdin.as_mut().unwrap(), &browser).unwrap();
        drop(watch.stdin.take());
        watch.wait().unwrap();
        assert!(!browser.wait().unwrap().success());
        assert!(!profile.exists());
        // It may still wait for somebody to ask how it ended.
        let state = Command::new("ps").args(["-o", "stat=", "-p", helper.trim()]).output().unwrap().stdout;
        let state = String::from_utf8(state).unwrap();
        assert!(state.trim().is_empty() || state.starts_with('Z'), "{state}");
    }

    /// Any program will do for a browser that never listens.
    #[cfg(unix)]
    #[test]
    fn a_program_that_ends_is_told_with_its_last_words() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("browser");
        fs::write(&program, "#!/bin/sh\necho cannot open the display >&2\nexit 3\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let error = format!("{:#}", Process::start(&program, folder.path()).unwrap_err());
        assert!(error.contains("exit status: 3") && error.contains("cannot open the display"), "{error}");
        // Only the program is left, no profile.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
