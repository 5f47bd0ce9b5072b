//! Optimizers: one step of a network's parameters along their gradients.

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor};
use kernels::{Simd, optimizer as kernel};
use std::sync::Mutex;

use crate::{Error, Network};

/// Adam as Keras defines it: [`kernels::optimizer::Adam`].
#[derive(Debug)]
pub struct Adam {
    settings: kernel::Adam,
    moments: Moments,
    steps: u64,
}

/// The running means of the gradients and of their squares.
#[derive(Debug)]
enum Moments {
    /// For weights on the CPU.
    Host { mean: Vec<f32>, square: Vec<f32> },
    /// For weights on another device.
    Device { mean: Tensor, square: Tensor },
}

impl Adam {
    /// Moments of 0 for every parameter of the network.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn new(network: &Network, settings: kernel::Adam) -> Result<Self, Error> {
        let weights = network.weights();
        let moments = if weights.device().is_cpu() {
            let zeros = vec![0.0; weights.elem_count()];
            Moments::Host { mean: zeros.clone(), square: zeros }
        } else {
            Moments::Device { mean: weights.zeros_like()?, square: weights.zeros_like()? }
        };
        Ok(Self { settings, moments, steps: 0 })
    }

    /// One step of all parameters.
    ///
    /// # Errors
    /// If the gradients have none for the network, or the device fails.
    pub fn step(
        &mut self,
        network: &Network,
        gradients: &GradStore,
        learning_rate: f64,
    ) -> Result<(), Error> {
        let (weights, gradient) = (network.weights(), gradient_of(network, gradients)?);
        self.steps += 1;
        let rate = self.settings.corrected_rate(learning_rate, self.steps);
        match &mut self.moments {
            Moments::Host { mean, square } => {
                let op = AdamOp { settings: self.settings, rate, moments: Mutex::new((mean, square)) };
                weights.inplace_op2(&gradient, &op)?;
            }
            Moments::Device { mean, square } => {
                let kernel::Adam { beta_1, beta_2, epsilon } = self.settings;
                *mean = ((&*mean * beta_1)? + (&gradient * (1.0 - beta_1))?)?;
                *square = ((&*square * beta_2)? + (gradient.sqr()? * (1.0 - beta_2))?)?;
                let change = ((&*mean * f64::from(rate))? / (square.sqrt()? + f64::from(epsilon))?)?;
                weights.set(&(weights.as_tensor() - change)?)?;
            }
        }
        Ok(())
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

/// The gradient of all the network's weights.
fn gradient_of(network: &Network, gradients: &GradStore) -> Result<Tensor, Error> {
    match gradients.get(network.weights()) {
        Some(gradient) => Ok(gradient.contiguous()?),
        None => Err(Error::NoGradient),
    }
}

struct AdamOp<'a> {
    settings: kernel::Adam,
    rate: f32,
    /// Behind a lock because candle hands out ops by shared reference; never waited for.
    moments: Mutex<(&'a mut [f32], &'a mut [f32])>,
}

impl InplaceOp2 for AdamOp<'_> {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn cpu_fwd(
        &self,
        w: &mut CpuStorage,
        w_layout: &Layout,
        g: &CpuStorage,
        g_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (weights, gradient) = step_arguments(w, w_layout, g, g_layout)?;
        let Ok(mut moments) = self.moments.lock() else {
            candle_core::bail!("the moments of Adam are in use")
        };
        let (mean, square) = &mut *moments;
        self.settings
            .step(Simd::best(), self.rate, weights, gradient, mean, square)
            .map_err(candle_core::Error::wrap)
    }
}

/// Plain stochastic gradient descent: `w -= learning_rate * g`.
///
/// # Errors
/// If the gradients have none for the network, or the device fails.
pub fn sgd_step(network: &Network, gradients: &GradStore, learning_rate: f64) -> Result<(), Error> {
    let (weights, gradient) = (network.weights(), gradient_of(network, gradients)?);
    if weights.device().is_cpu() {
        weights.inplace_op2(&gradient, &SgdOp(learning_rate as f32))?;
    } else {
        weights.set(&(weights.as_tensor() - (gradient * learning_rate)?)?)?;
    }
    Ok(())
}

struct SgdOp(f32);

impl InplaceOp2 for SgdOp {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn cpu_fwd(
        &self,
        w: &mut CpuStorage,
        w_layout: &Layout,
        g: &CpuStorage,
        g_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (weights, gradient) = step_arguments(w, w_layout, g, g_layout)?;
        kernel::sgd(Simd::best(), self.0, weights, gradient).map_err(candle_core::Error::wrap)
    }
}

/// The weights to change and their gradient, as slices.
fn step_arguments<'a>(
    w: &'a mut CpuStorage,
    w_layout: &Layout,
    g: &'a CpuStorage,
    g_layout: &Layout,
) -> candle_core::Result<(&'a mut [f32], &'a [f32])> {
    match (w, w_layout.contiguous_offsets(), g, g_layout.contiguous_offsets()) {
        (CpuStorage::F32(w), Some((w0, w1)), CpuStorage::F32(g), Some((g0, g1))) => {
            Ok((&mut w[w0..w1], &g[g0..g1]))
        }
        _ => candle_core::bail!("expected contiguous f32 weights and gradient on the CPU"),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use streams::Seed;

    use super::*;
    use crate::architecture::{Architecture, Layer};

    /// The two forms of Adam, on the host and made of candle's ops, agree over several steps.
    #[test]
    fn host_and_device_agree() {
        let dense = Layer::Dense { units: 3, activation: Default::default() };
        let architecture = Architecture::new("m", [2, 2, 1], &[Layer::Flatten, dense]).unwrap();
        let new = || Network::new(&architecture, Seed(0), &Device::Cpu, Simd::best()).unwrap();
        let (host, device) = (new(), new());
        let mut adams = [
            Adam::new(&host, kernel::Adam::default()).unwrap(),
            Adam::new(&device, kernel::Adam::default()).unwrap(),
        ];
        let zeros = || device.weights().zeros_like().unwrap();
        adams[1].moments = Moments::Device { mean: zeros(), square: zeros() };
        let images = Tensor::new(&[[[[0.1f32, 0.9], [0.5, 0.3]]]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[1u32], &Device::Cpu).unwrap();
        for _ in 0..20 {
            for (network, adam) in [&host, &device].into_iter().zip(&mut adams) {
                let loss = network.loss(&images, &labels).unwrap().mean;
                adam.step(network, &loss.backward().unwrap(), 0.01).unwrap();
            }
        }
        for (a, b) in host.values().unwrap().iter().zip(device.values().unwrap()) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}
