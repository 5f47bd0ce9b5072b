//! A network: an architecture with its weights on a device.

mod finite;
mod layers;
mod parameter;
mod training;

use std::sync::Arc;

use candle_core::{Device, Tensor, Var};
use kernels::Simd;
use kernels::plan::Plan;
use streams::Seed;

use crate::architecture::{Architecture, ParameterKind};
use crate::{Error, fused, init, ops};
use layers::{Layers, Pass};
use parameter::{Own, Parameters};

pub use parameter::Parameter;
pub use training::Training;

/// An architecture with its weights.
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Architecture,
    parameters: Parameters,
    /// All that is trained, one behind the other: one gradient, one optimizer step.
    weights: Var,
    /// All that is kept but not trained, the moving statistics of batch norms.
    buffers: Var,
    simd: Simd,
    /// The way through the whole network at once, where there is one.
    plan: Option<Arc<Plan>>,
}

/// The loss of a batch, with what else is known of it by then.
#[derive(Debug)]
pub struct Loss {
    /// The mean softmax cross-entropy: a scalar to call `backward` on.
    pub mean: Tensor,
    /// Right answers.
    pub correct: usize,
}

impl Network {
    /// A network with weights drawn from the seed: Glorot uniform kernels, zero biases; batch norms that leave
    /// numbers as they are.
    ///
    /// # Errors
    /// If the device cannot hold the weights.
    pub fn new(architecture: &Architecture, seed: Seed, device: &Device, simd: Simd) -> Result<Self, Error> {
        let parameters = Parameters::of(architecture);
        let mut weights = Vec::with_capacity(architecture.trainable_count());
        for (index, own) in parameters.of_layers.iter().enumerate() {
            for parameter in &parameters.trained[own.trained.clone()] {
                weights.extend(initial(parameter, seed, index));
            }
        }
        let buffers: Vec<f32> =
            parameters.buffers.iter().flat_map(|buffer| initial(buffer, seed, 0)).collect();
        let flat = |values: Vec<f32>| {
            let len = values.len();
            Var::from_vec(values, len, device)
        };
        Ok(Self {
            architecture: architecture.clone(),
            parameters,
            weights: flat(weights)?,
            buffers: flat(buffers)?,
            simd,
            plan: fused::plan(architecture, device)?,
        })
    }

