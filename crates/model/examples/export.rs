//! Writes networks in all forms that other programs read, with pictures and our logits of them: `export FOLDER`.
//!
//! `FOLDER/tutorial` has the tutorial's network, `FOLDER/layers` one with every kind of layer, each with
//! `model.safetensors`, `model.onnx`, `keras.json` (as Keras describes it) and `expected.safetensors` (`images`
//! and `logits`). The networks are not trained, but no weight of theirs is 0 or 1.

#![allow(clippy::print_stderr, reason = "a program")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candle_core::{Device, Tensor};
use kernels::Simd;
use model::{Architecture, Network};
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
    write(&folder.join("tutorial"), &Architecture::tutorial())
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
