//! What can go wrong with a network.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer does not fit what the layer before it gives.
    #[error("layer {layer} does not fit its input {input:?}: {reason}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// The shape of one picture that reaches it: `(H, W, C)` or `(N)`.
        input: Vec<usize>,
        /// What is wrong.
        reason: String,
    },
    /// Pictures of another size than the network's.
    #[error("pictures of shape {found:?}, expected {expected:?}")]
    Pictures {
        /// The shape that came.
        found: Vec<usize>,
        /// The shape the network takes: `(B, C, H, W)`.
        expected: Vec<usize>,
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
    /// A network to be written for other programs that does not give one number for each class.
    #[error(
        "the network gives {found:?} for one picture, and {classes} names of classes were given; expected one number \
         for each class (end the network with a dense layer, and give a name for each of its units, or none)"
    )]
    Outputs {
        /// The shape that it gives for one picture.
        found: Vec<usize>,
        /// How many classes have names.
        classes: usize,
    },
    /// Gradients of something else than the network's loss.
    #[error("there is no gradient of the network's weights; call backward on the loss that it gave")]
    NoGradient,
    /// An error of candle: shapes that do not fit, a device that fails.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
