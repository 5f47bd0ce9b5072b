//! Between candle's layouts and the kernels': views of the same numbers, nothing is copied here.

use candle_core::{Result, Tensor};

/// `(B, C, ...)` to `(B, ..., C)`: NCHW to NHWC.
pub(super) fn channels_last(x: &Tensor) -> Result<Tensor> {
    let rank = at_least_two(x)?;
    let axes: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
    x.permute(axes)
}

/// `(B, ..., C)` to `(B, C, ...)`: NHWC to NCHW.
pub(super) fn channels_first(x: &Tensor) -> Result<Tensor> {
    let rank = at_least_two(x)?;
    let axes: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    x.permute(axes)
}

/// Weights of a convolution, OIHW to HWIO.
pub(super) fn hwio(weight: &Tensor) -> Result<Tensor> {
    weight.permute((2, 3, 1, 0))
}

/// Weights of a dense layer, `[out, in]` to `(IN, OUT)`.
pub(super) fn in_out(weight: &Tensor) -> Result<Tensor> {
    weight.t()
}

fn at_least_two(x: &Tensor) -> Result<usize> {
    match x.rank() {
        0 | 1 => candle_core::bail!("expected a tensor of shape (B, C, ...), got {:?}", x.shape()),
        rank => Ok(rank),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn axes_go_there_and_back() {
        for (first, last) in
            [(vec![2, 3], vec![2, 3]), (vec![2, 3, 4], vec![2, 4, 3]), (vec![2, 3, 4, 5], vec![2, 4, 5, 3])]
        {
            let x = Tensor::zeros(first.as_slice(), DType::F32, &Device::Cpu).unwrap();
            let y = channels_last(&x).unwrap();
            assert_eq!(y.dims(), last);
            assert_eq!(channels_first(&y).unwrap().dims(), first);
        }
        assert!(channels_last(&Tensor::new(1f32, &Device::Cpu).unwrap()).is_err());
    }

    /// What makes a chain of modules free of copies.
    #[test]
    fn numbers_that_lie_as_nhwc_are_not_copied() {
        let x = Tensor::zeros((2, 4, 5, 3), DType::F32, &Device::Cpu).unwrap();
        assert!(channels_last(&channels_first(&x).unwrap()).unwrap().is_contiguous());
    }
}
