//! The weights in a model file, against the histograms that training wrote of them; knows nothing of networks but how
//! their variables are named.

use anyhow::{Context, Result, ensure};
use safetensors::{Dtype, SafeTensors};
use tensorboard::{Histogram, Run, RunData, Step};

use crate::finished_run::FinishedRun;

/// A tensor's name in a model file, and what Keras calls it.
const NAMES: [(&str, &[&str]); 4] = [
    ("weight", &["kernel", "gamma"]),
    ("bias", &["bias", "beta"]),
    ("running_mean", &["moving_mean"]),
    ("running_var", &["moving_variance"]),
];

/// That each tensor has the very histogram of the epoch whose weights the model file has.
pub(super) fn check(run: &FinishedRun) -> Result<()> {
    let bytes = run.read("model.safetensors")?;
    let tensors = SafeTensors::deserialize(&bytes).context("model.safetensors is no model file")?;
    let train = Run::open(run.folder.join("train"))?.read()?;
    let step = i64::try_from(run.results.weights_of_epoch)? - 1;
    ensure!(!tensors.is_empty(), "model.safetensors has no weights");
    for (name, tensor) in tensors.iter() {
        ensure!(tensor.dtype() == Dtype::F32, "{name} is not of 32-bit floats");
        let values: Vec<f32> = tensor
            .data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let logged = logged(&train, name, Step(step))
            .with_context(|| format!("the event files have no histogram of {name} in epoch {}", step + 1))?;
        ensure!(
            Histogram::of(&values).buckets == logged.buckets,
            "{name} has other values than in epoch {} of training",
            step + 1
        );
    }
    Ok(())
}

fn logged<'a>(train: &'a RunData, name: &str, step: Step) -> Option<&'a Histogram> {
    let (layer, variable) = name.rsplit_once('.')?;
    let (_, keras) = NAMES.iter().find(|(torch, _)| *torch == variable)?;
    let is_of = |tag: &str| {
        let path = tag.strip_suffix("/histogram").and_then(|path| path.split_once('/')).map(|(_, path)| path);
        let found = path.and_then(|path| path.rsplit_once('/'));
        found.is_some_and(|(found, variable)| found == layer && keras.contains(&variable))
    };
    let (_, points) = train.histograms.iter().find(|(tag, _)| is_of(tag))?;
    points.iter().find(|point| point.step == step).map(|point| &point.value)
}
