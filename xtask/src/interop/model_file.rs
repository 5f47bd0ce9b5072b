//! The model file, checked by `md5sum` and read by Python's safetensors; knows nothing of training.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::network::{self, Parameter};
use super::numbers::{Buckets, Series, SeriesName};
use super::short_run::{ShortRun, TRAIN};
use crate::check::{Check, same};
use crate::venv::{Venv, finished};

const MODEL: &str = "model.safetensors";
const READ: &str = include_str!("read_model.py");

/// Has GNU `md5sum` check the run's model.safetensors.md5, where it is on this machine.
pub(super) fn md5sum(folder: impl AsRef<Path>) -> Check {
    let name = "md5sum -c model.safetensors.md5";
    let output = Command::new("md5sum")
        .args(["-c", "model.safetensors.md5"])
        .env("LC_ALL", "C")
        .current_dir(folder)
        .output();
    if output.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Check::skipped(name, "there is no md5sum on this machine");
    }
    let result = finished(output).map_err(|error| format!("{error:#}")).and_then(|said| match said.trim() {
        "model.safetensors: OK" => Ok(()),
        other => Err(format!("expected \"model.safetensors: OK\", found {other:?}")),
    });
    Check::new(name, result)
}

/// Has Python's safetensors read the model file.
pub(super) fn safetensors(venv: &Venv, run: &ShortRun) -> Vec<Check> {
    let parameters = network::parameters();
    let subject = "safetensors (Python)";
    let tensors = match read(venv, &run.folder().join(MODEL)) {
        Ok(tensors) => tensors,
        Err(error) => {
            return vec![Check::new(format!("{subject}: {MODEL} is read"), Err(format!("{error:#}")))];
        }
    };
    let last = last_extremes(&parameters, &run.histograms);
    vec![
        Check::new(
            format!("{subject}: {} tensors with the names and shapes documented", parameters.len()),
            same(
                &shapes(&parameters),
                &tensors.iter().map(|(name, tensor)| (name.clone(), tensor.form())).collect(),
            ),
        ),
        Check::new(
            format!("{subject}: smallest and largest weights are those of the last histograms"),
            same(&last, &tensors.iter().map(|(name, tensor)| (name.clone(), tensor.extremes())).collect()),
        ),
    ]
}

/// What Python tells of a tensor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Tensor {
    shape: Vec<usize>,
    dtype: String,
    min: f64,
    max: f64,
}

impl Tensor {
    fn form(&self) -> (String, Vec<usize>) {
        (self.dtype.clone(), self.shape.clone())
    }

    fn extremes(&self) -> [f64; 2] {
        [self.min, self.max]
    }
}

fn read(venv: &Venv, file: &Path) -> Result<BTreeMap<String, Tensor>> {
    let answer = venv.printed(READ, file)?;
    serde_json::from_str(&answer).with_context(|| format!("Python's answer {answer:?}"))
}

/// Type and shape of each tensor by its name.
fn shapes(parameters: &[Parameter]) -> BTreeMap<String, (String, Vec<usize>)> {
    parameters.iter().map(|p| (p.name.clone(), ("float32".to_owned(), p.shape.clone()))).collect()
}

/// The outer edges of the last histogram of each tensor, by the tensor's name in the file.
fn last_extremes(parameters: &[Parameter], histograms: &Series<Buckets>) -> BTreeMap<String, [f64; 2]> {
    let edges = |parameter: &Parameter| {
        let last = histograms.get(&SeriesName::new(TRAIN, &parameter.tag))?.last()?;
        Some([last.value.first()?[0], last.value.last()?[1]])
    };
    parameters.iter().filter_map(|parameter| Some((parameter.name.clone(), edges(parameter)?))).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::numbers::Point;
    use super::*;

    #[test]
    fn md5sum_sees_a_changed_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MODEL), b"abc").unwrap();
        // The digest of "abc" in RFC 1321, A.5.
        fs::write(
            folder.path().join("model.safetensors.md5"),
            "900150983cd24fb0d6963f7d28e17f72  model.safetensors\n",
        )
        .unwrap();
        let whole = md5sum(folder.path());
        assert!(!whole.has_failed(), "{whole:?}");
        fs::write(folder.path().join(MODEL), b"abd").unwrap();
        let changed = md5sum(folder.path());
        // Where there is no md5sum both are skipped.
        assert!(changed.has_failed() || changed == whole, "{changed:?}");
    }

    #[test]
    fn the_last_histogram_gives_the_extremes() {
        let parameters = network::parameters();
        let point = |step, left, right| Point {
            wall_time: None,
            step,
            value: vec![[left, 0.0, 1.0], [0.0, right, 2.0]],
        };
        let histograms: Series<Buckets> =
            [(SeriesName::new(TRAIN, &parameters[1].tag), vec![point(0, -1.0, 1.0), point(1, -0.5, 0.25)])]
                .into();
        let extremes = last_extremes(&parameters, &histograms);
        assert_eq!(extremes, [("conv2d.bias".to_owned(), [-0.5, 0.25])].into());
    }

    #[test]
    fn a_transposed_tensor_is_told() {
        let parameters = network::parameters();
        let mut found = shapes(&parameters);
        assert_eq!(same(&shapes(&parameters), &found), Ok(()));
        found.insert("dense.weight".to_owned(), ("float32".to_owned(), vec![1024, 64]));
        let difference = same(&shapes(&parameters), &found).unwrap_err();
        assert_eq!(
            difference,
            r#"dense.weight: expected ("float32", [64, 1024]), found ("float32", [1024, 64])"#
        );
    }
}
