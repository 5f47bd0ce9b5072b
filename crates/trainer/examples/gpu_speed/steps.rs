//! The training that is timed: pictures that lie on the device, and steps on them.

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use kernels::Simd;
use model::optimizer::{Optimizer, OptimizerSettings, gradient_of};
use model::{Architecture, Network, Training};
use streams::{Purpose, Seed};

use super::Precision;

/// As many as CIFAR-10 has to train on.
const PICTURES: usize = 50_000;
/// Keras' default.
const LEARNING_RATE: f64 = 1e-3;

/// A network with the pictures that it is trained on, all on one device.
pub(crate) struct Resident {
    network: Network,
    adam: Optimizer,
    /// `(N, 3, 32, 32)` `u8`.
    images: Tensor,
    /// `(N)` `u32`.
    labels: Tensor,
    /// A shuffled order of the pictures, `(N)` `u32`.
    order: Tensor,
    batch: usize,
    /// The batch that comes next.
    next: usize,
}

impl Resident {
    /// The tutorial network on random pictures.
    ///
    /// # Errors
    /// If there is no training in this precision, or if the device cannot hold it all.
    pub(crate) fn new(device: &Device, batch: usize, precision: Precision) -> Result<Self> {
        ensure!(
            precision != Precision::Bf16,
            "training with --precision bf16 is not there yet; use f32 or tf32"
        );
        let network = Network::new(&Architecture::tutorial(), Seed(0), device, Simd::best())?;
        let adam = Optimizer::new(&network, &OptimizerSettings::adam(kernels::optimizer::Adam::default()))?;
        let count = PICTURES.max(batch);
        let mut random = Seed(0).stream(Purpose::new("speed"), 0, 0);
        let mut words = vec![0; count * 3 * 32 * 32 / 4];
        random.fill(&mut words);
        let pixels: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        let labels: Vec<u32> = (0..count).map(|_| random.below(10)).collect();
        let mut order: Vec<u32> = (0..u32::try_from(count).context("--batch is too large")?).collect();
        random.shuffle(&mut order);
        Ok(Self {
            network,
            adam,
            images: Tensor::from_vec(pixels, (count, 3, 32, 32), device)?,
            labels: Tensor::from_vec(labels, count, device)?,
            order: Tensor::from_vec(order, count, device)?,
            batch,
            next: 0,
        })
    }
}

/// Trains so many steps and gives the loss of the last. The device may still be at work when this returns.
///
/// # Errors
/// If the device fails, or if there are no steps.
pub(crate) fn train_steps(resident: &mut Resident, count: usize) -> Result<Tensor> {
    let Resident { network, adam, images, labels, order, batch, next } = resident;
    let mut loss = None;
    for _ in 0..count {
        let chosen = order.narrow(0, *next * *batch, *batch)?;
        *next = (*next + 1) % (order.elem_count() / *batch);
        let pictures = (images.index_select(&chosen, 0)?.to_dtype(DType::F32)? / 255.0)?;
        let mean = network.loss(&pictures, &labels.index_select(&chosen, 0)?, &Training::default())?.mean;
        adam.step(network, &gradient_of(network, &mean.backward()?)?, LEARNING_RATE)?;
        loss = Some(mean.detach());
    }
    loss.context("no steps were asked for")
}
