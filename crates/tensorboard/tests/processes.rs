//! Event files of several processes at once, and of processes that are killed. This test program starts itself again as
//! the other process.

// Clippy knows the tests themselves, not the functions they share.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::HashSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tensorboard::{EventReader, Keep, Run, Writer};

/// Where another process is to write; set only there.
const DIR: &str = "TENSORBOARD_TEST_DIR";
const FILES_EACH: usize = 25;

fn other_process(test: &str, dir: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DIR, dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The folder, in another process.
fn here() -> Option<PathBuf> {
    env::var_os(DIR).map(PathBuf::from)
}

fn event_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Starts files, each after all that are there when it begins.
fn start_files(dir: &Path) {
    for _ in 0..FILES_EACH {
        let before = event_files(dir);
        let path = Writer::create(dir).unwrap().path().to_owned();
        assert!(before.last().is_none_or(|last| *last < path), "{path:?} after {before:?}");
    }
}

#[test]
fn each_process_names_its_files_after_those_that_are_there() {
    if let Some(dir) = here() {
        return start_files(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let others: Vec<Child> = (0..3)
        .map(|_| other_process("each_process_names_its_files_after_those_that_are_there", dir.path()))
        .collect();
    start_files(dir.path());
    for other in others {
        assert!(other.wait_with_output().unwrap().status.success());
    }
    // None took the name of another's, and none was written twice.
    let files = event_files(dir.path());
    assert_eq!(files.len(), 4 * FILES_EACH);
    for file in &files {
        assert_eq!(EventReader::new(fs::File::open(file).unwrap()).map(Result::unwrap).count(), 1);
    }
    assert_eq!(files.iter().collect::<HashSet<_>>().len(), files.len());
}

/// Writes without end, and says how many points are flushed.
fn write_until_killed(dir: &Path) {
    let mut writer = Writer::create(dir).unwrap();
    let mut stdout = std::io::stdout();
    for step in 0u32.. {
        writer.scalar("loss", step, step).unwrap();
        writer.histogram("kernel", step, &[0.5f32, f64::from(step) as f32]).unwrap();
        if step % 100 == 99 {
            writer.flush().unwrap();
            writeln!(stdout, "flushed {}", step + 1).unwrap();
        }
    }
}

#[test]
fn a_killed_process_loses_at_most_what_was_not_flushed() {
    if let Some(dir) = here() {
        return write_until_killed(&dir);
    }
    for lines in [1, 7, 30] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = other_process("a_killed_process_loses_at_most_what_was_not_flushed", dir.path());
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut flushed = 0;
        for _ in 0..lines {
            let line = said.by_ref().map(Result::unwrap).find(|line| line.contains("flushed")).unwrap();
            flushed = line.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let steps = |dir: &Path| -> Vec<i64> {
            Run::open(dir).unwrap().scalars("loss").unwrap().iter().map(|point| point.step.0).collect()
        };
        let left = steps(dir.path());
        assert!(left.len() >= flushed, "{} of {flushed}", left.len());
        assert_eq!(left, (0..left.len() as i64).collect::<Vec<_>>(), "all up to one");
        // And it can be taken up.
        let mut writer = Writer::resume(dir.path(), Keep::All).unwrap();
        writer.scalar("loss", left.len(), 1.0).unwrap();
        writer.close().unwrap();
        assert_eq!(steps(dir.path()).len(), left.len() + 1);
    }
}

#[test]
fn a_process_that_waits_has_written_what_it_had_to_say() {
    if let Some(dir) = here() {
        let mut writer = Writer::create(dir).unwrap();
        writer.scalar("loss", 7, 0.5).unwrap();
        std::thread::sleep(Duration::from_secs(600));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = other_process("a_process_that_waits_has_written_what_it_had_to_say", dir.path());
    let began = Instant::now();
    // Without any further call: by time alone.
    while Run::open(dir.path()).and_then(|run| run.scalars("loss")).map_or(0, |points| points.len()) == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing after a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
