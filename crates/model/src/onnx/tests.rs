//! Files against the networks that they come from.

use candle_core::{Device, Tensor};
use kernels::Simd;
use prost::Message;
use safetensors::SafeTensors;
use streams::Seed;

use super::interpreter::{self, Array};
use super::message::{Model, Node};
use super::onnx;
use crate::{Activation, Architecture, Error, Layer, Network};

/// A network whose weights all differ from 0, biases too.
fn network(architecture: &Architecture) -> Network {
    let network = Network::new(architecture, Seed(3), &Device::Cpu, Simd::best()).unwrap();
    let mut values = network.values().unwrap();
    values
        .iter_mut()
        .enumerate()
        .filter(|(_, x)| **x == 0.0)
        .for_each(|(i, x)| *x = (i % 7) as f32 / 8.0 - 0.3);
    network.set_values(&values).unwrap();
    network
}

fn decoded(network: &Network) -> Model {
    Model::decode(onnx(network, &[]).unwrap().as_slice()).unwrap()
}

/// The greatest difference between the file's logits and the network's, in largest logits.
fn difference(network: &Network, batch: usize) -> f64 {
    let [height, width, channels] = network.architecture().input();
    let shape = [batch, channels, height, width];
    let count = shape.iter().product::<usize>();
    let pixels: Vec<f32> = (0..count).map(|i| (i * 7919 % 256) as f32 / 255.0).collect();
    let numbers = pixels.iter().map(|&x| f64::from(x)).collect();
    let graph = decoded(network).graph.unwrap();
    let theirs = interpreter::run(&graph, Array::new(shape.to_vec(), numbers));
    let ours = network.logits(&Tensor::from_vec(pixels, &shape, &Device::Cpu).unwrap()).unwrap();
    assert_eq!(ours.dims(), theirs.shape);
    let ours = ours.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let largest = ours.iter().fold(0f32, |m, x| m.max(x.abs()));
    let worst = ours.iter().zip(&theirs.numbers).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max);
    assert!(largest > 0.0);
    worst / f64::from(largest)
}

#[test]
fn the_file_computes_what_the_network_does() {
    for batch in [1, 2] {
        let difference = difference(&network(&Architecture::tutorial()), batch);
        assert!(difference < 2e-6, "{difference}");
    }
}

#[test]
fn the_head_says_what_readers_ask() {
    let network = network(&Architecture::tutorial());
    let names: Vec<String> = (0..10).map(|i| format!("class \"{i}\"")).collect();
    let model = Model::decode(onnx(&network, &names).unwrap().as_slice()).unwrap();
    assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));
    assert_eq!(model.metadata_props.len(), 1);
    assert_eq!(serde_json::from_str::<Vec<String>>(&model.metadata_props[0].value).unwrap(), names);
    assert!(decoded(&network).metadata_props.is_empty());
}

#[test]
fn constants_are_the_tensors_of_the_model_file() {
    let network = network(&Architecture::tutorial());
    let file = network.to_safetensors().unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let constants = decoded(&network).graph.unwrap().initializer;
    assert_eq!(constants.len(), file.len());
    for constant in constants {
        let tensor = file.tensor(&constant.name).unwrap();
        let dims: Vec<i64> = tensor.shape().iter().map(|&side| side as i64).collect();
        assert_eq!((constant.dims, constant.raw_data.as_slice()), (dims, tensor.data()), "{}", constant.name);
    }
}

#[test]
fn the_same_network_gives_the_same_bytes() {
    let network = network(&Architecture::tutorial());
    assert_eq!(onnx(&network, &[]).unwrap(), onnx(&network.clone(), &[]).unwrap());
}

#[test]
fn the_tutorial_in_onnx_operators() {
    let nodes = decoded(&network(&Architecture::tutorial())).graph.unwrap().node;
    let found: Vec<String> = nodes.iter().map(|n: &Node| format!("{} {}", n.op_type, n.name)).collect();
    let expected = [
        "Conv conv2d",
        "Relu conv2d/relu",
        "MaxPool max_pooling2d",
        "Conv conv2d_1",
        "Relu conv2d_1/relu",
        "MaxPool max_pooling2d_1",
        "Conv conv2d_2",
        "Relu conv2d_2/relu",
        "Flatten flatten",
        "Gemm dense",
        "Relu dense/relu",
        "Gemm dense_1",
    ];
    assert_eq!(found, expected);
    assert_eq!(nodes[11].output, ["logits"]);
}

#[test]
fn what_gives_no_number_for_each_class_is_refused() {
    let dense = Layer::Dense { units: 3, activation: Activation::Linear };
    let check = |layers: &[Layer], classes: &[&str], expected: &str| {
        let network = network(&Architecture::new("m", [2, 2, 1], layers).unwrap());
        let classes: Vec<String> = classes.iter().map(|&name| name.to_owned()).collect();
        let error = onnx(&network, &classes).unwrap_err();
        assert!(matches!(error, Error::Outputs { .. }));
        assert!(error.to_string().starts_with(expected), "{error}");
    };
    check(&[Layer::MaxPool2d { window: [2, 1] }], &[], "the network gives [1, 2, 1] for one picture");
    check(&[Layer::Flatten, dense], &["a"], "the network gives [3] for one picture, and 1 names of classes");
}
