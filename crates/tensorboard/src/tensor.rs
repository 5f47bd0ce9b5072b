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

    /// The elements of a float or double tensor of `count` elements, from its content or from its list.
    pub(crate) fn numbers(&self, count: usize) -> Result<Vec<f64>, TensorError> {
        match DataType::try_from(self.dtype) {
            Ok(DataType::Float) => {
                let content =
                    self.tensor_content.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
                self.elements::<4>(count, self.float_val.len())?;
                Ok(content.chain(self.float_val.iter().copied()).map(f64::from).collect())
            }
            Ok(DataType::Double) => {
                let content =
                    self.tensor_content.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
                self.elements::<8>(count, self.double_val.len())?;
                Ok(content.chain(self.double_val.iter().copied()).collect())
            }
            _ => Err(TensorError::ElementType { found: self.dtype }),
        }
    }

    /// Checks that the content, of `BYTES` an element, and the list together hold `count` elements.
    fn elements<const BYTES: usize>(&self, count: usize, listed: usize) -> Result<(), TensorError> {
        let found = self.tensor_content.len() + listed * BYTES;
        let expected = count.saturating_mul(BYTES);
        if found == expected { Ok(()) } else { Err(TensorError::Size { found, expected }) }
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
            TensorProto { dtype: 9, ..TensorProto::default() }.numbers(1),
            Err(TensorError::ElementType { found: 9 })
        );
        let mut cut = TensorProto::scalar(1.0);
        cut.tensor_content.pop();
        assert_eq!(cut.numbers(1), Err(TensorError::Size { found: 3, expected: 4 }));
        let both = TensorProto { float_val: vec![1.0], ..TensorProto::scalar(1.0) };
        assert_eq!(both.numbers(1), Err(TensorError::Size { found: 8, expected: 4 }));
    }
}
