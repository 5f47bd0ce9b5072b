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
use model::resident::{Pictures, Plan, Resident, Settings, Variations};
use model::{Architecture, Network, Precision, Training};
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
/// Largest difference of a device's losses from those of the CPU.
const DEVICE_LOSS: f64 = 1e-4;
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

/// Compares the tutorial network on a device with the trace in `folder`; on another one than the CPU, its losses with
/// those of the CPU, too, and in each way in which it trains.
///
/// # Errors
/// If a file of the trace is missing or does not hold what it should, or the device fails.
pub fn compare(folder: &Path, simd: kernels::Simd, device: &Device) -> Result<Vec<Check>> {
    let path = folder.join("trace.json");
    let text = fs::read(&path).map_err(Error::io("read", &path))?;
    let trace: Trace = serde_json::from_slice(&text)
        .map_err(|error| Error::Content { path, reason: format!("not a trace: {error}") })?;
    let init = Tensors::load(folder, "init.safetensors")?;
    let batches = Batches::load(folder, trace.batch_size, device)?;
    let first = Tensors::load(folder, "first_batch.safetensors")?;
    let start_on = |device: &Device| -> Result<Network> {
        let network = Network::new(&Architecture::tutorial(), Seed(0), device, simd)?;
        let mut values = Vec::new();
        for parameter in network.parameters() {
            values.extend(init.values(&parameter.path())?);
        }
        network.set_values(&values)?;
        Ok(network)
    };
    let start = || start_on(device);

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

    let ways: &[Way] =
        if Resident::is_for(&network) { &[Way::OneByOne, Way::Resident] } else { &[Way::OneByOne] };
    for way in ways {
        let sgd = (OptimizerSettings::sgd(0.0, false, 0.0), &trace.optimizers.sgd);
        let losses =
            |network: &Network, batches: &Batches, (settings, course): &(OptimizerSettings, &Course)| {
                way.losses(network, batches, *settings, course.learning_rate)
            };
        let found = losses(&start()?, &batches, &sgd)?;
        let name =
            |optimizer: &str, steps: usize| format!("losses of {steps} {optimizer} steps{}", way.name());
        checks.push(absolute(&name("sgd", found.len()), &found, &sgd.1.loss_per_step, LOSS));

        let adam = (adam(), &trace.optimizers.adam);
        let found = losses(&start()?, &batches, &adam)?;
        let early = &found[..EARLY_ADAM_STEPS.min(found.len())];
        checks.push(absolute(&name("adam", early.len()), early, &adam.1.loss_per_step, LOSS));
        checks.push(absolute(&name("adam", found.len()), &found, &adam.1.loss_per_step, LATER_ADAM_LOSS));
        if !device.is_cpu() {
            let here = Batches::load(folder, trace.batch_size, &Device::Cpu)?;
            // Of Adam's the early ones: one weight's first gradient of 1e-6 moves it by 5e-7 more or less, two steps later
            // another place is the greatest of a pool, and from then on losses go their own ways by 5e-3.
            for (optimizer, course, steps) in [("sgd", &sgd, STEPS), ("adam", &adam, EARLY_ADAM_STEPS)] {
                let mut found = losses(&start()?, &batches, course)?;
                found.truncate(steps);
                let (settings, rate) = (course.0, course.1.learning_rate);
                let expected = Way::OneByOne.losses(&start_on(&Device::Cpu)?, &here, settings, rate)?;
                let name = format!("{} beside the CPU", name(optimizer, found.len()));
                checks.push(absolute(&name, &found, &expected, DEVICE_LOSS));
            }
        }
    }
    Ok(checks)
}

/// How steps are made.
enum Way {
    OneByOne,
    /// By the device itself.
    Resident,
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::OneByOne => "",
            Self::Resident => " by the device",
        }
    }

    fn losses(
        &self,
        network: &Network,
        batches: &Batches,
        settings: OptimizerSettings,
        learning_rate: f64,
    ) -> Result<Vec<f64>> {
        match self {
            Self::OneByOne => losses(network, batches, settings, learning_rate),
            Self::Resident => resident_losses(network, batches, settings, learning_rate),
        }
    }
}

/// As [`losses`], of steps that a device makes by itself.
fn resident_losses(
    network: &Network,
    batches: &Batches,
    settings: OptimizerSettings,
    learning_rate: f64,
) -> Result<Vec<f64>> {
    let steps = STEPS.min(batches.count);
    let order: Vec<u32> = (0..(steps * batches.size) as u32).collect();
    let pictures = Pictures { shape: [3, 32, 32], pixels: &batches.pixels, labels: &batches.bytes_of_labels };
    let how = Settings {
        batch: batches.size,
        pictures: order.len(),
        label_smoothing: 0.0,
        clip_norm: None,
        precision: Precision::F32,
        variations: Variations::default(),
        graphs: true,
    };
    let Some(mut resident) = Resident::new(network, &pictures, &how)? else { return Ok(Vec::new()) };
    resident.begin(&Plan { order: &order, variations: &[] }, 0)?;
    let mut optimizer = Optimizer::new(network, &settings)?;
    let outcomes = resident.steps(network, &mut optimizer, &vec![learning_rate; steps])?;
    Ok(outcomes.into_iter().map(|outcome| f64::from(outcome.loss)).collect())
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
    let gradient = Tensor::from_vec(gradient, len, network.device())?;
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
    /// (N, C, H, W)
    pixels: Vec<u8>,
    bytes_of_labels: Vec<u8>,
    size: usize,
    count: usize,
}

impl Batches {
    fn load(folder: &Path, size: usize, device: &Device) -> Result<Self> {
        let file = Tensors::load(folder, "batches.safetensors")?;
        let labels = file.get("labels_u8")?.to_dtype(DType::U32)?;
        let count = labels.elem_count() / size.max(1);
        let pixels = file.get("images_u8_nhwc")?.permute((0, 3, 1, 2))?.contiguous()?;
        // As the loader does it: a true division by 255.
        let images = pixels.to_dtype(DType::F32)?.broadcast_div(&Tensor::new(255f32, &Device::Cpu)?)?;
        Ok(Self {
            images: images.to_device(device)?,
            pixels: pixels.flatten_all()?.to_vec1()?,
            bytes_of_labels: file.get("labels_u8")?.to_vec1()?,
            labels: labels.to_device(device)?,
            size,
            count,
        })
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
