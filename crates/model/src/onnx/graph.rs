//! A graph while it grows node by node; knows nothing of layers.

use super::message::{
    Attribute, AttributeType, Dimension, FLOAT, Graph, Node, Shape, Size, Tensor, TensorType, Type, ValueInfo,
};

/// What comes in.
pub(super) const IMAGES: &str = "images";
/// What goes out.
pub(super) const LOGITS: &str = "logits";

/// The nodes and constants so far, and the value that the next node goes on from.
pub(super) struct Growing {
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
    current: String,
}

/// A value of an attribute.
pub(super) enum Setting {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

impl Growing {
    /// Nothing but the pictures that come in.
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), constants: Vec::new(), current: IMAGES.to_owned() }
    }

    /// The name of the value that the last node gave.
    pub(super) fn current(&self) -> &str {
        &self.current
    }

    /// A node of these values. What it gives is named as it is, and becomes the current value.
    pub(super) fn node(&mut self, name: &str, operator: &str, inputs: Vec<String>, settings: Settings<'_>) {
        self.nodes.push(Node {
            input: inputs,
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: operator.to_owned(),
            attribute: settings.into_iter().map(|(name, setting)| attribute(name, setting)).collect(),
        });
        self.current = name.to_owned();
    }

    /// A constant, by its name. One that is there already stays.
    pub(super) fn constant(&mut self, name: &str, shape: &[usize], bytes: &[u8]) {
        if self.constants.iter().all(|other| other.name != name) {
            self.constants.push(Tensor {
                dims: shape.iter().map(|&side| side as i64).collect(),
                data_type: FLOAT,
                name: name.to_owned(),
                raw_data: bytes.to_vec(),
            });
        }
    }

    /// The graph, whose output is the current value, renamed.
    pub(super) fn finish(mut self, name: &str, input: [usize; 3], outputs: usize) -> Graph {
        match self.nodes.last_mut() {
            Some(last) => last.output = vec![LOGITS.to_owned()],
            None => self.node(LOGITS, "Identity", vec![IMAGES.to_owned()], vec![]),
        }
        let [height, width, channels] = input;
        let images = "pictures in RGB, values 0 to 1: (batch, channels, height, width)";
        let logits = "a number for each class, without softmax: (batch, classes)";
        Graph {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.constants,
            input: vec![value(IMAGES, &[channels, height, width], images)],
            output: vec![value(LOGITS, &[outputs], logits)],
        }
    }
}

/// Names and values of attributes.
pub(super) type Settings<'a> = Vec<(&'a str, Setting)>;

fn attribute(name: &str, setting: Setting) -> Attribute {
    let (r#type, f, i, ints) = match setting {
        Setting::Float(x) => (AttributeType::Float, Some(x), None, vec![]),
        Setting::Int(x) => (AttributeType::Int, None, Some(x), vec![]),
        Setting::Ints(list) => (AttributeType::Ints, None, None, list),
    };
    Attribute { name: name.to_owned(), r#type: r#type.into(), f, i, ints }
}

/// A batch of any size of what has this shape.
fn value(name: &str, shape: &[usize], doc: &str) -> ValueInfo {
    let batch = Size::Param("batch".to_owned());
    let sizes = [batch].into_iter().chain(shape.iter().map(|&side| Size::Value(side as i64)));
    let dim = sizes.map(|size| Dimension { value: Some(size) }).collect();
    let tensor = TensorType { elem_type: FLOAT, shape: Some(Shape { dim }) };
    ValueInfo {
        name: name.to_owned(),
        r#type: Some(Type { tensor_type: Some(tensor) }),
        doc_string: doc.to_owned(),
    }
}
