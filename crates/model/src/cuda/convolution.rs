//! cuDNN's convolutions of `(B, C, H, W)` pictures by `(OC, C, KH, KW)` weights by algorithms that give the same bits each
//! time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t as DataAlgorithm, cudnnConvolutionBwdFilterAlgo_t as FilterAlgorithm,
    cudnnConvolutionFwdAlgo_t as ForwardAlgorithm, cudnnConvolutionMode_t as Mode,
    cudnnMathType_t as MathType, cudnnTensorFormat_t as Format,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnDataType, CudnnError,
    FilterDescriptor, TensorDescriptor,
};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, CudaViewMut};
use candle_core::cuda_backend::{CudaDevice, DeviceId, gemm_reduced_precision_f32};
use candle_core::{Error, Result};

use super::check;
use super::launch::unwritten;
use super::real::Real;

/// Ones of their kinds that add up in one order (cuDNN's documentation, "reproducibility").
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
    /// Zeros above, as many as below, and on the left, as many as on the right.
    pub(crate) zeros: [usize; 2],
}

impl Sizes {
    /// `(B, OC, OH, OW)`; an error where the window does not fit.
    pub(crate) fn output(&self) -> Result<[usize; 4]> {
        let ([b, c, h, w], [filters, channels, kh, kw]) = (self.input, self.weights);
        let ([down, right], [above, before]) = (self.stride, self.zeros);
        let (h, w) = (h + 2 * above, w + 2 * before);
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

/// A stored number that cuDNN takes.
pub(crate) trait Convolved: Real + CudnnDataType {
    /// Factors of a sum: nothing is added to what it had.
    const ALONE: (Self, Self);

    /// By which units; `rounds`: factors of f32 may be rounded to ten bits.
    fn math(rounds: bool) -> MathType;
}

impl Convolved for f32 {
    const ALONE: (Self, Self) = (1.0, 0.0);

    fn math(rounds: bool) -> MathType {
        match rounds {
            true => MathType::CUDNN_DEFAULT_MATH,
            false => MathType::CUDNN_FMA_MATH,
        }
    }
}

impl Convolved for half::bf16 {
    const ALONE: (Self, Self) = (half::bf16::ONE, half::bf16::ZERO);

    fn math(_: bool) -> MathType {
        MathType::CUDNN_TENSOR_OP_MATH
    }
}

/// A convolution that cuDNN knows of.
pub(crate) struct Convolution<R> {
    convolution: ConvDescriptor<f32>,
    x: TensorDescriptor<R>,
    w: FilterDescriptor<R>,
    y: TensorDescriptor<R>,
    /// Numbers of input, weights and output.
    lengths: [usize; 3],
    sizes: Sizes,
}

impl<R: Convolved> Convolution<R> {
    /// Tells cuDNN. `rounds`: factors of f32 may be rounded to ten bits.
    ///
    /// # Errors
    /// If the sizes do not fit each other.
    pub(crate) fn new(device: &CudaDevice, sizes: &Sizes, rounds: bool) -> Result<Self> {
        let output = sizes.output()?;
        let cudnn = cudnn(device)?;
        let (x, w, y) = (whole(sizes.input)?, whole(sizes.weights)?, whole(output)?);
        let mut convolution = cudnn
            .create_conv2d::<f32>(
                whole(sizes.zeros)?,
                whole(sizes.stride)?,
                [1, 1],
                Mode::CUDNN_CROSS_CORRELATION,
            )
            .map_err(Error::wrap)?;
        convolution.set_math_type(R::math(rounds)).map_err(Error::wrap)?;
        let format = Format::CUDNN_TENSOR_NCHW;
        Ok(Self {
            convolution,
            x: cudnn.create_4d_tensor(format, x).map_err(Error::wrap)?,
            w: cudnn.create_4d_filter(format, w).map_err(Error::wrap)?,
            y: cudnn.create_4d_tensor(format, y).map_err(Error::wrap)?,
            lengths: [sizes.input, sizes.weights, output].map(|sizes| sizes.iter().product()),
            sizes: *sizes,
        })
    }

    fn forward_op(&self) -> ConvForward<'_, R, f32, R> {
        ConvForward { conv: &self.convolution, x: &self.x, w: &self.w, y: &self.y }
    }

    fn input_op(&self) -> ConvBackwardData<'_, R, f32, R> {
        ConvBackwardData { conv: &self.convolution, dx: &self.x, w: &self.w, dy: &self.y }
    }

