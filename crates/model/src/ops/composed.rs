//! The same layers made of candle's own ops, for devices that have no kernels of ours.
//!
//! Right on every device, so it is also what the CPU ops are tested against. Pooling goes through `gather`,
//! whose gradient is right, where that of candle's `max_pool2d` is not.

use candle_core::{D, Result, Tensor};
use kernels::activation::Activation;
use kernels::conv::Padding;
use kernels::curve::{Curve, LEAKY_SLOPE};
use kernels::dropout::Dropout;
use streams::Stream;

use super::batch_norm::Normalised;
use super::wrap;

/// As [`super::conv2d()`], through candle's NCHW convolution.
///
/// That has one stride for both directions: where they differ, it goes by 1 and the places between are left out. And
/// its gradient fails (candle 0.11) where the last windows leave not as many rows of the picture as columns: what
/// they leave is cut off before.
pub(super) fn conv2d(
    input: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    stride: [usize; 2],
    padding: Padding,
    activation: Activation,
) -> Result<Tensor> {
    let Padding { top, bottom, left, right } = padding;
    let weights = weights.permute((3, 2, 0, 1))?.contiguous()?;
    let same = if stride[0] == stride[1] { stride[0] } else { 1 };
    let mut input = input.permute((0, 3, 1, 2))?;
    for (axis, before, after) in [(2, top, bottom), (3, left, right)] {
        let padded = input.pad_with_zeros(axis, before, after)?;
        let len = padded.dim(axis)?;
        input = padded.narrow(axis, 0, len - (len - weights.dim(axis)?) % same)?;
    }
    let mut sums = input.contiguous()?.conv2d(&weights, 0, same, 1, 1)?;
    for (axis, stride) in [(2, stride[0]), (3, stride[1])] {
        if stride != same {
            let count = sums.dim(axis)?.div_ceil(stride);
            sums = every(&sums, axis, 0, stride, count)?;
        }
    }
    activate(&sums.permute((0, 2, 3, 1))?.broadcast_add(bias)?, activation)
}

/// As [`super::dense()`].
pub(super) fn dense(
    input: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    activate(&input.matmul(weights)?.broadcast_add(bias)?, activation)
}

/// As [`super::max_pool2d()`]: the greatest of a window's places is gathered.
pub(super) fn max_pool2d(input: &Tensor, window: [usize; 2], stride: [usize; 2]) -> Result<Tensor> {
    let places = windows(input, window, stride)?;
    let first_greatest = places.detach().argmax_keepdim(D::Minus1)?;
    places.gather(&first_greatest, D::Minus1)?.squeeze(D::Minus1)
}

/// As [`super::avg_pool2d()`].
pub(super) fn avg_pool2d(input: &Tensor, window: [usize; 2], stride: [usize; 2]) -> Result<Tensor> {
    windows(input, window, stride)?.mean(D::Minus1)
}

/// As [`super::dropout()`]: the mask is drawn on the host, so it is the same on every device.
pub(super) fn dropout(
    input: &Tensor,
    dropout: Dropout,
    stream: impl Fn(usize) -> Stream + Sync,
) -> Result<Tensor> {
    let ones = vec![1.0; input.elem_count()];
    let (mask, _) = dropout.forward(input.dim(0)?, &ones, stream).map_err(wrap)?;
    input * Tensor::from_vec(mask, input.shape(), input.device())?
}

/// As [`super::batch_norm()`].
pub(super) fn batch_norm(input: &Tensor, gamma: &Tensor, beta: &Tensor, epsilon: f64) -> Result<Normalised> {
    let rows = input.reshape(((), gamma.dims1()?))?;
    let mean = rows.mean(0)?;
    let variance = rows.broadcast_sub(&mean)?.sqr()?.mean(0)?;
    let output = normalise(&rows, gamma, beta, &mean, &variance, epsilon)?.reshape(input.shape())?;
    Ok(Normalised { output, mean: mean.detach(), variance: variance.detach() })
}

/// As [`super::batch_norm_inference()`].
pub(super) fn normalise(
    input: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    epsilon: f64,
) -> Result<Tensor> {
    let deviation = (variance + epsilon)?.sqrt()?;
    input.broadcast_sub(mean)?.broadcast_div(&deviation)?.broadcast_mul(gamma)?.broadcast_add(beta)
}

