//! A network as a graph of operations, with the shapes at its edges: without one, TensorBoard's Graphs tab opens with
//! an error. Knows nothing of files.

use model::{Activation, Architecture, Layer, NamedLayer};
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
    let named = |part: &str| format!("{}/{part}", layer.name);
    let mut with_weights = |op: &str, kernel: &[usize], activation| {
        let units = output.last().copied().unwrap_or_default();
        nodes.push(Node::new(named("kernel"), "VariableV2").output(&sizes(kernel)));
        nodes.push(Node::new(named("bias"), "VariableV2").output(&[units]));
        nodes.push(Node::new(named(op), op).input(&from).input(named("kernel")).output(&output));
        nodes.push(
            Node::new(named("BiasAdd"), "BiasAdd").input(named(op)).input(named("bias")).output(&output),
        );
        match activation {
            Activation::Linear => named("BiasAdd"),
            Activation::Relu => {
                nodes.push(Node::new(named("Relu"), "Relu").input(named("BiasAdd")).output(&output));
                named("Relu")
            }
        }
    };
    let channels = layer.input.last().copied().unwrap_or_default();
    match layer.layer {
        Layer::Conv2d { filters, kernel: [height, width], activation } => {
            with_weights("Conv2D", &[height, width, channels, filters], activation)
        }
        Layer::Dense { units, activation } => with_weights("MatMul", &[channels, units], activation),
        Layer::MaxPool2d { window: [height, width] } => {
            let window = [1, height as i64, width as i64, 1];
            let pool = Node::new(&layer.name, "MaxPool").input(from).attr("ksize", window);
            nodes.push(pool.attr("strides", window).output(&output));
            layer.name.clone()
        }
        Layer::Flatten => {
            nodes.push(Node::new(&layer.name, "Reshape").input(from).output(&output));
            layer.name.clone()
        }
    }
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
}
