//! Tensors as `tensor.proto`, `tensor_shape.proto` and `types.proto` have them; knows nothing of what they mean.

/// A tensor. Its elements are in `tensor_content` or in the list of their type.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorProto {
    /// The type of its elements, a [`DataType`].
    #[prost(enumeration = "DataType", tag = "1")]
    pub dtype: i32,
    /// Its shape; scalars have a shape without dimensions.
    #[prost(message, optional, tag = "2")]
    pub tensor_shape: Option<TensorShapeProto>,
    /// The elements in row-major order, little endian.
    #[prost(bytes = "vec", tag = "4")]
    pub tensor_content: Vec<u8>,
    /// The elements of a [`DataType::Float`] tensor.
    #[prost(float, repeated, tag = "5")]
    pub float_val: Vec<f32>,
    /// The elements of a [`DataType::Double`] tensor.
    #[prost(double, repeated, tag = "6")]
    pub double_val: Vec<f64>,
    /// The elements of a tensor of `i32` or shorter integers.
    #[prost(int32, repeated, tag = "7")]
    pub int_val: Vec<i32>,
    /// The elements of a [`DataType::String`] tensor.
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub string_val: Vec<Vec<u8>>,
    /// The elements of a [`DataType::Int64`] tensor.
    #[prost(int64, repeated, tag = "10")]
    pub int64_val: Vec<i64>,
    /// The elements of a [`DataType::Bool`] tensor.
    #[prost(bool, repeated, tag = "11")]
    pub bool_val: Vec<bool>,
    /// The bits of the elements of a [`DataType::Half`] or [`DataType::Bfloat16`] tensor.
    #[prost(int32, repeated, tag = "13")]
    pub half_val: Vec<i32>,
    /// The elements of a [`DataType::Uint32`] tensor.
    #[prost(uint32, repeated, tag = "16")]
    pub uint32_val: Vec<u32>,
    /// The elements of a [`DataType::Uint64`] tensor.
    #[prost(uint64, repeated, tag = "17")]
    pub uint64_val: Vec<u64>,
}

/// The shape of a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorShapeProto {
    /// Its dimensions, outermost first.
    #[prost(message, repeated, tag = "2")]
    pub dim: Vec<Dim>,
}

/// One dimension of a tensor.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Dim {
    /// The number of elements along it; -1 where a graph does not know it.
    #[prost(int64, tag = "1")]
    pub size: i64,
}

/// The element types used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum DataType {
    /// None: no tensor has it.
    Invalid = 0,
    /// `f32`.
    Float = 1,
    /// `f64`.
    Double = 2,
    /// `i32`.
    Int32 = 3,
    /// `u8`.
    Uint8 = 4,
    /// `i16`.
    Int16 = 5,
    /// `i8`.
    Int8 = 6,
    /// Bytes of any length.
    String = 7,
    /// `i64`.
    Int64 = 9,
    /// `bool`.
    Bool = 10,
    /// The upper half of an `f32`.
    Bfloat16 = 14,
    /// `u16`.
    Uint16 = 17,
    /// IEEE's 16-bit float.
    Half = 19,
    /// `u32`.
    Uint32 = 22,
    /// `u64`.
    Uint64 = 23,
}
