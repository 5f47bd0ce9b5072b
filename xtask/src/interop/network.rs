//! What the tutorial network has, as its documentation says and not as our own code does; knows nothing of files.

/// The name of the network, first part of its tags.
pub(super) const NAME: &str = "sequential";

/// All nodes of its graph, from the input on.
pub(super) const NODES: [&str; 9] = [
    "input_layer",
    "conv2d",
    "max_pooling2d",
    "conv2d_1",
    "max_pooling2d_1",
    "conv2d_2",
    "flatten",
    "dense",
    "dense_1",
];

/// The number of all weights.
pub(super) const WEIGHTS: usize = 122_570;

/// The layers with weights, and the shape of each kernel in a model file: convolutions (out, in, height,
/// width), dense layers (out, in).
const LAYERS: [(&str, &[usize]); 5] = [
    ("conv2d", &[32, 3, 3, 3]),
    ("conv2d_1", &[64, 32, 3, 3]),
    ("conv2d_2", &[64, 64, 3, 3]),
    ("dense", &[64, 1024]),
    ("dense_1", &[10, 64]),
];

/// One tensor of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Its tag in TensorBoard.
    pub(super) tag: String,
    /// Its name in a model file.
    pub(super) name: String,
    /// Its shape in a model file.
    pub(super) shape: Vec<usize>,
}

impl Parameter {
    /// The number of its weights.
    pub(super) fn weights(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The names of the layers with weights, from the input on.
pub(super) fn layers() -> [&'static str; 5] {
    LAYERS.map(|(layer, _)| layer)
}

/// All tensors of weights: a kernel and a bias a layer.
pub(super) fn parameters() -> Vec<Parameter> {
    let parameter = |layer: &str, keras: &str, torch: &str, shape: &[usize]| Parameter {
        tag: format!("{NAME}/{layer}/{keras}/histogram"),
        name: format!("{layer}.{torch}"),
        shape: shape.to_vec(),
    };
    LAYERS
        .iter()
        .flat_map(|(layer, kernel)| {
            [
                parameter(layer, "kernel", "weight", kernel),
                // One for each output.
                parameter(layer, "bias", "bias", &kernel[..1]),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_are_those_of_the_documentation() {
        let parameters = parameters();
        assert_eq!(parameters.len(), 10);
        assert_eq!(parameters.iter().map(Parameter::weights).sum::<usize>(), WEIGHTS);
        assert_eq!(parameters[1].tag, "sequential/conv2d/bias/histogram");
        assert_eq!(
            (parameters[6].name.as_str(), &parameters[6].shape[..]),
            ("dense.weight", &[64, 1024][..])
        );
    }
}
