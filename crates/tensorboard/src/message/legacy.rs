//! Values of the first version of the format, as `summary.proto` and `histogram.proto` have them: what PyTorch's
//! writer and others write, and this crate only reads.

/// An image.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Image {
    /// Its height in pixels.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// Its width in pixels.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// The number of its channels, in what is written today: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// A PNG, JPEG or GIF file.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_image_string: Vec<u8>,
}

/// A sound.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Audio {
    /// Frames a second.
    #[prost(float, tag = "1")]
    pub sample_rate: f32,
    /// Samples a frame.
    #[prost(int64, tag = "2")]
    pub num_channels: i64,
    /// The number of frames.
    #[prost(int64, tag = "3")]
    pub length_frames: i64,
    /// A file of the type that `content_type` says.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_audio_string: Vec<u8>,
    /// The MIME type of the file: `audio/wav`.
    #[prost(string, tag = "5")]
    pub content_type: String,
}

/// A histogram. Bucket `i` has the values from `bucket_limit[i - 1]` to `bucket_limit[i]`; the first one has
/// no lower limit but `min`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistogramProto {
    /// The smallest value.
    #[prost(double, tag = "1")]
    pub min: f64,
    /// The largest value.
    #[prost(double, tag = "2")]
    pub max: f64,
    /// The number of values.
    #[prost(double, tag = "3")]
    pub num: f64,
    /// The sum of the values.
    #[prost(double, tag = "4")]
    pub sum: f64,
    /// The sum of the squares of the values.
    #[prost(double, tag = "5")]
    pub sum_squares: f64,
    /// The right edges of the buckets.
    #[prost(double, repeated, tag = "6")]
    pub bucket_limit: Vec<f64>,
    /// The counts of the buckets.
    #[prost(double, repeated, tag = "7")]
    pub bucket: Vec<f64>,
}
