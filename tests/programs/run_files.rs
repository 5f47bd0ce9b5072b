//! Looks into a run's folder, with nothing but the formats of its files.

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;

/// The files of every run that brought an epoch, in the order of their names; `*` stands for time, host and number.
pub(crate) const OF_ANY_RUN: [&str; 9] = [
    ".lock",
    "checkpoints/best.safetensors",
    "checkpoints/last.safetensors",
    "config.toml",
    "events.out.tfevents.*.v2",
    "history.csv",
    "history.jsonl",
    "train/events.out.tfevents.*.v2",
    "validation/events.out.tfevents.*.v2",
];
/// The files that a finished run has besides.
pub(crate) const OF_A_FINISHED_RUN: [&str; 4] =
    ["model.safetensors", "model.safetensors.md5", "report.html", "results.toml"];

/// The files in a folder and in the folders in it, sorted, event files as in [`OF_ANY_RUN`].
pub(crate) fn list(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    gather(folder, "", &mut names);
    names.sort();
    names
}

fn gather(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    const EVENTS: &str = "events.out.tfevents.";
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), &format!("{prefix}{name}/"), names);
        } else if name.starts_with(EVENTS) && name.ends_with(".v2") {
            names.push(format!("{prefix}{EVENTS}*.v2"));
        } else {
            names.push(format!("{prefix}{name}"));
        }
    }
}

/// The rows of `history.csv`, after checks that each is whole and that epochs count from 1.
#[track_caller]
pub(crate) fn history(run: &Path) -> Vec<[f64; 7]> {
    let text = fs::read_to_string(run.join("history.csv")).unwrap();
    let lines = text.strip_prefix("epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n");
    let lines = lines.unwrap_or_else(|| panic!("history.csv has another first line: {text}"));
    assert!(lines.is_empty() || lines.ends_with('\n'), "the last line is not whole: {text}");
    let mut rows = Vec::new();
    for (line, epoch) in lines.lines().zip(1..) {
        let numbers: Vec<f64> = line.split(',').map(|number| number.parse().unwrap()).collect();
        let row: [f64; 7] = numbers.try_into().unwrap_or_else(|_| panic!("not seven numbers: {line}"));
        assert_eq!(row[0], f64::from(epoch), "{text}");
        rows.push(row);
    }
    rows
}

/// Checks that a file holds the tutorial network's weights, besides what an optimizer keeps in a checkpoint, and
/// nothing after them.
#[track_caller]
pub(crate) fn check_weights(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = tensors.tensors();
    let weights = tensors.iter().filter(|(name, _)| !name.starts_with("optimizer."));
    assert_eq!(weights.map(|(_, tensor)| tensor.shape().iter().product::<usize>()).sum::<usize>(), 122_570);
}

/// A value of one of the run's TOML files, named as `table.key`.
#[track_caller]
pub(crate) fn setting(run: &Path, file: &str, name: &str) -> toml::Value {
    let text = fs::read_to_string(run.join(file)).unwrap();
    let table = toml::Value::Table(text.parse().unwrap());
    name.split('.').fold(table, |value, key| value[key].clone())
}

/// The md5 that the run hands in.
#[track_caller]
pub(crate) fn md5(run: &Path) -> String {
    let line = fs::read_to_string(run.join("model.safetensors.md5")).unwrap();
    line.split(' ').next().unwrap().to_owned()
}
