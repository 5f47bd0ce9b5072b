//! Numbers and texts in and out of tensor messages; knows nothing of plugins.

use crate::TensorError;
use crate::message::{DataType, Dim, TensorProto, TensorShapeProto};

impl TensorProto {
    /// An `f32` without dimensions.
    pub(crate) fn scalar(value: f32) -> Self {
        Self::with(DataType::Float, &[], value.to_le_bytes().to_vec())
    }

    /// Rows of three `f64` each: shape (k, 3).
    pub(crate) fn triples(rows: impl ExactSizeIterator<Item = [f64; 3]>) -> Self {
        let shape = [rows.len() as i64, 3];
        Self::with(DataType::Double, &shape, rows.flatten().flat_map(f64::to_le_bytes).collect())
    }

    /// One string of bytes without dimensions.
    pub(crate) fn string(bytes: Vec<u8>) -> Self {
        Self::strings(&[], vec![bytes])
    }

    /// Strings of bytes, as many as the shape asks for.
    pub(crate) fn strings(shape: &[i64], bytes: Vec<Vec<u8>>) -> Self {
        Self { string_val: bytes, ..Self::with(DataType::String, shape, Vec::new()) }
    }

    /// The sizes of the dimensions; a tensor without a shape is a scalar.
    pub(crate) fn shape(&self) -> Vec<i64> {
        let dims = self.tensor_shape.iter().flat_map(|shape| &shape.dim);
        dims.map(|dim| dim.size).collect()
    }

    /// The elements of a tensor of `count` numbers, from its content or from its list.
    pub(crate) fn numbers(&self, count: usize) -> Result<Vec<f64>, TensorError> {
        match DataType::try_from(self.dtype) {
            Ok(DataType::Float) => self.elements(count, &self.float_val, f32::from_le_bytes, f64::from),
            Ok(DataType::Double) => self.elements(count, &self.double_val, f64::from_le_bytes, f64::from),
            Ok(DataType::Int32) => self.elements(count, &self.int_val, i32::from_le_bytes, f64::from),
            Ok(DataType::Int64) => self.elements(count, &self.int64_val, i64::from_le_bytes, |n| n as f64),
            _ => Err(TensorError::ElementType { found: self.dtype }),
        }
    }

    /// `count` elements, of `BYTES` each, that are in the content or in `list`.
    fn elements<T: Copy, const BYTES: usize>(
        &self,
        count: usize,
        list: &[T],
        from_bytes: fn([u8; BYTES]) -> T,
        number: fn(T) -> f64,
    ) -> Result<Vec<f64>, TensorError> {
        let found = self.tensor_content.len() + list.len() * BYTES;
        let expected = count.saturating_mul(BYTES);
        if found != expected {
            return Err(TensorError::Size { found, expected });
        }
        let content = self.tensor_content.as_chunks().0.iter().map(|&bytes| from_bytes(bytes));
        Ok(content.chain(list.iter().copied()).map(number).collect())
    }

    /// Elements in row-major order, little endian, as many as the shape asks for.
    pub(crate) fn with(dtype: DataType, shape: &[i64], tensor_content: Vec<u8>) -> Self {
        Self {
            dtype: dtype.into(),
            tensor_shape: Some(TensorShapeProto::new(shape)),
            tensor_content,
            ..Self::default()
        }
    }
}

impl TensorShapeProto {
    /// A shape from the sizes of its dimensions.
    pub(crate) fn new(sizes: &[i64]) -> Self {
        Self { dim: sizes.iter().map(|&size| Dim { size }).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_from_content_and_from_lists() {
        let check = |tensor: TensorProto, expected: f64| assert_eq!(tensor.numbers(1), Ok(vec![expected]));
        check(TensorProto::scalar(0.5), 0.5);
        check(TensorProto { dtype: 1, float_val: vec![0.25], ..TensorProto::default() }, 0.25);
        check(TensorProto { dtype: 2, double_val: vec![0.1], ..TensorProto::default() }, 0.1);
        check(TensorProto { dtype: 3, int_val: vec![-7], ..TensorProto::default() }, -7.0);
        check(TensorProto { dtype: 9, int64_val: vec![-7], ..TensorProto::default() }, -7.0);
        check(
            TensorProto { dtype: 2, tensor_content: 0.1f64.to_le_bytes().to_vec(), ..TensorProto::default() },
            0.1,
        );
        let triples = TensorProto::triples([[1.0, 2.0, 3.0]].into_iter());
        assert_eq!(triples.shape(), [1, 3]);
        assert_eq!(triples.numbers(3), Ok(vec![1.0, 2.0, 3.0]));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(
            TensorProto::string(b"text".to_vec()).numbers(1),
            Err(TensorError::ElementType { found: 7 })
        );
        assert_eq!(
            TensorProto { dtype: 10, ..TensorProto::default() }.numbers(1),
            Err(TensorError::ElementType { found: 10 })
        );
        let mut cut = TensorProto::scalar(1.0);
        cut.tensor_content.pop();
        assert_eq!(cut.numbers(1), Err(TensorError::Size { found: 3, expected: 4 }));
        let both = TensorProto { float_val: vec![1.0], ..TensorProto::scalar(1.0) };
        assert_eq!(both.numbers(1), Err(TensorError::Size { found: 8, expected: 4 }));
    }
}
