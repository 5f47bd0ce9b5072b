//! Training whose pictures, weights and numbers all stay on a device: the host asks for some steps, and reads afterwards
//! what came of them. Knows nothing of datasets' files, epochs' ends or logs.
//!
//! | module | what it has |
//! | --- | --- |
//! | `stages` | a network as stages of work that a device has a way for |
//! | `layers` | these stages on a CUDA device, forward and back |
//! | `training` | steps made of them, captured as a CUDA graph and launched again |
//! | `evaluation` | answers of a network, forward only |
//!
//! Only with the feature `cudnn`, on a CUDA device, and for networks all of whose layers have a stage: convolutions, pools,
//! dense layers. **It has never run on a GPU**; its tests have libraries in NVIDIA's place, on the CPU.

#[cfg(feature = "cudnn")]
mod evaluation;
#[cfg(feature = "cudnn")]
mod layers;
#[cfg(any(feature = "cudnn", test))]
mod stages;
#[cfg(feature = "cudnn")]
mod training;

use crate::optimizer::Optimizer;
use crate::{Error, Network, Precision};

/// The pictures of a dataset.
#[derive(Clone, Copy, Debug)]
pub struct Pictures<'a> {
    /// (C, H, W) of one.
    pub shape: [usize; 3],
    /// (N, C, H, W) bytes.
    pub pixels: &'a [u8],
    /// (N) labels.
    pub labels: &'a [u8],
}

/// How pictures are varied; the codes and words are those of `dataset::augment::draw`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variations<'a> {
    /// A code for each op, in order; none where pictures stay as they are.
    pub codes: &'a [u32],
    /// 8192 equally likely levels of noise, where there is noise.
    pub levels: &'a [i16],
}

/// How is trained.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Pictures in a step.
    pub batch: usize,
    /// Pictures in an epoch; the last step has those that are left over.
    pub pictures: usize,
    /// As in [`Training`](crate::Training).
    pub label_smoothing: f64,
    /// The longest gradient, as in [`clip_global_norm`](crate::optimizer::clip_global_norm).
    pub clip_norm: Option<f64>,
    /// What numbers are stored and multiplied as.
    pub precision: Precision,
    /// How pictures are varied.
    pub variations: Variations<'a>,
    /// Whether steps are captured and launched as one; changes no result.
    pub graphs: bool,
}

/// An epoch as a device reads it.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Places in the dataset, in the order of the epoch.
    pub order: &'a [u32],
    /// The words of each picture's variation.
    pub variations: &'a [i32],
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The mean loss of the batch. Where it is no number, the weights are those before the step.
    pub loss: f32,
    /// Right answers.
    pub correct: usize,
    /// Pictures.
    pub pictures: usize,
}

/// Training on a device.
pub struct Resident(Kind);

#[cfg(feature = "cudnn")]
enum Kind {
    F32(Box<training::Training<f32>>),
    Bf16(Box<training::Training<half::bf16>>),
}

#[cfg(not(feature = "cudnn"))]
enum Kind {}

/// Does the same with what is stored in each way.
#[cfg(feature = "cudnn")]
macro_rules! each {
    ($kind:expr, $training:ident => $work:expr) => {
        match $kind {
            Kind::F32($training) => $work,
            Kind::Bf16($training) => $work,
        }
    };
}

/// There is none.
#[cfg(not(feature = "cudnn"))]
macro_rules! each {
    ($kind:expr, $training:ident => $work:expr) => {
        match *$kind {}
    };
}

#[cfg_attr(not(feature = "cudnn"), expect(unused_variables, reason = "there is nothing to give them to"))]
impl Resident {
    /// Whether there is such a way for a network: see the [module](self).
    pub fn is_for(network: &Network) -> bool {
        #[cfg(feature = "cudnn")]
        return network.device().is_cuda() && stages::stages(network).is_some();
        #[cfg(not(feature = "cudnn"))]
        false
    }

    /// Training of a network, if there is such a way for it: see the [module](self). Pictures are copied to the device.
    ///
    /// # Errors
    /// If the pictures do not fit the network, or the device has no room.
    pub fn new(network: &Network, pictures: &Pictures, settings: &Settings) -> Result<Option<Self>, Error> {
        #[cfg(feature = "cudnn")]
        if let (candle_core::Device::Cuda(device), Some(stages)) = (network.device(), stages::stages(network))
        {
            let kind = match settings.precision {
                Precision::F32 | Precision::Tf32 => {
                    Kind::F32(Box::new(training::Training::new(device, network, stages, pictures, settings)?))
                }
                Precision::Bf16 => Kind::Bf16(Box::new(training::Training::new(
                    device, network, stages, pictures, settings,
                )?)),
            };
            return Ok(Some(Self(kind)));
        }
        Ok(None)
    }

    /// Begins an epoch, or goes on with it at `step`.
    ///
    /// # Errors
    /// If the plan is not one of as many pictures as was said, or the device fails.
    pub fn begin(&mut self, plan: &Plan, step: usize) -> Result<(), Error> {
        each!(&mut self.0, training => Ok(training.begin(plan, step)?))
    }

    /// Makes a step for each of these learning rates, and gives what came of them: up to the first that came to no number,
    /// of which the weights are those before.
    ///
    /// # Errors
    /// If the epoch has fewer steps, the optimizer is another network's, or the device fails.
    pub fn steps(
        &mut self,
        network: &Network,
        optimizer: &mut Optimizer,
        rates: &[f64],
    ) -> Result<Vec<Outcome>, Error> {
        each!(&mut self.0, training => training.steps(network, optimizer, rates))
    }

    /// The gradient of the last step, a number for each weight of the network in its order.
    ///
    /// # Errors
    /// If the device fails.
    pub fn gradient(&self) -> Result<Vec<f32>, Error> {
        each!(&self.0, training => Ok(training.gradient()?))
    }

    /// Logits (N, CLASSES), row-major, of the network for the pictures at these places of the dataset, as they are.
    ///
    /// # Errors
    /// If a place is beyond the dataset, or the device fails.
    pub fn logits(&mut self, network: &Network, places: &[u32]) -> Result<Vec<f32>, Error> {
        each!(&mut self.0, training => Ok(training.logits(network, places)?))
    }

    /// Whether steps are launched as one; not before the second step, nor where the device refused.
    pub fn is_captured(&self) -> bool {
        each!(&self.0, training => training.is_captured())
    }
}

impl std::fmt::Debug for Resident {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Resident").field("captured", &self.is_captured()).finish_non_exhaustive()
    }
}
