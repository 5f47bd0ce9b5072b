//! What a network is made of: operations, and layers.

use std::path::Path;

use tensorboard::message::DataType;
use tensorboard::{Error, Graph, InputError, Node, Writer};

/// Both graphs of one run: the Graphs dashboard has a button for each.
pub(crate) fn operations_and_layers(folder: &Path) -> Result<(), Error> {
    let mut writer = Writer::create(folder.join("network"))?;
    writer.graph(&operations()?)?;
    writer.keras_model(LAYERS)?;
    writer.close()
}

/// Slashes in names make the scopes that can be opened; outputs give the shapes at the edges.
fn operations() -> Result<Graph, InputError> {
    Graph::new([
        Node::new("images", "Placeholder").attr("dtype", DataType::Float).output(&[-1, 32, 32, 3]),
        Node::new("labels", "Placeholder").attr("dtype", DataType::Int64).output(&[-1]),
        Node::new("conv/kernel", "VariableV2").output(&[3, 3, 3, 32]),
        Node::new("conv/bias", "VariableV2").output(&[32]),
        Node::new("conv/Conv2D", "Conv2D")
            .input("images")
            .input("conv/kernel")
            .attr("strides", [1, 1, 1, 1])
            .attr("padding", "VALID")
            .output(&[-1, 30, 30, 32]),
        Node::new("conv/BiasAdd", "BiasAdd")
            .input("conv/Conv2D")
            .input("conv/bias")
            .output(&[-1, 30, 30, 32]),
        Node::new("conv/Relu", "Relu").input("conv/BiasAdd").output(&[-1, 30, 30, 32]),
        Node::new("pool", "MaxPool").input("conv/Relu").attr("ksize", [1, 2, 2, 1]).output(&[-1, 15, 15, 32]),
        Node::new("flatten", "Reshape").input("pool").output(&[-1, 7200]),
        Node::new("dense/kernel", "VariableV2").output(&[7200, 10]),
        Node::new("dense/MatMul", "MatMul").input("flatten").input("dense/kernel").output(&[-1, 10]),
        Node::new("loss", "SparseSoftmaxCrossEntropyWithLogits")
            .input("dense/MatMul")
            .input("labels")
            .output(&[-1]),
        Node::new("report", "NoOp").after("loss"),
    ])
}

/// What Keras' `model.to_json()` says of a small model, as far as TensorBoard reads it.
const LAYERS: &str = r#"{"class_name": "Sequential", "config": {"name": "small", "layers": [
    {"class_name": "InputLayer", "config": {"name": "images", "dtype": "float32"}},
    {"class_name": "Conv2D", "config": {"name": "conv", "dtype": "float32"}},
    {"class_name": "MaxPooling2D", "config": {"name": "pool", "dtype": "float32"}},
    {"class_name": "Flatten", "config": {"name": "flatten", "dtype": "float32"}},
    {"class_name": "Dense", "config": {"name": "dense", "dtype": "float32"}}]}}"#;
