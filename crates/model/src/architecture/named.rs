//! A layer in its place: its name, the shapes around it, what it learns and what it costs.

use super::layer::Layer;

/// What a parameter is to its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// The weights: HWIO for convolutions, `(IN, OUT)` for dense layers.
    Kernel,
    /// One number for each output.
    Bias,
    /// The scale of each channel of a batch norm.
    Gamma,
    /// The shift of each channel of a batch norm.
    Beta,
    /// The moving mean of each channel of a batch norm: not trained, but moved.
    MovingMean,
    /// The moving variance of each channel of a batch norm: not trained, but moved.
    MovingVariance,
}

impl ParameterKind {
    /// Keras' name.
    pub fn keras_name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Bias => "bias",
            Self::Gamma => "gamma",
            Self::Beta => "beta",
            Self::MovingMean => "moving_mean",
            Self::MovingVariance => "moving_variance",
        }
    }
}

/// A layer with its name and the shapes of one picture before and after it, `(H, W, C)` or `(N)`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedLayer {
    /// Keras' name: `conv2d`, `conv2d_1`, `max_pooling2d`, ...
    pub name: String,
    /// The settings; a dense layer's units are there.
    pub layer: Layer,
    /// The shape that comes in.
    pub input: Vec<usize>,
    /// The shape that goes out.
    pub output: Vec<usize>,
}

impl NamedLayer {
    /// Channels, or numbers in a row, that come in and go out.
    fn ends(&self) -> [usize; 2] {
        [&self.input, &self.output].map(|shape| shape.last().copied().unwrap_or(0))
    }

    /// The shape of the kernel in Keras' layout: HWIO or `(IN, OUT)`. `None` for layers without weights.
    pub fn kernel_shape(&self) -> Option<Vec<usize>> {
        let [inputs, outputs] = self.ends();
        match self.layer {
            Layer::Conv2d { kernel: [kh, kw], .. } => Some(vec![kh, kw, inputs, outputs]),
            Layer::Dense { .. } => Some(vec![inputs, outputs]),
            _ => None,
        }
    }

    /// What the layer learns, in Keras' order, with the shapes.
    pub fn parameters(&self) -> Vec<(ParameterKind, Vec<usize>)> {
        let [_, outputs] = self.ends();
        match self.layer {
            Layer::Conv2d { bias, .. } | Layer::Dense { bias, .. } => {
                let kernel = self.kernel_shape().map(|shape| (ParameterKind::Kernel, shape));
                let bias = bias.then(|| (ParameterKind::Bias, vec![outputs]));
                kernel.into_iter().chain(bias).collect()
            }
            Layer::BatchNorm { .. } => {
                vec![(ParameterKind::Gamma, vec![outputs]), (ParameterKind::Beta, vec![outputs])]
            }
            _ => Vec::new(),
        }
    }

    /// What the layer keeps that is not trained, in Keras' order, with the shapes.
    pub fn buffers(&self) -> Vec<(ParameterKind, Vec<usize>)> {
        let [_, channels] = self.ends();
        match self.layer {
            Layer::BatchNorm { .. } => vec![
                (ParameterKind::MovingMean, vec![channels]),
                (ParameterKind::MovingVariance, vec![channels]),
            ],
            _ => Vec::new(),
        }
    }

    /// How many trainable numbers the layer has.
    pub fn trainable_count(&self) -> usize {
        count(&self.parameters())
    }

    /// How many numbers it keeps that are not trained.
    pub fn buffer_count(&self) -> usize {
        count(&self.buffers())
    }

    /// How many numbers the layer has, trainable or not: what Keras counts.
    pub fn parameter_count(&self) -> usize {
        self.trainable_count() + self.buffer_count()
    }

    /// Multiply-adds of a convolution or a dense layer for one picture, forward; others have next to none.
    pub fn multiply_adds(&self) -> u64 {
        let kernel: usize = self.kernel_shape().map_or(0, |shape| shape.iter().product());
        let places: usize = match self.layer {
            Layer::Conv2d { .. } => self.output[..2].iter().product(),
            _ => 1,
        };
        // Both are at most 2^31.
        kernel as u64 * places as u64
    }
}

fn count(parameters: &[(ParameterKind, Vec<usize>)]) -> usize {
    parameters.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
}
