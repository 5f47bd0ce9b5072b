//! Optimizers: one step of a network's parameters along their gradients, as Keras defines them.

#[cfg(feature = "cuda")]
mod on_cuda;

use std::cell::RefCell;

use candle_core::backprop::GradStore;
#[cfg(feature = "cuda")]
use candle_core::cuda_backend::{CudaDevice, cudarc::driver::CudaSlice};
use candle_core::{CpuStorage, Device, InplaceOp2, Layout, Tensor, Var};
use kernels::ShapeError;
use kernels::optimizer::{self as kernel, MomentumKind};

use crate::{Error, Network};

/// What an optimizer does, and by which numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerSettings {
    rule: Rule,
    weight_decay: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Adam(kernel::Adam),
    Descent,
    Momentum(kernel::Momentum),
}

impl OptimizerSettings {
    /// Adam: [`kernels::optimizer::Adam`].
    pub fn adam(settings: kernel::Adam) -> Self {
        Self { rule: Rule::Adam(settings), weight_decay: 0.0 }
    }

    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), `w -= w * weight_decay * learning_rate` before
    /// each step, of all parameters: what Keras calls `AdamW`, whose decay is 0.004 by default.
    pub fn adamw(settings: kernel::Adam, weight_decay: f64) -> Self {
        Self { rule: Rule::Adam(settings), weight_decay }
    }

    /// Stochastic gradient descent, with Polyak's or Nesterov's momentum where it is not 0:
    /// [`kernels::optimizer::Momentum`]; the decay is that of [`adamw`](Self::adamw), as in Keras.
    pub fn sgd(momentum: f64, nesterov: bool, weight_decay: f64) -> Self {
        let kind = if nesterov { MomentumKind::Nesterov } else { MomentumKind::Polyak };
        let rule = match momentum {
            0.0 => Rule::Descent,
            momentum => Rule::Momentum(kernel::Momentum { momentum, kind }),
        };
        Self { rule, weight_decay }
    }

    /// The names of what is kept from step to step, a number for each weight.
    fn moments(&self) -> &'static [&'static str] {
        match self.rule {
            Rule::Adam(_) => &["mean", "square"],
            Rule::Descent => &[],
            Rule::Momentum(_) => &["velocity"],
        }
    }
}

/// All that an optimizer keeps from step to step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// Steps that were made.
    pub steps: u64,
    /// By their names, a number for each weight of the network.
    pub moments: Vec<(String, Vec<f32>)>,
}

/// An optimizer with what it keeps from step to step.
#[derive(Debug)]
pub struct Optimizer {
    settings: OptimizerSettings,
    moments: Vec<Moment>,
    steps: u64,
}

/// A number for each weight.
#[derive(Debug)]
enum Moment {
    /// For weights on the CPU.
    Host(Vec<f32>),
    /// For weights on a CUDA device.
    #[cfg(feature = "cuda")]
    Cuda(CudaSlice<f32>, CudaDevice),
    /// For weights on another device.
    Device(Tensor),
}

impl Optimizer {
    /// An optimizer that has made no step.
    ///
    /// # Errors
    /// If the device cannot hold what it keeps.
    pub fn new(network: &Network, settings: &OptimizerSettings) -> Result<Self, Error> {
        let weights = network.weights();
        let zeros = |_: &&str| -> Result<Moment, Error> {
            Ok(match weights.device() {
                Device::Cpu => Moment::Host(vec![0.0; weights.elem_count()]),
                #[cfg(feature = "cuda")]
                Device::Cuda(device) => {
                    Moment::Cuda(device.alloc_zeros(weights.elem_count())?, device.clone())
                }
                _ => Moment::Device(weights.zeros_like()?),
            })
        };
        let moments = settings.moments().iter().map(zeros).collect::<Result<_, _>>()?;
        Ok(Self { settings: *settings, moments, steps: 0 })
    }

    /// One step of all parameters along their gradient, one number for each.
    ///
    /// # Errors
    /// If the gradient has another length, or the device fails.
    pub fn step(&mut self, network: &Network, gradient: &Tensor, learning_rate: f64) -> Result<(), Error> {
        let weights = network.weights();
        self.steps += 1;
        match weights.device() {
            Device::Cpu => self.on_host(network, gradient, learning_rate),
            #[cfg(feature = "cuda")]
            Device::Cuda(_) => self.on_cuda(network, gradient, learning_rate),
            _ => self.on_device(weights, gradient, learning_rate),
        }
    }

    fn on_host(&mut self, network: &Network, gradient: &Tensor, learning_rate: f64) -> Result<(), Error> {
        let (OptimizerSettings { rule, weight_decay }, simd, steps) =
            (self.settings, network.simd(), self.steps);
        let moments = &mut self.moments[..];
        on_host(network.weights(), &gradient.contiguous()?, |weights, gradient| {
            // Without decay the weights are not touched: `0 * w` would make NaN of an infinite weight.
            if weight_decay != 0.0 {
                kernel::decay_weights(simd, learning_rate, weight_decay, weights);
            }
            match (rule, &mut *moments) {
                (Rule::Adam(adam), [Moment::Host(mean), Moment::Host(square)]) => {
                    let rate = adam.corrected_rate(learning_rate, steps);
                    adam.step(simd, rate, weights, gradient, mean, square)
                }
                (Rule::Momentum(momentum), [Moment::Host(velocity)]) => {
                    momentum.step(simd, learning_rate as f32, weights, gradient, velocity)
                }
                // The moments are made for the rule, so this is plain descent.
                _ => kernel::sgd(simd, learning_rate as f32, weights, gradient),
            }
        })
    }

