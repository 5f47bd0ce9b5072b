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
use crate::{Architecture, Error, Layer, Network};

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
/// [`Error::Export`] if the network does not give one number a class, or for another number of names than classes; or
/// if the weights cannot be copied from the device.
pub fn onnx(network: &Network, classes: &[String]) -> Result<Vec<u8>, Error> {
    let architecture = network.architecture();
    let outputs = outputs(architecture).map_err(Error::Export)?;
    if !classes.is_empty() && classes.len() != outputs {
        let names = classes.len();
        return Err(Error::Export(format!(
            "it has {outputs} outputs and {names} names of classes were given; expected as many, or none"
        )));
    }
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

/// How many logits come out.
fn outputs(architecture: &Architecture) -> Result<usize, String> {
    let layers = architecture.layers();
    let after_flatten = match layers.iter().rposition(|layer| layer.layer == Layer::Flatten) {
        Some(at) => &layers[at..],
        None => &[],
    };
    // Pictures are (c, h, w) in the file and (h, w, c) inside; only a dense layer takes either.
    let looked_at = after_flatten.iter().any(|layer| matches!(layer.layer, Layer::Dense { .. }));
    if let (Some([height, width, channels]), false) =
        (after_flatten.first().map(|flatten| &flatten.input[..]), looked_at)
        && height * width > 1
        && *channels > 1
    {
        return Err(format!(
            "its output is a flattened picture of {height} x {width} x {channels}, whose order is another in other \
             programs; end it with a dense layer"
        ));
    }
    match layers.last().map_or(&architecture.input()[..], |last| &last.output) {
        &[outputs] => Ok(outputs),
        shape => Err(format!(
            "its output is a picture of {shape:?}; expected a row of logits: end it with a dense layer"
        )),
    }
}

fn metadata(classes: &[String]) -> Vec<Entry> {
    let list = serde_json::json!(classes).to_string();
    let entry = Entry { key: "classes".to_owned(), value: list };
    if classes.is_empty() { vec![] } else { vec![entry] }
}
