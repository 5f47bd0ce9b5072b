//! The events that this crate writes, as TensorFlow and Keras build them; knows nothing of files.

use crate::message::{
    Event, PluginData, SourceMetadata, Summary, SummaryMetadata, TensorProto, Value, ValueKind, What,
};
use crate::{Histogram, Step, WallTime};

/// The format of these files, as its first event says.
const FILE_VERSION: &str = "brain.Event:2";
/// The program that TensorFlow's own writers name. Readers do not look at it; being the same costs nothing.
const SOURCE_WRITER: &str = "tensorflow.core.util.events_writer";

/// The plugin that draws curves.
pub(crate) const SCALARS: &str = "scalars";
/// The plugin that draws histograms and distributions.
pub(crate) const HISTOGRAMS: &str = "histograms";
/// The plugin that shows pictures.
pub(crate) const IMAGES: &str = "images";
/// The plugin that plays sounds.
pub(crate) const AUDIO: &str = "audio";
/// The plugin that shows Markdown.
pub(crate) const TEXT: &str = "text";
/// The plugin that draws a Keras model as a graph of layers.
const KERAS_MODEL: &str = "graph_keras_model";

impl Event {
    /// The first event of a file. TensorFlow gives it whole seconds.
    pub fn file_version(at: WallTime) -> Self {
        Self {
            wall_time: at.seconds(),
            step: 0,
            what: Some(What::FileVersion(FILE_VERSION.to_owned())),
            source_metadata: Some(SourceMetadata { writer: SOURCE_WRITER.to_owned() }),
        }
    }

    /// One number of a curve.
    pub fn scalar(at: WallTime, tag: &str, step: Step, value: f32) -> Self {
        Self::summary(at, tag, step, TensorProto::scalar(value), plugin(SCALARS))
    }

    /// One histogram of a series.
    pub fn histogram(at: WallTime, tag: &str, step: Step, histogram: &Histogram) -> Self {
        Self::summary(at, tag, step, histogram.to_tensor(), plugin(HISTOGRAMS))
    }

    /// One Markdown text of a series.
    pub fn text(at: WallTime, tag: &str, step: Step, markdown: &str) -> Self {
        Self::summary(at, tag, step, TensorProto::string(markdown.into()), plugin(TEXT))
    }

    /// The graph of operations of a run: an encoded `GraphDef` message.
    pub fn graph(at: WallTime, graph_def: Vec<u8>) -> Self {
        Self { wall_time: at.seconds(), what: Some(What::GraphDef(graph_def)), ..Self::default() }
    }

    /// The layers of a model, as Keras' `model.to_json()` writes them.
    pub fn keras_model(at: WallTime, json: &str) -> Self {
        // The plugin's content is its version.
        let plugin = PluginData { content: b"1".to_vec(), ..plugin(KERAS_MODEL) };
        Self::summary(at, "keras", Step(0), TensorProto::string(json.into()), plugin)
    }

    /// This event with Markdown that the cards of its values show when asked. TensorBoard takes the description
    /// that came first for a tag.
    #[must_use]
    pub fn described(mut self, markdown: &str) -> Self {
        if let Some(What::Summary(summary)) = &mut self.what {
            for value in &mut summary.value {
                value.metadata.get_or_insert_default().summary_description = markdown.to_owned();
            }
        }
        self
    }

    /// An event with one value.
    pub(crate) fn summary(
        at: WallTime,
        tag: &str,
        step: Step,
        tensor: TensorProto,
        plugin: PluginData,
    ) -> Self {
        Self::summaries(at, step, vec![Value::new(tag, tensor, plugin)])
    }

    /// An event with several values.
    pub(crate) fn summaries(at: WallTime, step: Step, value: Vec<Value>) -> Self {
        Self {
            wall_time: at.seconds(),
            step: step.0,
            what: Some(What::Summary(Summary { value })),
            source_metadata: None,
        }
    }
}

impl Value {
    /// A tensor that a plugin shows.
    pub(crate) fn new(tag: &str, tensor: TensorProto, plugin: PluginData) -> Self {
        Self {
            tag: tag.to_owned(),
            value: Some(ValueKind::Tensor(tensor)),
            metadata: Some(SummaryMetadata { plugin_data: Some(plugin), ..SummaryMetadata::default() }),
        }
    }
}

impl Value {
    /// The plugin that this names, or that shows values of its kind: those of the first version of the format name none.
    /// Empty where nobody says.
    pub(crate) fn plugin_name(&self) -> &str {
        let named = self.metadata.as_ref().and_then(|metadata| metadata.plugin_data.as_ref());
        match (named.map_or("", |plugin| plugin.plugin_name.as_str()), &self.value) {
            ("", Some(ValueKind::SimpleValue(_))) => SCALARS,
            ("", Some(ValueKind::Histogram(_))) => HISTOGRAMS,
            ("", Some(ValueKind::Image(_))) => IMAGES,
            ("", Some(ValueKind::Audio(_))) => AUDIO,
            (name, _) => name,
        }
    }
}

/// A plugin with nothing to say about the value.
pub(crate) fn plugin(name: &str) -> PluginData {
    PluginData { plugin_name: name.to_owned(), content: Vec::new() }
}
