//! Layers with weights, and the loss, on CUDA: cuDNN and cuBLAS for the products, our kernels for the rest; knows nothing
//! of networks. Pools are in [`super::pool`]: one op for the CPU and CUDA.

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
    let sums = pictures.contiguous()?.apply_op2(&weights, convolution::Op { stride })?;
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
    logits.contiguous()?.apply_op2(&labels.contiguous()?, op)
}

fn bias_activation(sums: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    let op = BiasActivation { relu: activation == Activation::Relu };
    sums.contiguous()?.apply_op2(&bias.contiguous()?, op)
}

/// What an op says that is asked to run elsewhere.
fn elsewhere<T>(name: &str) -> Result<T> {
    candle_core::bail!("{name} is for CUDA: the CPU has kernels of its own")
}

/// `act(sums + bias)`: `(.., C)` and `(C)` to `(.., C)`.
struct BiasActivation {
    relu: bool,
}

impl CustomOp2 for BiasActivation {
    fn name(&self) -> &'static str {
        "bias-activation"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        elsewhere(self.name())
    }

    fn cuda_fwd(
        &self,
        sums: &CudaStorage,
        sums_layout: &Layout,
        bias: &CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (values, bias) = (f32s(sums, sums_layout)?, f32s(bias, bias_layout)?);
        let y = launch::bias_activation(&sums.device, &values, &bias, self.relu)?;
        Ok((CudaStorage::wrap_cuda_slice(y, sums.device.clone()), sums_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _sums: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let dz = if self.relu { y.apply_op2_no_bwd(&dy, &ReluBackward)? } else { dy };
        let db = dz.apply_op2_no_bwd(bias, &SumRows)?;
        Ok((Some(dz), Some(db)))
    }
}

/// The gradient before a ReLU, from its result and the gradient of that.
struct ReluBackward;

impl CustomOp2 for ReluBackward {
    fn name(&self) -> &'static str {
        "relu-backward"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        elsewhere(self.name())
    }

    fn cuda_fwd(
        &self,
        y: &CudaStorage,
        y_layout: &Layout,
        dy: &CudaStorage,
        dy_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let dz = launch::relu_backward(&y.device, &f32s(y, y_layout)?, &f32s(dy, dy_layout)?)?;
        Ok((CudaStorage::wrap_cuda_slice(dz, y.device.clone()), y_layout.shape().clone()))
    }
}

/// The gradient of a bias: the sum of all rows, as many numbers as the bias has.
struct SumRows;

impl CustomOp2 for SumRows {
    fn name(&self) -> &'static str {
        "sum-rows"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        elsewhere(self.name())
    }

    fn cuda_fwd(
        &self,
        rows: &CudaStorage,
        rows_layout: &Layout,
        _bias: &CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let shape = bias_layout.shape();
        let sums = launch::sum_rows(&rows.device, &f32s(rows, rows_layout)?, shape.elem_count())?;
        Ok((CudaStorage::wrap_cuda_slice(sums, rows.device.clone()), shape.clone()))
    }
}

/// The mean loss of logits `(B, CLASSES)` and labels `(B)`.
struct CrossEntropy {
    smoothing: f32,
}

impl CustomOp2 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        elsewhere(self.name())
    }

    fn cuda_fwd(
        &self,
        logits: &CudaStorage,
        layout: &Layout,
        labels: &CudaStorage,
        labels_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (values, labels) = (f32s(logits, layout)?, u32s(labels, labels_layout)?);
        let (mean, _) = launch::cross_entropy(&logits.device, &values, &labels, self.smoothing)?;
        Ok((CudaStorage::wrap_cuda_slice(mean, logits.device.clone()), ().into()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        labels: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient =
            logits.apply_op2_no_bwd(labels, &CrossEntropyBackward { smoothing: self.smoothing })?;
        // The factor stays on the device: the host waits for nothing.
        Ok((Some(gradient.broadcast_mul(grad)?), None))
    }
}

/// The gradient of the mean loss by the logits.
struct CrossEntropyBackward {
    smoothing: f32,
}

impl CustomOp2 for CrossEntropyBackward {
    fn name(&self) -> &'static str {
        "cross-entropy-backward"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        elsewhere(self.name())
    }

    fn cuda_fwd(
        &self,
        logits: &CudaStorage,
        layout: &Layout,
        labels: &CudaStorage,
        labels_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (values, labels) = (f32s(logits, layout)?, u32s(labels, labels_layout)?);
        let (_, gradient) = launch::cross_entropy(&logits.device, &values, &labels, self.smoothing)?;
        Ok((CudaStorage::wrap_cuda_slice(gradient, logits.device.clone()), layout.shape().clone()))
    }
}

