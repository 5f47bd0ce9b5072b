//! A network: an architecture with its weights on a device.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{Device, Tensor, Var};
use kernels::Simd;
use kernels::conv::Padding;
use kernels::plan::Plan;
use streams::Seed;

use crate::architecture::{Activation, Architecture, Layer};
use crate::{Error, fused, init, ops};

/// What a parameter is to its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// The weights: HWIO for convolutions, `(IN, OUT)` for dense layers.
    Kernel,
    /// One number for each output.
    Bias,
}

/// A trainable tensor of a network: a part of [`Network::weights`].
#[derive(Clone, Debug)]
pub struct Parameter {
    layer: String,
    kind: ParameterKind,
    shape: Vec<usize>,
    place: Range<usize>,
}

/// An architecture with its weights.
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Architecture,
    parameters: Vec<Parameter>,
    /// All parameters, one behind the other: one gradient, one optimizer step.
    weights: Var,
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
    /// A network with weights drawn from the seed: Glorot uniform kernels, zero biases.
    ///
    /// # Errors
    /// If the device cannot hold the weights.
    pub fn new(architecture: &Architecture, seed: Seed, device: &Device, simd: Simd) -> Result<Self, Error> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut weights = Vec::new();
        for (index, named) in architecture.layers().iter().enumerate() {
            let Some(shape) = named.kernel_shape() else { continue };
            let outputs = shape[shape.len() - 1];
            let mut add = |kind, shape: Vec<usize>, values: &[f32]| {
                let place = weights.len()..weights.len() + values.len();
                weights.extend_from_slice(values);
                parameters.push(Parameter { layer: named.name.clone(), kind, shape, place });
            };
            let kernel = init::glorot_uniform(seed, index, &shape);
            add(ParameterKind::Kernel, shape, &kernel);
            add(ParameterKind::Bias, vec![outputs], &vec![0.0; outputs]);
        }
        let len = weights.len();
        Ok(Self {
            architecture: architecture.clone(),
            parameters,
            weights: Var::from_vec(weights, len, device)?,
            simd,
            plan: fused::plan(architecture, device)?,
        })
    }

    /// Logits `(B, CLASSES)` of pictures `(B, C, H, W)` with values 0 to 1, layer by layer, with gradients for
    /// every parameter and, where asked for, the pictures.
    ///
    /// # Errors
    /// If the pictures have another size than the architecture's, or the device fails.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor, Error> {
        self.check(images)?;
        let mut x = images.permute((0, 2, 3, 1))?.contiguous()?;
        let mut parameters = self.parameters.chunks_exact(2);
        for named in self.architecture.layers() {
            let mut next = || match parameters.next() {
                Some([kernel, bias]) => Ok((self.tensor(kernel)?, self.tensor(bias)?)),
                _ => Err(Error::MissingTensor(named.name.clone())),
            };
            x = match named.layer {
                Layer::Conv2d { activation, .. } => {
                    let (kernel, bias) = next()?;
                    ops::conv2d(&x, &kernel, &bias, [1, 1], Padding::default(), activation.into(), self.simd)?
                }
                Layer::MaxPool2d { window } => ops::max_pool2d(&x, window, window)?,
                Layer::Flatten => x.flatten_from(1)?,
                Layer::Dense { activation, .. } => {
                    let (kernel, bias) = next()?;
                    ops::dense(&x, &kernel, &bias, activation.into(), self.simd)?
                }
            };
        }
        Ok(x)
    }

    /// The loss of a batch, pictures `(B, C, H, W)` and labels `(B)` `u32`, for training: where the network
    /// allows it in one op through all layers and back, else layer by layer.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), or if a label is not below the number of classes.
    pub fn loss(&self, images: &Tensor, labels: &Tensor) -> Result<Loss, Error> {
        self.check(images)?;
        if let Some(plan) = &self.plan {
            return Ok(fused::loss(plan, self.simd, self.weights.as_tensor(), images, labels)?);
        }
        let logits = self.forward(images)?;
        let mean = ops::cross_entropy(&logits, labels, 0.0)?;
        Ok(Loss { mean, correct: count_correct(&logits, labels)? })
    }

    /// Logits `(B, CLASSES)` without gradients, by the fastest way.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, Error> {
        self.check(images)?;
        match &self.plan {
            Some(plan) => Ok(fused::logits(plan, self.simd, self.weights.as_tensor(), images)?),
            None => Ok(self.forward(images)?.detach()),
        }
    }

    /// The mean loss and the right answers of a batch, without gradients.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn score(&self, images: &Tensor, labels: &Tensor) -> Result<(f32, usize), Error> {
        let logits = self.logits(images)?;
        Ok((ops::cross_entropy(&logits, labels, 0.0)?.to_scalar()?, count_correct(&logits, labels)?))
    }

    /// What the network is made of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The trainable tensors in the order of the layers, kernel before bias.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
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

    fn tensor(&self, parameter: &Parameter) -> Result<Tensor, Error> {
        let place = &parameter.place;
        Ok(self.weights.narrow(0, place.start, place.len())?.reshape(parameter.shape.as_slice())?)
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

/// How many logits are greatest at their label.
fn count_correct(logits: &Tensor, labels: &Tensor) -> Result<usize, Error> {
    let (_, classes) = logits.dims2()?;
    let logits = logits.flatten_all()?.to_vec1::<f32>()?;
    let labels = labels.to_vec1::<u32>()?;
    Ok(kernels::loss::count_correct(classes, &logits, &labels).map_err(candle_core::Error::wrap)?)
}

impl Parameter {
    /// The name of its layer.
    pub fn layer(&self) -> &str {
        &self.layer
    }

    /// What it is to its layer.
    pub fn kind(&self) -> ParameterKind {
        self.kind
    }

    /// The shape in Keras' layout: HWIO, `(IN, OUT)` or `(OUT)`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Keras' path below the model: `conv2d/kernel`.
    pub fn path(&self) -> String {
        let kind = match self.kind {
            ParameterKind::Kernel => "kernel",
            ParameterKind::Bias => "bias",
        };
        format!("{}/{kind}", self.layer)
    }

    /// This parameter's part, row-major, of numbers that lie as [`Network::values`] (or a gradient of them).
    /// Empty if there are too few.
    pub fn of<'a>(&self, values: &'a [f32]) -> &'a [f32] {
        values.get(self.place.clone()).unwrap_or_default()
    }

    /// As [`of`](Self::of), to write to.
    pub fn of_mut<'a>(&self, values: &'a mut [f32]) -> &'a mut [f32] {
        values.get_mut(self.place.clone()).unwrap_or_default()
    }
}

impl From<Activation> for kernels::activation::Activation {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Linear => Self::Linear,
            Activation::Relu => Self::Relu,
        }
    }
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
            let loss = network.loss(&images, &labels).unwrap();
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
        let error = tutorial().loss(&images, &labels).unwrap_err().to_string();
        assert!(error.contains("label 10 of picture 0 is not below the number of classes, 10"), "{error}");
    }
}
