//! The layout of the custom scalars dashboard, as its `layout.proto` has it; knows nothing of the curves.

/// All that the dashboard shows.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Layout {
    /// The version of the layout: 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// Its categories, from top to bottom.
    #[prost(message, repeated, tag = "2")]
    pub category: Vec<Category>,
}

/// Charts under one heading.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Category {
    /// The heading.
    #[prost(string, tag = "1")]
    pub title: String,
    /// The charts.
    #[prost(message, repeated, tag = "2")]
    pub chart: Vec<Chart>,
    /// Whether it is folded at first.
    #[prost(bool, tag = "3")]
    pub closed: bool,
}

/// One chart.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Chart {
    /// Its title.
    #[prost(string, tag = "1")]
    pub title: String,
    /// Its curves.
    #[prost(oneof = "Content", tags = "2, 3")]
    pub content: Option<Content>,
}

/// The curves of a [`Chart`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Content {
    /// Lines.
    #[prost(message, tag = "2")]
    Multiline(Multiline),
    /// Lines in bands.
    #[prost(message, tag = "3")]
    Margin(Margin),
}

/// Lines of all tags that match.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Multiline {
    /// Regular expressions of tags.
    #[prost(string, repeated, tag = "1")]
    pub tag: Vec<String>,
}

/// Lines in bands.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Margin {
    /// The lines.
    #[prost(message, repeated, tag = "1")]
    pub series: Vec<MarginSeries>,
}

/// One line with its band.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MarginSeries {
    /// The tag of the line.
    #[prost(string, tag = "1")]
    pub value: String,
    /// The tag of the lower edge of its band.
    #[prost(string, tag = "2")]
    pub lower: String,
    /// The tag of the upper edge of its band.
    #[prost(string, tag = "3")]
    pub upper: String,
}