/// As [`super::activate()`].
pub(super) fn curve(x: &Tensor, curve: Curve) -> Result<Tensor> {
    let below = |scale: f64| x.neg()?.relu()? * -scale;
    match curve {
        Curve::Relu => x.relu(),
        Curve::LeakyRelu => x.relu()? + below(f64::from(LEAKY_SLOPE))?,
        Curve::Elu => x.relu()? + below(1.0)?.exp()?.affine(1.0, -1.0)?,
        Curve::Gelu => x.gelu_erf(),
        Curve::Silu => x.silu(),
        Curve::Sigmoid => x.neg()?.exp()?.affine(1.0, 1.0)?.recip(),
        Curve::Tanh => x.tanh(),
    }
}

/// As [`super::cross_entropy()`].
pub(super) fn cross_entropy(logits: &Tensor, labels: &Tensor, label_smoothing: f64) -> Result<Tensor> {
    let log_softmax = candle_nn::ops::log_softmax(logits, 1)?;
    let to_label = candle_nn::loss::nll(&log_softmax, labels)?;
    (to_label * (1.0 - label_smoothing))? - (log_softmax.mean_all()? * label_smoothing)?
}

/// The places of each window as a last axis: `(B, H, W, C)` to `(B, OH, OW, C, places)`.
fn windows(input: &Tensor, [wh, ww]: [usize; 2], [down, right]: [usize; 2]) -> Result<Tensor> {
    let (batch, h, w, channels) = input.dims4()?;
    let (oh, ow) = ((h - wh) / down + 1, (w - ww) / right + 1);
    if [wh, ww] != [down, right] {
        let mut places = Vec::with_capacity(wh * ww);
        for u in 0..wh {
            let rows = every(input, 1, u, down, oh)?;
            for v in 0..ww {
                places.push(every(&rows, 2, v, right, ow)?);
            }
        }
        return Tensor::stack(&places, D::Minus1);
    }
    // Side by side, windows are a matter of axes alone.
    input
        .narrow(1, 0, oh * wh)?
        .narrow(2, 0, ow * ww)?
        .contiguous()?
        .reshape(&[batch, oh, wh, ow, ww, channels])?
        .permute([0, 1, 3, 5, 2, 4].as_slice())?
        .contiguous()?
        .reshape((batch, oh, ow, channels, wh * ww))
}

/// `count` places of an axis, from `start` on and `step` apart.
fn every(input: &Tensor, axis: usize, start: usize, step: usize, count: usize) -> Result<Tensor> {
    let places: Vec<u32> = (0..count).map(|i| (start + i * step) as u32).collect();
    input.contiguous()?.index_select(&Tensor::from_vec(places, count, input.device())?, axis)
}