    /// Logits `(B, CLASSES)` of pictures `(B, C, H, W)` with values 0 to 1 as in evaluation, layer by layer, with
    /// gradients for every parameter and, where asked for, the pictures.
    ///
    /// # Errors
    /// If the pictures have another size than the architecture's, or the device fails.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor, Error> {
        self.check(images)?;
        Layers::of_flat(self, &self.weights)?.run(images, Pass::Evaluate, |_, _| Ok(()))
    }

    /// The loss of a batch, pictures `(B, C, H, W)` and labels `(B)` `u32`, for training, with the gradient of the
    /// weights: where the network allows it in one go through all layers and back, else layer by layer. Batch norms
    /// move their moving statistics.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), or if a label is not below the number of classes, the label smoothing is not in
    /// [0, 1), or there are more or fewer samples than pictures.
    pub fn loss(&self, images: &Tensor, labels: &Tensor, training: &Training) -> Result<Loss, Error> {
        self.check(images)?;
        training.names(images.dim(0)?)?;
        let (weights, smoothing) = (self.weights.as_tensor(), training.label_smoothing);
        if let Some(plan) = &self.plan {
            return Ok(fused::loss(plan, self.simd, weights, images, labels, smoothing)?);
        }
        let mut moving = self.buffer_values()?;
        let pass = Pass::Train { training, buffers: &mut moving };
        let loss = if self.device().is_cpu() {
            let (layers, variables) = Layers::of_variables(self)?;
            let logits = layers.run(images, pass, |_, _| Ok(()))?;
            let mean = ops::cross_entropy(&logits, labels, smoothing)?;
            let gradients = mean.backward()?;
            let mut flat = Vec::with_capacity(self.parameter_count());
            for variable in &variables {
                match gradients.get(variable) {
                    Some(gradient) => flat.extend(gradient.flatten_all()?.to_vec1::<f32>()?),
                    None => flat.extend(std::iter::repeat_n(0.0, variable.elem_count())),
                }
            }
            let mean = fused::with_gradient(weights, mean.to_scalar()?, flat)?;
            Loss { mean, correct: count_correct(&logits, labels)? }
        } else {
            let logits = Layers::of_flat(self, weights)?.run(images, pass, |_, _| Ok(()))?;
            let mean = ops::cross_entropy(&logits, labels, smoothing)?;
            Loss { mean, correct: count_correct(&logits, labels)? }
        };
        if !moving.is_empty() {
            self.set_buffer_values(&moving)?;
        }
        Ok(loss)
    }

    /// Logits `(B, CLASSES)` as in evaluation without gradients, by the fastest way.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, Error> {
        self.check(images)?;
        if let Some(plan) = &self.plan {
            return Ok(fused::logits(plan, self.simd, self.weights.as_tensor(), images)?);
        }
        // Of weights that ask for no gradients, no layer's result is kept.
        let weights = self.weights.as_detached_tensor();
        Layers::of_flat(self, &weights)?.run(&images.detach(), Pass::Evaluate, |_, _| Ok(()))
    }

    /// The mean loss, without label smoothing, and the right answers of a batch, without gradients.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), or if a label is not below the number of classes.
    pub fn score(&self, images: &Tensor, labels: &Tensor) -> Result<(f32, usize), Error> {
        score_logits(&self.logits(images)?, labels)
    }

    /// What the network is made of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The trainable tensors in the order of the layers, kernel before bias.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters.trained
    }

    /// The tensors that are kept but not trained, in the order of the layers, moving mean before moving variance.
    pub fn buffers(&self) -> &[Parameter] {
        &self.parameters.buffers
    }

    /// All trainable numbers, one behind the other; the gradient is found by it.
    pub fn weights(&self) -> &Var {
        &self.weights
    }

    /// How many trainable numbers there are.
    pub fn parameter_count(&self) -> usize {
        self.weights.elem_count()
    }

    /// The device that holds the weights.
    pub fn device(&self) -> &Device {
        self.weights.device()
    }

    /// The instruction set of its kernels.
    pub(crate) fn simd(&self) -> Simd {
        self.simd
    }

    /// All trainable numbers, for [`Parameter::of`] to take from.
    ///
    /// # Errors
    /// If they cannot be copied from the device.
    pub fn values(&self) -> Result<Vec<f32>, Error> {
        Ok(self.weights.to_vec1()?)
    }

    /// Sets all trainable numbers, in the order of [`values`](Self::values).
    ///
    /// # Errors
    /// If there are more or fewer of them than the network has.
    pub fn set_values(&self, values: &[f32]) -> Result<(), Error> {
        Ok(self.weights.set(&Tensor::from_slice(values, values.len(), self.device())?)?)
    }

    /// All numbers that are kept but not trained, for the [`Parameter::of`] of a buffer to take from.
    ///
    /// # Errors
    /// If they cannot be copied from the device.
    pub fn buffer_values(&self) -> Result<Vec<f32>, Error> {
        Ok(self.buffers.to_vec1()?)
    }

    /// Sets all numbers that are kept but not trained, in the order of [`buffer_values`](Self::buffer_values).
    ///
    /// # Errors
    /// If there are more or fewer of them than the network has.
    pub fn set_buffer_values(&self, values: &[f32]) -> Result<(), Error> {
        Ok(self.buffers.set(&Tensor::from_slice(values, values.len(), self.device())?)?)
    }

    /// The moving statistics.
    fn moving(&self) -> &Var {
        &self.buffers
    }

    /// The tensors of the layer at a place.
    pub(crate) fn own(&self, index: usize) -> Own {
        self.parameters.of_layers[index].clone()
    }

    fn check(&self, images: &Tensor) -> Result<(), Error> {
        let [h, w, c] = self.architecture.input();
        let (batch, channels, height, width) = images.dims4()?;
        if (channels, height, width) == (c, h, w) {
            return Ok(());
        }
        Err(Error::Pictures { found: images.dims().to_vec(), expected: vec![batch, c, h, w] })
    }
}

/// The mean loss, without label smoothing, of logits `(B, CLASSES)`, and how many of them are greatest at their label,
/// of `labels (B)` `u32`.
///
/// # Errors
/// If the shapes do not fit, or a label is not below the number of classes.
pub fn score_logits(logits: &Tensor, labels: &Tensor) -> Result<(f32, usize), Error> {
    Ok((ops::cross_entropy(logits, labels, 0.0)?.to_scalar()?, count_correct(logits, labels)?))
}

