//! Disks that refuse: one clear error, nothing half written, nothing made again.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::trainer;
use crate::run_files::{check_weights, history, md5};
use crate::running::{Running, has_epochs};

/// A small file system of its own, taken away in the end.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// `None` where this user may not mount.
    fn mount(at: PathBuf, megabytes: u32) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&at).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(at))
    }

    fn grow(&self, megabytes: u32) {
        let options = format!("remount,size={megabytes}m");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// The one error on stderr.
#[track_caller]
fn check_error(stderr: &str, expected: [&str; 2]) {
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(matches!(errors[..], [error] if expected.iter().all(|it| error.contains(it))), "{stderr}");
}

#[test]
fn a_full_disk_keeps_the_last_checkpoint_and_training_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let options = "--dataset shapes --limit 60 --epochs 3 --quiet";
    // Room for the best weights and one checkpoint, not for the second one beside the first.
    let Some(disk) = Tmpfs::mount(folder.path().join("disk"), 3) else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    let ended = trainer(folder.path(), &format!("{options} --run-dir disk/run")).with(1);
    check_error(&ended.stderr, ["cannot write disk/run/checkpoints/", "No space left on device"]);
    assert!(ended.stderr.contains("go on with: trainer train --resume disk/run\n"), "{}", ended.stderr);
    let run = folder.path().join("disk/run");
    check_weights(&run.join("checkpoints/last.safetensors"));
    check_weights(&run.join("checkpoints/best.safetensors"));
    assert!(!run.join("model.safetensors").exists());

    disk.grow(20);
    trainer(folder.path(), "train --resume disk/run --quiet").with(0);
    trainer(folder.path(), &format!("{options} --run-dir whole")).with(0);
    assert_eq!(md5(&run), md5(&folder.path().join("whole")));
    assert_eq!(history(&run).len(), 3);
}

#[test]
fn a_run_folder_that_is_deleted_ends_the_run_and_is_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut program = Running::start(
        folder.path(),
        "--dataset shapes --limit 100 --epochs 100000 --run-dir run --save-every 0",
    );
    program.until("an epoch", || has_epochs(&run, 1));
    // A file that is written meanwhile is in the way of the first attempt.
    while run.exists() {
        let _ = fs::remove_dir_all(&run);
    }
    assert_eq!(program.wait().code(), Some(1));
    let stderr = program.stderr();
    assert!(!stderr.contains("panicked") && !stderr.contains("go on with"), "{stderr}");
    // Whoever writes first finds out: a checkpoint, the history, or an event file.
    check_error(&stderr, ["run/", "cannot "]);
    assert!(!run.exists());
}

#[test]
fn a_folder_that_may_not_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    let close = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(&closed).unwrap();
    close(&closed, 0o555);
    if fs::write(closed.join("probe"), "").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    let ended = trainer(folder.path(), "--dataset shapes --limit 60 --epochs 1 --run-dir closed/run").with(1);
    close(&closed, 0o755);
    check_error(&ended.stderr, ["closed/run", "Permission denied"]);
}
