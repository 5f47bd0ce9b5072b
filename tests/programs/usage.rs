//! Wrong words, missing data and readers that have gone: one clear message, the right exit code, no panic.

use std::fs;

use crate::program::{Ended, command, trainer};
use crate::run_files::{check_weights, list};

#[test]
fn wrong_usage_ends_with_2_and_names_the_option() {
    let check = |options: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let Ended { stdout, stderr, .. } =
            trainer(folder.path(), &format!("--dataset shapes {options}")).with(2);
        assert!(stderr.starts_with("error: ") && stderr.contains(expected), "{options}: {stderr}");
        assert_eq!(stderr.matches("error").count(), 1, "{options}: {stderr}");
        assert_eq!(stdout, "", "{options}");
        assert_eq!(list(folder.path()), [""; 0], "{options}: nothing is made");
    };
    check("--no-such-flag", "unexpected argument '--no-such-flag'");
    check("--epochs 0", "--epochs is 0, expected at least 1");
    check("--epochs two", "'--epochs <N>'");
    check("--batch-size 0", "--batch-size is 0, expected at least 1");
    check("--learning-rate nan", "--learning-rate is NaN, expected a number above 0");
    check("--learning-rate inf", "--learning-rate is inf, expected a number above 0");
    check("--learning-rate 0", "--learning-rate is 0, expected a number above 0");
    check("--limit 0", "--limit is 0, expected at least one picture of each class");
    check("--augment bogus", "'bogus' for '--augment <OPS>'");
    check("--validation none", "'none' for '--validation <PROTOCOL>'");
    check("--simd sse9", "'sse9' for '--simd <SET>'");
    check("--threads 100000", "'100000' for '--threads <N>'");
    check(
        "--model resnet",
        "--model resnet: there is no such file; expected tutorial, tutorial-plus, or the path of",
    );
    // Built without them.
    check("--device cuda", "--device cuda is not in this build");
    check("--device metal", "--device metal is not in this build");
    check("--precision bf16", "--precision bf16 is for CUDA devices; use f32 on others");
}

#[test]
fn a_run_folder_that_exists_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("taken")).unwrap();
    fs::write(folder.path().join("taken/mine"), "mine").unwrap();
    fs::write(folder.path().join("file"), "mine").unwrap();
    for name in ["taken", "file"] {
        let ended = trainer(folder.path(), &format!("--dataset shapes --run-dir {name}")).with(2);
        let expected = format!("error: {name} is already there: choose another --run-dir, or delete it\n");
        assert_eq!(ended.stderr, expected);
    }
    assert_eq!(list(folder.path()), ["file", "taken/mine"]);
}

#[test]
fn without_a_dataset_the_three_ways_on_are_named() {
    for options in ["", "--data-dir empty", "--data-dir nowhere"] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("empty")).unwrap();
        let Ended { stdout, stderr, .. } = trainer(folder.path(), options).with(1);
        assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{stderr}");
        for way in ["`cargo xtask fetch-cifar`", "--from", "`--dataset shapes`"] {
            assert!(stderr.contains(way), "{way}: {stderr}");
        }
        assert_eq!(stdout, "");
        assert!(!folder.path().join("runs").exists(), "{options}");
    }
}

#[test]
fn too_few_pictures_and_a_lost_run_end_with_1() {
    let check = |options: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let ended = trainer(folder.path(), &format!("--dataset shapes --run-dir run {options}")).with(1);
        let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(matches!(errors[..], [error] if error.contains(expected)), "{options}: {}", ended.stderr);
        assert!(!folder.path().join("run/model.safetensors").exists(), "{options}");
    };
    check("--limit 1", "has no picture in the training part of 1: give more pictures or a higher limit");
    check(
        "--limit 100 --learning-rate 1e30",
        "the first place without numbers is the output of conv2d_1: training cannot go on; a lower --learning-rate or",
    );
}

/// As in `trainer | head` after `head` has seen enough.
#[test]
fn readers_that_have_gone_do_not_end_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), "--dataset shapes --limit 100 --epochs 1 --run-dir run")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    check_weights(&folder.path().join("run/model.safetensors"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_below_stdout_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ended: Ended = command(folder.path(), "summary").stdout(full).output().unwrap().into();
    let stderr = ended.with(1).stderr;
    assert!(stderr.starts_with("error: cannot write to standard output: "), "{stderr}");
}

/// Not on macOS, whose file systems refuse such names.
#[cfg(target_os = "linux")]
#[test]
fn a_run_folder_may_have_any_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"run \xff");
    let mut command = command(folder.path(), "--dataset shapes --limit 100 --epochs 1 --run-dir");
    Ended::from(command.arg(name).output().unwrap()).with(0);
    check_weights(&folder.path().join(name).join("model.safetensors"));
}

#[test]
fn the_environment_chooses_the_instruction_set() {
    let run = |set: &str| -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let options = "--dataset shapes --limit 40 --epochs 1 --run-dir run";
        command(folder.path(), options).env("KERNELS_SIMD", set).output().unwrap().into()
    };
    let portable = run("portable").with(0);
    assert!(portable.stderr.contains("portable on"), "{portable:?}");
    let unknown = run("sse9").with(2);
    assert!(unknown.stderr.contains("KERNELS_SIMD") && unknown.stderr.contains("`sse9`"), "{unknown:?}");
}
