//! What a network is made of: layers, their names and shapes; knows nothing of tensors.

mod layer;
mod named;
mod pair;
mod presets;
mod shapes;

pub use layer::{Activation, Layer, Padding};
pub use named::{NamedLayer, ParameterKind};

pub(crate) use shapes::zeros_around;

use crate::Error;
use shapes::{LIMIT, Refusal};

/// A sequence of layers for pictures of one size, checked: every layer fits the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    name: String,
    input: [usize; 3],
    layers: Vec<NamedLayer>,
}

impl Architecture {
    /// The most layers that a network may have.
    pub const MAX_LAYERS: usize = 9999;

    /// A network called `name` for pictures of `input` (height, width, channels), whatever comes out of it.
    ///
    /// # Errors
    /// [`Error::Layer`], naming the first layer that does not fit; [`Error::Setting`] for the first setting out of
    /// its range; [`Error::Architecture`] for pictures without pixels or a network that is too large.
    pub fn new(name: &str, input: [usize; 3], layers: &[Layer]) -> Result<Self, Error> {
        if shapes::product(&input).is_none_or(|len| len == 0) {
            return Err(Error::Architecture(format!(
                "it is for pictures of {input:?} (height, width, channels); expected 1 to 2^31 numbers"
            )));
        }
        if layers.len() > Self::MAX_LAYERS {
            return Err(Error::Architecture(format!(
                "it has {} layers; expected at most {}",
                layers.len(),
                Self::MAX_LAYERS
            )));
        }
        let mut named = Vec::with_capacity(layers.len());
        let mut shape = input.to_vec();
        for (i, layer) in layers.iter().enumerate() {
            let earlier = layers[..i].iter().filter(|other| other.keras_name() == layer.keras_name()).count();
            let name = match earlier {
                0 => layer.keras_name().to_owned(),
                n => format!("{}_{n}", layer.keras_name()),
            };
            let place = format!("layer {} of {}", i + 1, layers.len());
            let output = layer.output_of(&shape).map_err(|refusal| match refusal {
                Refusal::Input(reason) => {
                    Error::Layer { layer: name.clone(), place, input: shape.clone(), reason }
                }
                Refusal::Setting(reason) => {
                    Error::Setting { layer: name.clone(), place, input: shape.clone(), reason }
                }
            })?;
            named.push(NamedLayer { name, layer: layer.clone(), input: shape, output: output.clone() });
            shape = output;
        }
        let new = Self { name: name.to_owned(), input, layers: named };
        new.check_size()?;
        Ok(new)
    }

