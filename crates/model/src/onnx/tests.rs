//! Files against the networks that they come from.

use candle_core::{Device, Tensor};
use kernels::Simd;
use proptest::prelude::*;
use prost::Message;
use safetensors::SafeTensors;
use streams::Seed;

use super::interpreter::{self, Array};
use super::message::{Model, Node};
use super::onnx;
use crate::{Activation, Architecture, Error, Layer, Network, Padding};

const LOGITS: Layer = Layer::Dense { units: Some(3), bias: true, activation: Activation::Linear };

/// A network with numbers of their own where a new one has 0 or 1.
fn network(architecture: &Architecture) -> Network {
    let network = Network::new(architecture, Seed(3), &Device::Cpu, Simd::best()).unwrap();
    let moved = |mut values: Vec<f32>| {
        let plain = |x: &&mut f32| **x == 0.0 || **x == 1.0;
        // Variances stay above 0.
        values.iter_mut().filter(plain).enumerate().for_each(|(i, x)| *x += (i % 7) as f32 / 8.0 - 0.3);
        values
    };
    network.set_values(&moved(network.values().unwrap())).unwrap();
    network.set_buffer_values(&moved(network.buffer_values().unwrap())).unwrap();
    network
}

fn conv(kernel: [usize; 2], stride: [usize; 2], padding: Padding, activation: Activation) -> Layer {
    Layer::Conv2d { filters: 4, kernel, stride, padding, bias: activation != Activation::Linear, activation }
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
fn every_layer_is_what_the_network_computes() {
    let check = |input: [usize; 3], layers: &[Layer]| {
        let layers = [layers, &[LOGITS]].concat();
        let difference = difference(&network(&Architecture::new("m", input, &layers).unwrap()), 2);
        assert!(difference < 5e-6, "{layers:?}: {difference}");
    };
    let activations = [
        Activation::Linear,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Sigmoid,
        Activation::Tanh,
    ];
    for activation in activations {
        check([5, 4, 2], &[conv([2, 3], [1, 1], Padding::Valid, activation), Layer::Flatten]);
        check([5, 4, 2], &[Layer::Activation { function: activation }, Layer::Flatten]);
        let dense = Layer::Dense { units: Some(6), bias: false, activation };
        check([5, 4, 2], &[Layer::Flatten, dense]);
    }
    let norm = || Layer::BatchNorm { momentum: 0.9, epsilon: 1e-2 };
    let dropout = || Layer::Dropout { rate: 0.5 };
    for pool in [
        Layer::MaxPool2d { window: [2, 3], stride: None },
        Layer::MaxPool2d { window: [3, 2], stride: Some([1, 2]) },
        Layer::AvgPool2d { window: [3, 2], stride: None },
        Layer::AvgPool2d { window: [2, 2], stride: Some([3, 1]) },
    ] {
        check([7, 8, 3], &[pool, Layer::Flatten]);
    }
    for pool in [Layer::GlobalAvgPool2d, Layer::GlobalMaxPool2d] {
        check([4, 3, 5], std::slice::from_ref(&pool));
        check([4, 3, 5], &[pool, norm(), dropout(), Layer::Flatten]);
    }
    // What stands between a flattened picture and the dense layer changes nothing of its order.
    check([4, 3, 5], &[norm(), Layer::Flatten, dropout(), Layer::Activation { function: Activation::Relu }]);
    check([4, 3, 5], &[Layer::Flatten, norm()]);
}

proptest! {
    #[test]
    fn windows_stand_where_the_network_s_do(
        height in 1usize..9, width in 1usize..9,
        kernel in [1usize..5, 1..5], stride in [1usize..4, 1..4], same: bool,
    ) {
        let padding = if same { Padding::Same } else { Padding::Valid };
        let layers = [conv(kernel, stride, padding, Activation::Linear), Layer::Flatten, LOGITS];
        // Without a place for the kernel there is no network.
        if let Ok(architecture) = Architecture::new("m", [height, width, 2], &layers) {
            let difference = difference(&network(&architecture), 2);
            prop_assert!(difference < 5e-6, "{}", difference);
        }
    }
}

#[test]
fn a_dropout_at_the_end_leaves_the_logits_their_name() {
    let layers = [Layer::Flatten, LOGITS, Layer::Dropout { rate: 0.5 }];
    let difference = difference(&network(&Architecture::new("m", [2, 3, 2], &layers).unwrap()), 1);
    assert!(difference < 5e-6, "{difference}");
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
fn what_cannot_be_exported_is_refused() {
    let check = |layers: &[Layer], classes: &[&str], expected: &str| {
        let network = network(&Architecture::new("m", [2, 2, 2], layers).unwrap());
        let classes: Vec<String> = classes.iter().map(|&name| name.to_owned()).collect();
        let error = onnx(&network, &classes).unwrap_err();
        assert!(matches!(&error, Error::Export(reason) if reason.starts_with(expected)), "{error}");
    };
    check(&[], &[], "its output is a picture of [2, 2, 2]");
    check(&[Layer::MaxPool2d { window: [2, 1], stride: None }], &[], "its output is a picture of [1, 2, 2]");
    check(
        &[Layer::Flatten, Layer::Dropout { rate: 0.5 }],
        &[],
        "its output is a flattened picture of 2 x 2 x 2",
    );
    check(&[Layer::Flatten, LOGITS], &["a"], "it has 3 outputs and 1 names of classes");
}

/// The order of a picture of one place is the same everywhere.
#[test]
fn a_flattened_picture_of_one_place_may_be_the_output() {
    let layers = [conv([2, 3], [1, 1], Padding::Valid, Activation::Relu), Layer::Flatten];
    let difference = difference(&network(&Architecture::new("m", [2, 3, 2], &layers).unwrap()), 2);
    assert!(difference < 5e-6, "{difference}");
}
