//! The protobuf messages of event files, with TensorFlow's field numbers; knows nothing of their framing.
//!
//! Only what this crate writes or reads is declared; other fields are skipped when a message is decoded.
//! Numbers and names are those of TensorFlow's and TensorBoard's `.proto` files, which each module names; here
//! they are `event.proto` and `summary.proto`. Fields are encoded in the order of their numbers, which is the
//! order in which TensorFlow writes them, and maps in the order of their keys, so that equal messages have
//! equal bytes.

pub mod custom_scalars;
pub mod graph;
pub mod hparams;
pub mod legacy;
pub mod plugin;
mod tensor;

pub use tensor::{DataType, Dim, TensorProto, TensorShapeProto};

/// One record of an event file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// When it was written: seconds since 1970-01-01 UTC.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The step it belongs to.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// What it holds; `None` for the kinds not declared here.
    #[prost(oneof = "What", tags = "3, 4, 5, 6, 7, 8, 9")]
    pub what: Option<What>,
    /// Who wrote the file; in the first event only.
    #[prost(message, optional, tag = "10")]
    pub source_metadata: Option<SourceMetadata>,
}

/// What an [`Event`] holds.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum What {
    /// The version of the format, in the first event of a file.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// An encoded [`graph::GraphDef`].
    #[prost(bytes = "vec", tag = "4")]
    GraphDef(Vec<u8>),
    /// Values of tags.
    #[prost(message, tag = "5")]
    Summary(Summary),
    /// An encoded log message; no program writes or shows them any more.
    #[prost(bytes = "vec", tag = "6")]
    LogMessage(Vec<u8>),
    /// The start or the end of a session.
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
    /// What a profiler noted of one step.
    #[prost(message, tag = "8")]
    TaggedRunMetadata(TaggedRunMetadata),
    /// An encoded `MetaGraphDef`.
    #[prost(bytes = "vec", tag = "9")]
    MetaGraphDef(Vec<u8>),
}

/// Who wrote a file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SourceMetadata {
    /// The name of the writing program.
    #[prost(string, tag = "1")]
    pub writer: String,
}

/// The start or the end of a session. TensorBoard's Python loader takes the second start of a run as a restart
/// and forgets all points of its step and later ones.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionLog {
    /// What happened, a [`SessionStatus`].
    #[prost(enumeration = "SessionStatus", tag = "1")]
    pub status: i32,
    /// Where the checkpoint is, for [`SessionStatus::Checkpoint`].
    #[prost(string, tag = "2")]
    pub checkpoint_path: String,
    /// Anything else.
    #[prost(string, tag = "3")]
    pub msg: String,
}

/// What happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum SessionStatus {
    /// Not said.
    Unspecified = 0,
    /// It began, or began again.
    Start = 1,
    /// It ended.
    Stop = 2,
    /// It saved its state.
    Checkpoint = 3,
}

/// What a profiler noted of one step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaggedRunMetadata {
    /// The name of the step.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// An encoded `RunMetadata`.
    #[prost(bytes = "vec", tag = "2")]
    pub run_metadata: Vec<u8>,
}

/// Values of tags at one step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Summary {
    /// The values; TensorFlow's writers put exactly one.
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// The value of one tag.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// The name of the series.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// The value itself; `None` for the kinds not declared here.
    #[prost(oneof = "ValueKind", tags = "2, 4, 5, 6, 8")]
    pub value: Option<ValueKind>,
    /// Which plugin shows it.
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<SummaryMetadata>,
}

/// What a [`Value`] holds.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ValueKind {
    /// A scalar of the first version of the format.
    #[prost(float, tag = "2")]
    SimpleValue(f32),
    /// An image of the first version of the format.
    #[prost(message, tag = "4")]
    Image(legacy::Image),
    /// A histogram of the first version of the format.
    #[prost(message, tag = "5")]
    Histogram(legacy::HistogramProto),
    /// A sound of the first version of the format.
    #[prost(message, tag = "6")]
    Audio(legacy::Audio),
    /// A tensor, as the second version of the format has for everything.
    #[prost(message, tag = "8")]
    Tensor(TensorProto),
}

/// How a value is to be shown.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SummaryMetadata {
    /// The plugin that shows it.
    #[prost(message, optional, tag = "1")]
    pub plugin_data: Option<PluginData>,
    /// The name over its card; empty for the tag.
    #[prost(string, tag = "2")]
    pub display_name: String,
    /// Markdown that its card shows.
    #[prost(string, tag = "3")]
    pub summary_description: String,
    /// How readers store it, a [`DataClass`]; they know it of the usual plugins.
    #[prost(enumeration = "DataClass", tag = "4")]
    pub data_class: i32,
}

/// How readers store the values of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum DataClass {
    /// Not said: by the plugin.
    Unknown = 0,
    /// Numbers.
    Scalar = 1,
    /// Small tensors: histograms, texts.
    Tensor = 2,
    /// Long strings of bytes: images, graphs.
    BlobSequence = 3,
}

/// The plugin that shows a value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PluginData {
    /// Its name: `scalars`, `histograms`, `text`, `graph_keras_model` and others.
    #[prost(string, tag = "1")]
    pub plugin_name: String,
    /// What the plugin itself wants to know.
    #[prost(bytes = "vec", tag = "2")]
    pub content: Vec<u8>,
}
