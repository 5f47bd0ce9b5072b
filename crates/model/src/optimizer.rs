//! Optimizers: one step of a network's parameters along their gradients, as Keras defines them.

use std::cell::RefCell;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor, Var};
use kernels::optimizer::{self as kernel, MomentumKind};
use kernels::{ShapeError, Simd};

use crate::{Error, Network};

/// Adam: [`kernels::optimizer::Adam`]; with weight decay, AdamW.
#[derive(Debug)]
pub struct Adam {
    settings: kernel::Adam,
    weight_decay: f64,
    /// The running means of the gradients and of their squares.
    moments: State<2>,
    steps: u64,
}

impl Adam {
    /// Moments of 0 for every parameter of the network.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn new(network: &Network, settings: kernel::Adam) -> Result<Self, Error> {
        Ok(Self { settings, weight_decay: 0.0, moments: State::zeros(network.weights())?, steps: 0 })
    }

    /// The same with decoupled weight decay (Loshchilov and Hutter, 2019), `w -= w * weight_decay * learning_rate`
    /// before each step, of all parameters: what Keras calls `AdamW`, whose decay is 0.004 by default.
    #[must_use]
    pub fn with_weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
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
        let (settings, decay, simd) = (self.settings, self.weight_decay, network.simd());
        self.steps += 1;
        let rate = settings.corrected_rate(learning_rate, self.steps);
        match &mut self.moments {
            State::Host([mean, square]) => on_host(weights, &gradient, |weights, gradient| {
                decay_on_host(simd, learning_rate, decay, weights);
                settings.step(simd, rate, weights, gradient, mean, square)
            }),
            State::Device([mean, square]) => {
                let kernel::Adam { beta_1, beta_2, epsilon } = settings;
                *mean = ((&*mean * beta_1)? + (&gradient * (1.0 - beta_1))?)?;
                *square = ((&*square * beta_2)? + (gradient.sqr()? * (1.0 - beta_2))?)?;
                let change = ((&*mean * f64::from(rate))? / (square.sqrt()? + f64::from(epsilon))?)?;
                let decayed = (weights.as_tensor() * (1.0 - decay * learning_rate))?;
                Ok(weights.set(&(decayed - change)?)?)
            }
        }
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

/// Gradient descent with momentum, Polyak's or Nesterov's: [`kernels::optimizer::Momentum`].
#[derive(Debug)]
pub struct Momentum {
    settings: kernel::Momentum,
    velocity: State<1>,
}

impl Momentum {
    /// A velocity of 0 for every parameter of the network.
    ///
    /// # Errors
    /// If the device cannot hold it.
    pub fn new(network: &Network, settings: kernel::Momentum) -> Result<Self, Error> {
        Ok(Self { settings, velocity: State::zeros(network.weights())? })
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
        let settings = self.settings;
        match &mut self.velocity {
            State::Host([velocity]) => on_host(weights, &gradient, |weights, gradient| {
                settings.step(network.simd(), learning_rate as f32, weights, gradient, velocity)
            }),
            State::Device([velocity]) => {
                let along = (gradient * learning_rate)?;
                *velocity = ((&*velocity * settings.momentum)? - &along)?;
                let change = match settings.kind {
                    MomentumKind::Polyak => velocity.clone(),
                    MomentumKind::Nesterov => ((&*velocity * settings.momentum)? - along)?,
                };
                Ok(weights.set(&(weights.as_tensor() + change)?)?)
            }
        }
    }
}

/// Plain stochastic gradient descent: `w -= learning_rate * g`.
///
/// # Errors
/// If the gradients have none for the network, or the device fails.
pub fn sgd_step(network: &Network, gradients: &GradStore, learning_rate: f64) -> Result<(), Error> {
    let (weights, gradient) = (network.weights(), gradient_of(network, gradients)?);
    if weights.device().is_cpu() {
        return on_host(weights, &gradient, |weights, gradient| {
            kernel::sgd(network.simd(), learning_rate as f32, weights, gradient)
        });
    }
    Ok(weights.set(&(weights.as_tensor() - (gradient * learning_rate)?)?)?)
}

/// What an optimizer keeps from step to step: `N` numbers for each parameter.
#[derive(Debug)]
enum State<const N: usize> {
    /// For weights on the CPU.
    Host([Vec<f32>; N]),
    /// For weights on another device.
    Device([Tensor; N]),
}

impl<const N: usize> State<N> {
    fn zeros(weights: &Var) -> Result<Self, Error> {
        if weights.device().is_cpu() {
            return Ok(Self::Host(std::array::from_fn(|_| vec![0.0; weights.elem_count()])));
        }
        // Tensors are never written to, so all may begin as the same one.
        let zeros = weights.zeros_like()?;
        Ok(Self::Device(std::array::from_fn(|_| zeros.clone())))
    }
}

/// The gradient of all the network's weights.
fn gradient_of(network: &Network, gradients: &GradStore) -> Result<Tensor, Error> {
    match gradients.get(network.weights()) {
        Some(gradient) => Ok(gradient.contiguous()?),
        None => Err(Error::NoGradient),
    }
}

