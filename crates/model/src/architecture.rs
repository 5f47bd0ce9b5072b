//! What a network is made of: layers, their names and shapes; knows nothing of tensors.

use crate::Error;

/// What a layer applies to its sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// `max(x, 0)`.
    Relu,
}

/// One layer, with the settings it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Two-dimensional convolution with stride 1 and no padding.
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Height and width of the kernel.
        kernel: [usize; 2],
        /// Applied to the result.
        activation: Activation,
    },
    /// The greatest of each window; windows do not overlap.
    MaxPool2d {
        /// Height and width of the window, and its step.
        window: [usize; 2],
    },
    /// `(H, W, C)` to a row of `H * W * C`.
    Flatten,
    /// A fully connected layer.
    Dense {
        /// Outputs.
        units: usize,
        /// Applied to the result.
        activation: Activation,
    },
}

/// A layer with its name and the shapes of one picture before and after it, `(H, W, C)` or `(N)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLayer {
    /// Keras' name: `conv2d`, `conv2d_1`, `max_pooling2d`, ...
    pub name: String,
    /// The settings.
    pub layer: Layer,
    /// The shape that comes in.
    pub input: Vec<usize>,
    /// The shape that goes out.
    pub output: Vec<usize>,
}

/// A sequence of layers for pictures of one size, checked: every layer fits the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    name: String,
    input: [usize; 3],
    layers: Vec<NamedLayer>,
}

impl Architecture {
    /// A network called `name` for pictures of `input` (height, width, channels).
    ///
    /// # Errors
    /// [`Error::Layer`], naming the first layer that does not fit.
    pub fn new(name: &str, input: [usize; 3], layers: &[Layer]) -> Result<Self, Error> {
        let mut named = Vec::with_capacity(layers.len());
        let mut shape = input.to_vec();
        for (i, layer) in layers.iter().enumerate() {
            let earlier = layers[..i].iter().filter(|other| other.keras_name() == layer.keras_name()).count();
            let name = match earlier {
                0 => layer.keras_name().to_owned(),
                n => format!("{}_{n}", layer.keras_name()),
            };
            let output = layer.output_of(&shape).map_err(|reason| Error::Layer {
                layer: name.clone(),
                input: shape.clone(),
                reason,
            })?;
            named.push(NamedLayer { name, layer: layer.clone(), input: shape, output: output.clone() });
            shape = output;
        }
        Ok(Self { name: name.to_owned(), input, layers: named })
    }

    /// The network of the Keras tutorial "Convolutional Neural Network (CNN)": 122,570 parameters, pictures
    /// of 32 x 32 x 3 in, ten logits out.
    pub fn tutorial() -> Self {
        #[expect(clippy::expect_used, reason = "fixed layers that fit each other, as a test shows")]
        Self::tutorial_for([32, 32, 3], 10).expect("the tutorial's layers fit")
    }

    /// The same layers for pictures of `input` (height, width, channels) in `classes` classes.
    ///
    /// # Errors
    /// [`Error::Layer`] for pictures below 18 x 18, which the last convolution has no window in.
    pub fn tutorial_for(input: [usize; 3], classes: usize) -> Result<Self, Error> {
        let conv = |filters| Layer::Conv2d { filters, kernel: [3, 3], activation: Activation::Relu };
        let pool = Layer::MaxPool2d { window: [2, 2] };
        let layers = [
            conv(32),
            pool.clone(),
            conv(64),
            pool,
            conv(64),
            Layer::Flatten,
            Layer::Dense { units: 64, activation: Activation::Relu },
            Layer::Dense { units: classes, activation: Activation::Linear },
        ];
        Self::new("sequential", input, &layers)
    }

    /// The model's name, the first part of every tag.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Height, width and channels of the pictures that come in.
    pub fn input(&self) -> [usize; 3] {
        self.input
    }

    /// The layers in order.
    pub fn layers(&self) -> &[NamedLayer] {
        &self.layers
    }
}