fn activate(sums: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Linear => Ok(sums.clone()),
        Activation::Relu => sums.relu(),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use kernels::Simd;
    use streams::{Purpose, Seed};

    use super::*;

    fn var(shape: &[usize], sample: u64) -> Var {
        let mut stream = Seed(1).stream(Purpose::new("test"), 0, sample);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.uniform_f32(-1.0, 1.0)).collect();
        Var::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    /// Results and gradients of two ways to compute the same, in parts of the largest element.
    fn check(
        name: &str,
        vars: &[Var],
        ours: impl Fn() -> Result<Tensor>,
        composed: impl Fn() -> Result<Tensor>,
    ) {
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let close = |a: &Tensor, b: &Tensor, what: &str| {
            let (a, b) = (flat(a), flat(b));
            assert_eq!(a.len(), b.len());
            let scale = b.iter().fold(1e-6f32, |m, x| m.max(x.abs()));
            let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale;
            assert!(worst < 1e-5, "{name}, {what}: {worst}");
        };
        let (a, b) = (ours().unwrap(), composed().unwrap());
        assert_eq!(a.dims(), b.dims());
        close(&a, &b, "result");
        let weight = var(a.dims(), 99);
        let grads = |y: &Tensor| (y * weight.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
        let (ga, gb) = (grads(&a), grads(&b));
        for (i, var) in vars.iter().enumerate() {
            close(ga.get(var).unwrap(), gb.get(var).unwrap(), &format!("gradient {i}"));
        }
    }

    #[test]
    fn layers_with_weights_agree() {
        let simd = Simd::best();
        let uneven = Padding { top: 1, bottom: 0, left: 2, right: 1 };
        let above = Padding { top: 1, ..Padding::default() };
        let ways =
            [([1, 1], Padding::default()), ([2, 2], uneven), ([2, 2], above), ([2, 1], Padding::default())];
        for relu in [Activation::Linear, Activation::Relu] {
            for (stride, padding) in ways {
                let (x, w, b) = (var(&[3, 7, 6, 5], 1), var(&[3, 2, 5, 4], 2), var(&[4], 3));
                check(
                    "conv2d",
                    &[x.clone(), w.clone(), b.clone()],
                    || super::super::conv2d(&x, &w, &b, stride, padding, relu, simd),
                    || conv2d(&x, &w, &b, stride, padding, relu),
                );
            }
            let (x, w, b) = (var(&[9, 20], 4), var(&[20, 11], 5), var(&[11], 6));
            let vars = [x.clone(), w.clone(), b.clone()];
            check("dense", &vars, || super::super::dense(&x, &w, &b, relu, simd), || dense(&x, &w, &b, relu));
        }
    }

    #[test]
    fn pooling_agrees() {
        let x = var(&[2, 5, 7, 3], 7);
        let vars = [x.clone()];
        for (window, stride) in [([2, 3], [2, 3]), ([3, 2], [1, 2]), ([1, 2], [2, 3])] {
            check(
                "max_pool2d",
                &vars,
                || super::super::max_pool2d(&x, window, stride),
                || max_pool2d(&x, window, stride),
            );
            check(
                "avg_pool2d",
                &vars,
                || super::super::avg_pool2d(&x, window, stride),
                || avg_pool2d(&x, window, stride),
            );
        }
    }

    #[test]
    fn batch_norm_and_dropout_agree() {
        let (x, gamma, beta) = (var(&[3, 2, 4, 5], 8), var(&[5], 9), var(&[5], 10));
        let vars = [x.clone(), gamma.clone(), beta.clone()];
        let simd = Simd::best();
        check(
            "batch_norm",
            &vars,
            || Ok(super::super::batch_norm(&x, &gamma, &beta, 1e-3, simd)?.output),
            || Ok(batch_norm(&x, &gamma, &beta, 1e-3)?.output),
        );
        let ours = super::super::batch_norm(&x, &gamma, &beta, 1e-3, simd).unwrap();
        let composed = batch_norm(&x, &gamma, &beta, 1e-3).unwrap();
        for (a, b) in [(&ours.mean, &composed.mean), (&ours.variance, &composed.variance)] {
            let worst = (a - b).unwrap().abs().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap();
            assert!(worst < 1e-6, "{worst}");
        }
        let (mean, variance) = (ours.mean, ours.variance);
        check(
            "batch_norm_inference",
            &vars,
            || super::super::batch_norm_inference(&x, &gamma, &beta, &mean, &variance, 1e-3, simd),
            || normalise(&x, &gamma, &beta, &mean, &variance, 1e-3),
        );
        let stream = |sample| Seed(5).stream(Purpose::new("dropout"), 2, sample as u64);
        check(
            "dropout",
            std::slice::from_ref(&x),
            || super::super::dropout(&x, 0.25, stream),
            || dropout(&x, Dropout::new(0.25).unwrap(), stream),
        );
    }

    #[test]
    fn activations_agree() {
        let x = var(&[3, 2, 4, 5], 11);
        for (function, of) in [
            (crate::Activation::Relu, Curve::Relu),
            (crate::Activation::LeakyRelu, Curve::LeakyRelu),
            (crate::Activation::Elu, Curve::Elu),
            (crate::Activation::Gelu, Curve::Gelu),
            (crate::Activation::Silu, Curve::Silu),
            (crate::Activation::Sigmoid, Curve::Sigmoid),
            (crate::Activation::Tanh, Curve::Tanh),
        ] {
            let name = format!("{function:?}");
            let vars = std::slice::from_ref(&x);
            check(&name, vars, || super::super::activate(&x, function), || curve(&x, of));
        }
    }

    #[test]
    fn cross_entropy_agrees() {
        let z = var(&[6, 10], 8);
        let labels = Tensor::new(&[0u32, 9, 3, 3, 7, 1], &Device::Cpu).unwrap();
        for smoothing in [0.0, 0.1] {
            check(
                "cross_entropy",
                std::slice::from_ref(&z),
                || super::super::cross_entropy(&z, &labels, smoothing),
                || cross_entropy(&z, &labels, smoothing),
            );
        }
    }
}
