//! A short run from end to end, and what it says and leaves.

use std::fs;
use std::path::Path;

use tensorboard::Run;

use crate::program::trainer;
use crate::run_files::{OF_A_FINISHED_RUN, OF_ANY_RUN, check_weights, history, list, md5, setting};

#[test]
fn a_short_run_says_and_writes_what_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let ended = trainer(folder.path(), "--dataset shapes --limit 300 --epochs 2 --run-dir run").with(0);
    let run = folder.path().join("run");

    let mut expected = [OF_ANY_RUN.as_slice(), &OF_A_FINISHED_RUN].concat();
    expected.sort_unstable();
    assert_eq!(list(&run), expected);
    check_weights(&run.join("model.safetensors"));
    check_weights(&run.join("checkpoints/last.safetensors"));
    check_weights(&run.join("checkpoints/best.safetensors"));

    let md5 = format!("{:x}", md5::compute(fs::read(run.join("model.safetensors")).unwrap()));
    let of_file = fs::read_to_string(run.join("model.safetensors.md5")).unwrap();
    assert_eq!(of_file, format!("{md5}  model.safetensors\n"));
    assert_eq!(setting(&run, "results.toml", "model-md5").as_str(), Some(md5.as_str()));

    let lines: Vec<&str> = ended.stdout.lines().collect();
    let history = history(&run);
    assert_eq!(history.len(), 2);
    let [first, second, verdict, why, advice, tested, sum] = lines[..] else {
        panic!("an epoch a line, then diagnosis, test and md5: {lines:?}")
    };
    for (line, [epoch, loss, accuracy, val_loss, val_accuracy, ..]) in [first, second].iter().zip(&history) {
        assert!(line.starts_with(&format!("Epoch {epoch}/2 - ")) && line.contains(" images/s - "), "{line}");
        let metrics = format!(
            " - accuracy: {accuracy:.4} - loss: {loss:.4} - val_accuracy: {val_accuracy:.4} - val_loss: {val_loss:.4}"
        );
        assert!(line.ends_with(&metrics), "{line} does not end with{metrics}");
    }
    let expected =
        ["too short to say", "  2 epochs show no trend: at least 4 are needed", "  try: more --epochs"];
    assert_eq!([verdict, why, advice], expected);
    let accuracy = setting(&run, "results.toml", "test-accuracy").as_float().unwrap();
    assert!(tested.starts_with(&format!("test: accuracy {accuracy:.4} - loss ")), "{tested}");
    assert_eq!(sum, format!("{md5}  run/model.safetensors"));
    assert!(ended.stderr.ends_with("tensorboard --logdir .\n"), "{}", ended.stderr);

    for part in ["train", "validation"] {
        let curves = Run::open(run.join(part)).unwrap().read().unwrap();
        let column = if part == "train" { 2 } else { 4 };
        let points: Vec<f64> =
            curves.scalars["epoch_accuracy"].iter().map(|point| f64::from(point.value)).collect();
        let expected: Vec<f64> = history.iter().map(|row| f64::from(row[column] as f32)).collect();
        assert_eq!(points, expected, "{part}");
    }

    never_called_cifar10("stdout", &ended.stdout);
    never_called_cifar10("stderr", &ended.stderr);
    for (name, text) in texts(&run) {
        never_called_cifar10(&name, &text);
    }
}

/// Drawn pictures may be called "not CIFAR-10" and nothing else that has CIFAR in it.
#[track_caller]
fn never_called_cifar10(name: &str, text: &str) {
    let rest = text.replace("not CIFAR-10", "").to_lowercase();
    assert!(!rest.contains("cifar"), "{name}: {text}");
}

/// Every file below a folder as text, whatever it holds.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(self::texts(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            texts.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    texts
}

#[test]
fn no_subcommand_is_train_and_runs_are_numbered() {
    let folder = tempfile::tempdir().unwrap();
    let plain = trainer(folder.path(), "--dataset shapes --limit 100 --epochs 1").with(0);
    let named = trainer(folder.path(), "train --dataset shapes --limit 100 --epochs 1").with(0);
    let runs = folder.path().join("runs");
    assert_eq!(md5(&runs.join("001-shapes")), md5(&runs.join("002-shapes")));
    for (ended, run) in [(plain, "001-shapes"), (named, "002-shapes")] {
        let last = ended.stdout.lines().last().unwrap();
        assert!(last.ends_with(&format!("  runs/{run}/model.safetensors")), "{last}");
        assert!(ended.stderr.ends_with("tensorboard --logdir runs\n"), "{}", ended.stderr);
    }
}

#[test]
fn summary_is_the_tutorials() {
    let folder = tempfile::tempdir().unwrap();
    let ended = trainer(folder.path(), "summary").with(0);
    assert!(ended.stdout.contains(" Total params: 122,570 "), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
    assert_eq!(list(folder.path()), [""; 0]);
}