impl Layer {
    /// Keras' name for layers of this kind, in lower case with underscores.
    pub fn keras_name(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "conv2d",
            Self::MaxPool2d { .. } => "max_pooling2d",
            Self::Flatten => "flatten",
            Self::Dense { .. } => "dense",
        }
    }

    /// Keras' class name.
    pub fn keras_class(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "Conv2D",
            Self::MaxPool2d { .. } => "MaxPooling2D",
            Self::Flatten => "Flatten",
            Self::Dense { .. } => "Dense",
        }
    }

    fn output_of(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        let windows = |[kh, kw]: [usize; 2], stride: [usize; 2], channels: Option<usize>| match *input {
            [h, w, c] if (1..=h).contains(&kh) && (1..=w).contains(&kw) => {
                Ok(vec![(h - kh) / stride[0] + 1, (w - kw) / stride[1] + 1, channels.unwrap_or(c)])
            }
            [_, _, _] => {
                Err(format!("a window of {kh} x {kw} does not fit; expected one inside the picture"))
            }
            _ => Err("it needs pictures (height, width, channels); place it before flatten".to_owned()),
        };
        match *self {
            Self::Conv2d { filters: 0, .. } => Err("it has 0 filters; expected at least 1".to_owned()),
            Self::Dense { units: 0, .. } => Err("it has 0 units; expected at least 1".to_owned()),
            Self::Conv2d { filters, kernel, .. } => windows(kernel, [1, 1], Some(filters)),
            Self::MaxPool2d { window } => windows(window, window, None),
            Self::Flatten => Ok(vec![input.iter().product()]),
            Self::Dense { units, .. } => match input {
                [_] => Ok(vec![units]),
                _ => Err("it needs a row of numbers; place flatten before it".to_owned()),
            },
        }
    }
}

impl NamedLayer {
    /// The shape of the kernel in Keras' layout: HWIO or `(IN, OUT)`. `None` for layers without weights.
    pub fn kernel_shape(&self) -> Option<Vec<usize>> {
        match self.layer {
            Layer::Conv2d { filters, kernel: [kh, kw], .. } => {
                Some(vec![kh, kw, *self.input.last()?, filters])
            }
            Layer::Dense { units, .. } => Some(vec![*self.input.first()?, units]),
            Layer::MaxPool2d { .. } | Layer::Flatten => None,
        }
    }

    /// How many trainable numbers the layer has.
    pub fn parameter_count(&self) -> usize {
        let outputs = |shape: &[usize]| shape.last().copied().unwrap_or(0);
        self.kernel_shape().map_or(0, |shape| shape.iter().product::<usize>() + outputs(&shape))
    }

    /// Multiply-adds for one picture, forward.
    pub fn multiply_adds(&self) -> usize {
        let kernel: usize = self.kernel_shape().map_or(0, |shape| shape.iter().product());
        match self.layer {
            Layer::Conv2d { .. } => self.output[..2].iter().product::<usize>() * kernel,
            _ => kernel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tutorial_is_keras_network() {
        let tutorial = Architecture::tutorial();
        let found: Vec<_> = tutorial
            .layers()
            .iter()
            .map(|l| (l.name.as_str(), l.output.clone(), l.parameter_count()))
            .collect();
        let expected = [
            ("conv2d", vec![30, 30, 32], 896),
            ("max_pooling2d", vec![15, 15, 32], 0),
            ("conv2d_1", vec![13, 13, 64], 18_496),
            ("max_pooling2d_1", vec![6, 6, 64], 0),
            ("conv2d_2", vec![4, 4, 64], 36_928),
            ("flatten", vec![1024], 0),
            ("dense", vec![64], 65_600),
            ("dense_1", vec![10], 650),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn layers_that_do_not_fit_are_named() {
        let pool = Layer::MaxPool2d { window: [2, 2] };
        let dense = Layer::Dense { units: 3, activation: Activation::Linear };
        let check = |layers: Vec<Layer>, expected: &str| {
            assert_eq!(Architecture::new("m", [4, 4, 1], &layers).unwrap_err().to_string(), expected);
        };
        check(
            vec![pool.clone(), pool.clone(), pool.clone()],
            "layer max_pooling2d_2 does not fit its input [1, 1, 1]: a window of 2 x 2 does not fit; expected one inside the picture",
        );
        check(
            vec![dense],
            "layer dense does not fit its input [4, 4, 1]: it needs a row of numbers; place flatten before it",
        );
        check(
            vec![Layer::Flatten, pool],
            "layer max_pooling2d does not fit its input [16]: it needs pictures (height, width, channels); place it before flatten",
        );
    }
}
