//! The way through a network layer by layer.

use candle_core::{D, Tensor, Var};
use kernels::conv::Padding;

use super::training::{Training, dropout_purpose};
use super::{Network, Parameter};
use crate::architecture::{Activation, Layer, NamedLayer, ParameterKind, zeros_around};
use crate::{Error, ops};

/// What a pass through the layers is for.
pub(super) enum Pass<'a> {
    /// Nothing is dropped, batch norms go by their moving statistics.
    Evaluate,
    /// Dropout drops, batch norms go by the batch.
    Train {
        training: &'a Training<'a>,
        /// The moving statistics, which the batch moves.
        buffers: &'a mut [f32],
    },
}

/// The network's layers with the tensors they take.
pub(super) struct Layers<'a> {
    network: &'a Network,
    parameters: Vec<Tensor>,
}

impl<'a> Layers<'a> {
    /// The layers with all parameters from one flat tensor.
    pub(super) fn of_flat(network: &'a Network, weights: &Tensor) -> Result<Self, Error> {
        let part = |parameter: &Parameter| {
            let place = parameter.place();
            Ok(weights.narrow(0, place.start, place.len())?.reshape(parameter.shape())?)
        };
        let parameters = network.parameters().iter().map(part).collect::<Result<_, Error>>()?;
        Ok(Self { network, parameters })
    }

    /// The layers with a variable for each parameter, which are returned too: gradients of their own are less work
    /// than gradients of parts of one tensor.
    pub(super) fn of_variables(network: &'a Network) -> Result<(Self, Vec<Var>), Error> {
        let values = network.values()?;
        let variable = |parameter: &Parameter| {
            Ok(Var::from_slice(parameter.of(&values), parameter.shape(), network.device())?)
        };
        let variables: Vec<Var> = network.parameters().iter().map(variable).collect::<Result<_, Error>>()?;
        let parameters = variables.iter().map(|variable| variable.as_tensor().clone()).collect();
        Ok((Self { network, parameters }, variables))
    }

    /// Logits of pictures `(B, C, H, W)`. `see` is called with each layer's result.
    pub(super) fn run(
        &self,
        images: &Tensor,
        mut pass: Pass,
        mut see: impl FnMut(&NamedLayer, &Tensor) -> Result<(), Error>,
    ) -> Result<Tensor, Error> {
        let mut x = images.permute((0, 2, 3, 1))?.contiguous()?;
        for (index, named) in self.network.architecture().layers().iter().enumerate() {
            x = self.layer(index, named, &x, &mut pass)?;
            see(named, &x)?;
        }
        Ok(x)
    }

    fn layer(&self, index: usize, named: &NamedLayer, x: &Tensor, pass: &mut Pass) -> Result<Tensor, Error> {
        let simd = self.network.simd();
        match named.layer {
            Layer::Conv2d { kernel, stride, padding, activation, .. } => {
                let [rows, columns] =
                    [0, 1].map(|i| zeros_around(padding, named.input[i], kernel[i], stride[i]));
                let around = Padding { top: rows[0], bottom: rows[1], left: columns[0], right: columns[1] };
                let (kernel, bias) = self.kernel_and_bias(index, named)?;
                let (fused, rest) = split(activation);
                Ok(ops::activate(&ops::conv2d(x, &kernel, &bias, stride, around, fused, simd)?, rest)?)
            }
            Layer::Dense { activation, .. } => {
                let (kernel, bias) = self.kernel_and_bias(index, named)?;
                let (fused, rest) = split(activation);
                Ok(ops::activate(&ops::dense(x, &kernel, &bias, fused, simd)?, rest)?)
            }
            Layer::MaxPool2d { window, stride } => Ok(ops::max_pool2d(x, window, stride.unwrap_or(window))?),
            Layer::AvgPool2d { window, stride } => Ok(ops::avg_pool2d(x, window, stride.unwrap_or(window))?),
            Layer::GlobalMaxPool2d => {
                let window = [named.input[0], named.input[1]];
                Ok(ops::max_pool2d(x, window, window)?.flatten_from(1)?)
            }
            Layer::GlobalAvgPool2d => {
                let window = [named.input[0], named.input[1]];
                Ok(ops::avg_pool2d(x, window, window)?.flatten_from(1)?)
            }
            Layer::BatchNorm { momentum, epsilon } => {
                self.batch_norm(index, named, x, [momentum, epsilon], pass)
            }
            Layer::Dropout { rate } => match pass {
                Pass::Evaluate => Ok(x.clone()),
                Pass::Train { training, .. } => {
                    let names = training.names(x.dim(0)?)?;
                    let (seed, epoch, purpose) = (training.seed, training.epoch, dropout_purpose(index));
                    let stream = move |place: usize| {
                        seed.stream(purpose, epoch, names.get(place).copied().unwrap_or_default())
                    };
                    Ok(ops::dropout(x, rate as f32, stream)?)
                }
            },
            Layer::Flatten => Ok(x.flatten_from(1)?),
            Layer::Activation { function } => Ok(ops::activate(x, function)?),
        }
    }

