//! What can go wrong with a network.

use crate::Precision;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer does not fit what the layer before it gives.
    #[error("layer {layer} does not fit its input {input:?} ({place}): {reason}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// Where it stands: `layer 3 of 8`.
        place: String,
        /// The shape of one picture that reaches it: `(H, W, C)` or `(N)`.
        input: Vec<usize>,
        /// What is wrong.
        reason: String,
    },
    /// A setting of a layer is out of its range.
    #[error("layer {layer} has a wrong setting ({place}, input {input:?}): {reason}")]
    Setting {
        /// The layer's name.
        layer: String,
        /// Where it stands: `layer 3 of 8`.
        place: String,
        /// The shape of one picture that reaches it: `(H, W, C)` or `(N)`.
        input: Vec<usize>,
        /// What is wrong.
        reason: String,
    },
    /// All layers fit each other, but what they make is no network of use.
    #[error("the network cannot be built: {0}")]
    Architecture(String),
    /// Pictures of another size than the network's.
    #[error("pictures of shape {found:?}, expected {expected:?}")]
    Pictures {
        /// The shape that came.
        found: Vec<usize>,
        /// The shape the network takes: `(B, C, H, W)`.
        expected: Vec<usize>,
    },
    /// More or fewer names of samples than pictures.
    #[error("{found} samples for a batch of {expected} pictures; expected one for each, or none")]
    Samples {
        /// How many there are.
        found: usize,
        /// How many pictures there are.
        expected: usize,
    },
    /// A weights file that cannot be read at all.
    #[error("not a safetensors file of weights: {0}")]
    Unreadable(#[from] safetensors::SafeTensorError),
    /// A weights file without one of the network's tensors.
    #[error("the weights have no tensor `{0}`; were they saved from another network?")]
    MissingTensor(String),
    /// A tensor of a weights file that has another type or shape than the network's.
    #[error("tensor `{name}` of the weights is {found}, expected {expected}")]
    WrongTensor {
        /// The tensor's name.
        name: String,
        /// What the file holds.
        found: String,
        /// What the network needs.
        expected: String,
    },
    /// A network that cannot be written for other programs.
    #[error("the network cannot be exported: {0}")]
    Export(String),
    /// A precision that the device does not have.
    #[error("precision {0} is for CUDA devices; use f32 on others")]
    Precision(Precision),
    /// Gradients of something else than the network's loss.
    #[error("there is no gradient of the network's weights; call backward on the loss that it gave")]
    NoGradient,
    /// An error of candle: shapes that do not fit, a device that fails.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
