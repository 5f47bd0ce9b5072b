//! A check against a numerical trace that Keras computed: same weights, same pictures, same numbers?
//!
//! A trace is a folder with
//! - `init.safetensors`: weights by Keras' names (`conv2d/kernel`) and layouts,
//! - `batches.safetensors`: `images_u8_nhwc (N, 32, 32, 3)` and `labels_u8 (N)`, batches in order,
//! - `first_batch.safetensors`: `logits`, `loss` and `grad/<name>` of the first batch from the initial weights,
//! - `trace.json`: `batch_size`, and for `adam` and `sgd` the `learning_rate` and the `loss_per_step`.
//!
//! Weights may be stored as `f16` where they are exact in it.

use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor, safetensors};
use model::optimizer::{Optimizer, OptimizerSettings, gradient_of};
use model::{Architecture, Network, Training};
use serde::Deserialize;
use std::collections::HashMap;
use streams::Seed;

use crate::{Error, Result};

/// Largest difference of a gradient or logit, in parts of its tensor's largest element.
const GRADIENT: f64 = 1e-5;
/// Largest difference of a loss while two right programs cannot part.
const LOSS: f64 = 1e-5;
/// Largest difference of Adam's later losses: its first steps divide tiny gradients by tiny gradients.
const LATER_ADAM_LOSS: f64 = 1e-2;
/// Largest difference of one step of Adam from given gradients, against the formula in `f64`.
const ADAM_UPDATE: f64 = 1e-6;
/// How many steps are compared.
const STEPS: usize = 10;
/// After how many steps of Adam [`LATER_ADAM_LOSS`] applies.
const EARLY_ADAM_STEPS: usize = 3;

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What was compared.
    pub name: String,
    /// The largest difference found.
    pub difference: f64,
    /// The largest that is allowed.
    pub allowed: f64,
}

impl Check {
    /// Whether the difference is small enough; NaN is not.
    pub fn holds(&self) -> bool {
        self.difference <= self.allowed
    }
}

#[derive(Deserialize)]
struct Trace {
    batch_size: usize,
    optimizers: Optimizers,
}

#[derive(Deserialize)]
struct Optimizers {
    adam: Course,
    sgd: Course,
}

#[derive(Deserialize)]
struct Course {
    learning_rate: f64,
    loss_per_step: Vec<f64>,
}

/// Compares the tutorial network with the trace in `folder`.
///
/// # Errors
/// If a file of the trace is missing or does not hold what it should.
pub fn compare(folder: &Path, simd: kernels::Simd) -> Result<Vec<Check>> {
    let path = folder.join("trace.json");
    let text = fs::read(&path).map_err(Error::io("read", &path))?;
    let trace: Trace = serde_json::from_slice(&text)
        .map_err(|error| Error::Content { path, reason: format!("not a trace: {error}") })?;
    let init = Tensors::load(folder, "init.safetensors")?;
    let batches = Batches::load(folder, trace.batch_size)?;
    let first = Tensors::load(folder, "first_batch.safetensors")?;
    let start = || -> Result<Network> {
        let network = Network::new(&Architecture::tutorial(), Seed(0), &Device::Cpu, simd)?;
        let mut values = Vec::new();
        for parameter in network.parameters() {
            values.extend(init.values(&parameter.path())?);
        }
        network.set_values(&values)?;
        Ok(network)
    };

    let mut checks = Vec::new();
    let network = start()?;
    let (images, labels) = batches.get(0)?;
    let logits = network.logits(&images)?;
    checks.push(relative("logits", &logits.flatten_all()?.to_vec1()?, &first.values("logits")?));
    let gradients = network.loss(&images, &labels, &Training::default())?.mean.backward()?;
    let gradient = match gradients.get(network.weights()) {
        Some(gradient) => gradient.to_vec1()?,
        None => Vec::new(),
    };
    for parameter in network.parameters() {
        let name = format!("grad/{}", parameter.path());
        checks.push(relative(&name, parameter.of(&gradient), &first.values(&name)?));
    }
    checks.push(adam_update(&start()?, &first, trace.optimizers.adam.learning_rate)?);

    let sgd = &trace.optimizers.sgd;
    let network = start()?;
    let losses = losses(&network, &batches, OptimizerSettings::sgd(0.0, false, 0.0), sgd.learning_rate)?;
    checks.push(absolute(
        &format!("losses of {} sgd steps", losses.len()),
        &losses,
        &sgd.loss_per_step,
        LOSS,
    ));

    let course = &trace.optimizers.adam;
    let network = start()?;
    let losses = self::losses(&network, &batches, adam(), course.learning_rate)?;
    let early = &losses[..EARLY_ADAM_STEPS.min(losses.len())];
    checks.push(absolute(
        &format!("losses of {} adam steps", early.len()),
        early,
        &course.loss_per_step,
        LOSS,
    ));
    checks.push(absolute(
        &format!("losses of {} adam steps", losses.len()),
        &losses,
        &course.loss_per_step,
        LATER_ADAM_LOSS,
    ));
    Ok(checks)
}

