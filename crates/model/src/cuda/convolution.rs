//! cuDNN's convolutions of `(B, C, H, W)` pictures by `(OC, C, KH, KW)` weights, without padding, by algorithms that
//! give the same bits each time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t as DataAlgorithm, cudnnConvolutionBwdFilterAlgo_t as FilterAlgorithm,
    cudnnConvolutionFwdAlgo_t as ForwardAlgorithm, cudnnConvolutionMode_t as Mode,
    cudnnMathType_t as MathType, cudnnTensorFormat_t as Format,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, FilterDescriptor,
    TensorDescriptor,
};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::cuda_backend::{CudaDevice, DeviceId};
use candle_core::{Error, Result};

/// The only ones of their kinds that add up in one order (cuDNN's documentation, "reproducibility").
const FORWARD: ForwardAlgorithm = ForwardAlgorithm::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
const DATA: DataAlgorithm = DataAlgorithm::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
const FILTER: FilterAlgorithm = FilterAlgorithm::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// `(B, C, H, W)`
    pub(crate) input: [usize; 4],
    /// `(OC, C, KH, KW)`
    pub(crate) weights: [usize; 4],
    /// (down, right)
    pub(crate) stride: [usize; 2],
}

impl Sizes {
    /// `(B, OC, OH, OW)`; an error where the window does not fit.
    pub(crate) fn output(&self) -> Result<[usize; 4]> {
        let ([b, c, h, w], [filters, channels, kh, kw], [down, right]) =
            (self.input, self.weights, self.stride);
        if c != channels || kh > h || kw > w || kh * kw * down * right == 0 {
            candle_core::bail!(
                "pictures {:?} and weights {:?} do not fit each other",
                self.input,
                self.weights
            )
        }
        Ok([b, filters, (h - kh) / down + 1, (w - kw) / right + 1])
    }
}

/// A convolution that cuDNN knows of.
struct Described {
    convolution: ConvDescriptor<f32>,
    x: TensorDescriptor<f32>,
    w: FilterDescriptor<f32>,
    y: TensorDescriptor<f32>,
    /// Numbers of input, weights and output.
    lengths: [usize; 3],
}

impl Described {
    fn new(device: &CudaDevice, sizes: &Sizes) -> Result<Self> {
        let output = sizes.output()?;
        let cudnn = cudnn(device)?;
        let (x, w, y) = (whole(sizes.input)?, whole(sizes.weights)?, whole(output)?);
        let [down, right] = sizes.stride;
        let mut convolution = cudnn
            .create_conv2d::<f32>([0, 0], whole([down, right])?, [1, 1], Mode::CUDNN_CROSS_CORRELATION)
            .map_err(Error::wrap)?;
        // Without this, cuDNN may round factors to ten bits.
        convolution.set_math_type(MathType::CUDNN_FMA_MATH).map_err(Error::wrap)?;
        let format = Format::CUDNN_TENSOR_NCHW;
        Ok(Self {
            convolution,
            x: cudnn.create_4d_tensor(format, x).map_err(Error::wrap)?,
            w: cudnn.create_4d_filter(format, w).map_err(Error::wrap)?,
            y: cudnn.create_4d_tensor(format, y).map_err(Error::wrap)?,
            lengths: [sizes.input, sizes.weights, output].map(|sizes| sizes.iter().product()),
        })
    }

    fn check(&self, found: [Option<usize>; 3]) -> Result<()> {
        for (found, expected) in found.into_iter().zip(self.lengths) {
            if found.is_some_and(|found| found != expected) {
                candle_core::bail!("{found:?} numbers for a convolution of {:?}", self.lengths)
            }
        }
        Ok(())
    }
}