/// Without decay the weights are not touched: `0 * w` would make NaN of an infinite weight.
fn decay_on_host(simd: Simd, learning_rate: f64, decay: f64, weights: &mut [f32]) {
    if decay != 0.0 {
        kernel::decay_weights(simd, learning_rate, decay, weights);
    }
}

/// Changes weights on the CPU by a step of [`kernels::optimizer`].
fn on_host(
    weights: &Var,
    gradient: &Tensor,
    step: impl FnMut(&mut [f32], &[f32]) -> Result<(), ShapeError>,
) -> Result<(), Error> {
    Ok(weights.inplace_op2(gradient, &Step(RefCell::new(step)))?)
}

/// A step as candle's op. The cell is there because candle takes ops by shared reference.
struct Step<F>(RefCell<F>);

impl<F: FnMut(&mut [f32], &[f32]) -> Result<(), ShapeError>> InplaceOp2 for Step<F> {
    fn name(&self) -> &'static str {
        "optimizer-step"
    }

    fn cpu_fwd(
        &self,
        w: &mut CpuStorage,
        w_layout: &Layout,
        g: &CpuStorage,
        g_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (CpuStorage::F32(w), Some((w0, w1)), CpuStorage::F32(g), Some((g0, g1))) =
            (w, w_layout.contiguous_offsets(), g, g_layout.contiguous_offsets())
        else {
            candle_core::bail!("expected contiguous f32 weights and gradient on the CPU")
        };
        let Ok(mut step) = self.0.try_borrow_mut() else {
            candle_core::bail!("an optimizer's step in itself")
        };
        step(&mut w[w0..w1], &g[g0..g1]).map_err(candle_core::Error::wrap)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use streams::Seed;

    use super::*;
    use crate::architecture::{Architecture, Layer};

    fn network() -> Network {
        let dense = Layer::Dense { units: Some(3), bias: true, activation: Default::default() };
        let architecture = Architecture::new("m", [2, 2, 1], &[Layer::Flatten, dense]).unwrap();
        Network::new(&architecture, Seed(0), &Device::Cpu, Simd::best()).unwrap()
    }

    /// Twenty steps of an optimizer's two forms, on the host and made of candle's ops. Both must move.
    fn check(mut steps: [impl FnMut(&Network, &GradStore) -> Result<(), Error>; 2]) {
        let networks = [network(), network()];
        let images = Tensor::new(&[[[[0.1f32, 0.9], [0.5, 0.3]]]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[1u32], &Device::Cpu).unwrap();
        for _ in 0..20 {
            for (network, step) in networks.iter().zip(&mut steps) {
                let loss = network.loss(&images, &labels, &crate::Training::default()).unwrap().mean;
                step(network, &loss.backward().unwrap()).unwrap();
            }
        }
        let [host, device] = networks.map(|network| network.values().unwrap());
        for (a, b) in host.iter().zip(&device) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        assert_ne!(host, network().values().unwrap());
    }

    fn on_device<const N: usize>() -> State<N> {
        let zeros = network().weights().zeros_like().unwrap();
        State::Device(std::array::from_fn(|_| zeros.clone()))
    }

    #[test]
    fn host_and_device_agree_on_adam() {
        for decay in [0.0, 0.3] {
            let adam = || Adam::new(&network(), kernel::Adam::default()).unwrap().with_weight_decay(decay);
            let adams = [adam(), Adam { moments: on_device(), ..adam() }];
            check(adams.map(|mut adam| move |n: &Network, g: &GradStore| adam.step(n, g, 0.01)));
        }
    }

    #[test]
    fn host_and_device_agree_on_momentum() {
        for kind in [MomentumKind::Polyak, MomentumKind::Nesterov] {
            let settings = kernel::Momentum { momentum: 0.9, kind };
            let momentum = || Momentum::new(&network(), settings).unwrap();
            let both = [momentum(), Momentum { velocity: on_device(), ..momentum() }];
            check(both.map(|mut momentum| move |n: &Network, g: &GradStore| momentum.step(n, g, 0.01)));
        }
    }

    /// Where the loss does not pull, AdamW only shrinks the weights; a gradient of nothing leaves them.
    #[test]
    fn weights_decay_before_the_step() {
        let network = network();
        let before = network.values().unwrap();
        let nothing = (network.weights().as_tensor() * 0.0).unwrap().sum_all().unwrap();
        assert!(
            Adam::new(&network, kernel::Adam::default())
                .unwrap()
                .step(&network, &nothing.backward().unwrap(), 0.1)
                .is_err()
        );
        assert_eq!(network.values().unwrap(), before);
        let zeros = network.weights().zeros_like().unwrap();
        let flat = (network.weights().as_tensor() * zeros).unwrap().sum_all().unwrap();
        let mut adam = Adam::new(&network, kernel::Adam::default()).unwrap().with_weight_decay(0.25);
        adam.step(&network, &flat.backward().unwrap(), 0.5).unwrap();
        let expected: Vec<f32> = before.iter().map(|w| w - w * 0.25 * 0.5).collect();
        assert_eq!(network.values().unwrap(), expected);
    }
}
