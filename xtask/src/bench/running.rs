//! Programs that run while we wait: ended by Ctrl-C and in every other case; knows nothing of what they do.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::interrupt;
use crate::venv::last_lines;

/// How often we look after a program: seldom enough to take no time from it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// Lines of standard error to keep.
const KEPT: usize = 20;

/// A running program, killed when this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    began: Instant,
    stdout: Option<JoinHandle<String>>,
    /// Lines of standard error and when they came, until that is closed.
    stderr: Receiver<(Instant, String)>,
    /// The last of them.
    said: VecDeque<String>,
    peak_rss_mib: Option<u64>,
}

/// What a program leaves that succeeded.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) stdout: String,
    pub(super) took: Duration,
    /// As [`Running::peak_rss_mib`].
    pub(super) peak_rss_mib: Option<u64>,
}

impl Running {
    /// Starts a program whose output we read.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        interrupt::check()?;
        let began = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let (sender, stderr) = channel();
        if let Some(pipe) = child.stderr.take() {
            // Ends when the program closes its end, or when nobody listens any more.
            thread::spawn(move || {
                let lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
                for line in lines {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    if sender.send((Instant::now(), line)).is_err() {
                        break;
                    }
                }
            });
        }
        let stdout = child.stdout.take().map(|mut pipe| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                // What was read until an error is all there is.
                let _ = pipe.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        });
        Ok(Self { child, began, stdout, stderr, said: VecDeque::new(), peak_rss_mib: None })
    }

    /// Waits for a line on standard error that has `part` in it, and says how long after the start it came.
    ///
    /// # Errors
    /// If the program ends without one, or on Ctrl-C.
    pub(super) fn wait_for(&mut self, part: &str) -> Result<Duration> {
        loop {
            match self.next_line()? {
                Line::Said(at, line) if line.contains(part) => return Ok(at - self.began),
                Line::Said(..) | Line::NotYet => {}
                Line::Closed => {
                    let status = self.wait()?;
                    bail!("it ended without a line {part:?} ({status}): {}", self.last_words());
                }
            }
        }
    }

    /// Waits until the program ends.
    ///
    /// # Errors
    /// If it fails, or on Ctrl-C.
    pub(super) fn finish(mut self) -> Result<Finished> {
        while !matches!(self.next_line()?, Line::Closed) {}
        let status = self.wait()?;
        ensure!(status.success(), "{status}: {}", self.last_words());
        let stdout = self.stdout.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        Ok(Finished { stdout, took: self.began.elapsed(), peak_rss_mib: self.peak_rss_mib })
    }

    /// The most memory that the program held when we last looked, as Linux counts it; `None` elsewhere.
    pub(super) fn peak_rss_mib(&self) -> Option<u64> {
        self.peak_rss_mib
    }

    fn next_line(&mut self) -> Result<Line> {
        interrupt::check()?;
        // Gone from the list of processes, it has no memory any more.
        let peak = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        self.peak_rss_mib = peak.ok().as_deref().and_then(peak_rss_mib).max(self.peak_rss_mib);
        Ok(match self.stderr.recv_timeout(BETWEEN_LOOKS) {
            Ok((at, line)) => {
                self.said.push_back(line.clone());
                if self.said.len() > KEPT {
                    self.said.pop_front();
                }
                Line::Said(at, line)
            }
            Err(RecvTimeoutError::Timeout) => Line::NotYet,
            Err(RecvTimeoutError::Disconnected) => Line::Closed,
        })
    }

    /// The exit status; waits also for a program that closed its standard error long before it ends.
    fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            interrupt::check()?;
            if let Some(status) = self.child.try_wait().context("waiting for a program")? {
                return Ok(status);
            }
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    fn last_words(&self) -> String {
        last_lines(&self.said.iter().map(String::as_str).collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

enum Line {
    Said(Instant, String),
    NotYet,
    Closed,
}

/// The high-water mark of memory in `/proc/PID/status`.
fn peak_rss_mib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that every machine has that runs this test: the test.
    fn this_test(option: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(option);
        command
    }

    #[test]
    fn what_a_program_prints_is_read() {
        let finished = Running::start(&mut this_test("--list")).unwrap().finish().unwrap();
        assert!(finished.stdout.contains("what_a_program_prints_is_read: test"), "{}", finished.stdout);
    }

    #[test]
    fn a_program_that_fails_is_an_error() {
        let error = Running::start(&mut this_test("--no-such-option")).unwrap().finish().unwrap_err();
        assert!(error.to_string().contains("no-such-option"), "{error}");
        let mut running = Running::start(&mut this_test("--no-such-option")).unwrap();
        let error = running.wait_for("never said").unwrap_err().to_string();
        assert!(error.starts_with("it ended without a line \"never said\" ("), "{error}");
        let error = Running::start(&mut Command::new("surely-no-such-program")).unwrap_err().to_string();
        assert_eq!(error, "starting surely-no-such-program");
    }

    #[cfg(unix)]
    #[test]
    fn a_line_is_waited_for_and_the_program_ended() {
        let began = Instant::now();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one >&2; echo two >&2; exec sleep 100"]);
        let mut running = Running::start(&mut command).unwrap();
        assert!(running.wait_for("two").unwrap() < Duration::from_secs(50));
        drop(running);
        assert!(began.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn memory_is_what_linux_writes() {
        assert_eq!(peak_rss_mib("VmPeak:\t 9 kB\nVmHWM:\t   20481 kB\nVmRSS:\t 1 kB\n"), Some(20));
        assert_eq!(peak_rss_mib("Name:\tx\n"), None);
    }
}
