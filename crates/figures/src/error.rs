//! What can go wrong between event files and a picture.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The event files of a run could not be read.
    #[error("cannot draw the run, its event files cannot be read")]
    Events(#[from] tensorboard::Error),
    /// The SVG text was refused by the rasteriser.
    #[error("the picture is not valid SVG")]
    Svg(#[from] resvg::usvg::Error),
    /// The asked scale gives no picture, or one too large to hold in memory.
    #[error(
        "cannot draw a picture of {width} x {height} at scale {scale}; choose a scale above 0 and at most {max}"
    )]
    Scale {
        /// Width at scale 1, in pixels.
        width: u32,
        /// Height at scale 1, in pixels.
        height: u32,
        /// The scale asked for.
        scale: f32,
        /// The largest scale drawn.
        max: f32,
    },
    /// A confusion matrix has another number of counts than pairs of classes.
    #[error(
        "cannot draw a confusion matrix of {classes} classes from {counts} counts; give one for each pair of classes, row by row"
    )]
    Counts {
        /// How many classes there are.
        classes: usize,
        /// How many counts there are.
        counts: usize,
    },
    /// The pixels could not be encoded.
    #[error("cannot encode the picture as png")]
    Png(#[from] png::EncodingError),
}
