//! A network as a graph of operations, with the shapes at its edges: without one, TensorBoard's Graphs tab opens with
//! an error. Knows nothing of files.

use model::{Activation, Architecture, Layer, NamedLayer, Padding, ParameterKind};
use tensorboard::message::DataType;
use tensorboard::{Graph, InputError, Node};

/// The operations of one training step of a network, named and shaped as TensorFlow does: `(B, H, W, C)`, where the
/// batch is not known.
///
/// # Errors
/// If a layer's name is none that TensorFlow takes.
pub(crate) fn op_graph(architecture: &Architecture) -> Result<Graph, InputError> {
    let input = "input_layer".to_owned();
    let mut nodes = vec![
        Node::new(&input, "Placeholder")
            .attr("dtype", DataType::Float)
            .output(&batch_of(&architecture.input())),
        Node::new("labels", "Placeholder").attr("dtype", DataType::Int64).output(&[-1]),
    ];
    let logits = architecture.layers().iter().fold(input, |from, layer| add(&mut nodes, layer, from));
    nodes.push(
        Node::new("loss", "SparseSoftmaxCrossEntropyWithLogits").input(logits).input("labels").output(&[-1]),
    );
    Graph::new(nodes)
}

/// Adds the operations of a layer that takes its input from the node `from`; says which gives its output.
fn add(nodes: &mut Vec<Node>, layer: &NamedLayer, from: String) -> String {
    let output = batch_of(&layer.output);
    match layer.layer {
        Layer::Conv2d { stride, padding, activation, .. } => {
            let padding = if padding == Padding::Same { "SAME" } else { "VALID" };
            let with = |node: Node| node.attr("strides", of_pictures(stride)).attr("padding", padding);
            weighted(nodes, layer, from, "Conv2D", activation, with)
        }
        Layer::Dense { activation, .. } => weighted(nodes, layer, from, "MatMul", activation, |node| node),
        Layer::MaxPool2d { window, stride } => {
            let pool = Node::new(&layer.name, "MaxPool").attr("ksize", of_pictures(window));
            single(nodes, pool.attr("strides", of_pictures(stride.unwrap_or(window))), layer, from)
        }
        Layer::AvgPool2d { window, stride } => {
            let pool = Node::new(&layer.name, "AvgPool").attr("ksize", of_pictures(window));
            single(nodes, pool.attr("strides", of_pictures(stride.unwrap_or(window))), layer, from)
        }
        Layer::GlobalAvgPool2d => single(nodes, Node::new(&layer.name, "Mean"), layer, from),
        Layer::GlobalMaxPool2d => single(nodes, Node::new(&layer.name, "Max"), layer, from),
        Layer::BatchNorm { .. } => {
            let channels = [output.last().copied().unwrap_or_default()];
            let named = |part: &str| format!("{}/{part}", layer.name);
            let parts = ["gamma", "beta", "moving_mean", "moving_variance"].map(named);
            let mut node = Node::new(named("FusedBatchNormV3"), "FusedBatchNormV3").input(from);
            for part in parts {
                nodes.push(Node::new(&part, "VariableV2").output(&channels));
                node = node.input(part);
            }
            nodes.push(node.output(&output));
            named("FusedBatchNormV3")
        }
        Layer::Dropout { .. } => single(nodes, Node::new(&layer.name, "Dropout"), layer, from),
        Layer::Flatten => single(nodes, Node::new(&layer.name, "Reshape"), layer, from),
        Layer::Activation { function } => {
            single(nodes, Node::new(&layer.name, op(function).unwrap_or("Identity")), layer, from)
        }
    }
}

/// A layer that is one operation.
fn single(nodes: &mut Vec<Node>, node: Node, layer: &NamedLayer, from: String) -> String {
    nodes.push(node.input(from).output(&batch_of(&layer.output)));
    layer.name.clone()
}

/// A layer with a kernel: a product, and where it has them, a bias and an activation.
fn weighted(
    nodes: &mut Vec<Node>,
    layer: &NamedLayer,
    from: String,
    product: &str,
    activation: Activation,
    with: impl FnOnce(Node) -> Node,
) -> String {
    let output = batch_of(&layer.output);
    let named = |part: &str| format!("{}/{part}", layer.name);
    let kernel = layer.kernel_shape().unwrap_or_default();
    nodes.push(Node::new(named("kernel"), "VariableV2").output(&sizes(&kernel)));
    let units = output.last().copied().unwrap_or_default();
    let has_bias = layer.parameters().iter().any(|(kind, _)| *kind == ParameterKind::Bias);
    if has_bias {
        nodes.push(Node::new(named("bias"), "VariableV2").output(&[units]));
    }
    nodes.push(with(Node::new(named(product), product).input(from).input(named("kernel"))).output(&output));
    let mut last = named(product);
    if has_bias {
        nodes.push(Node::new(named("BiasAdd"), "BiasAdd").input(last).input(named("bias")).output(&output));
        last = named("BiasAdd");
    }
    if let Some(op) = op(activation) {
        nodes.push(Node::new(named(op), op).input(last).output(&output));
        last = named(op);
    }
    last
}

/// TensorFlow's operation for an activation, where there is one.
fn op(activation: Activation) -> Option<&'static str> {
    Some(match activation {
        Activation::Linear => return None,
        Activation::Relu => "Relu",
        Activation::LeakyRelu => "LeakyRelu",
        Activation::Elu => "Elu",
        Activation::Gelu => "Gelu",
        Activation::Silu => "Silu",
        Activation::Sigmoid => "Sigmoid",
        Activation::Tanh => "Tanh",
    })
}

/// A window or a stride for batches of pictures.
fn of_pictures([height, width]: [usize; 2]) -> [i64; 4] {
    [1, height as i64, width as i64, 1]
}

/// The shape of a batch of some size.
fn batch_of(shape: &[usize]) -> Vec<i64> {
    [-1].into_iter().chain(sizes(shape)).collect()
}

fn sizes(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| size as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_is_there_and_takes_from_the_one_before() {
        let graph = op_graph(&Architecture::tutorial()).unwrap();
        let nodes = &graph.as_message().node;
        let node = |name: &str| nodes.iter().find(|node| node.name == name).unwrap();
        assert_eq!(node("conv2d/Conv2D").input, ["input_layer", "conv2d/kernel"]);
        assert_eq!(node("max_pooling2d").input, ["conv2d/Relu"]);
        assert_eq!(node("dense_1/MatMul").input, ["dense/Relu", "dense_1/kernel"]);
        assert_eq!(node("loss").input, ["dense_1/BiasAdd", "labels"]);
        // Five layers with weights of four operations and four activations, three without weights, and three more.
        assert_eq!(nodes.len(), 5 * 4 + 4 + 3 + 3);
    }

    #[test]
    fn layers_without_bias_and_with_statistics() {
        let graph = op_graph(&Architecture::tutorial_plus_for([32, 32, 3], 10).unwrap()).unwrap();
        let nodes = &graph.as_message().node;
        let node = |name: &str| nodes.iter().find(|node| node.name == name).unwrap();
        let inputs = &node("batch_normalization/FusedBatchNormV3").input;
        assert_eq!(inputs[..2], ["max_pooling2d", "batch_normalization/gamma"]);
        assert_eq!(node("activation").input, ["batch_normalization/FusedBatchNormV3"]);
        assert!(!nodes.iter().any(|node| node.name == "conv2d/bias"));
    }
}
