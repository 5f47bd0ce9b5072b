//! Experiments and their sessions, as the `plugin_data.proto` and `api.proto` of the plugin `hparams` and
//! protobuf's own `struct.proto` have them; knows nothing of the metrics, which are scalars.

use std::collections::BTreeMap;

/// Content of the plugin `hparams`: all it has is here, the tensor beside it is empty.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HParamsPluginData {
    /// The version of the content: 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// What this is.
    #[prost(oneof = "Data", tags = "2, 3, 4")]
    pub data: Option<Data>,
}

/// What a [`HParamsPluginData`] holds.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Data {
    /// What is common to all sessions.
    #[prost(message, tag = "2")]
    Experiment(Experiment),
    /// The start of a session.
    #[prost(message, tag = "3")]
    SessionStart(SessionStartInfo),
    /// The end of a session.
    #[prost(message, tag = "4")]
    SessionEnd(SessionEndInfo),
}

/// What is common to all sessions: the columns of the table.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Experiment {
    /// What it is about, in Markdown.
    #[prost(string, tag = "1")]
    pub description: String,
    /// Whose it is.
    #[prost(string, tag = "2")]
    pub user: String,
    /// When it was made: seconds since 1970-01-01 UTC.
    #[prost(double, tag = "3")]
    pub time_created_secs: f64,
    /// The hyperparameters.
    #[prost(message, repeated, tag = "4")]
    pub hparam_infos: Vec<HParamInfo>,
    /// The metrics.
    #[prost(message, repeated, tag = "5")]
    pub metric_infos: Vec<MetricInfo>,
    /// Its name.
    #[prost(string, tag = "6")]
    pub name: String,
}

/// One hyperparameter.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HParamInfo {
    /// Its name in [`SessionStartInfo::hparams`].
    #[prost(string, tag = "1")]
    pub name: String,
    /// The heading of its column; empty for the name.
    #[prost(string, tag = "2")]
    pub display_name: String,
    /// What it is, in Markdown.
    #[prost(string, tag = "3")]
    pub description: String,
    /// The type of its values, a [`HParamType`].
    #[prost(enumeration = "HParamType", tag = "4")]
    pub r#type: i32,
    /// The values it may have.
    #[prost(oneof = "Domain", tags = "5, 6")]
    pub domain: Option<Domain>,
    /// Whether its values differ between sessions, for lists that show only those.
    #[prost(bool, tag = "7")]
    pub differs: bool,
}

/// The type of a hyperparameter's values: `DataType` in `api.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum HParamType {
    /// Not said.
    Unset = 0,
    /// Texts.
    String = 1,
    /// Yes or no.
    Bool = 2,
    /// Numbers.
    Float64 = 3,
}

/// The values that a hyperparameter may have.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Domain {
    /// One of these.
    #[prost(message, tag = "5")]
    Discrete(ListValue),
    /// A number in a range.
    #[prost(message, tag = "6")]
    Interval(Interval),
}

/// A range of numbers, both ends included.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Interval {
    /// Its smallest number.
    #[prost(double, tag = "1")]
    pub min_value: f64,
    /// Its largest number.
    #[prost(double, tag = "2")]
    pub max_value: f64,
}

/// One metric: a curve whose last point is shown.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricInfo {
    /// Which curve.
    #[prost(message, optional, tag = "1")]
    pub name: Option<MetricName>,
    /// The heading of its column; empty for its name.
    #[prost(string, tag = "3")]
    pub display_name: String,
    /// What it is, in Markdown.
    #[prost(string, tag = "4")]
    pub description: String,
    /// Which pictures it was measured on, a [`DatasetType`].
    #[prost(enumeration = "DatasetType", tag = "5")]
    pub dataset_type: i32,
}

/// Where the curve of a metric is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricName {
    /// The folder below that of the session; empty for that of the session itself.
    #[prost(string, tag = "1")]
    pub group: String,
    /// The tag of the curve.
    #[prost(string, tag = "2")]
    pub tag: String,
}

/// What a metric was measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum DatasetType {
    /// Not said.
    Unknown = 0,
    /// What is trained on.
    Training = 1,
    /// What is not.
    Validation = 2,
}

/// The start of a session.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionStartInfo {
    /// The value of each hyperparameter: a number, a text, or yes or no.
    #[prost(btree_map = "string, message", tag = "1")]
    pub hparams: BTreeMap<String, Value>,
    /// Where the model is.
    #[prost(string, tag = "2")]
    pub model_uri: String,
    /// Where the session is watched.
    #[prost(string, tag = "3")]
    pub monitor_url: String,
    /// Sessions of one name are one row; without a name each session is a row.
    #[prost(string, tag = "4")]
    pub group_name: String,
    /// When it started: seconds since 1970-01-01 UTC.
    #[prost(double, tag = "5")]
    pub start_time_secs: f64,
}

/// The end of a session.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct SessionEndInfo {
    /// How it ended, a [`Status`].
    #[prost(enumeration = "Status", tag = "1")]
    pub status: i32,
    /// When it ended: seconds since 1970-01-01 UTC.
    #[prost(double, tag = "2")]
    pub end_time_secs: f64,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Status {
    /// Not said.
    Unknown = 0,
    /// Well.
    Success = 1,
    /// Badly.
    Failure = 2,
    /// It has not ended.
    Running = 3,
}

/// Any value: `google.protobuf.Value`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// The value; structures are not declared.
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 6")]
    pub kind: Option<Kind>,
}

/// What a [`Value`] holds.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Kind {
    /// Nothing; the number is 0.
    #[prost(int32, tag = "1")]
    Null(i32),
    /// A number.
    #[prost(double, tag = "2")]
    Number(f64),
    /// A text.
    #[prost(string, tag = "3")]
    String(String),
    /// Yes or no.
    #[prost(bool, tag = "4")]
    Bool(bool),
    /// Several values.
    #[prost(message, tag = "6")]
    List(ListValue),
}

/// Several values: `google.protobuf.ListValue`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListValue {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}
