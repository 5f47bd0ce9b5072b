//! Layers and their settings, as written in a file of settings; knows nothing of shapes.

use serde::{Deserialize, Serialize};

use super::pair;

/// What a layer applies to its results, element by element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `x` above 0, else `0.3 x`: the slope of Keras' layer `LeakyReLU` (PyTorch's is 0.01).
    LeakyRelu,
    /// `x` above 0, else `exp(x) - 1`.
    Elu,
    /// `x` times the normal distribution up to `x`, exactly: `x (1 + erf(x / sqrt(2))) / 2`.
    Gelu,
    /// `x sigmoid(x)`.
    Silu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

/// What is around a picture while windows go over it, as Keras and TensorFlow define it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: windows lie inside the picture.
    #[default]
    Valid,
    /// As many zeros as make `size / stride` windows, rounded up; of an odd number the one more is at the end.
    Same,
}

/// One layer, with the settings it needs. Sizes are (height, width); in a file one number stands for two equal ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// Two-dimensional convolution.
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Height and width of the kernel.
        #[serde(with = "pair")]
        kernel: [usize; 2],
        /// How far apart windows are.
        #[serde(with = "pair", default = "one", skip_serializing_if = "is_one")]
        stride: [usize; 2],
        /// What is around the picture.
        #[serde(default, skip_serializing_if = "is_default")]
        padding: Padding,
        /// Whether each filter learns a number that is added; a batch norm behind makes it useless.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        bias: bool,
        /// Applied to the result.
        #[serde(default, skip_serializing_if = "is_default")]
        activation: Activation,
    },
    /// The greatest of each window.
    MaxPool2d {
        /// Height and width of the window.
        #[serde(with = "pair")]
        window: [usize; 2],
        /// How far apart windows are; as far as they are large if left out.
        #[serde(with = "pair::optional", default, skip_serializing_if = "Option::is_none")]
        stride: Option<[usize; 2]>,
    },
    /// The mean of each window.
    AvgPool2d {
        /// Height and width of the window.
        #[serde(with = "pair")]
        window: [usize; 2],
        /// How far apart windows are; as far as they are large if left out.
        #[serde(with = "pair::optional", default, skip_serializing_if = "Option::is_none")]
        stride: Option<[usize; 2]>,
    },
    /// The mean of each channel: `(H, W, C)` to `(C)`.
    #[serde(deserialize_with = "no_settings")]
    GlobalAvgPool2d,
    /// The greatest of each channel: `(H, W, C)` to `(C)`.
    #[serde(deserialize_with = "no_settings")]
    GlobalMaxPool2d,
    /// Each channel with mean 0 and variance 1 over the batch, then scaled and shifted as it learns; in evaluation by
    /// moving statistics. As Keras' `BatchNormalization`.
    BatchNorm {
        /// The part of the moving statistics that a batch leaves as it is.
        #[serde(default = "momentum", skip_serializing_if = "is_momentum")]
        momentum: f64,
        /// What is added to variances.
        #[serde(default = "epsilon", skip_serializing_if = "is_epsilon")]
        epsilon: f64,
    },
    /// In training each number is 0 with this probability, or else divided by `1 - rate`.
    Dropout {
        /// The probability, in [0, 1).
        rate: f64,
    },
    /// `(H, W, C)` to a row of `H * W * C`.
    #[serde(deserialize_with = "no_settings")]
    Flatten,
    /// A fully connected layer.
    Dense {
        /// Outputs; the number of classes if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        units: Option<usize>,
        /// Whether each output learns a number that is added.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        bias: bool,
        /// Applied to the result.
        #[serde(default, skip_serializing_if = "is_default")]
        activation: Activation,
    },
    /// An activation as a layer of its own, behind a batch norm say.
    Activation {
        /// Which.
        function: Activation,
    },
}

impl Activation {
    /// The slope of [`LeakyRelu`](Self::LeakyRelu) below 0.
    pub const LEAKY_SLOPE: f32 = kernels::curve::LEAKY_SLOPE;

    /// Keras' name for the function.
    pub fn keras_name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky_relu",
            Self::Elu => "elu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
        }
    }
}

