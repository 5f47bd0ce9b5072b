//! Graphs of operations for the Graphs dashboard, built node by node; knows nothing of networks.

use std::collections::HashSet;

use prost::Message;

use crate::InputError;
use crate::message::graph::{Attr, AttrList, AttrValue, GraphDef, NodeDef};
use crate::message::{DataType, TensorShapeProto};

/// The attribute in which TensorBoard looks for the shapes of edges.
const OUTPUT_SHAPES: &str = "_output_shapes";

/// A graph of operations in which each input leads to a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph(GraphDef);

impl Graph {
    /// A graph of these nodes, in any order.
    ///
    /// # Errors
    /// If there are none, if two have the same name, if a name is not one that TensorFlow takes, or if an input
    /// is no node of the graph.
    pub fn new(nodes: impl IntoIterator<Item = Node>) -> Result<Self, InputError> {
        let node: Vec<NodeDef> = nodes.into_iter().map(|node| node.0).collect();
        if node.is_empty() {
            return Err(InputError::Empty { what: "nodes" });
        }
        let mut names = HashSet::new();
        for NodeDef { name, .. } in &node {
            let complain = |problem| Err(InputError::Name { what: "node", name: name.clone(), problem });
            if !is_node_name(name) {
                return complain(
                    "is no name of a node, expected letters, digits and any of `_ . - >`, in scopes parted by `/`, \
                     the first one a letter, a digit or a dot",
                );
            }
            if !names.insert(name.as_str()) {
                return complain("is twice in the graph: give each node a name of its own");
            }
        }
        for NodeDef { name, input: inputs, .. } in &node {
            if let Some(input) = inputs.iter().find(|input| !names.contains(source(input))) {
                return Err(InputError::Input { node: name.clone(), input: input.clone() });
            }
        }
        Ok(Self(GraphDef { node, versions: None }))
    }

    /// The encoded `GraphDef`.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    /// The message.
    pub fn as_message(&self) -> &GraphDef {
        &self.0
    }
}

/// One operation of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Node(NodeDef);

impl Node {
    /// An operation with a name of its own; the parts of the name between slashes are the scopes it is drawn in.
    /// `op` says what it does, as in TensorFlow: `Placeholder`, `Conv2D`, `MatMul`.
    pub fn new(name: impl Into<String>, op: impl Into<String>) -> Self {
        Self(NodeDef { name: name.into(), op: op.into(), ..NodeDef::default() })
    }

    /// Takes a tensor from a node: `name`, or `name:1` for its second output.
    #[must_use]
    pub fn input(mut self, node: impl Into<String>) -> Self {
        let mut inputs = std::mem::take(&mut self.0.input);
        // TensorFlow has inputs without tensors last.
        let place = inputs.iter().position(|input| input.starts_with('^')).unwrap_or(inputs.len());
        inputs.insert(place, node.into());
        self.0.input = inputs;
        self
    }

    /// Runs after a node without taking a tensor from it.
    #[must_use]
    pub fn after(mut self, node: &str) -> Self {
        self.0.input.push(format!("^{node}"));
        self
    }

    /// Has one more output, of this shape, with -1 for sizes that are not known. Its edges are drawn with it.
    #[must_use]
    pub fn output(mut self, shape: &[i64]) -> Self {
        let attr = self.0.attr.entry(OUTPUT_SHAPES.to_owned()).or_default();
        let shape = TensorShapeProto::new(shape);
        match &mut attr.value {
            Some(Attr::List(list)) => list.shape.push(shape),
            value => *value = Some(Attr::List(AttrList { shape: vec![shape], ..AttrList::default() })),
        }
        self
    }

    /// Runs on a device: `/device:CPU:0`.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.0.device = device.into();
        self
    }

    /// Has something else to say, which is shown beside the graph: `strides`, `padding`.
    #[must_use]
    pub fn attr(mut self, name: impl Into<String>, value: impl Into<AttrValue>) -> Self {
        self.0.attr.insert(name.into(), value.into());
        self
    }
}

/// The node that an input names.
fn source(input: &str) -> &str {
    let name = input.strip_prefix('^').unwrap_or(input);
    match name.rsplit_once(':') {
        Some((name, output)) if output.parse::<u32>().is_ok() => name,
        _ => name,
    }
}

/// What TensorFlow takes as a name, with whole scopes.
fn is_node_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_./->".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
        && name.chars().all(allowed)
        && name.split('/').all(|scope| !scope.is_empty())
}

impl From<Attr> for AttrValue {
    fn from(attr: Attr) -> Self {
        Self { value: Some(attr) }
    }
}

impl From<DataType> for AttrValue {
    fn from(value: DataType) -> Self {
        Attr::Type(value.into()).into()
    }
}

impl<const N: usize> From<[&str; N]> for AttrValue {
    fn from(values: [&str; N]) -> Self {
        let s = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        Attr::List(AttrList { s, ..AttrList::default() }).into()
    }
}

macro_rules! attr_from {
    ($($from:ty => $attr:ident),* $(,)?) => {
        $(impl From<$from> for AttrValue {
            fn from(value: $from) -> Self {
                Attr::$attr(value.into()).into()
            }
        })*
    };
}

macro_rules! attr_from_integers {
    ($($from:ty),*) => {
        $(impl<const N: usize> From<[$from; N]> for AttrValue {
            fn from(values: [$from; N]) -> Self {
                let i = values.into_iter().map(Into::into).collect();
                Attr::List(AttrList { i, ..AttrList::default() }).into()
            }
        })*
    };
}

attr_from! { i32 => I, u32 => I, i64 => I, f32 => F, bool => B, &str => S, String => S }
attr_from_integers! { i32, u32, i64 }

impl From<f64> for AttrValue {
    /// To the nearest `f32`, which is what attributes hold.
    fn from(value: f64) -> Self {
        (value as f32).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_graph_is_an_error() {
        let check = |nodes: Vec<Node>, expected: &str| {
            let error = Graph::new(nodes).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check(vec![], "no nodes: give at least one");
        check(vec![Node::new("a", "B"), Node::new("a", "B")], "node \"a\" is twice in the graph");
        for name in ["", "a b", "/a", "a/", "a//b", "_a", "a:0", "é"] {
            check(vec![Node::new(name, "B")], &format!("node {name:?} is no name of a node"));
        }
        check(
            vec![Node::new("a", "B").input("c:0")],
            "node \"a\" has the input \"c:0\", but the graph has no such node",
        );
        check(vec![Node::new("a", "B").after("c")], "node \"a\" has the input \"^c\"");
    }

    #[test]
    fn inputs_may_come_later_and_have_numbers() {
        let node = Node::new("scope/b", "B").after("c").input("a:1").input("a");
        let graph = Graph::new([node, Node::new("a", "A").output(&[-1, 2]).output(&[]), Node::new("c", "C")]);
        let graph = graph.unwrap();
        assert_eq!(graph.as_message().node[0].input, ["a:1", "a", "^c"]);
        let Some(Attr::List(list)) = &graph.as_message().node[1].attr["_output_shapes"].value else {
            panic!("{graph:?}")
        };
        assert_eq!(list.shape, [TensorShapeProto::new(&[-1, 2]), TensorShapeProto::new(&[])]);
        assert_eq!(GraphDef::decode(graph.encode().as_slice()).unwrap(), *graph.as_message());
    }
}
