//! Steps on a CUDA device: one kernel over all weights.

use candle_core::{Storage, Tensor};

use super::{Moment, Optimizer, Rule};
use crate::cuda::{f32s, launch, with_values};
use crate::{Error, Network};

impl Optimizer {
    /// A step by a gradient that candle has.
    pub(super) fn on_cuda(
        &mut self,
        network: &Network,
        gradient: &Tensor,
        learning_rate: f64,
    ) -> Result<(), Error> {
        let (rate, decay) = self.rate_of_step(self.steps, learning_rate);
        let gradient = gradient.contiguous()?;
        let (storage, layout) = gradient.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else {
            return Err(candle_core::Error::Msg("expected a gradient on the weights' device".into()).into());
        };
        let gradient = f32s(storage, layout)?;
        let (rule, moments) = (self.settings.rule, &mut self.moments[..]);
        Ok(with_values(network.weights(), |device, weights| match (rule, moments) {
            (Rule::Adam(adam), [Moment::Cuda(mean, _), Moment::Cuda(square, _)]) => {
                launch::adam(device, &adam, rate, decay, weights, &gradient, [mean, square])
            }
            (Rule::Momentum(momentum), [Moment::Cuda(velocity, _)]) => {
                launch::momentum(device, &momentum, rate, decay, weights, &gradient, velocity)
            }
            // The moments are made for the rule, so this is plain descent.
            _ => launch::sgd(device, rate, decay, weights, &gradient),
        })?)
    }

    /// The rate of the step of this number, from 1, with Adam's corrections, and the share by which weights decay.
    fn rate_of_step(&self, step: u64, learning_rate: f64) -> (f32, f32) {
        let rate = match self.settings.rule {
            Rule::Adam(adam) => adam.corrected_rate(learning_rate, step),
            Rule::Descent | Rule::Momentum(_) => learning_rate as f32,
        };
        (rate, (self.settings.weight_decay * learning_rate) as f32)
    }
}

/// For steps that a device makes by itself.
#[cfg(feature = "cudnn")]
mod resident {
    use candle_core::cuda_backend::CudaDevice;
    use candle_core::cuda_backend::cudarc::driver::DevicePtr;
    use kernels::optimizer::{Adam, Momentum};

    use super::*;
    use crate::cuda::real::Real;
    use crate::cuda::step::Weights;

    impl Optimizer {
        /// Rates and decays of the next steps, for learning rates.
        pub(crate) fn rates(&self, learning_rates: &[f64]) -> (Vec<f32>, Vec<f32>) {
            let steps = self.steps + 1..;
            steps.zip(learning_rates).map(|(step, &rate)| self.rate_of_step(step, rate)).unzip()
        }

        /// Counts steps that were made.
        pub(crate) fn count(&mut self, steps: u64) {
            self.steps += steps;
        }

        /// Asks for the kernel of a step.
        pub(crate) fn enqueue<R: Real>(
            &mut self,
            device: &CudaDevice,
            weights: Weights<'_, R>,
        ) -> candle_core::Result<()> {
            match (self.settings.rule, &mut self.moments[..]) {
                (Rule::Adam(adam), [Moment::Cuda(mean, _), Moment::Cuda(square, _)]) => {
                    weights.adam(device, &adam, [mean, square])
                }
                (Rule::Momentum(momentum), [Moment::Cuda(velocity, _)]) => {
                    weights.momentum(device, &momentum, velocity)
                }
                (Rule::Descent, []) => weights.sgd(device),
                _ => candle_core::bail!("expected an optimizer of a network on the CUDA device"),
            }
        }

        /// All that a captured step has of this optimizer: where the moments lie, and the settings' numbers.
        pub(crate) fn captured(&self, device: &CudaDevice) -> Vec<u64> {
            let stream = device.cuda_stream();
            let place = |moment: &Moment| match moment {
                Moment::Cuda(values, _) => values.device_ptr(&stream).0,
                Moment::Host(_) | Moment::Device(_) => 0,
            };
            let settings = match self.settings.rule {
                Rule::Adam(Adam { beta_1, beta_2, epsilon }) => {
                    vec![0, beta_1.to_bits(), beta_2.to_bits(), u64::from(epsilon.to_bits())]
                }
                Rule::Descent => vec![1],
                Rule::Momentum(Momentum { momentum, kind }) => vec![2, momentum.to_bits(), kind as u64],
            };
            self.moments.iter().map(place).chain(settings).collect()
        }
    }
}
