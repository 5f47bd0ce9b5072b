//! The networks that have a name.

use super::Architecture;
use super::layer::{Activation, Layer, Padding};
use crate::Error;

/// What Keras calls a model that nobody named: the first part of every tag.
const NAME: &str = "sequential";

const POOL: Layer = Layer::MaxPool2d { window: [2, 2], stride: None };

/// The number of classes, as logits.
const LOGITS: Layer = Layer::Dense { units: None, bias: true, activation: Activation::Linear };

impl Architecture {
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
        let conv = |filters| Layer::Conv2d {
            filters,
            kernel: [3, 3],
            stride: [1, 1],
            padding: Padding::Valid,
            bias: true,
            activation: Activation::Relu,
        };
        let hidden = Layer::Dense { units: Some(64), bias: true, activation: Activation::Relu };
        let layers = [conv(32), POOL, conv(64), POOL, conv(64), Layer::Flatten, hidden, LOGITS];
        Self::of(NAME, input, classes, &layers)
    }

    /// A better network of the same class of size, for pictures of `input` (height, width, channels) in `classes`
    /// classes: four convolutions with batch norm, 32, 48, 96 and 128 filters, and no layer between them and the
    /// logits but the mean of each channel and a dropout. For CIFAR-10 it has 168,650 trainable parameters and 8.8
    /// million multiply-adds a picture, twice the tutorial's.
    ///
    /// Pools stand before batch norm and ReLU, where these have a quarter to do: ReLU and the greatest of a window
    /// may change places.
    ///
    /// # Errors
    /// [`Error::Layer`] for pictures below 8 x 8, which the last pool has no window in.
    pub fn tutorial_plus_for(input: [usize; 3], classes: usize) -> Result<Self, Error> {
        let conv = |filters| Layer::Conv2d {
            filters,
            kernel: [3, 3],
            stride: [1, 1],
            padding: Padding::Same,
            bias: false,
            activation: Activation::Linear,
        };
        let norm = || Layer::BatchNorm {
            momentum: kernels::batch_norm::MOMENTUM,
            epsilon: kernels::batch_norm::EPSILON,
        };
        let relu = || Layer::Activation { function: Activation::Relu };
        let pooled = |filters| [conv(filters), POOL, norm(), relu()];
        let mut layers = [pooled(32), pooled(48), pooled(96)].concat();
        layers.extend([conv(128), norm(), relu()]);
        layers.extend([Layer::GlobalAvgPool2d, Layer::Dropout { rate: 0.1 }, LOGITS]);
        Self::of(NAME, input, classes, &layers)
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
    fn tutorial_plus_is_as_large_as_it_says() {
        let plus = Architecture::tutorial_plus_for([32, 32, 3], 10).unwrap();
        assert_eq!((plus.trainable_count(), plus.buffer_count()), (168_650, 608));
        assert_eq!(plus.multiply_adds(), 8_848_640);
        let names: Vec<&str> = plus.layers().iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names[..5], ["conv2d", "max_pooling2d", "batch_normalization", "activation", "conv2d_1"]);
        assert_eq!(names[15..], ["global_average_pooling2d", "dropout", "dense"]);
        assert!(Architecture::tutorial_plus_for([8, 8, 1], 2).is_ok());
        assert!(Architecture::tutorial_plus_for([7, 8, 1], 2).is_err());
    }
}