/// What a parameter begins as; `index` is its layer's place.
fn initial(parameter: &Parameter, seed: Seed, index: usize) -> Vec<f32> {
    let len = parameter.shape().iter().product();
    match parameter.kind() {
        ParameterKind::Kernel => init::glorot_uniform(seed, index, parameter.shape()),
        ParameterKind::Gamma | ParameterKind::MovingVariance => vec![1.0; len],
        ParameterKind::Bias | ParameterKind::Beta | ParameterKind::MovingMean => vec![0.0; len],
    }
}

/// How many logits are greatest at their label.
fn count_correct(logits: &Tensor, labels: &Tensor) -> Result<usize, Error> {
    let (_, classes) = logits.dims2()?;
    let logits = logits.flatten_all()?.to_vec1::<f32>()?;
    let labels = labels.to_vec1::<u32>()?;
    Ok(kernels::loss::count_correct(classes, &logits, &labels).map_err(candle_core::Error::wrap)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tutorial() -> Network {
        Network::new(&Architecture::tutorial(), Seed(0), &Device::Cpu, Simd::best()).unwrap()
    }

    #[test]
    fn pictures_of_another_size_are_refused() {
        let images = Tensor::zeros((1, 3, 28, 28), candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = tutorial().forward(&images).unwrap_err().to_string();
        assert!(error.contains("pictures of shape [1, 3, 28, 28], expected [1, 3, 32, 32]"), "{error}");
    }

    #[test]
    fn paths_are_those_of_keras() {
        let network = tutorial();
        let paths: Vec<String> = network.parameters().iter().map(Parameter::path).collect();
        assert_eq!(paths[..4], ["conv2d/kernel", "conv2d/bias", "conv2d_1/kernel", "conv2d_1/bias"]);
        assert_eq!(paths[9], "dense_1/bias");
    }

    /// The same network at once and layer by layer: the same but for rounding.
    #[test]
    fn whole_and_layer_by_layer_agree() {
        let network = tutorial();
        assert!(network.plan.is_some());
        let layers = Network { plan: None, ..network.clone() };
        let pixels: Vec<f32> = (0..9 * 3072).map(|i| (i * 7919 % 256) as f32 / 255.0).collect();
        let images = Tensor::from_vec(pixels, (9, 3, 32, 32), &Device::Cpu).unwrap();
        let labels = Tensor::new(&[3u32, 1, 4, 1, 5, 9, 2, 6, 5], &Device::Cpu).unwrap();
        let run = |network: &Network| {
            let loss = network.loss(&images, &labels, &Training::default()).unwrap();
            // Twice the loss: the gradient that arrives is not always 1.
            let gradients = loss.mean.affine(2.0, 0.0).unwrap().backward().unwrap();
            let gradient = gradients.get(network.weights()).unwrap().to_vec1::<f32>().unwrap();
            (loss.mean.to_scalar::<f32>().unwrap(), loss.correct, gradient)
        };
        let ((loss, correct, gradient), (loss_2, correct_2, gradient_2)) = (run(&network), run(&layers));
        let close = |a: f32, b: f32| (a - b).abs() < 1e-6 * b;
        assert!(close(loss, loss_2) && correct == correct_2, "{loss} {loss_2} {correct} {correct_2}");
        assert_eq!(network.score(&images, &labels).unwrap(), (loss, correct));
        assert_eq!(layers.score(&images, &labels).unwrap(), (loss_2, correct_2));
        let largest = gradient_2.iter().fold(0f32, |m, x| m.max(x.abs()));
        let worst = gradient.iter().zip(&gradient_2).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest > 0.0 && worst / largest < 2e-6, "{worst} of {largest}");
    }

    #[test]
    fn labels_out_of_range_are_errors() {
        let images = Tensor::zeros((1, 3, 32, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
        let labels = Tensor::new(&[10u32], &Device::Cpu).unwrap();
        let error = tutorial().loss(&images, &labels, &Training::default()).unwrap_err().to_string();
        assert!(error.contains("label 10 of picture 0 is not below the number of classes, 10"), "{error}");
    }
}