    /// By the batch's statistics, which then move the moving ones as Keras 3 does it: with the biased variance.
    fn batch_norm(
        &self,
        index: usize,
        named: &NamedLayer,
        x: &Tensor,
        [momentum, epsilon]: [f64; 2],
        pass: &mut Pass,
    ) -> Result<Tensor, Error> {
        let simd = self.network.simd();
        let gamma = self.parameter(index, named, ParameterKind::Gamma)?;
        let beta = self.parameter(index, named, ParameterKind::Beta)?;
        match pass {
            Pass::Evaluate => {
                let moving = self.network.moving().as_detached_tensor();
                let part = |kind| {
                    let place = self.buffer(index, named, kind)?.place();
                    Ok::<_, Error>(moving.narrow(0, place.start, place.len())?)
                };
                let (mean, variance) =
                    (part(ParameterKind::MovingMean)?, part(ParameterKind::MovingVariance)?);
                Ok(ops::batch_norm_inference(x, &gamma, &beta, &mean, &variance, epsilon, simd)?)
            }
            Pass::Train { buffers, .. } => {
                let batch = ops::batch_norm(x, &gamma, &beta, epsilon, simd)?;
                let (keep, take) = (momentum as f32, (1.0 - momentum) as f32);
                for (kind, statistic) in [
                    (ParameterKind::MovingMean, &batch.mean),
                    (ParameterKind::MovingVariance, &batch.variance),
                ] {
                    let moving = self.buffer(index, named, kind)?.of_mut(buffers);
                    for (moving, batch) in moving.iter_mut().zip(statistic.to_vec1::<f32>()?) {
                        *moving = *moving * keep + batch * take;
                    }
                }
                Ok(batch.output)
            }
        }
    }

    /// A layer without bias has zeros, which learn nothing.
    fn kernel_and_bias(&self, index: usize, named: &NamedLayer) -> Result<(Tensor, Tensor), Error> {
        let kernel = self.parameter(index, named, ParameterKind::Kernel)?;
        let bias = match self.find(index, ParameterKind::Bias) {
            Some(bias) => bias.clone(),
            None => Tensor::zeros(kernel.dim(D::Minus1)?, kernel.dtype(), kernel.device())?,
        };
        Ok((kernel, bias))
    }

    fn parameter(&self, index: usize, named: &NamedLayer, kind: ParameterKind) -> Result<Tensor, Error> {
        match self.find(index, kind) {
            Some(tensor) => Ok(tensor.clone()),
            None => Err(missing(named, kind)),
        }
    }

    fn find(&self, index: usize, kind: ParameterKind) -> Option<&Tensor> {
        let own = self.network.own(index).trained;
        let all = self.network.parameters().iter().zip(&self.parameters);
        let (_, tensor) =
            all.skip(own.start).take(own.len()).find(|(parameter, _)| parameter.kind() == kind)?;
        Some(tensor)
    }

    /// A part of the moving statistics.
    fn buffer(&self, index: usize, named: &NamedLayer, kind: ParameterKind) -> Result<&Parameter, Error> {
        let own = self.network.own(index).buffers;
        let mine = self.network.buffers().get(own).unwrap_or_default();
        mine.iter().find(|buffer| buffer.kind() == kind).ok_or_else(|| missing(named, kind))
    }
}

fn missing(named: &NamedLayer, kind: ParameterKind) -> Error {
    Error::MissingTensor(format!("{}/{}", named.name, kind.keras_name()))
}

/// What a layer with weights applies itself, and what is left for an op behind it.
fn split(activation: Activation) -> (kernels::activation::Activation, Activation) {
    match activation {
        Activation::Linear => (kernels::activation::Activation::Linear, Activation::Linear),
        Activation::Relu => (kernels::activation::Activation::Relu, Activation::Linear),
        rest => (kernels::activation::Activation::Linear, rest),
    }
}