/// The loss of each of the first steps, before the step.
fn losses(
    network: &Network,
    batches: &Batches,
    settings: OptimizerSettings,
    learning_rate: f64,
) -> Result<Vec<f64>> {
    let mut optimizer = Optimizer::new(network, &settings)?;
    (0..STEPS.min(batches.count))
        .map(|i| {
            let (images, labels) = batches.get(i)?;
            let loss = network.loss(&images, &labels, &Training::default())?.mean;
            optimizer.step(network, &gradient_of(network, &loss.backward()?)?, learning_rate)?;
            Ok(f64::from(loss.to_scalar::<f32>()?))
        })
        .collect()
}

fn adam() -> OptimizerSettings {
    OptimizerSettings::adam(kernels::optimizer::Adam::default())
}

/// One step of Adam from Keras' gradients, against the formula in `f64`.
fn adam_update(network: &Network, first: &Tensors, learning_rate: f64) -> Result<Check> {
    let (beta_1, beta_2, epsilon) = (0.9f64, 0.999f64, 1e-7);
    let rate = learning_rate * (1.0 - beta_2).sqrt() / (1.0 - beta_1);
    let mut gradient = Vec::new();
    for parameter in network.parameters() {
        gradient.extend(first.values(&format!("grad/{}", parameter.path()))?);
    }
    let exact: Vec<f64> = network
        .values()?
        .iter()
        .zip(&gradient)
        .map(|(w, g)| {
            let g = f64::from(*g);
            let (m, v) = (g * (1.0 - beta_1), g * g * (1.0 - beta_2));
            f64::from(*w) - rate * m / (v.sqrt() + epsilon)
        })
        .collect();
    let len = gradient.len();
    let gradient = Tensor::from_vec(gradient, len, &Device::Cpu)?;
    Optimizer::new(network, &adam())?.step(network, &gradient, learning_rate)?;
    let ours: Vec<f64> = network.values()?.into_iter().map(f64::from).collect();
    Ok(absolute("one adam update", &ours, &exact, ADAM_UPDATE))
}

fn relative(name: &str, ours: &[f32], theirs: &[f32]) -> Check {
    let scale = theirs.iter().fold(0.0, |scale: f64, x| scale.max(f64::from(x.abs())));
    let widen = |values: &[f32]| values.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    let mut check = absolute(name, &widen(ours), &widen(theirs), GRADIENT);
    check.difference /= scale.max(f64::MIN_POSITIVE);
    check
}

/// Compares what there is of `ours` with the beginning of `theirs`; missing numbers are an infinite difference.
fn absolute(name: &str, ours: &[f64], theirs: &[f64], allowed: f64) -> Check {
    let difference = if ours.is_empty() || theirs.len() < ours.len() {
        f64::INFINITY
    } else {
        // f64::max would pass over NaN.
        ours.iter().zip(theirs).fold(0.0, |worst: f64, (a, b)| {
            let d = (a - b).abs();
            if d > worst || d.is_nan() { d } else { worst }
        })
    };
    Check { name: name.to_owned(), difference, allowed }
}

/// The tensors of one file.
struct Tensors {
    path: std::path::PathBuf,
    tensors: HashMap<String, Tensor>,
}

impl Tensors {
    fn load(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        let tensors = safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|error| Error::Content { path: path.clone(), reason: error.to_string() })?;
        Ok(Self { path, tensors })
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| Error::Content {
            path: self.path.clone(),
            reason: format!("it has no tensor `{name}`"),
        })
    }

    fn values(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.get(name)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }
}

/// The batches of a trace, in order.
struct Batches {
    images: Tensor,
    labels: Tensor,
    size: usize,
    count: usize,
}

impl Batches {
    fn load(folder: &Path, size: usize) -> Result<Self> {
        let file = Tensors::load(folder, "batches.safetensors")?;
        let labels = file.get("labels_u8")?.to_dtype(DType::U32)?;
        let count = labels.elem_count() / size.max(1);
        // As the loader does it: a true division by 255.
        let pixels = file.get("images_u8_nhwc")?.to_dtype(DType::F32)?;
        let images = pixels.broadcast_div(&Tensor::new(255f32, &Device::Cpu)?)?.permute((0, 3, 1, 2))?;
        Ok(Self { images, labels, size, count })
    }

    fn get(&self, batch: usize) -> Result<(Tensor, Tensor)> {
        let first = batch * self.size;
        Ok((self.images.narrow(0, first, self.size)?.contiguous()?, self.labels.narrow(0, first, self.size)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_missing_numbers_do_not_hold() {
        assert!(absolute("", &[1.0], &[1.0, 2.0], 0.0).holds());
        assert!(!absolute("", &[f64::NAN], &[1.0], 1.0).holds());
        assert!(!absolute("", &[0.0, f64::NAN, 1.0], &[0.0; 3], 9.0).holds());
        assert!(!absolute("", &[], &[], 1.0).holds());
        assert!(!absolute("", &[1.0, 1.0], &[1.0], 1.0).holds());
    }
}
