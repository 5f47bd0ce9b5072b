//! What a layer makes of a shape, and what settings it takes; arithmetic that cannot overflow.

use super::layer::{Layer, Padding};

/// The most numbers a picture may become in a layer, and a network may learn: 8 GiB of them.
pub(super) const LIMIT: usize = 1 << 31;

/// Why a layer is refused.
pub(super) enum Refusal {
    /// It does not fit what comes in.
    Input(String),
    /// A setting makes no sense, whatever comes in.
    Setting(String),
}

impl Layer {
    /// The shape `(H, W, C)` or `(N)` that the layer makes of one like it.
    pub(super) fn output_of(&self, input: &[usize]) -> Result<Vec<usize>, Refusal> {
        self.check_settings().map_err(Refusal::Setting)?;
        let output = self.shape_of(input).map_err(Refusal::Input)?;
        if product(&output).is_none() {
            return Err(Refusal::Input(format!(
                "a picture would become {output:?}, more than 2^31 numbers; make the layer or the pictures smaller"
            )));
        }
        Ok(output)
    }

    fn shape_of(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        let picture = || match *input {
            [h, w, c] => Ok([h, w, c]),
            _ => Err("it needs pictures (height, width, channels); place it before flatten".to_owned()),
        };
        match *self {
            Self::Conv2d { filters, kernel, stride, padding, .. } => {
                let [rows, columns] = windows(picture()?, kernel, stride, padding)?;
                Ok(vec![rows, columns, filters])
            }
            Self::MaxPool2d { window, stride } | Self::AvgPool2d { window, stride } => {
                let picture = picture()?;
                let [rows, columns] = windows(picture, window, stride.unwrap_or(window), Padding::Valid)?;
                Ok(vec![rows, columns, picture[2]])
            }
            Self::GlobalAvgPool2d | Self::GlobalMaxPool2d => Ok(vec![picture()?[2]]),
            Self::Flatten => match product(input) {
                Some(len) => Ok(vec![len]),
                None => Err("it makes a row of more than 2^31 numbers; pool before it".to_owned()),
            },
            Self::Dense { units: Some(units), .. } => match input {
                [_] => Ok(vec![units]),
                _ => Err("it needs a row of numbers; place flatten or a global pool before it".to_owned()),
            },
            Self::Dense { units: None, .. } => {
                Err("it has no units, and the number of classes is not known here; give it units".to_owned())
            }
            Self::BatchNorm { .. } | Self::Dropout { .. } | Self::Activation { .. } => Ok(input.to_vec()),
        }
    }

    fn check_settings(&self) -> Result<(), String> {
        let positive = |name: &str, size: usize| match size {
            0 => Err(format!("{name} is 0; expected at least 1")),
            _ => Ok(()),
        };
        let both = |name: &str, [h, w]: [usize; 2]| {
            positive(&format!("the height of its {name}"), h)?;
            positive(&format!("the width of its {name}"), w)
        };
        match *self {
            Self::Conv2d { filters, kernel, stride, .. } => {
                positive("its number of filters", filters)?;
                both("kernel", kernel)?;
                both("stride", stride)
            }
            Self::MaxPool2d { window, stride } | Self::AvgPool2d { window, stride } => {
                both("window", window)?;
                both("stride", stride.unwrap_or(window))
            }
            Self::BatchNorm { momentum, epsilon } => {
                if !(0.0..=1.0).contains(&momentum) {
                    return Err(format!("its momentum is {momentum}; expected a number in [0, 1]"));
                }
                if !(epsilon > 0.0 && epsilon.is_finite() && epsilon as f32 > 0.0) {
                    return Err(format!("its epsilon is {epsilon}; expected a number above 0, as 0.001"));
                }
                Ok(())
            }
            // The rate that is used is the nearest `f32`, which must not be 1 either.
            Self::Dropout { rate } if !((0.0..1.0).contains(&rate) && (rate as f32) < 1.0) => {
                Err(format!("its rate is {rate}; expected a number in [0, 1), the part that is dropped"))
            }
            Self::Dense { units: Some(units), .. } => positive("its number of units", units),
            _ => Ok(()),
        }
    }
}

/// How many windows there are, down and across.
fn windows(
    [h, w, _]: [usize; 3],
    window: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Result<[usize; 2], String> {
    let [kh, kw] = window;
    match padding {
        Padding::Same => Ok([h.div_ceil(stride[0]), w.div_ceil(stride[1])]),
        Padding::Valid if kh <= h && kw <= w => Ok([(h - kh) / stride[0] + 1, (w - kw) / stride[1] + 1]),
        Padding::Valid => {
            Err(format!("a window of {kh} x {kw} does not fit; expected one inside the picture"))
        }
    }
}

/// Zeros before and behind `size` places for [`Padding::Same`], as TensorFlow has them; none for valid padding.
pub(crate) fn zeros_around(padding: Padding, size: usize, kernel: usize, stride: usize) -> [usize; 2] {
    match padding {
        Padding::Valid => [0, 0],
        Padding::Same => {
            // The last window begins below `size`, so the sum is small.
            let covered = (size.div_ceil(stride) - 1) * stride + kernel;
            let zeros = covered.saturating_sub(size);
            [zeros / 2, zeros - zeros / 2]
        }
    }
}

/// The product, if it is within the [`LIMIT`].
pub(super) fn product(sizes: &[usize]) -> Option<usize> {
    let product = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size))?;
    (product <= LIMIT).then_some(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TensorFlow's rule, by hand: 32 by 3 needs one zero on either side, by 2 one behind; 5 by 3, two apart, has
    /// windows at -1, 1 and 3; 6 by 3, two apart, at 0, 2 and 4.
    #[test]
    fn zeros_around_are_those_of_tensorflow() {
        for (size, kernel, stride, expected) in [
            (32, 3, 1, [1, 1]),
            (32, 2, 1, [0, 1]),
            (5, 3, 2, [1, 1]),
            (6, 3, 2, [0, 1]),
            (6, 1, 2, [0, 0]),
            (3, 7, 1, [3, 3]),
            (1, 4, 1, [1, 2]),
        ] {
            assert_eq!(
                zeros_around(Padding::Same, size, kernel, stride),
                expected,
                "{size} {kernel} {stride}"
            );
            assert_eq!(zeros_around(Padding::Valid, size, kernel, stride), [0, 0]);
        }
    }
}
