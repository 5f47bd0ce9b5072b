//! Writes networks in all forms that other programs read, with pictures and our logits of them: `export FOLDER`.
//!
//! `FOLDER/tutorial` has the tutorial's network, `FOLDER/flatten`, `FOLDER/global_avg_pool2d` and
//! `FOLDER/global_max_pool2d` have every kind of layer between them. In each are `model.safetensors`, `model.onnx`,
//! `keras.json` (as Keras describes it) and `expected.safetensors` (`images` and `logits`). The networks are not
//! trained, but no bias and no statistic of theirs is as in a new one.

#![allow(clippy::print_stderr, reason = "a program")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candle_core::{Device, Tensor};
use kernels::Simd;
use model::{Activation, Architecture, Layer, Network, Padding};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use streams::Seed;

/// How many pictures.
const BATCH: usize = 7;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: export FOLDER");
        return ExitCode::from(2);
    };
    match write_all(&PathBuf::from(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> Result<(), Box<dyn Error>> {
    write(&folder.join("tutorial"), &Architecture::tutorial())?;
    for (name, layers) in [
        ("flatten", flatten()),
        ("global_avg_pool2d", global(Layer::GlobalAvgPool2d)),
        ("global_max_pool2d", global(Layer::GlobalMaxPool2d)),
    ] {
        // Neither square nor even: heights and widths cannot be mistaken for each other.
        write(&folder.join(name), &Architecture::of(name, [33, 30, 3], 5, &layers)?)?;
    }
    Ok(())
}

/// Every layer but global pools, and every activation.
fn flatten() -> Vec<Layer> {
    vec![
        conv(8, [3, 3], [2, 2], Padding::Same, Activation::Linear),
        Layer::BatchNorm { momentum: 0.9, epsilon: 1e-2 },
        Layer::Activation { function: Activation::Silu },
        conv(12, [5, 2], [1, 2], Padding::Same, Activation::Gelu),
        Layer::MaxPool2d { window: [3, 2], stride: Some([2, 1]) },
        conv(12, [2, 3], [1, 1], Padding::Valid, Activation::LeakyRelu),
        Layer::AvgPool2d { window: [2, 3], stride: Some([1, 1]) },
        Layer::Dropout { rate: 0.25 },
        conv(10, [1, 1], [1, 1], Padding::Valid, Activation::Elu),
        Layer::MaxPool2d { window: [2, 1], stride: None },
        Layer::Flatten,
        Layer::Dropout { rate: 0.5 },
        Layer::Dense { units: Some(16), bias: false, activation: Activation::Linear },
        Layer::BatchNorm { momentum: 0.99, epsilon: 1e-3 },
        Layer::Activation { function: Activation::Tanh },
        Layer::Dense { units: Some(9), bias: true, activation: Activation::Sigmoid },
        Layer::Dense { units: None, bias: true, activation: Activation::Linear },
    ]
}

/// What ends with a global pool, as most newer networks do.
fn global(pool: Layer) -> Vec<Layer> {
    vec![
        conv(8, [3, 3], [1, 1], Padding::Same, Activation::Relu),
        Layer::AvgPool2d { window: [2, 2], stride: None },
        conv(16, [4, 4], [3, 3], Padding::Same, Activation::Relu),
        pool,
        Layer::Dropout { rate: 0.5 },
        Layer::Dense { units: None, bias: true, activation: Activation::Linear },
    ]
}

/// With a bias where something is applied to it.
fn conv(
    filters: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
    activation: Activation,
) -> Layer {
    let bias = activation != Activation::Linear;
    Layer::Conv2d { filters, kernel, stride, padding, bias, activation }
}

fn write(folder: &Path, architecture: &Architecture) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let network = Network::new(architecture, Seed(11), &Device::Cpu, Simd::best())?;
    network.load_safetensors(&moved(&network.to_safetensors()?)?)?;
    let [height, width, channels] = architecture.input();
    let shape = [BATCH, channels, height, width];
    let pixels: Vec<f32> =
        (0..shape.iter().product::<usize>()).map(|i| (i * 7919 % 256) as f32 / 255.0).collect();
    let images = Tensor::from_vec(pixels, &shape, &Device::Cpu)?;
    let logits = network.logits(&images)?;
    let classes: Vec<String> = (0..logits.dim(1)?).map(|class| format!("class {class}")).collect();

    fs::write(folder.join("model.safetensors"), network.to_safetensors()?)?;
    fs::write(folder.join("model.onnx"), model::onnx(&network, &classes)?)?;
    fs::write(folder.join("keras.json"), model::keras_json(architecture))?;
    let expected: HashMap<&str, Tensor> = [("images", images), ("logits", logits)].into();
    candle_core::safetensors::save(&expected, folder.join("expected.safetensors"))?;
    Ok(())
}

/// The bytes of a model file with other numbers in all that a new network sets to 0 or 1: biases, and means,
/// variances, scales and shifts.
fn moved(file: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let file = SafeTensors::deserialize(file)?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in file.tensors() {
        let numbers = tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        let moved = numbers.enumerate().map(|(i, x)| match tensor.shape() {
            // Variances stay above 0.
            [_] => x + ((i * 37 + name.len()) % 16) as f32 / 32.0 - 0.2,
            _ => x,
        });
        let bytes: Vec<u8> = moved.flat_map(f32::to_le_bytes).collect();
        tensors.insert(name, (tensor.shape().to_vec(), bytes));
    }
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, (shape, bytes))| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<_, safetensors::SafeTensorError>>()?;
    Ok(safetensors::serialize(views, None)?)
}
