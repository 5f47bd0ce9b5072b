//! What the plugins of images, sounds, precision-recall curves and meshes want to know, in
//! [`PluginData::content`](super::PluginData): their `plugin_data.proto` files. Those of scalars, histograms and
//! texts have one field, a version that is 0, and so no bytes.

/// Content of the plugin `images`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct ImagePluginData {
    /// The version of the content: 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// Readers set it on values that were images of the first version of the format.
    #[prost(bool, tag = "2")]
    pub converted_to_tensor: bool,
}

/// Content of the plugin `audio`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct AudioPluginData {
    /// The version of the content: 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// What kind of file the bytes are, an [`AudioEncoding`].
    #[prost(enumeration = "AudioEncoding", tag = "2")]
    pub encoding: i32,
    /// Readers set it on values that were sounds of the first version of the format.
    #[prost(bool, tag = "3")]
    pub converted_to_tensor: bool,
}

/// What kind of file a sound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum AudioEncoding {
    /// Not said.
    Unknown = 0,
    /// A WAV file.
    Wav = 11,
}

/// Content of the plugin `pr_curves`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct PrCurvePluginData {
    /// The version of the content: 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// The number of thresholds, which is the number of points of the curve.
    #[prost(uint32, tag = "2")]
    pub num_thresholds: u32,
}

/// Content of the plugin `mesh`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MeshPluginData {
    /// The version of the content: 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// The name of the mesh, which is the tag without its ending.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Which of its tensors this one is, a [`MeshContent`].
    #[prost(enumeration = "MeshContent", tag = "3")]
    pub content_type: i32,
    /// Camera, material and lights of the scene, for three.js; empty for the usual ones.
    #[prost(string, tag = "5")]
    pub json_config: String,
    /// The shape of this tensor.
    #[prost(int32, repeated, tag = "6")]
    pub shape: Vec<i32>,
    /// Which tensors the mesh has: the sum of 1 << content over all of them.
    #[prost(uint32, tag = "7")]
    pub components: u32,
}

/// Which tensor of a mesh one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum MeshContent {
    /// Not said.
    Undefined = 0,
    /// The positions of its vertices: `f32` of shape (batch, vertices, 3).
    Vertex = 1,
    /// The vertices of its triangles: `i32` of shape (batch, triangles, 3).
    Face = 2,
    /// The colours of its vertices: `u8` of shape (batch, vertices, 3).
    Color = 3,
}
