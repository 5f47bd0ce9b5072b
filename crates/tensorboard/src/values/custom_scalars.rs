//! The layout of the Custom Scalars dashboard: which curves are drawn in one chart.

use prost::Message;

use crate::event::plugin;
use crate::message::TensorProto;
use crate::message::custom_scalars::{Category, Chart, Content, Layout, Margin, MarginSeries, Multiline};
use crate::{Event, Step, WallTime};

/// The plugin that draws the charts.
const CUSTOM_SCALARS: &str = "custom_scalars";
/// The tag that the plugin looks for.
const TAG: &str = "custom_scalars__config__";

impl Layout {
    /// Categories, from top to bottom.
    pub fn new(categories: impl IntoIterator<Item = Category>) -> Self {
        Self { version: 0, category: categories.into_iter().collect() }
    }
}

impl Category {
    /// Charts under a heading.
    pub fn new(title: impl Into<String>, charts: impl IntoIterator<Item = Chart>) -> Self {
        Self { title: title.into(), chart: charts.into_iter().collect(), closed: false }
    }

    /// This category, folded at first.
    #[must_use]
    pub fn folded(self) -> Self {
        Self { closed: true, ..self }
    }
}

impl Chart {
    /// A chart with a line for each tag that a regular expression matches from its start on.
    pub fn lines(title: impl Into<String>, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let content = Multiline { tag: tags.into_iter().map(Into::into).collect() };
        Self { title: title.into(), content: Some(Content::Multiline(content)) }
    }

    /// A chart of lines in bands.
    pub fn bands(title: impl Into<String>, series: impl IntoIterator<Item = MarginSeries>) -> Self {
        let content = Margin { series: series.into_iter().collect() };
        Self { title: title.into(), content: Some(Content::Margin(content)) }
    }
}

impl MarginSeries {
    /// The line of one tag, in a band from that of a second to that of a third.
    pub fn new(value: impl Into<String>, lower: impl Into<String>, upper: impl Into<String>) -> Self {
        Self { value: value.into(), lower: lower.into(), upper: upper.into() }
    }
}

impl Event {
    /// What the Custom Scalars dashboard shows of all runs; the charts of several layouts are put together.
    pub fn custom_scalars(at: WallTime, layout: &Layout) -> Self {
        Self::summary(at, TAG, Step(0), TensorProto::string(layout.encode_to_vec()), plugin(CUSTOM_SCALARS))
    }
}
