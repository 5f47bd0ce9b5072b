//! Convolution in the place of `candle_nn::Conv2d`.

use candle_core::{Module, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, VarBuilder};
use kernels::Simd;
use kernels::activation::Activation;
use kernels::conv::Padding;

use super::layout::{channels_first, channels_last, hwio};
use crate::ops;

/// `(B, IC, H, W)` to `(B, OC, OH, OW)`, with weights `(OC, IC, KH, KW)` and, where there is one, a bias `(OC)`.
#[derive(Clone, Debug)]
pub struct FastConv2d {
    layer: Conv2d,
    activation: Activation,
}

impl FastConv2d {
    /// A convolution with candle's configuration, of which stride and padding count.
    ///
    /// # Errors
    /// If the dilation or the number of groups is not 1, the weights do not have four axes, or the bias does not
    /// have one number for each filter.
    pub fn new(weight: Tensor, bias: Option<Tensor>, config: Conv2dConfig) -> Result<Self> {
        Self::of(Conv2d::new(weight, bias, config))
    }

    /// The same with `max(x, 0)` of the result, in the same pass.
    #[must_use]
    pub fn with_relu(self) -> Self {
        Self { activation: Activation::Relu, ..self }
    }

    /// The weights `(OC, IC, KH, KW)`.
    pub fn weight(&self) -> &Tensor {
        self.layer.weight()
    }

    /// The bias `(OC)`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.layer.bias()
    }

    /// Stride and padding.
    pub fn config(&self) -> &Conv2dConfig {
        self.layer.config()
    }

    fn of(layer: Conv2d) -> Result<Self> {
        let Conv2dConfig { dilation, groups, .. } = *layer.config();
        if (dilation, groups) != (1, 1) {
            candle_core::bail!(
                "a fast convolution has dilation 1 and 1 group; got dilation {dilation} and {groups} groups"
            );
        }
        let (filters, ..) = layer.weight().dims4()?;
        if let Some(bias) = layer.bias()
            && bias.dims() != [filters]
        {
            candle_core::bail!("a bias of {:?} for {filters} filters", bias.shape());
        }
        Ok(Self { layer, activation: Activation::Linear })
    }
}

impl Module for FastConv2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let weight = self.weight();
        let bias = match self.bias() {
            Some(bias) => bias.clone(),
            None => Tensor::zeros(weight.dim(0)?, weight.dtype(), weight.device())?,
        };
        let Conv2dConfig { stride, padding: p, .. } = *self.config();
        let padding = Padding { top: p, bottom: p, left: p, right: p };
        let y = ops::conv2d(
            &channels_last(x)?,
            &hwio(weight)?,
            &bias,
            [stride, stride],
            padding,
            self.activation,
            Simd::best(),
        )?;
        channels_first(&y)
    }
}

/// As `candle_nn::conv2d`, whose variables it makes: `weight` and `bias`.
///
/// # Errors
/// If the dilation or the number of groups is not 1, or the variables are there in another shape.
pub fn fast_conv2d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    config: Conv2dConfig,
    vb: VarBuilder,
) -> Result<FastConv2d> {
    FastConv2d::of(candle_nn::conv2d(in_channels, out_channels, kernel_size, config, vb)?)
}

/// As `candle_nn::conv2d_no_bias`, whose variable it makes: `weight`.
///
/// # Errors
/// If the dilation or the number of groups is not 1, or the variable is there in another shape.
pub fn fast_conv2d_no_bias(
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    config: Conv2dConfig,
    vb: VarBuilder,
) -> Result<FastConv2d> {
    FastConv2d::of(candle_nn::conv2d_no_bias(in_channels, out_channels, kernel_size, config, vb)?)
}
