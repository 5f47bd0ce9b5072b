//! The whole assignment on the built-in pictures, stopped and begun again, and an archive that lies; knows nothing of what
//! is in an archive.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use anyhow::{Context, Result, ensure};

use crate::check::Check;
use crate::processes::own_group;
use crate::submission::archive::{self, Entry};
use crate::submission::sums;
use crate::submission::unpack::Unpacked;
use crate::verification::{self, Retraining};

const OPTIONS: [&str; 6] = ["--dataset", "shapes", "--limit", "300", "--epochs", "40"];
/// Longer than the trainer takes to its first checkpoint on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What must be so.
pub(super) fn checks(folder: &Path) -> Vec<Check> {
    let temp = match tempfile::Builder::new().prefix("assignment-").tempdir_in(folder) {
        Ok(temp) => temp,
        Err(error) => return vec![Check::new("assignment: a folder for it", Err(error.to_string()))],
    };
    let told =
        |name: &str, result: Result<()>| Check::new(name, result.map_err(|error| format!("{error:#}")));
    let archive = temp.path().join("submission.zip");
    let mut checks = vec![told(
        "assignment: killed in training and begun again, it ends with an archive that trains to the same md5",
        stopped_and_begun_again(temp.path(), &archive),
    )];
    if archive.exists() {
        let name = "verify-submission --retrain: another learning rate in config.toml is another model";
        checks.push(told(name, another_rate(&archive, &temp.path().join("lie.zip"))));
    }
    checks
}

fn stopped_and_begun_again(temp: &Path, archive: &Path) -> Result<()> {
    let run = temp.join("run");
    let mut first = assignment(&run, archive)?.spawn().context("starting the assignment")?;
    let began = Instant::now();
    while !run.join("checkpoints/last.safetensors").exists() {
        let ended = first.try_wait()?.is_some();
        ensure!(!ended && began.elapsed() < PATIENCE, "the trainer wrote no checkpoint");
        thread::sleep(Duration::from_millis(1));
    }
    kill_all(&mut first)?;
    ensure!(!run.join("results.toml").exists(), "training was finished before it could be killed");
    let status = assignment(&run, archive)?.status().context("starting the assignment")?;
    ensure!(status.success(), "the second call ended with {status}");
    Ok(())
}

/// This very program, in a group of its own with what it starts.
fn assignment(run: &Path, archive: &Path) -> Result<Command> {
    let mut command = Command::new(env::current_exe().context("finding this program")?);
    // Whatever state the workspace is in.
    command
        .args(["assignment", "--retrain", "--allow-dirty", "--run-dir"])
        .arg(run)
        .arg("--out")
        .arg(archive);
    command.arg("--").args(OPTIONS);
    // Only the lines of checks go to our own standard output.
    command.stdin(Stdio::null()).stdout(io::stderr());
    own_group(&mut command);
    Ok(command)
}

/// As a machine that is switched off.
fn kill_all(program: &mut std::process::Child) -> Result<()> {
    #[cfg(unix)]
    Command::new("sh")
        .args(["-c", r#"kill -s KILL -- "-$1""#, "sh", &program.id().to_string()])
        .status()
        .context("starting sh")?;
    #[cfg(not(unix))]
    program.kill()?;
    program.wait()?;
    Ok(())
}

/// Changes a setting, and the sums to fit.
fn another_rate(honest: &Path, lie: &Path) -> Result<()> {
    let unpacked = Unpacked::open(honest)?;
    let mut entries = Vec::new();
    for name in unpacked.sha256.keys().filter(|name| *name != sums::FILE) {
        let mut content = fs::read(unpacked.folder().join(name))?;
        if name == "run/config.toml" {
            content = String::from_utf8(content)?
                .replace("learning-rate = 0.001", "learning-rate = 0.002")
                .into_bytes();
        }
        entries.push(Entry::new(name, content));
    }
    entries.push(sums::entry(&entries));
    archive::write(lie, &entries)?;
    let retraining = Retraining { data_dir: "data".into(), dataset: None };
    let mut lines = Vec::new();
    verification::checks(lie, Some(&retraining), &mut |check| lines.push(check.line()));
    for part in ["config.learning-rate was 0.001 in training", "the model has the same md5: expected"] {
        ensure!(
            lines.iter().any(|line| line.starts_with("FAIL ") && line.contains(part)),
            "expected FAIL with {part:?}, found {lines:?}"
        );
    }
    Ok(())
}
