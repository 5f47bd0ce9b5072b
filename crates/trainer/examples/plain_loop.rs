//! A training loop by hand, on candle tensors: everything but the loop comes from this workspace's crates.
//!
//! `cargo run -p trainer --example plain_loop`

#![allow(clippy::print_stdout, reason = "an example")]

use candle_core::Device;
use dataset::augment::Augmentation;
use dataset::loader::Loader;
use dataset::shapes;
use dataset::split::{Plan, split};
use kernels::Simd;
use model::optimizer::{Optimizer, OptimizerSettings, gradient_of};
use model::{Architecture, Network, Training};
use streams::Seed;
use trainer::evaluate::tensors;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = Seed(0);
    let dataset = shapes::draw(seed, shapes::TRAIN, shapes::TEST)?;
    let parts = split(&dataset, Plan::default(), seed)?;
    let train = Loader::training(&dataset, &parts.train, 32, seed, &Augmentation::none())?;
    let validation = Loader::evaluation(&dataset, &parts.validation, 250)?;

    let network = Network::new(&Architecture::tutorial(), seed, &Device::Cpu, Simd::best())?;
    let settings = OptimizerSettings::adam(kernels::optimizer::Adam::default());
    let mut optimizer = Optimizer::new(&network, &settings)?;

    for epoch in 0..5 {
        let mut batches = train.epoch(epoch)?;
        while let Some(batch) = batches.next_batch()? {
            let (images, labels) = tensors(batch, &train, &Device::Cpu)?;
            let training = Training { seed, epoch, samples: &batch.samples, ..Training::default() };
            let loss = network.loss(&images, &labels, &training)?;
            // The loss is a candle tensor: add to it what you like before this.
            let gradients = loss.mean.backward()?;
            optimizer.step(&network, &gradient_of(&network, &gradients)?, 1e-3)?;
        }

        let (mut correct, mut pictures) = (0, 0);
        let mut batches = validation.epoch(0)?;
        while let Some(batch) = batches.next_batch()? {
            let (images, labels) = tensors(batch, &validation, &Device::Cpu)?;
            correct += network.score(&images, &labels)?.1;
            pictures += batch.labels.len();
        }
        println!("epoch {}: {correct} of {pictures} validation pictures are right", epoch + 1);
    }
    Ok(())
}