    /// A network called `name` that gives pictures of `input` (height, width, channels) a logit for each of `classes`
    /// classes. Dense layers without units have as many as there are classes.
    ///
    /// # Errors
    /// As [`new`](Self::new), or [`Error::Architecture`] if the last layer does not give a row of `classes` numbers.
    pub fn of(name: &str, input: [usize; 3], classes: usize, layers: &[Layer]) -> Result<Self, Error> {
        let with_units = |layer: &Layer| match *layer {
            Layer::Dense { units: None, bias, activation } => {
                Layer::Dense { units: Some(classes), bias, activation }
            }
            _ => layer.clone(),
        };
        if classes == 0 {
            return Err(Error::Architecture("it is for 0 classes; expected at least 1".to_owned()));
        }
        let layers: Vec<Layer> = layers.iter().map(with_units).collect();
        let new = Self::new(name, input, &layers)?;
        match new.layers.last() {
            Some(last) if last.output == [classes] => Ok(new),
            Some(last) => Err(Error::Architecture(format!(
                "its last layer, {}, gives {:?}; expected a row of {classes} numbers, a logit for each class: \
                 end with a dense layer without units",
                last.name, last.output
            ))),
            None => Err(Error::Architecture("it has no layers; expected at least a dense layer".to_owned())),
        }
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

    /// How many numbers are trained.
    pub fn trainable_count(&self) -> usize {
        self.layers.iter().map(NamedLayer::trainable_count).sum()
    }

    /// How many numbers are kept that are not trained.
    pub fn buffer_count(&self) -> usize {
        self.layers.iter().map(NamedLayer::buffer_count).sum()
    }

    /// Multiply-adds of convolutions and dense layers for one picture, forward.
    pub fn multiply_adds(&self) -> u64 {
        self.layers.iter().fold(0, |sum: u64, layer| sum.saturating_add(layer.multiply_adds()))
    }

    /// Checks that no kernel, and not all of them together, is beyond the limit.
    fn check_size(&self) -> Result<(), Error> {
        let mut total = 0usize;
        for layer in &self.layers {
            for (kind, shape) in layer.parameters().into_iter().chain(layer.buffers()) {
                let sum = shapes::product(&shape).and_then(|len| total.checked_add(len));
                match sum.filter(|sum| *sum <= LIMIT) {
                    Some(sum) => total = sum,
                    None => {
                        return Err(Error::Architecture(format!(
                            "with {}/{} {shape:?} it has more than 2^31 parameters; make its layers smaller",
                            layer.name,
                            kind.keras_name()
                        )));
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: Layer = Layer::MaxPool2d { window: [2, 2], stride: None };

    fn dense(units: Option<usize>) -> Layer {
        Layer::Dense { units, bias: true, activation: Activation::Linear }
    }

    fn conv(filters: usize, kernel: [usize; 2], stride: [usize; 2], padding: Padding) -> Layer {
        Layer::Conv2d { filters, kernel, stride, padding, bias: false, activation: Activation::Linear }
    }

    #[test]
    fn layers_that_do_not_fit_are_named() {
        let check = |layers: &[Layer], expected: &str| {
            assert_eq!(Architecture::new("m", [4, 4, 1], layers).unwrap_err().to_string(), expected);
        };
        check(
            &[POOL, POOL, POOL],
            "layer max_pooling2d_2 does not fit its input [1, 1, 1] (layer 3 of 3): a window of 2 x 2 does not fit; \
             expected one inside the picture",
        );
        check(
            &[dense(Some(3))],
            "layer dense does not fit its input [4, 4, 1] (layer 1 of 1): it needs a row of numbers; place flatten or \
             a global pool before it",
        );
        check(
            &[Layer::Flatten, POOL],
            "layer max_pooling2d does not fit its input [16] (layer 2 of 2): it needs pictures (height, width, \
             channels); place it before flatten",
        );
        check(
            &[Layer::Flatten, dense(None)],
            "layer dense does not fit its input [16] (layer 2 of 2): it has no units, and the number of classes is \
             not known here; give it units",
        );
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let check = |layer: Layer, expected: &str| {
            let error = Architecture::new("m", [4, 4, 1], &[layer]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        for rate in [-0.1, 1.0, 1.0 - 1e-12, f64::NAN] {
            check(Layer::Dropout { rate }, &format!("its rate is {rate}; expected a number in [0, 1)"));
        }
        check(
            Layer::Dropout { rate: 2.0 },
            "layer dropout has a wrong setting (layer 1 of 1, input [4, 4, 1]): its rate is 2;",
        );
        for epsilon in [0.0, -1.0, 1e-60, f64::INFINITY, f64::NAN] {
            check(Layer::BatchNorm { momentum: 0.9, epsilon }, "its epsilon is");
        }
        for momentum in [-0.1, 1.1, f64::NAN] {
            check(Layer::BatchNorm { momentum, epsilon: 1e-3 }, "its momentum is");
        }
        check(conv(0, [3, 3], [1, 1], Padding::Same), "its number of filters is 0");
        check(conv(1, [3, 0], [1, 1], Padding::Same), "the width of its kernel is 0");
        check(conv(1, [3, 3], [0, 1], Padding::Same), "the height of its stride is 0");
        check(Layer::MaxPool2d { window: [0, 1], stride: None }, "the height of its window is 0");
        check(Layer::AvgPool2d { window: [1, 1], stride: Some([1, 0]) }, "the width of its stride is 0");
    }

    #[test]
    fn sizes_beyond_all_measure_are_errors() {
        let check = |input: [usize; 3], layers: &[Layer], expected: &str| {
            let error = Architecture::new("m", input, layers).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let huge = usize::MAX;
        check([huge, huge, 1], &[], "expected 1 to 2^31 numbers");
        check([0, 4, 1], &[], "expected 1 to 2^31 numbers");
        check([4, 4, 1], &[conv(huge, [3, 3], [1, 1], Padding::Same)], "more than 2^31 numbers");
        check([4, 4, 1], &[conv(1, [huge, huge], [1, 1], Padding::Same)], "more than 2^31 parameters");
        check([4, 4, 1], &[conv(1, [huge, huge], [huge, huge], Padding::Valid)], "does not fit");
        let wide = 1 << 30;
        check(
            [1, 1, 1],
            &[Layer::Flatten, dense(Some(wide)), dense(Some(wide))],
            "more than 2^31 parameters",
        );
        check([1, 1, 1], &[Layer::Flatten, dense(Some(wide)), dense(Some(2)), dense(Some(wide))], "dense_2");
    }

    #[test]
    fn classes_are_the_last_layer_s_units() {
        let of = |classes, layers: &[Layer]| Architecture::of("m", [4, 4, 1], classes, layers);
        let two = of(7, &[Layer::Flatten, dense(None)]).unwrap();
        assert_eq!(two.layers()[1].output, [7]);
        assert_eq!(two.trainable_count(), 16 * 7 + 7);
        let check = |found: Result<Architecture, Error>, expected: &str| {
            let error = found.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            of(7, &[Layer::Flatten, dense(Some(3))]),
            "its last layer, dense, gives [3]; expected a row of 7",
        );
        check(of(7, &[POOL]), "its last layer, max_pooling2d, gives [2, 2, 1]");
        check(of(7, &[]), "it has no layers");
        check(of(0, &[Layer::Flatten, dense(None)]), "0 classes");
    }

    #[test]
    fn shapes_and_names_of_every_layer() {
        let norm = Layer::BatchNorm { momentum: 0.9, epsilon: 1e-5 };
        let layers = [
            conv(8, [3, 2], [2, 1], Padding::Same),
            norm.clone(),
            Layer::Activation { function: Activation::Gelu },
            Layer::AvgPool2d { window: [2, 3], stride: Some([1, 2]) },
            Layer::GlobalMaxPool2d,
            norm,
            Layer::Dropout { rate: 0.5 },
            dense(None),
        ];
        let architecture = Architecture::of("m", [7, 8, 3], 4, &layers).unwrap();
        let found: Vec<_> = architecture
            .layers()
            .iter()
            .map(|l| (l.name.as_str(), l.output.clone(), [l.trainable_count(), l.buffer_count()]))
            .collect();
        let expected = [
            ("conv2d", vec![4, 8, 8], [144, 0]),
            ("batch_normalization", vec![4, 8, 8], [16, 16]),
            ("activation", vec![4, 8, 8], [0, 0]),
            ("average_pooling2d", vec![3, 3, 8], [0, 0]),
            ("global_max_pooling2d", vec![8], [0, 0]),
            ("batch_normalization_1", vec![8], [16, 16]),
            ("dropout", vec![8], [0, 0]),
            ("dense", vec![4], [36, 0]),
        ];
        assert_eq!(found, expected);
    }
}
