//! Runs that are stopped on the way: what is there is whole, and they can be gone on with.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use safetensors::SafeTensors;
use tensorboard::Run;

use crate::charts::{charts, check_same_charts};
use crate::program::trainer;
use crate::run_files::{OF_ANY_RUN, check_weights, history, list, md5, setting};
use crate::running::{Running, has_epochs};

/// More epochs than a test waits for.
const LONG: &str = "--dataset shapes --limit 300 --epochs 100000 --run-dir run";
/// Enough epochs to be stopped among them, few enough to wait for the last.
const SHORT: &str = "--dataset shapes --limit 300 --epochs 20 --augment flip --run-dir run";

/// Starts a run in `folder` and waits until its history has an epoch.
fn start(folder: &Path, options: &str) -> Running {
    let mut program = Running::start(folder, options);
    program.until("an epoch", || has_epochs(&folder.join("run"), 1));
    program
}

/// The errors on stderr.
fn errors(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect()
}

/// Where a checkpoint says that training is: epochs that are done, and steps of the next.
fn place(run: &Path) -> [i64; 2] {
    let bytes = fs::read(run.join("checkpoints/last.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let state: toml::Table = header.metadata().as_ref().unwrap()["training-state"].parse().unwrap();
    ["epoch", "step"].map(|name| state[name].as_integer().unwrap())
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_in_mid_epoch_and_says_how_to_go_on() {
    let whole = tempfile::tempdir().unwrap();
    trainer(whole.path(), SHORT).with(0);

    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let (mut options, mut in_mid_epoch) = (SHORT, 0);
    for milliseconds in [20, 75, 40, 55] {
        let epochs = if run.exists() { history(&run).len() } else { 0 };
        let mut program = Running::start(folder.path(), options);
        program.until("an epoch", || has_epochs(&run, epochs + 1));
        sleep(Duration::from_millis(milliseconds));
        program.interrupt();
        let began = Instant::now();
        let status = program.wait();
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let stderr = program.stderr();
        if status.code() == Some(0) {
            // The program was faster than this test.
            break;
        }
        assert_eq!(status.code(), Some(130), "{stderr}");
        assert!(stderr.contains("go on with: trainer train --resume run\n"), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        let [done, step] = place(&run);
        assert_eq!(errors(&stderr), [format!("interrupted in epoch {}, after step {step}", done + 1)]);
        check_weights(&run.join("checkpoints/last.safetensors"));
        if options == SHORT {
            assert_eq!(list(&run), OF_ANY_RUN, "no model, no results, nothing temporary");
        }
        assert_eq!(i64::try_from(history(&run).len()), Ok(done));
        in_mid_epoch += usize::from((1..10).contains(&step));
        options = "train --resume run";
    }
    trainer(folder.path(), "train --resume run").with(0);
    assert!(in_mid_epoch > 0, "stopped between epochs each time");
    assert_eq!(md5(&run), md5(&whole.path().join("run")));
    check_same_charts(&charts(&run), &charts(&whole.path().join("run")));
}

#[test]
fn a_time_limit_pauses_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let check = |options: &str| {
        let began = Instant::now();
        let ended = trainer(folder.path(), options).with(3);
        assert!(began.elapsed() >= Duration::from_secs(1));
        let [done, step] = place(&run);
        let paused = format!("the time limit of 1s is over: paused in epoch {}, after step {step}", done + 1);
        assert_eq!(errors(&ended.stderr), [paused]);
        assert!(ended.stderr.contains("go on with: trainer train --resume run\n"), "{}", ended.stderr);
        assert!(!run.join("results.toml").exists());
        [done, step]
    };
    let first = check(&format!("{LONG} --time-limit 1s"));
    let second = check("train --resume run --time-limit 1s");
    assert!(first < second && first != [0, 0], "{first:?}, {second:?}");
}

#[test]
fn the_latest_run_goes_on_and_a_finished_one_says_what_came_out() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = "train --dataset shapes --limit 100";
    trainer(folder.path(), &format!("{shapes} --epochs 1")).with(0);
    trainer(folder.path(), &format!("{shapes} --epochs 100000 --time-limit 1s")).with(3);
    let ended = trainer(folder.path(), "train --resume latest --time-limit 1s").with(3);
    assert!(
        ended.stderr.contains("go on with: trainer train --resume runs/002-shapes\n"),
        "{}",
        ended.stderr
    );

    let first = folder.path().join("runs/001-shapes");
    let before = list(&first);
    let ended = trainer(folder.path(), "train --resume runs/001-shapes").with(0);
    assert!(ended.stderr.contains("runs/001-shapes is finished: nothing is left to do"), "{}", ended.stderr);
    let sum = format!("{}  runs/001-shapes/model.safetensors", md5(&first));
    assert!(ended.stdout.starts_with("too short to say\n"), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().last(), Some(sum.as_str()));
    assert_eq!(list(&first), before);

    let check = |options: &str, expected: &str| {
        let ended = trainer(folder.path(), options).with(2);
        assert!(errors(&ended.stderr).len() == 1 && ended.stderr.contains(expected), "{}", ended.stderr);
    };
    check("train --resume nowhere", "error: no run in nowhere: it has no config.toml");
    check(
        "train --resume latest --epochs 3",
        "error: --epochs is not for --resume: a run goes on with its own",
    );
    check("train --resume latest --log-gradients", "error: --log-gradients is not for --resume");
}

#[test]
fn a_run_folder_has_one_trainer_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = start(folder.path(), LONG);
    let second = trainer(folder.path(), "train --resume run").with(1);
    let expected = "error: another program is training in run: wait for it, or choose another --run-dir\n";
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("", expected));
    assert!(first.kill());
    let epochs = history(&folder.path().join("run")).len();
    trainer(folder.path(), "train --resume run --time-limit 1s").with(3);
    assert!(history(&folder.path().join("run")).len() > epochs);
}

#[test]
fn files_are_whole_at_any_moment() {
    for milliseconds in [0, 3, 17, 58, 140, 333] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = start(folder.path(), LONG);
        sleep(Duration::from_millis(milliseconds));
        assert!(program.kill());

        let run = folder.path().join("run");
        let epochs = history(&run).len();
        assert_eq!(setting(&run, "config.toml", "config.epochs").as_integer(), Some(100_000));
        let files = list(&run);
        let is_there = |name: &str| files.iter().any(|file| file == name);
        for name in ["checkpoints/last.safetensors", "checkpoints/best.safetensors"] {
            if is_there(name) {
                check_weights(&run.join(name));
            }
        }
        for name in ["model.safetensors", "model.safetensors.md5", "results.toml"] {
            assert!(!is_there(name), "{name}");
        }
        // Events follow the history line of their epoch.
        for part in ["train", "validation"] {
            if is_there(&format!("{part}/events.out.tfevents.*.v2")) {
                let curves = Run::open(run.join(part)).unwrap().read().unwrap();
                let points = curves.scalars.get("epoch_loss").map_or(0, Vec::len);
                assert!(points == epochs || points + 1 == epochs, "{part}: {points} of {epochs} epochs");
            }
        }
    }
}