/// `y` from `x` and `w`.
pub(crate) fn forward(
    device: &CudaDevice,
    sizes: &Sizes,
    x: &CudaView<'_, f32>,
    w: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let it = Described::new(device, sizes)?;
    it.check([Some(x.len()), Some(w.len()), None])?;
    let op = ConvForward { conv: &it.convolution, x: &it.x, w: &it.w, y: &it.y };
    let mut space = device.alloc_zeros::<u8>(op.get_workspace_size(FORWARD).map_err(Error::wrap)?.max(1))?;
    let mut y = device.alloc_zeros::<f32>(it.lengths[2])?;
    // SAFETY: the slices have the lengths of their descriptions, and the space is as large as cuDNN asks for.
    unsafe { op.launch(FORWARD, Some(&mut space), (1.0, 0.0), x, w, &mut y) }.map_err(Error::wrap)?;
    Ok(y)
}

/// `dx` from `w` and `dy`.
pub(crate) fn backward_input(
    device: &CudaDevice,
    sizes: &Sizes,
    w: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let it = Described::new(device, sizes)?;
    it.check([None, Some(w.len()), Some(dy.len())])?;
    let op = ConvBackwardData { conv: &it.convolution, dx: &it.x, w: &it.w, dy: &it.y };
    let mut space = device.alloc_zeros::<u8>(op.get_workspace_size(DATA).map_err(Error::wrap)?.max(1))?;
    let mut dx = device.alloc_zeros::<f32>(it.lengths[0])?;
    // SAFETY: as in `forward`.
    unsafe { op.launch(DATA, Some(&mut space), (1.0, 0.0), &mut dx, w, dy) }.map_err(Error::wrap)?;
    Ok(dx)
}

/// `dw` from `x` and `dy`.
pub(crate) fn backward_weights(
    device: &CudaDevice,
    sizes: &Sizes,
    x: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let it = Described::new(device, sizes)?;
    it.check([Some(x.len()), None, Some(dy.len())])?;
    let op = ConvBackwardFilter { conv: &it.convolution, x: &it.x, dw: &it.w, dy: &it.y };
    let mut space = device.alloc_zeros::<u8>(op.get_workspace_size(FILTER).map_err(Error::wrap)?.max(1))?;
    let mut dw = device.alloc_zeros::<f32>(it.lengths[1])?;
    // SAFETY: as in `forward`.
    unsafe { op.launch(FILTER, Some(&mut space), (1.0, 0.0), x, &mut dw, dy) }.map_err(Error::wrap)?;
    Ok(dw)
}

/// The handle of a device: cuDNN wants one for each thread.
fn cudnn(device: &CudaDevice) -> Result<Arc<Cudnn>> {
    thread_local! {
        static HANDLES: RefCell<HashMap<DeviceId, Arc<Cudnn>>> = RefCell::new(HashMap::new());
    }
    HANDLES.with_borrow_mut(|handles| {
        if let Some(handle) = handles.get(&device.id()) {
            return Ok(handle.clone());
        }
        let handle = Cudnn::new(device.cuda_stream()).map_err(Error::wrap)?;
        handles.insert(device.id(), handle.clone());
        Ok(handle)
    })
}

fn whole<const N: usize>(sizes: [usize; N]) -> Result<[i32; N]> {
    let mut whole = [0; N];
    for (to, from) in whole.iter_mut().zip(sizes) {
        *to = i32::try_from(from)
            .map_err(|_| Error::Msg(format!("a size of {from} is more than cuDNN takes")))?;
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_the_result() {
        let check = |input, weights, stride, expected: Option<[usize; 4]>| {
            let sizes = Sizes { input, weights, stride };
            assert_eq!(sizes.output().ok(), expected, "{sizes:?}");
        };
        check([8, 3, 32, 32], [32, 3, 3, 3], [1, 1], Some([8, 32, 30, 30]));
        check([1, 2, 7, 6], [4, 2, 3, 2], [2, 3], Some([1, 4, 3, 2]));
        check([1, 2, 7, 6], [4, 3, 3, 2], [1, 1], None);
        check([1, 2, 2, 6], [4, 2, 3, 2], [1, 1], None);
    }
}
