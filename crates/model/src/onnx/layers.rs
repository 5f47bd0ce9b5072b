//! Layers as ONNX's operators; knows nothing of files.
//!
//! Pictures are `(batch, C, H, W)` here, so a flattened one runs over (c, h, w), as the columns of our model files do.

use safetensors::SafeTensors;

use super::graph::{Growing, Setting, Settings};
use crate::Error;
use crate::architecture::{Activation, Layer, NamedLayer};

/// Adds the nodes of all layers, and their weights.
pub(super) fn add(
    graph: &mut Growing,
    layers: &[NamedLayer],
    weights: &SafeTensors<'_>,
) -> Result<(), Error> {
    for named in layers {
        Adding { graph, weights, name: &named.name }.layer(&named.layer)?;
    }
    Ok(())
}

/// One layer on its way into the graph.
struct Adding<'a, 'b> {
    graph: &'a mut Growing,
    weights: &'a SafeTensors<'b>,
    name: &'a str,
}

impl Adding<'_, '_> {
    fn layer(&mut self, layer: &Layer) -> Result<(), Error> {
        match *layer {
            Layer::Conv2d { kernel, activation, .. } => {
                self.weighted("Conv", vec![("kernel_shape", sides(kernel))])?;
                self.activation(activation);
            }
            Layer::Dense { activation, .. } => {
                self.weighted("Gemm", vec![("transB", Setting::Int(1))])?;
                self.activation(activation);
            }
            Layer::MaxPool2d { window } => {
                let settings = vec![("kernel_shape", sides(window)), ("strides", sides(window))];
                self.graph.then(self.name, "MaxPool", &[], settings);
            }
            Layer::Flatten => self.graph.then(self.name, "Flatten", &[], vec![]),
        }
        Ok(())
    }

    /// A node with the layer's weight and bias.
    fn weighted(&mut self, operator: &str, settings: Settings<'_>) -> Result<(), Error> {
        let names = [format!("{}.weight", self.name), format!("{}.bias", self.name)];
        for name in &names {
            self.weight(name)?;
        }
        self.graph.then(self.name, operator, &names.each_ref().map(String::as_str), settings);
        Ok(())
    }

    /// A tensor of the model file, by its name there.
    fn weight(&mut self, name: &str) -> Result<(), Error> {
        let tensor = self.weights.tensor(name)?;
        self.graph.constant(name, tensor.shape(), tensor.data());
        Ok(())
    }

    fn activation(&mut self, activation: Activation) {
        let name = |function: &str| format!("{}/{function}", self.name);
        match activation {
            Activation::Linear => {}
            Activation::Relu => self.graph.then(&name("relu"), "Relu", &[], vec![]),
        }
    }
}

fn sides([height, width]: [usize; 2]) -> Setting {
    Setting::Ints(vec![height as i64, width as i64])
}
