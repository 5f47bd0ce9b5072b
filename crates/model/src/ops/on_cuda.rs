//! Layers with weights, and the loss, on CUDA: cuDNN and cuBLAS for the products, our kernels for the rest; knows nothing
//! of networks. Pools are in [`super::pool`]: one op for the CPU and CUDA.

use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::{CpuStorage, CudaStorage, CustomOp2, Layout, Result, Shape, Tensor};
use kernels::activation::Activation;
use kernels::conv::Padding;

use crate::cuda::{f32s, launch, u32s};

/// As [`super::conv2d()`].
#[cfg(feature = "cudnn")]
pub(super) fn conv2d(
    input: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    stride: [usize; 2],
    padding: Padding,
    activation: Activation,
) -> Result<Tensor> {
    let Padding { top, bottom, left, right } = padding;
    let mut pictures = input.permute((0, 3, 1, 2))?;
    for (axis, before, after) in [(2, top, bottom), (3, left, right)] {
        if before + after > 0 {
            pictures = pictures.pad_with_zeros(axis, before, after)?;
        }
    }
    let weights = weights.permute((3, 2, 0, 1))?.contiguous()?;
    let sums = pictures.contiguous()?.apply_op2(&weights, OnCuda(convolution::Convolution { stride }))?;
    bias_activation(&sums.permute((0, 2, 3, 1))?, bias, activation)
}

/// As [`super::conv2d()`]: without cuDNN, candle's own convolution.
#[cfg(not(feature = "cudnn"))]
pub(super) fn conv2d(
    input: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    stride: [usize; 2],
    padding: Padding,
    activation: Activation,
) -> Result<Tensor> {
    super::composed::conv2d(input, weights, bias, stride, padding, activation)
}

/// As [`super::dense()`].
pub(super) fn dense(
    input: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    bias_activation(&input.matmul(weights)?, bias, activation)
}

/// As [`super::cross_entropy()`]. Labels are not looked at on the host: one that is no class gives a loss of NaN.
pub(super) fn cross_entropy(logits: &Tensor, labels: &Tensor, label_smoothing: f64) -> Result<Tensor> {
    let op = CrossEntropy { smoothing: label_smoothing as f32 };
    logits.contiguous()?.apply_op2(&labels.contiguous()?, OnCuda(op))
}

fn bias_activation(sums: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    let op = BiasActivation { relu: activation == Activation::Relu };
    sums.contiguous()?.apply_op2(&bias.contiguous()?, OnCuda(op))
}

/// A contiguous tensor of an op.
type Argument<'a> = (&'a CudaStorage, &'a Layout);

/// What an op of two tensors does on CUDA.
trait Work: Send + Sync + 'static {
    /// What candle calls the op.
    const NAME: &'static str;

    /// The result and its shape.
    fn run(&self, a: Argument<'_>, b: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)>;

    /// The gradients of both, where it has any.
    fn gradients(
        &self,
        _a: &Tensor,
        _b: &Tensor,
        _y: &Tensor,
        _dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        candle_core::bail!("{} has no gradient: it is one", Self::NAME)
    }
}

/// Work as candle's op: only on CUDA, for the CPU has kernels of its own.
struct OnCuda<W>(W);

impl<W: Work> CustomOp2 for OnCuda<W> {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        candle_core::bail!("{} is for CUDA", W::NAME)
    }

    fn cuda_fwd(
        &self,
        a: &CudaStorage,
        a_layout: &Layout,
        b: &CudaStorage,
        b_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (values, shape) = self.0.run((a, a_layout), (b, b_layout))?;
        Ok((CudaStorage::wrap_cuda_slice(values, a.device.clone()), shape))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.0.gradients(a, b, y, &dy.contiguous()?)
    }
}

/// `act(sums + bias)`: `(.., C)` and `(C)` to `(.., C)`.
struct BiasActivation {
    relu: bool,
}

impl Work for BiasActivation {
    const NAME: &'static str = "bias-activation";

    fn run(&self, sums: Argument<'_>, bias: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)> {
        let (values, bias) = (f32s(sums.0, sums.1)?, f32s(bias.0, bias.1)?);
        let y = launch::bias_activation(&sums.0.device, &values, &bias, self.relu)?;
        Ok((y, sums.1.shape().clone()))
    }

    fn gradients(
        &self,
        _sums: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dz = if self.relu { y.apply_op2_no_bwd(dy, &OnCuda(ReluBackward))? } else { dy.clone() };
        let db = dz.apply_op2_no_bwd(bias, &OnCuda(SumRows))?;
        Ok((Some(dz), Some(db)))
    }
}

/// The gradient before a ReLU, from its result and the gradient of that.
struct ReluBackward;

impl Work for ReluBackward {
    const NAME: &'static str = "relu-backward";

    fn run(&self, y: Argument<'_>, dy: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)> {
        let dz = launch::relu_backward(&y.0.device, &f32s(y.0, y.1)?, &f32s(dy.0, dy.1)?)?;
        Ok((dz, y.1.shape().clone()))
    }
}