/// A convolution without padding by cuDNN, forward and both ways back.
#[cfg(feature = "cudnn")]
mod convolution {
    use candle_core::{CpuStorage, CudaStorage, CustomOp2, Layout, Result, Shape, Tensor};

    use super::elsewhere;
    use crate::cuda::convolution::{self, Sizes};
    use crate::cuda::f32s;

    /// `(B, C, H, W)` and `(OC, C, KH, KW)` to `(B, OC, OH, OW)`.
    pub(super) struct Op {
        pub(super) stride: [usize; 2],
    }

    fn sizes(x: [usize; 4], w: [usize; 4], stride: [usize; 2]) -> Sizes {
        Sizes { input: x, weights: w, stride }
    }

    fn four(shape: &Shape) -> Result<[usize; 4]> {
        shape.dims4().map(|(a, b, c, d)| [a, b, c, d])
    }

    impl CustomOp2 for Op {
        fn name(&self) -> &'static str {
            "cudnn-convolution"
        }

        fn cpu_fwd(
            &self,
            _: &CpuStorage,
            _: &Layout,
            _: &CpuStorage,
            _: &Layout,
        ) -> Result<(CpuStorage, Shape)> {
            elsewhere(self.name())
        }

        fn cuda_fwd(
            &self,
            x: &CudaStorage,
            x_layout: &Layout,
            w: &CudaStorage,
            w_layout: &Layout,
        ) -> Result<(CudaStorage, Shape)> {
            let sizes = sizes(four(x_layout.shape())?, four(w_layout.shape())?, self.stride);
            let y = convolution::forward(&x.device, &sizes, &f32s(x, x_layout)?, &f32s(w, w_layout)?)?;
            Ok((CudaStorage::wrap_cuda_slice(y, x.device.clone()), sizes.output()?.to_vec().into()))
        }

        fn bwd(
            &self,
            x: &Tensor,
            w: &Tensor,
            _y: &Tensor,
            dy: &Tensor,
        ) -> Result<(Option<Tensor>, Option<Tensor>)> {
            let dy = dy.contiguous()?;
            let sizes = sizes(four(x.shape())?, four(w.shape())?, self.stride);
            // Pictures ask for no gradient.
            let dx = x.track_op().then(|| w.apply_op2_no_bwd(&dy, &InputGradient(sizes))).transpose()?;
            Ok((dx, Some(x.apply_op2_no_bwd(&dy, &WeightGradient(sizes))?)))
        }
    }

    /// From the weights and the gradient of the result.
    struct InputGradient(Sizes);

    impl CustomOp2 for InputGradient {
        fn name(&self) -> &'static str {
            "cudnn-input-gradient"
        }

        fn cpu_fwd(
            &self,
            _: &CpuStorage,
            _: &Layout,
            _: &CpuStorage,
            _: &Layout,
        ) -> Result<(CpuStorage, Shape)> {
            elsewhere(self.name())
        }

        fn cuda_fwd(
            &self,
            w: &CudaStorage,
            w_layout: &Layout,
            dy: &CudaStorage,
            dy_layout: &Layout,
        ) -> Result<(CudaStorage, Shape)> {
            let (ws, dys) = (f32s(w, w_layout)?, f32s(dy, dy_layout)?);
            let dx = convolution::backward_input(&w.device, &self.0, &ws, &dys)?;
            Ok((CudaStorage::wrap_cuda_slice(dx, w.device.clone()), self.0.input.to_vec().into()))
        }
    }

    /// From the pictures and the gradient of the result.
    struct WeightGradient(Sizes);

    impl CustomOp2 for WeightGradient {
        fn name(&self) -> &'static str {
            "cudnn-weight-gradient"
        }

        fn cpu_fwd(
            &self,
            _: &CpuStorage,
            _: &Layout,
            _: &CpuStorage,
            _: &Layout,
        ) -> Result<(CpuStorage, Shape)> {
            elsewhere(self.name())
        }

        fn cuda_fwd(
            &self,
            x: &CudaStorage,
            x_layout: &Layout,
            dy: &CudaStorage,
            dy_layout: &Layout,
        ) -> Result<(CudaStorage, Shape)> {
            let (xs, dys) = (f32s(x, x_layout)?, f32s(dy, dy_layout)?);
            let dw = convolution::backward_weights(&x.device, &self.0, &xs, &dys)?;
            Ok((CudaStorage::wrap_cuda_slice(dw, x.device.clone()), self.0.weights.to_vec().into()))
        }
    }
}
