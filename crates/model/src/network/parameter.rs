//! The tensors of a network by their names; knows nothing of devices.

use std::ops::Range;

use crate::architecture::{Architecture, ParameterKind};

/// A tensor of a network: a part of [`Network::weights`](super::Network::weights) if it is trained, else of
/// [`Network::buffer_values`](super::Network::buffer_values).
#[derive(Clone, Debug)]
pub struct Parameter {
    layer: String,
    kind: ParameterKind,
    shape: Vec<usize>,
    place: Range<usize>,
}

impl Parameter {
    /// The name of its layer.
    pub fn layer(&self) -> &str {
        &self.layer
    }

    /// What it is to its layer.
    pub fn kind(&self) -> ParameterKind {
        self.kind
    }

    /// The shape in Keras' layout: HWIO, `(IN, OUT)` or `(OUT)`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Keras' path below the model: `conv2d/kernel`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.layer, self.kind.keras_name())
    }

    /// This parameter's part, row-major, of numbers that lie as [`Network::values`](super::Network::values) (or a
    /// gradient of them), or for a buffer as [`Network::buffer_values`](super::Network::buffer_values). Empty if
    /// there are too few.
    pub fn of<'a>(&self, values: &'a [f32]) -> &'a [f32] {
        values.get(self.place.clone()).unwrap_or_default()
    }

    /// As [`of`](Self::of), to write to.
    pub fn of_mut<'a>(&self, values: &'a mut [f32]) -> &'a mut [f32] {
        values.get_mut(self.place.clone()).unwrap_or_default()
    }

    /// Where it lies.
    pub(crate) fn place(&self) -> Range<usize> {
        self.place.clone()
    }
}

/// All tensors of a network.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    pub(super) trained: Vec<Parameter>,
    pub(super) buffers: Vec<Parameter>,
    /// For each layer which of them are its own.
    pub(super) of_layers: Vec<Own>,
}

/// A layer's own tensors.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) trained: Range<usize>,
    pub(crate) buffers: Range<usize>,
}

impl Parameters {
    pub(super) fn of(architecture: &Architecture) -> Self {
        let mut all = Self::default();
        for named in architecture.layers() {
            let own = |list: &mut Vec<Parameter>, parameters: Vec<(ParameterKind, Vec<usize>)>| {
                let first = list.len();
                for (kind, shape) in parameters {
                    let begin = list.last().map_or(0, |before| before.place.end);
                    let place = begin..begin + shape.iter().product::<usize>();
                    list.push(Parameter { layer: named.name.clone(), kind, shape, place });
                }
                first..list.len()
            };
            let trained = own(&mut all.trained, named.parameters());
            let buffers = own(&mut all.buffers, named.buffers());
            all.of_layers.push(Own { trained, buffers });
        }
        all
    }
}