/// The gradient of a bias: the sum of all rows, as many numbers as the bias has.
struct SumRows;

impl Work for SumRows {
    const NAME: &'static str = "sum-rows";

    fn run(&self, rows: Argument<'_>, bias: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)> {
        let shape = bias.1.shape();
        let sums = launch::sum_rows(&rows.0.device, &f32s(rows.0, rows.1)?, shape.elem_count())?;
        Ok((sums, shape.clone()))
    }
}

/// The mean loss of logits `(B, CLASSES)` and labels `(B)`.
struct CrossEntropy {
    smoothing: f32,
}

impl Work for CrossEntropy {
    const NAME: &'static str = "cross-entropy";

    fn run(&self, logits: Argument<'_>, labels: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)> {
        let (values, labels) = (f32s(logits.0, logits.1)?, u32s(labels.0, labels.1)?);
        let (mean, _) = launch::cross_entropy(&logits.0.device, &values, &labels, self.smoothing)?;
        Ok((mean, ().into()))
    }

    fn gradients(
        &self,
        logits: &Tensor,
        labels: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let op = OnCuda(CrossEntropyBackward { smoothing: self.smoothing });
        let gradient = logits.apply_op2_no_bwd(labels, &op)?;
        // The factor stays on the device: the host waits for nothing.
        Ok((Some(gradient.broadcast_mul(grad)?), None))
    }
}

/// The gradient of the mean loss by the logits.
struct CrossEntropyBackward {
    smoothing: f32,
}

impl Work for CrossEntropyBackward {
    const NAME: &'static str = "cross-entropy-backward";

    fn run(&self, logits: Argument<'_>, labels: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)> {
        let (values, labels) = (f32s(logits.0, logits.1)?, u32s(labels.0, labels.1)?);
        let (_, gradient) = launch::cross_entropy(&logits.0.device, &values, &labels, self.smoothing)?;
        Ok((gradient, logits.1.shape().clone()))
    }
}

/// A convolution without padding by cuDNN, forward and both ways back.
#[cfg(feature = "cudnn")]
mod convolution {
    use candle_core::cuda_backend::cudarc::driver::CudaSlice;
    use candle_core::{Result, Shape, Tensor};

    use super::{Argument, OnCuda, Work};
    use crate::cuda::convolution::{self, Sizes};
    use crate::cuda::f32s;

    /// `(B, C, H, W)` and `(OC, C, KH, KW)` to `(B, OC, OH, OW)`.
    pub(super) struct Convolution {
        pub(super) stride: [usize; 2],
    }

    impl Convolution {
        fn sizes(&self, x: &Shape, w: &Shape) -> Result<Sizes> {
            let four = |shape: &Shape| shape.dims4().map(|(a, b, c, d)| [a, b, c, d]);
            Ok(Sizes { input: four(x)?, weights: four(w)?, stride: self.stride, zeros: [0, 0] })
        }
    }

    impl Work for Convolution {
        const NAME: &'static str = "cudnn-convolution";

        fn run(&self, x: Argument<'_>, w: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)> {
            let sizes = self.sizes(x.1.shape(), w.1.shape())?;
            let y = convolution::forward(&x.0.device, &sizes, &f32s(x.0, x.1)?, &f32s(w.0, w.1)?)?;
            Ok((y, sizes.output()?.to_vec().into()))
        }

        fn gradients(
            &self,
            x: &Tensor,
            w: &Tensor,
            _y: &Tensor,
            dy: &Tensor,
        ) -> Result<(Option<Tensor>, Option<Tensor>)> {
            let sizes = self.sizes(x.shape(), w.shape())?;
            // Pictures ask for no gradient.
            let dx =
                x.track_op().then(|| w.apply_op2_no_bwd(dy, &OnCuda(InputGradient(sizes)))).transpose()?;
            Ok((dx, Some(x.apply_op2_no_bwd(dy, &OnCuda(WeightGradient(sizes)))?)))
        }
    }

    /// From the weights and the gradient of the result.
    struct InputGradient(Sizes);

    impl Work for InputGradient {
        const NAME: &'static str = "cudnn-input-gradient";

        fn run(&self, w: Argument<'_>, dy: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)> {
            let (ws, dys) = (f32s(w.0, w.1)?, f32s(dy.0, dy.1)?);
            let dx = convolution::backward_input(&w.0.device, &self.0, &ws, &dys)?;
            Ok((dx, self.0.input.to_vec().into()))
        }
    }

    /// From the pictures and the gradient of the result.
    struct WeightGradient(Sizes);

    impl Work for WeightGradient {
        const NAME: &'static str = "cudnn-weight-gradient";

        fn run(&self, x: Argument<'_>, dy: Argument<'_>) -> Result<(CudaSlice<f32>, Shape)> {
            let (xs, dys) = (f32s(x.0, x.1)?, f32s(dy.0, dy.1)?);
            let dw = convolution::backward_weights(&x.0.device, &self.0, &xs, &dys)?;
            Ok((dw, self.0.weights.to_vec().into()))
        }
    }
}