    fn weights_op(&self) -> ConvBackwardFilter<'_, R, f32, R> {
        ConvBackwardFilter { conv: &self.convolution, x: &self.x, dw: &self.w, dy: &self.y }
    }

    /// Bytes of working space that each of its functions needs: forward, back to the input, back to the weights.
    pub(crate) fn spaces(&self) -> Result<[usize; 3]> {
        let told = |way: &str, space: std::result::Result<usize, CudnnError>| {
            let Sizes { input, weights, stride, zeros } = self.sizes;
            space.map_err(|error| {
                Error::Msg(format!(
                    "cuDNN does not convolve {way}: pictures {input:?} of {:?} by weights {weights:?}, stride {stride:?}, \
                     zeros around {zeros:?}: {error}",
                    R::DATA_TYPE
                ))
            })
        };
        Ok([
            told("forward", self.forward_op().get_workspace_size(FORWARD))?,
            told("back to pictures", self.input_op().get_workspace_size(DATA))?,
            told("back to weights", self.weights_op().get_workspace_size(FILTER))?,
        ])
    }

    /// `y` from `x` and `w`.
    pub(crate) fn forward(
        &self,
        x: &CudaView<'_, R>,
        w: &CudaView<'_, R>,
        y: &mut CudaViewMut<'_, R>,
        space: &mut CudaSlice<u8>,
    ) -> Result<()> {
        self.check([x.len(), w.len(), y.len()])?;
        // SAFETY: the slices have the lengths of their descriptions, and cuDNN checks how large the space is.
        unsafe { self.forward_op().launch(FORWARD, Some(space), R::ALONE, x, w, y) }.map_err(Error::wrap)
    }

    /// `dx` from `w` and `dy`.
    pub(crate) fn backward_input(
        &self,
        dx: &mut CudaViewMut<'_, R>,
        w: &CudaView<'_, R>,
        dy: &CudaView<'_, R>,
        space: &mut CudaSlice<u8>,
    ) -> Result<()> {
        self.check([dx.len(), w.len(), dy.len()])?;
        // SAFETY: as in `forward`.
        unsafe { self.input_op().launch(DATA, Some(space), R::ALONE, dx, w, dy) }.map_err(Error::wrap)
    }

    /// `dw` from `x` and `dy`.
    pub(crate) fn backward_weights(
        &self,
        x: &CudaView<'_, R>,
        dw: &mut CudaViewMut<'_, R>,
        dy: &CudaView<'_, R>,
        space: &mut CudaSlice<u8>,
    ) -> Result<()> {
        self.check([x.len(), dw.len(), dy.len()])?;
        // SAFETY: as in `forward`.
        unsafe { self.weights_op().launch(FILTER, Some(space), R::ALONE, x, dw, dy) }.map_err(Error::wrap)
    }

    fn check(&self, found: [usize; 3]) -> Result<()> {
        let names = ["the pictures", "the weights", "the result"];
        for ((found, expected), name) in found.into_iter().zip(self.lengths).zip(names) {
            check(name, found, expected)?;
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
    let it = Convolution::new(device, sizes, gemm_reduced_precision_f32())?;
    let [space, ..] = it.spaces()?;
    let mut y = unwritten(device, it.lengths[2])?;
    it.forward(x, w, &mut y.slice_mut(..it.lengths[2]), &mut working_space(device, space)?)?;
    Ok(y)
}

/// `dx` from `w` and `dy`.
pub(crate) fn backward_input(
    device: &CudaDevice,
    sizes: &Sizes,
    w: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let it = Convolution::new(device, sizes, gemm_reduced_precision_f32())?;
    let [_, space, _] = it.spaces()?;
    let mut dx = unwritten(device, it.lengths[0])?;
    it.backward_input(&mut dx.slice_mut(..it.lengths[0]), w, dy, &mut working_space(device, space)?)?;
    Ok(dx)
}

/// `dw` from `x` and `dy`.
pub(crate) fn backward_weights(
    device: &CudaDevice,
    sizes: &Sizes,
    x: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let it = Convolution::new(device, sizes, gemm_reduced_precision_f32())?;
    let [.., space] = it.spaces()?;
    let mut dw = unwritten(device, it.lengths[1])?;
    it.backward_weights(x, &mut dw.slice_mut(..it.lengths[1]), dy, &mut working_space(device, space)?)?;
    Ok(dw)
}

/// Room for cuDNN to work in.
pub(crate) fn working_space(device: &CudaDevice, bytes: usize) -> Result<CudaSlice<u8>> {
    // SAFETY: cuDNN writes what it reads of it.
    unsafe { device.alloc::<u8>(bytes.max(1)) }
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
        let check = |input, weights, stride, zeros, expected: Option<[usize; 4]>| {
            let sizes = Sizes { input, weights, stride, zeros };
            assert_eq!(sizes.output().ok(), expected, "{sizes:?}");
        };
        check([8, 3, 32, 32], [32, 3, 3, 3], [1, 1], [0, 0], Some([8, 32, 30, 30]));
        check([1, 2, 7, 6], [4, 2, 3, 2], [2, 3], [0, 0], Some([1, 4, 3, 2]));
        check([8, 3, 32, 32], [32, 3, 3, 3], [1, 1], [1, 1], Some([8, 32, 32, 32]));
        check([1, 2, 7, 6], [4, 3, 3, 2], [1, 1], [0, 0], None);
        check([1, 2, 2, 6], [4, 2, 3, 2], [1, 1], [0, 0], None);
    }
}