impl Layer {
    /// Keras' name for layers of this kind, in lower case with underscores.
    pub fn keras_name(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "conv2d",
            Self::MaxPool2d { .. } => "max_pooling2d",
            Self::AvgPool2d { .. } => "average_pooling2d",
            Self::GlobalAvgPool2d => "global_average_pooling2d",
            Self::GlobalMaxPool2d => "global_max_pooling2d",
            Self::BatchNorm { .. } => "batch_normalization",
            Self::Dropout { .. } => "dropout",
            Self::Flatten => "flatten",
            Self::Dense { .. } => "dense",
            Self::Activation { .. } => "activation",
        }
    }

    /// Keras' class name.
    pub fn keras_class(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "Conv2D",
            Self::MaxPool2d { .. } => "MaxPooling2D",
            Self::AvgPool2d { .. } => "AveragePooling2D",
            Self::GlobalAvgPool2d => "GlobalAveragePooling2D",
            Self::GlobalMaxPool2d => "GlobalMaxPooling2D",
            Self::BatchNorm { .. } => "BatchNormalization",
            Self::Dropout { .. } => "Dropout",
            Self::Flatten => "Flatten",
            Self::Dense { .. } => "Dense",
            Self::Activation { .. } => "Activation",
        }
    }
}

/// For layers without settings: serde by itself would pass over whatever is written beside their type.
fn no_settings<'de, D: serde::Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    Nothing::deserialize(from).map(|Nothing {}| ())
}

fn one() -> [usize; 2] {
    [1, 1]
}

fn yes() -> bool {
    true
}

fn momentum() -> f64 {
    kernels::batch_norm::MOMENTUM
}

fn epsilon() -> f64 {
    kernels::batch_norm::EPSILON
}

fn is_one(stride: &[usize; 2]) -> bool {
    *stride == one()
}

fn is_yes(value: &bool) -> bool {
    *value
}

fn is_momentum(value: &f64) -> bool {
    *value == momentum()
}

fn is_epsilon(value: &f64) -> bool {
    *value == epsilon()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read from a line of JSON, and the line that it is written as.
    fn check(line: &str, expected: &Layer, written: &str) {
        let layer: Layer = serde_json::from_str(line).unwrap();
        assert_eq!(layer, *expected, "{line}");
        assert_eq!(serde_json::to_string(expected).unwrap(), written);
        assert_eq!(serde_json::from_str::<Layer>(written).unwrap(), *expected);
    }

    #[test]
    fn defaults_are_left_out_and_one_number_is_two() {
        let conv = Layer::Conv2d {
            filters: 8,
            kernel: [3, 3],
            stride: [1, 1],
            padding: Padding::Valid,
            bias: true,
            activation: Activation::Linear,
        };
        check(
            r#"{"type": "conv2d", "filters": 8, "kernel": [3, 3]}"#,
            &conv,
            r#"{"type":"conv2d","filters":8,"kernel":3}"#,
        );
        let conv = Layer::Conv2d {
            filters: 8,
            kernel: [3, 5],
            stride: [2, 2],
            padding: Padding::Same,
            bias: false,
            activation: Activation::LeakyRelu,
        };
        check(
            r#"{"type": "conv2d", "filters": 8, "kernel": [3, 5], "stride": 2, "padding": "same", "bias": false,
                "activation": "leaky_relu"}"#,
            &conv,
            r#"{"type":"conv2d","filters":8,"kernel":[3,5],"stride":2,"padding":"same","bias":false,"activation":"leaky_relu"}"#,
        );
        let norm = Layer::BatchNorm { momentum: 0.99, epsilon: 1e-3 };
        check(r#"{"type": "batch_norm", "epsilon": 0.001}"#, &norm, r#"{"type":"batch_norm"}"#);
        let pool = Layer::MaxPool2d { window: [3, 3], stride: Some([2, 1]) };
        check(
            r#"{"type": "max_pool2d", "window": 3, "stride": [2, 1]}"#,
            &pool,
            r#"{"type":"max_pool2d","window":3,"stride":[2,1]}"#,
        );
        let dense = Layer::Dense { units: None, bias: true, activation: Activation::Linear };
        check(r#"{"type": "dense"}"#, &dense, r#"{"type":"dense"}"#);
        check(r#"{"type": "global_avg_pool2d"}"#, &Layer::GlobalAvgPool2d, r#"{"type":"global_avg_pool2d"}"#);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (line, why) in [
            (r#"{"type": "conv3d"}"#, "unknown variant `conv3d`"),
            (r#"{"type": "dense", "unit": 3}"#, "unknown field `unit`"),
            (r#"{"type": "flatten", "units": 3}"#, "unknown field `units`"),
            (r#"{"type": "dropout"}"#, "missing field `rate`"),
            (r#"{"type": "conv2d", "filters": 3, "kernel": [1, 2, 3]}"#, "a number or two, height and width"),
            (r#"{"type": "conv2d", "filters": 3, "kernel": -1}"#, "a number or two, height and width"),
            (r#"{"type": "dense", "activation": "softmax"}"#, "unknown variant `softmax`"),
        ] {
            let error = serde_json::from_str::<Layer>(line).unwrap_err().to_string();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
