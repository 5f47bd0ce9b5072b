//! Why a value cannot be written: what was given, what was expected, what to do.

/// A value that no dashboard would show. Positions count from 0.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// There is nothing to show.
    #[error("no {what}: give at least one")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// Two things that belong together have other sizes.
    #[error("{found} {what}, expected {expected}: {reason}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// How many were given.
        found: usize,
        /// How many were expected.
        expected: usize,
        /// What says how many there should be.
        reason: &'static str,
    },
    /// A size is over what the format or the dashboard takes.
    #[error("{found} {what}, expected at most {limit}: {remedy}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many were given.
        found: usize,
        /// How many there may be.
        limit: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// An image has a number of channels that PNG does not have.
    #[error(
        "{found} channels, expected 1 (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGBA): \
         is the shape in the order of the layout?"
    )]
    Channels {
        /// The number of channels.
        found: usize,
    },
    /// The images of one step differ in their sizes.
    #[error(
        "image {index} has {found:?} pixels (width, height), the first one {expected:?}: \
         write images of other sizes under other tags"
    )]
    ImageSize {
        /// Which image.
        index: usize,
        /// Its width and height.
        found: (u32, u32),
        /// The width and height of the first image.
        expected: (u32, u32),
    },
    /// The bytes are no file of a kind that browsers show.
    #[error("these bytes are no whole {expected} file")]
    File {
        /// The kinds that can be.
        expected: &'static str,
    },
    /// A number is not one that can be shown.
    #[error("{what} {index} is {value}, expected {expected}")]
    Number {
        /// What the number is.
        what: &'static str,
        /// Which one.
        index: usize,
        /// Its value.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// A name or a label is not one that can be shown.
    #[error("{what} {name:?} {problem}")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong, and what it may be.
        problem: &'static str,
    },
    /// An operation of a graph takes a tensor from nowhere.
    #[error(
        "node {node:?} has the input {input:?}, but the graph has no such node: add it, or leave the input out"
    )]
    Input {
        /// The node.
        node: String,
        /// Its input.
        input: String,
    },
    /// A PNG file could not be made.
    #[error("cannot make a PNG file: {cause}")]
    Png {
        /// What the encoder said.
        cause: String,
    },
}

impl InputError {
    /// A complaint about a number of type `f32`, with the digits that were given.
    pub(crate) fn number(what: &'static str, index: usize, value: f32, expected: &'static str) -> Self {
        Self::Number { what, index, value: value.into(), expected }
    }
}
