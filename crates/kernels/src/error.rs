//! What can be wrong with the arguments of a kernel.

/// A slice or a shape that does not fit the others, or a setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A slice does not have as many elements as its shape says.
    #[error("{name} has {found} elements where its shape {shape} asks for {expected}")]
    Length {
        /// Which argument.
        name: &'static str,
        /// The shape, as the caller gave it.
        shape: String,
        /// Elements that the shape asks for.
        expected: usize,
        /// Elements that are there.
        found: usize,
    },
    /// A window (kernel, pool) is larger than the picture with its padding, or has a size or stride of 0.
    #[error("a window of {window} with stride {stride} does not fit a picture of {picture}")]
    Window {
        /// Height x width of the window.
        window: String,
        /// Rows x columns of the step.
        stride: String,
        /// Height x width of the padded picture.
        picture: String,
    },
    /// A size that is 0.
    #[error("{0} is 0; expected at least 1")]
    Zero(&'static str),
    /// A label that is not below the number of classes.
    #[error("label {label} of picture {picture} is not below the number of classes, {classes}")]
    Label {
        /// The label found.
        label: u32,
        /// Its place in the batch.
        picture: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A setting outside its range.
    #[error("{name} is {found}; expected {expected}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// The range, in words.
        expected: &'static str,
    },
}

/// Checks that none of the named sizes is 0.
pub(crate) fn check_sizes(sizes: &[(&'static str, usize)]) -> Result<(), ShapeError> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some((name, _)) => Err(ShapeError::Zero(name)),
        None => Ok(()),
    }
}

/// Checks that a slice has as many elements as its shape asks for.
pub(crate) fn check_len(name: &'static str, found: usize, shape: &[usize]) -> Result<(), ShapeError> {
    let expected = shape.iter().product();
    if found == expected {
        Ok(())
    } else {
        Err(ShapeError::Length { name, shape: format!("{shape:?}"), expected, found })
    }
}

/// Checks that a setting is in [0, 1).
pub(crate) fn check_fraction(name: &'static str, value: f64) -> Result<(), ShapeError> {
    check_setting(name, value, (0.0..1.0).contains(&value), "a number in [0, 1)")
}

/// Checks that a setting is right; `expected` says in words what that would be.
pub(crate) fn check_setting(
    name: &'static str,
    value: f64,
    right: bool,
    expected: &'static str,
) -> Result<(), ShapeError> {
    if right { Ok(()) } else { Err(ShapeError::Setting { name, found: value.to_string(), expected }) }
}
