//! What is around the products of a layer: bias, ReLU and the gradient of a bias.

use kernels::Simd;
use kernels::activation::Activation;
use kernels::conv::InputGradient;
use kernels::dense::Dense;

use crate::host::Number::Whole;
use crate::host::{Array, launch};
use crate::{ROUNDING, check_equal, chosen, numbers, size, stream};

const ODD: [f32; 9] = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -0.0, 0.0, 1.5, -1.5, 1e-40, -1e-40];

/// Rows and channels.
fn shapes() -> impl Iterator<Item = [usize; 2]> {
    let random = (0..20).map(|case| [50, 40].map(|most| size(&mut stream(case), 1, most)));
    [[1, 1], [0, 3], [1, 65], [300, 1]].into_iter().chain(random)
}

/// A dense layer from one number to one, with a weight of 1, is bias and activation alone.
#[test]
fn bias_and_relu_are_those_of_a_dense_layer() {
    for ([rows, channels], case) in shapes().zip(100..) {
        let mut stream = stream(case);
        let mut values = |len| match case % 2 {
            0 => numbers(&mut stream, len),
            _ => chosen(&mut stream, len, &ODD),
        };
        let (sums, bias, dy) = (values(rows * channels), values(channels), values(rows * channels));
        for (activation, relu) in [(Activation::Linear, 0), (Activation::Relu, 1)] {
            let dense = Dense::new(1, 1, activation).unwrap();
            let (mut y, mut dz) = (vec![0.0; rows * channels], vec![0.0; rows * channels]);
            for c in 0..channels {
                let column = |of: &[f32]| of.iter().copied().skip(c).step_by(channels).collect::<Vec<_>>();
                let simd = Simd::best();
                let x = column(&sums);
                let result = dense.forward(simd, rows, &x, &[1.0], &bias[c..][..1]).unwrap();
                let gradient = dense
                    .backward(simd, rows, &x, &[1.0], &result, &column(&dy), InputGradient::Needed)
                    .unwrap();
                let input = gradient.input.unwrap();
                for row in 0..rows {
                    y[row * channels + c] = result[row];
                    dz[row * channels + c] = input[row];
                }
            }
            let what = format!("{activation:?} {rows} x {channels}");
            let sizes = [rows * channels, channels, 1, relu].map(Whole);
            let arrays = [Array::from(&sums[..]), Array::from(&bias[..])];
            let [found, _] = launch("bias_activation", rows * channels, &arrays, &sizes);
            check_equal(&what, &found.floats(), &y);
            if activation == Activation::Relu {
                let len = rows * channels;
                let arrays = [found, Array::from(&dy[..]), Array::unwritten(len)];
                let [_, _, found] = launch("relu_backward", len, &arrays, &[Whole(len)]);
                check_equal(&what, &found.floats(), &dz);
            }
        }
    }
}

#[test]
fn the_gradient_of_a_bias_is_the_sum_of_rows() {
    for ([rows, channels], case) in shapes().zip(200..) {
        let values = numbers(&mut stream(case), rows * channels);
        let (mut exact, mut scale) = (vec![0.0; channels], vec![0.0; channels]);
        for row in values.chunks_exact(channels) {
            for (c, value) in row.iter().enumerate() {
                exact[c] += f64::from(*value);
                scale[c] += f64::from(value.abs());
            }
        }
        for parts in [1, 2, 7, rows + 3] {
            let found = sum_rows(&values, rows, channels, parts);
            for (c, found) in found.into_iter().enumerate() {
                let error = (f64::from(found) - exact[c]).abs();
                assert!(error <= ROUNDING * scale[c], "{rows} x {channels} in {parts} parts: {error}");
            }
            // Of whole numbers the sum is exact.
            let whole = chosen(&mut stream(case), rows * channels, &[-3.0, 0.0, 1.0, 200.0]);
            let expected: Vec<f32> =
                (0..channels).map(|c| whole.iter().skip(c).step_by(channels).sum()).collect();
            check_equal("whole numbers", &sum_rows(&whole, rows, channels, parts), &expected);
        }
    }
}

fn sum_rows(values: &[f32], rows: usize, channels: usize, parts: usize) -> Vec<f32> {
    sum_places(values, [rows, channels, 1], parts)
}

/// Values `(OUTER, C, INNER)`.
fn sum_places(values: &[f32], [outer, channels, inner]: [usize; 3], parts: usize) -> Vec<f32> {
    let arrays = [Array::from(values), Array::unwritten(parts * channels)];
    let numbers = [outer * inner, channels, inner, parts].map(Whole);
    let [_, partial] = launch("sum_places_parts", parts * channels, &arrays, &numbers);
    let arrays = [partial, Array::unwritten(channels)];
    let [_, sums] = launch("sum_places_finish", channels, &arrays, &[channels, parts].map(Whole));
    sums.floats()
}

/// Whatever is done to `(ROWS, C)` is done to `(OUTER, C, INNER)`, where a channel's places lie elsewhere.
#[test]
fn channels_first_are_channels_last_turned() {
    for case in 300..320 {
        let mut stream = stream(case);
        let [outer, channels, inner] = [4, 6, 9].map(|most| size(&mut stream, 1, most));
        let whole = [-3.0, 0.0, 1.0, 200.0];
        let last = chosen(&mut stream, outer * inner * channels, &whole);
        let bias = chosen(&mut stream, channels, &whole);
        let turn = |last: &[f32]| {
            let mut first = vec![0.0; last.len()];
            for (at, value) in last.iter().enumerate() {
                let (c, place) = (at % channels, at / channels);
                first[(place / inner * channels + c) * inner + place % inner] = *value;
            }
            first
        };
        let first = turn(&last);
        let sums = sum_places(&first, [outer, channels, inner], size(&mut stream, 1, outer * inner + 2));
        check_equal("sums", &sums, &sum_rows(&last, outer * inner, channels, 1));
        let activate = |sums: &[f32], inner: usize| {
            let arrays = [Array::from(sums), Array::from(&bias[..])];
            let [y, _] =
                launch("bias_activation", sums.len(), &arrays, &[sums.len(), channels, inner, 1].map(Whole));
            y.floats()
        };
        check_equal("activations", &activate(&first, inner), &turn(&activate(&last, 1)));
    }
}
