//! Graphs of operations, as `graph.proto`, `node_def.proto`, `attr_value.proto` and `versions.proto` have them;
//! knows nothing of how they are drawn.

use std::collections::BTreeMap;

use super::{TensorProto, TensorShapeProto};

/// A graph of operations. The functions of TensorFlow's graphs are not declared.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GraphDef {
    /// Its nodes.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeDef>,
    /// The versions of the program that made it and of those that may read it.
    #[prost(message, optional, tag = "4")]
    pub versions: Option<VersionDef>,
}

/// The versions that a graph goes with.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct VersionDef {
    /// The version of what made it.
    #[prost(int32, tag = "1")]
    pub producer: i32,
    /// The first version that may read it.
    #[prost(int32, tag = "2")]
    pub min_consumer: i32,
}

/// One operation of a graph.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NodeDef {
    /// Its name; the parts between slashes are the scopes it is in.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What it does: `Conv2D`, `MatMul`, `Placeholder`.
    #[prost(string, tag = "2")]
    pub op: String,
    /// The names of the nodes it takes tensors from: `name` or `name:output`, or `^name` for a node that only
    /// has to run before.
    #[prost(string, repeated, tag = "3")]
    pub input: Vec<String>,
    /// Where it runs: `/device:CPU:0`, or nothing.
    #[prost(string, tag = "4")]
    pub device: String,
    /// What else is known of it. TensorBoard shows all, and takes the shapes of edges from `_output_shapes`.
    #[prost(btree_map = "string, message", tag = "5")]
    pub attr: BTreeMap<String, AttrValue>,
}

/// One thing that is known of an operation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttrValue {
    /// The thing.
    #[prost(oneof = "Attr", tags = "1, 2, 3, 4, 5, 6, 7, 8")]
    pub value: Option<Attr>,
}

/// What an [`AttrValue`] holds.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Attr {
    /// Several of the others.
    #[prost(message, tag = "1")]
    List(AttrList),
    /// Bytes, mostly a text.
    #[prost(bytes = "vec", tag = "2")]
    S(Vec<u8>),
    /// An integer.
    #[prost(int64, tag = "3")]
    I(i64),
    /// A number.
    #[prost(float, tag = "4")]
    F(f32),
    /// Yes or no.
    #[prost(bool, tag = "5")]
    B(bool),
    /// A type of elements.
    #[prost(enumeration = "super::DataType", tag = "6")]
    Type(i32),
    /// A shape.
    #[prost(message, tag = "7")]
    Shape(TensorShapeProto),
    /// A tensor.
    #[prost(message, boxed, tag = "8")]
    Tensor(Box<TensorProto>),
}

/// A list in an [`AttrValue`]; one of its fields is filled.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttrList {
    /// Strings of bytes.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub s: Vec<Vec<u8>>,
    /// Integers.
    #[prost(int64, repeated, tag = "3")]
    pub i: Vec<i64>,
    /// Numbers.
    #[prost(float, repeated, tag = "4")]
    pub f: Vec<f32>,
    /// Answers.
    #[prost(bool, repeated, tag = "5")]
    pub b: Vec<bool>,
    /// Types of elements.
    #[prost(enumeration = "super::DataType", repeated, tag = "6")]
    pub r#type: Vec<i32>,
    /// Shapes.
    #[prost(message, repeated, tag = "7")]
    pub shape: Vec<TensorShapeProto>,
}
