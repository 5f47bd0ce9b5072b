//! A network as an ONNX file, for the programs that run such files; knows nothing of how they do it.

mod graph;
mod layers;
mod message;

#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod tests;

use prost::Message;
use safetensors::SafeTensors;

use self::graph::Growing;
use self::message::{Entry, Model, OperatorSet};
use crate::{Error, Network};

/// The operators' version: 17, which every runtime since 2022 reads.
const OPSET: i64 = 17;
/// The version of the messages that came with it (ONNX 1.12).
const IR_VERSION: i64 = 8;

/// The bytes of an ONNX file that computes what [`Network::logits`] does: the same network, the same bytes.
///
/// Its input `images` is `(batch, C, H, W)` with values 0 to 1 and its output `logits` `(batch, CLASSES)`, for batches of
/// any size. There is no softmax in it, as there is none in the network: who wants probabilities takes it of the
/// logits. Its constants have the names and layouts of our model files, `conv2d.weight`. Names of the classes,
/// where there are any, are its metadata `classes`, a list in JSON.
///
/// ```
/// # fn main() -> Result<(), model::Error> {
/// # use model::{Architecture, Network};
/// # let network = Network::new(
/// #     &Architecture::tutorial(), streams::Seed(0), &candle_core::Device::Cpu, kernels::Simd::best())?;
/// let bytes = model::onnx(&network, &[])?;
/// # assert!(bytes.len() > 4 * network.parameter_count());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Outputs`] if the network gives something else than one number a class, or the weights cannot be copied
/// from the device.
pub fn onnx(network: &Network, classes: &[String]) -> Result<Vec<u8>, Error> {
    let architecture = network.architecture();
    let outputs = match architecture.layers().last().map(|last| last.output.as_slice()) {
        Some(&[outputs]) if classes.is_empty() || classes.len() == outputs => outputs,
        found => {
            let found = found.map_or_else(|| architecture.input().to_vec(), <[usize]>::to_vec);
            return Err(Error::Outputs { found, classes: classes.len() });
        }
    };
    let file = network.to_safetensors()?;
    let weights = SafeTensors::deserialize(&file)?;
    let mut graph = Growing::new();
    for layer in architecture.layers() {
        layers::add(&mut graph, layer, &weights)?;
    }
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "candle-cnn-trainer".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: String::new(),
        graph: Some(graph.finish(architecture.name(), architecture.input(), outputs)),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: metadata(classes),
    };
    Ok(model.encode_to_vec())
}

fn metadata(classes: &[String]) -> Vec<Entry> {
    let list = serde_json::json!(classes).to_string();
    let entry = Entry { key: "classes".to_owned(), value: list };
    if classes.is_empty() { vec![] } else { vec![entry] }
}