    fn on_device(&mut self, weights: &Var, gradient: &Tensor, learning_rate: f64) -> Result<(), Error> {
        let OptimizerSettings { rule, weight_decay } = self.settings;
        let decayed = (weights.as_tensor() * (1.0 - weight_decay * learning_rate))?;
        let change = match (rule, &mut self.moments[..]) {
            (Rule::Adam(adam), [Moment::Device(mean), Moment::Device(square)]) => {
                let kernel::Adam { beta_1, beta_2, epsilon } = adam;
                let rate = adam.corrected_rate(learning_rate, self.steps);
                *mean = ((&*mean * beta_1)? + (gradient * (1.0 - beta_1))?)?;
                *square = ((&*square * beta_2)? + (gradient.sqr()? * (1.0 - beta_2))?)?;
                ((&*mean * -f64::from(rate))? / (square.sqrt()? + f64::from(epsilon))?)?
            }
            (Rule::Momentum(settings), [Moment::Device(velocity)]) => {
                let along = (gradient * learning_rate)?;
                *velocity = ((&*velocity * settings.momentum)? - &along)?;
                match settings.kind {
                    MomentumKind::Polyak => velocity.clone(),
                    MomentumKind::Nesterov => ((&*velocity * settings.momentum)? - along)?,
                }
            }
            _ => (gradient * -learning_rate)?,
        };
        Ok(weights.set(&(decayed + change)?)?)
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// All that is kept from step to step.
    ///
    /// # Errors
    /// If it cannot be copied from the device.
    pub fn state(&self) -> Result<OptimizerState, Error> {
        let values = |moment: &Moment| -> Result<Vec<f32>, Error> {
            match moment {
                Moment::Host(values) => Ok(values.clone()),
                #[cfg(feature = "cuda")]
                Moment::Cuda(values, device) => Ok(device.clone_dtoh(values)?),
                Moment::Device(values) => Ok(values.to_vec1()?),
            }
        };
        let named = self.settings.moments().iter().zip(&self.moments);
        let moments = named.map(|(name, moment)| Ok(((*name).to_owned(), values(moment)?)));
        Ok(OptimizerState { steps: self.steps, moments: moments.collect::<Result<_, Error>>()? })
    }

    /// Goes on from a state: the steps after it are those of the optimizer that it was taken from. On an error
    /// nothing has changed.
    ///
    /// # Errors
    /// If the state is of another optimizer or network.
    pub fn restore(&mut self, state: &OptimizerState) -> Result<(), Error> {
        let mut found = Vec::new();
        for (name, moment) in self.settings.moments().iter().zip(&self.moments) {
            let saved = state.moments.iter().find(|(saved, _)| saved == name);
            let (_, values) = saved.ok_or_else(|| Error::MissingTensor(format!("optimizer.{name}")))?;
            let expected = match moment {
                Moment::Host(mine) => mine.len(),
                #[cfg(feature = "cuda")]
                Moment::Cuda(mine, _) => mine.len(),
                Moment::Device(mine) => mine.elem_count(),
            };
            if values.len() != expected {
                return Err(Error::WrongTensor {
                    name: format!("optimizer.{name}"),
                    found: format!("{} numbers", values.len()),
                    expected: format!("{expected} numbers"),
                });
            }
            found.push(match moment {
                Moment::Host(_) => Moment::Host(values.clone()),
                #[cfg(feature = "cuda")]
                Moment::Cuda(_, device) => Moment::Cuda(device.clone_htod(values)?, device.clone()),
                Moment::Device(mine) => {
                    Moment::Device(Tensor::from_slice(values, values.len(), mine.device())?)
                }
            });
        }
        (self.moments, self.steps) = (found, state.steps);
        Ok(())
    }
}

/// The gradient of all the network's weights, a number for each.
///
/// # Errors
/// If there is none: the gradients are of something else than the network's loss.
pub fn gradient_of(network: &Network, gradients: &GradStore) -> Result<Tensor, Error> {
    match gradients.get(network.weights()) {
        Some(gradient) => Ok(gradient.contiguous()?),
        None => Err(Error::NoGradient),
    }
}

/// The gradient, shortened to `longest` where it is longer, and its length before: the square root of the sum of all
/// squares, which is added up in `f64` in the order of the weights.
///
/// # Errors
/// If it cannot be copied from the device.
pub fn clip_global_norm(gradient: &Tensor, longest: f64) -> Result<(Tensor, f64), Error> {
    let values = gradient.flatten_all()?.to_vec1::<f32>()?;
    let length = values.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>().sqrt();
    if length <= longest || !length.is_finite() {
        return Ok((gradient.clone(), length));
    }
    let factor = (longest / length) as f32;
    let shortened: Vec<f32> = values.iter().map(|g| g * factor).collect();
    Ok((Tensor::from_vec(shortened, gradient.shape(), gradient.device())?, length))
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
    use kernels::Simd;
    use streams::Seed;

    use super::*;
    use crate::Training;
    use crate::architecture::{Architecture, Layer};

    fn network() -> Network {
        let layers =
            [Layer::Flatten, Layer::Dense { units: Some(3), bias: true, activation: Default::default() }];
        let architecture = Architecture::new("m", [2, 2, 1], &layers).unwrap();
        Network::new(&architecture, Seed(0), &Device::Cpu, Simd::best()).unwrap()
    }

    fn gradient(network: &Network) -> Tensor {
        let images = Tensor::new(&[[[[0.1f32, 0.9], [0.5, 0.3]]]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[1u32], &Device::Cpu).unwrap();
        let loss = network.loss(&images, &labels, &Training::default()).unwrap().mean;
        gradient_of(network, &loss.backward().unwrap()).unwrap()
    }

    fn all() -> Vec<OptimizerSettings> {
        let adam = kernel::Adam::default();
        vec![
            OptimizerSettings::adam(adam),
            OptimizerSettings::adamw(adam, 0.3),
            OptimizerSettings::sgd(0.0, false, 0.1),
            OptimizerSettings::sgd(0.9, false, 0.0),
            OptimizerSettings::sgd(0.9, true, 0.1),
        ]
    }

    /// Twenty steps of each optimizer's two forms, on the host and made of candle's ops. Both must move.
    #[test]
    fn host_and_device_agree() {
        for settings in all() {
            let networks = [network(), network()];
            let mut host = Optimizer::new(&networks[0], &settings).unwrap();
            let zeros = networks[1].weights().zeros_like().unwrap();
            let moments = settings.moments().iter().map(|_| Moment::Device(zeros.clone())).collect();
            let mut device = Optimizer { settings, moments, steps: 0 };
            for _ in 0..20 {
                host.step(&networks[0], &gradient(&networks[0]), 0.01).unwrap();
                device.steps += 1;
                device.on_device(networks[1].weights(), &gradient(&networks[1]), 0.01).unwrap();
            }
            let [host, device] = networks.map(|network| network.values().unwrap());
            assert!(
                host.iter().zip(&device).all(|(a, b)| (a - b).abs() < 1e-5),
                "{settings:?}: {host:?} {device:?}"
            );
            assert_ne!(host, network().values().unwrap());
        }
    }

    #[test]
    fn a_restored_optimizer_goes_on_to_the_last_bit() {
        for settings in all() {
            let run = |stop_at: Option<usize>| {
                let network = network();
                let mut optimizer = Optimizer::new(&network, &settings).unwrap();
                for step in 0..10 {
                    if stop_at == Some(step) {
                        let state = optimizer.state().unwrap();
                        optimizer = Optimizer::new(&network, &settings).unwrap();
                        optimizer.restore(&state).unwrap();
                    }
                    optimizer.step(&network, &gradient(&network), 0.05).unwrap();
                }
                (network.values().unwrap(), optimizer.state().unwrap())
            };
            assert_eq!(run(None), run(Some(4)), "{settings:?}");
        }
        let network = network();
        let mut adam = Optimizer::new(&network, &all()[0]).unwrap();
        let foreign = OptimizerState { steps: 3, moments: vec![("velocity".into(), vec![0.0; 15])] };
        assert!(adam.restore(&foreign).unwrap_err().to_string().contains("optimizer.mean"));
        assert_eq!(adam.steps(), 0);
    }

    /// Where the loss does not pull, AdamW only shrinks the weights.
    #[test]
    fn weights_decay_before_the_step() {
        let network = network();
        let before = network.values().unwrap();
        let nothing = network.weights().zeros_like().unwrap();
        let settings = OptimizerSettings::adamw(kernel::Adam::default(), 0.25);
        Optimizer::new(&network, &settings).unwrap().step(&network, &nothing, 0.5).unwrap();
        let expected: Vec<f32> = before.iter().map(|w| w - w * 0.25 * 0.5).collect();
        assert_eq!(network.values().unwrap(), expected);
        let foreign = Var::new(&[1f32], &Device::Cpu).unwrap();
        let loss = foreign.sum_all().unwrap();
        assert!(matches!(gradient_of(&network, &loss.backward().unwrap()), Err(Error::NoGradient)));
    }

    #[test]
    fn long_gradients_are_shortened_and_short_ones_left() {
        let gradient = Tensor::new(&[3f32, -4.0], &Device::Cpu).unwrap();
        let clip = |longest| {
            let (clipped, length) = clip_global_norm(&gradient, longest).unwrap();
            (clipped.to_vec1::<f32>().unwrap(), length)
        };
        assert_eq!(clip(10.0), (vec![3.0, -4.0], 5.0));
        assert_eq!(clip(2.5), (vec![1.5, -2.0], 5.0));
    }
}
