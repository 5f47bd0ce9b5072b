//! Layers as ONNX's operators; knows nothing of files.
//!
//! Pictures are `(batch, C, H, W)` here, so a flattened one runs over (c, h, w), as the columns of our model files do.
//! Batch norms take their moving statistics, and dropout is nothing: this is the network in use, not in training.

use std::f32::consts::FRAC_1_SQRT_2;

use safetensors::SafeTensors;

use super::graph::{Growing, Setting, Settings};
use crate::Error;
use crate::architecture::{Activation, Layer, NamedLayer, zeros_around};

/// Adds the nodes of a layer, and its weights.
///
/// # Errors
/// If a tensor of it is not among the weights.
pub(super) fn add(graph: &mut Growing, layer: &NamedLayer, weights: &SafeTensors<'_>) -> Result<(), Error> {
    Adding { graph, weights, layer }.nodes()
}

/// One layer on its way into the graph.
struct Adding<'a, 'b> {
    graph: &'a mut Growing,
    weights: &'a SafeTensors<'b>,
    layer: &'a NamedLayer,
}

impl Adding<'_, '_> {
    fn nodes(&mut self) -> Result<(), Error> {
        match self.layer.layer {
            Layer::Conv2d { kernel, stride, padding, bias, activation, .. } => {
                let around = [0, 1]
                    .map(|axis| zeros_around(padding, self.layer.input[axis], kernel[axis], stride[axis]));
                // Above, left, below, right: the numbers themselves, for readers differ in ONNX's `SAME_UPPER`.
                let pads = [around[0][0], around[1][0], around[0][1], around[1][1]];
                let settings =
                    vec![("kernel_shape", ints(&kernel)), ("pads", ints(&pads)), ("strides", ints(&stride))];
                self.weighted("Conv", bias, settings)?;
                self.activation(activation);
            }
            Layer::Dense { bias, activation, .. } => {
                self.weighted("Gemm", bias, vec![("transB", Setting::Int(1))])?;
                self.activation(activation);
            }
            Layer::MaxPool2d { window, stride } => self.pool("MaxPool", window, stride),
            Layer::AvgPool2d { window, stride } => self.pool("AveragePool", window, stride),
            Layer::GlobalAvgPool2d => self.global("GlobalAveragePool"),
            Layer::GlobalMaxPool2d => self.global("GlobalMaxPool"),
            Layer::BatchNorm { epsilon, .. } => {
                let tensors = ["weight", "bias", "running_mean", "running_var"];
                self.with_tensors(
                    "BatchNormalization",
                    &tensors,
                    vec![("epsilon", Setting::Float(epsilon as f32))],
                )?;
            }
            Layer::Dropout { .. } => {}
            Layer::Flatten => self.plain("Flatten"),
            Layer::Activation { function } => self.activation(function),
        }
        Ok(())
    }

    /// A node with the layer's weight and, where it has one, its bias.
    fn weighted(&mut self, operator: &str, bias: bool, settings: Settings<'_>) -> Result<(), Error> {
        let tensors: &[&str] = if bias { &["weight", "bias"] } else { &["weight"] };
        self.with_tensors(operator, tensors, settings)
    }

    /// A node with these tensors of the layer.
    fn with_tensors(
        &mut self,
        operator: &str,
        tensors: &[&str],
        settings: Settings<'_>,
    ) -> Result<(), Error> {
        let mut inputs = vec![self.graph.current().to_owned()];
        for kind in tensors {
            let name = format!("{}.{kind}", self.layer.name);
            let tensor = self.weights.tensor(&name)?;
            self.graph.constant(&name, tensor.shape(), tensor.data());
            inputs.push(name);
        }
        self.graph.node(&self.layer.name, operator, inputs, settings);
        Ok(())
    }

    /// A node of the current value alone.
    fn plain(&mut self, operator: &str) {
        let inputs = vec![self.graph.current().to_owned()];
        self.graph.node(&self.layer.name, operator, inputs, vec![]);
    }

    fn pool(&mut self, operator: &str, window: [usize; 2], stride: Option<[usize; 2]>) {
        let settings = vec![("kernel_shape", ints(&window)), ("strides", ints(&stride.unwrap_or(window)))];
        let inputs = vec![self.graph.current().to_owned()];
        self.graph.node(&self.layer.name, operator, inputs, settings);
    }

    /// What ONNX leaves as pictures of one place becomes a row.
    fn global(&mut self, operator: &str) {
        self.plain(operator);
        let inputs = vec![self.graph.current().to_owned()];
        self.graph.node(&format!("{}/row", self.layer.name), "Flatten", inputs, vec![]);
    }

    fn activation(&mut self, function: Activation) {
        let x = self.graph.current().to_owned();
        let name = format!("{}/{}", self.layer.name, function.keras_name());
        let mut one = |operator: &str, settings| self.graph.node(&name, operator, vec![x.clone()], settings);
        match function {
            Activation::Linear => {}
            Activation::Relu => one("Relu", vec![]),
            Activation::LeakyRelu => {
                one("LeakyRelu", vec![("alpha", Setting::Float(Activation::LEAKY_SLOPE))]);
            }
            Activation::Elu => one("Elu", vec![("alpha", Setting::Float(1.0))]),
            Activation::Sigmoid => one("Sigmoid", vec![]),
            Activation::Tanh => one("Tanh", vec![]),
            Activation::Silu => {
                let sigmoid = format!("{name}/sigmoid");
                self.graph.node(&sigmoid, "Sigmoid", vec![x.clone()], vec![]);
                self.graph.node(&name, "Mul", vec![x, sigmoid], vec![]);
            }
            Activation::Gelu => self.gelu(&name, x),
        }
    }

    /// `x (1 + erf(x / sqrt(2))) / 2`: ONNX has no operator for it before its set 20.
    fn gelu(&mut self, name: &str, x: String) {
        let [share, one, half] = [("gelu.1/sqrt2", FRAC_1_SQRT_2), ("gelu.1", 1.0), ("gelu.1/2", 0.5)];
        let mut step = |part: &str, operator: &str, x: &str, other: Option<(&str, f32)>| {
            let mut inputs = vec![x.to_owned()];
            if let Some((constant, value)) = other {
                self.graph.constant(constant, &[], &value.to_le_bytes());
                inputs.push(constant.to_owned());
            }
            let output = format!("{name}/{part}");
            self.graph.node(&output, operator, inputs, vec![]);
            output
        };
        let scaled = step("scaled", "Mul", &x, Some(share));
        let erf = step("erf", "Erf", &scaled, None);
        let sum = step("sum", "Add", &erf, Some(one));
        let below = step("share", "Mul", &sum, Some(half));
        self.graph.node(name, "Mul", vec![x, below], vec![]);
    }
}

fn ints(sizes: &[usize]) -> Setting {
    Setting::Ints(sizes.iter().map(|&size| size as i64).collect())
}
