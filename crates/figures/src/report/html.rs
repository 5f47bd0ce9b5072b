//! Builds HTML that is XML as well: elements that end where they should, texts that stay texts; knows no elements.

use crate::canvas::escape;

/// A piece of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Html {
    text: String,
}

impl Html {
    /// What a whole page begins with.
    pub(super) fn document() -> Html {
        Html { text: "<!DOCTYPE html>\n".to_owned() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// An element around what `content` writes.
    pub(super) fn within(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        content: impl FnOnce(&mut Html),
    ) {
        self.begin(name, attributes);
        self.text.push('>');
        content(self);
        self.end(name);
    }

    /// An element around a text.
    pub(super) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.within(name, attributes, |html| html.text(text));
    }

    /// An element around a text, where there is one.
    pub(super) fn leaf_unless_empty(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        if !text.is_empty() {
            self.leaf(name, attributes, text);
        }
    }

    /// An element that has no content, such as an image.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.begin(name, attributes);
        self.text.push_str("/>\n");
    }

    pub(super) fn text(&mut self, text: &str) {
        self.text.push_str(&escape(text));
    }

    /// Markup that was made here: an SVG picture, the style sheet.
    pub(super) fn raw(&mut self, markup: &str) {
        self.text.push_str(markup);
    }

    pub(super) fn append(&mut self, other: &Html) {
        self.text.push_str(&other.text);
    }

    fn begin(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push_str(&format!(" {key}=\"{}\"", escape(value)));
        }
    }

    fn end(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
        // White space between these is not seen; between others it may be.
        if !matches!(name, "a" | "code" | "strong" | "span") {
            self.text.push('\n');
        }
    }
}
