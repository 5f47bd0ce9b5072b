//! Convolution, dense layers and their pools against naive loops.

use kernels::Simd;
use kernels::activation::Activation;
use kernels::conv::{Conv2d, ConvPool2d, Gradients, InputGradient, Padding};
use kernels::dense::Dense;
use kernels::pool::MaxPool2d;
use proptest::prelude::*;

use crate::numbers;

/// The largest difference, in parts of the largest element.
fn difference(found: &[f32], exact: &[f64]) -> f64 {
    crate::difference(found, exact, exact.iter().fold(1e-30, |m: f64, x| m.max(x.abs())))
}

#[derive(Clone, Debug)]
struct Case {
    batch: usize,
    input: [usize; 3],
    filters: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
    relu: bool,
}

impl Case {
    fn conv(&self) -> Conv2d {
        let activation = if self.relu { Activation::Relu } else { Activation::Linear };
        Conv2d::new(self.input, self.filters, self.kernel, self.stride, self.padding, activation).unwrap()
    }

    /// The loops of the definition: the result, and the gradients of x, w and bias for a given dy.
    fn naive(&self, x: &[f32], w: &[f32], bias: &[f32], dy: &[f32]) -> [Vec<f64>; 4] {
        let ([h, wd, ic], [kh, kw], oc) = (self.input, self.kernel, self.filters);
        let [oh, ow, _] = self.conv().output_shape();
        let mut y = vec![0.0; self.batch * oh * ow * oc];
        let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; oc]);
        for pass in 0..2 {
            for place in 0..self.batch * oh * ow * oc {
                let (o, j, i, b) = (place % oc, place / oc % ow, place / oc / ow % oh, place / oc / ow / oh);
                let mut sum = f64::from(bias[o]);
                let g = if self.relu && y[place] <= 0.0 { 0.0 } else { f64::from(dy[place]) };
                for tap in 0..kh * kw * ic {
                    let (c, v, u) = (tap % ic, tap / ic % kw, tap / ic / kw);
                    let (r, s) = (i * self.stride[0] + u, j * self.stride[1] + v);
                    let inside = r >= self.padding.top
                        && s >= self.padding.left
                        && r - self.padding.top < h
                        && s - self.padding.left < wd;
                    if !inside {
                        continue;
                    }
                    let xi = ((b * h + r - self.padding.top) * wd + s - self.padding.left) * ic + c;
                    let wi = tap * oc + o;
                    if pass == 0 {
                        sum += f64::from(x[xi]) * f64::from(w[wi]);
                    } else {
                        dx[xi] += g * f64::from(w[wi]);
                        dw[wi] += g * f64::from(x[xi]);
                    }
                }
                if pass == 0 {
                    y[place] = if self.relu { sum.max(0.0) } else { sum };
                } else {
                    db[o] += g;
                }
            }
        }
        [y, dx, dw, db]
    }
}

fn case() -> impl Strategy<Value = Case> {
    let sizes = (1usize..19, 1usize..9, 1usize..9, 1usize..6, 1usize..40);
    let window = (1usize..6, 1usize..6, 1usize..4, 1usize..4);
    let padding = (0usize..3, 0usize..3, 0usize..3, 0usize..3);
    (sizes, window, padding, any::<bool>()).prop_map(
        |((batch, h, w, ic, filters), (kh, kw, sh, sw), p, relu)| {
            let padding = Padding { top: p.0, bottom: p.1, left: p.2, right: p.3 };
            let kernel = [kh.min(h + p.0 + p.1), kw.min(w + p.2 + p.3)];
            Case { batch, input: [h, w, ic], filters, kernel, stride: [sh, sw], padding, relu }
        },
    )
}

/// A same-padded layer of residual networks, small; its gradients of weights are more than one piece of work.
fn residual(batch: usize) -> Case {
    let padding = Padding { top: 1, bottom: 1, left: 1, right: 1 };
    Case { batch, input: [16, 16, 20], filters: 33, kernel: [3, 3], stride: [1, 1], padding, relu: true }
}

/// x, w, bias and dy.
fn arguments(case: &Case, salt: u64) -> [Vec<f32>; 4] {
    let conv = case.conv();
    let dy = conv.output_shape().iter().product::<usize>();
    [
        numbers(case.batch * case.input.iter().product::<usize>(), salt),
        numbers(conv.weight_shape().iter().product(), salt + 1),
        numbers(case.filters, salt + 2),
        numbers(case.batch * dy, salt + 3),
    ]
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// All that comes out, bit by bit.
fn bits_of(y: &[f32], gradients: &Gradients) -> [Vec<u32>; 4] {
    let input = gradients.input.as_ref().unwrap();
    [bits(y), bits(input), bits(&gradients.weights), bits(&gradients.bias)]
}

fn run(case: &Case, simd: Simd, x: &[f32], w: &[f32], bias: &[f32], dy: &[f32]) -> (Vec<f32>, Gradients) {
    let conv = case.conv();
    let y = conv.forward(simd, case.batch, x, w, bias).unwrap();
    let gradients = conv.backward(simd, case.batch, x, w, &y, dy, InputGradient::Needed).unwrap();
    (y, gradients)
}

/// The result and the gradients are those of the definition, and the same bits on all instruction sets.
fn compare(case: &Case, salt: u64) -> Result<(), TestCaseError> {
    let [x, w, bias, dy] = arguments(case, salt);
    let (y, gradients) = run(case, Simd::best(), &x, &w, &bias, &dy);
    let exact = case.naive(&x, &w, &bias, &dy);
    prop_assert!(difference(&y, &exact[0]) < 1e-5, "result");
    // A sum at the edge of ReLU may fall on either side of 0; then the gradients rightly differ.
    let on_the_edge = case.relu && exact[0].iter().zip(&y).any(|(e, y)| (*e > 0.0) != (*y > 0.0));
    if !on_the_edge {
        prop_assert!(difference(gradients.input.as_ref().unwrap(), &exact[1]) < 1e-5, "input");
        prop_assert!(difference(&gradients.weights, &exact[2]) < 1e-5, "weights");
        prop_assert!(difference(&gradients.bias, &exact[3]) < 1e-5, "bias");
    }
    let first = bits_of(&y, &gradients);
    for simd in Simd::available() {
        let (y, gradients) = run(case, simd, &x, &w, &bias, &dy);
        prop_assert_eq!(&bits_of(&y, &gradients), &first, "{}", simd);
    }
    Ok(())
}

fn same_on_all_threads(case: &Case, salt: u64) {
    let [x, w, bias, dy] = arguments(case, salt);
    let of = |threads| {
        let (y, gradients) = with_threads(threads, || run(case, Simd::best(), &x, &w, &bias, &dy));
        bits_of(&y, &gradients)
    };
    let one = of(1);
    for threads in [3, 7] {
        assert_eq!(of(threads), one, "{threads} threads, {case:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn convolution_of_any_shape(case in case(), salt in 1u64..1_000_000) {
        compare(&case, salt)?;
    }

    #[test]
    fn gradients_by_themselves_are_those_together(case in case(), salt in 1u64..1_000_000) {
        let [x, w, bias, dy] = arguments(&case, salt);
        let (conv, simd) = (case.conv(), Simd::best());
        let (y, gradients) = run(&case, simd, &x, &w, &bias, &dy);
        let parameters = conv.weight_gradient(simd, case.batch, &x, &y, &dy).unwrap();
        prop_assert_eq!((parameters.weights, parameters.bias), (gradients.weights, gradients.bias));
        let input = conv.input_gradient(simd, case.batch, &w, &y, &dy).unwrap();
        prop_assert_eq!(Some(input), gradients.input);
    }

    #[test]
    fn a_pool_behind_a_convolution_changes_no_bit(case in case(), salt in 1u64..1_000_000, nan in any::<bool>()) {
        let conv = case.conv();
        let [oh, ow, oc] = conv.output_shape();
        if oh < 2 || ow < 2 {
            prop_assert!(ConvPool2d::new(conv).is_err());
            return Ok(());
        }
        let pool = MaxPool2d::new([oh, ow, oc], [2, 2], [2, 2]).unwrap();
        let both = ConvPool2d::new(conv.clone()).unwrap();
        prop_assert_eq!(both.output_shape(), pool.output_shape());
        let [mut x, w, bias, _] = arguments(&case, salt);
        if nan {
            x[salt as usize % (case.batch * case.input[2])] = f32::NAN;
        }
        let dy = numbers(case.batch * pool.output_shape().iter().product::<usize>(), salt + 4);
        for simd in Simd::available() {
            let needed = InputGradient::Needed;
            let sums = conv.forward(simd, case.batch, &x, &w, &bias).unwrap();
            let y = pool.forward(case.batch, &sums).unwrap();
            let before = pool.backward(case.batch, &sums, &dy).unwrap();
            let expected = conv.backward(simd, case.batch, &x, &w, &sums, &before, needed).unwrap();
            let pooled = both.forward(simd, case.batch, &x, &w, &bias).unwrap();
            let found = both.backward(simd, case.batch, &x, &w, &pooled, &dy, needed).unwrap();
            prop_assert_eq!(bits_of(&pooled.values, &found), bits_of(&y, &expected));
        }
    }

    #[test]
    fn threads_change_nothing(case in case(), salt in 1u64..1_000_000) {
        same_on_all_threads(&case, salt);
    }

    #[test]
    fn dense_of_any_shape(batch in 1usize..40, inputs in 1usize..70, outputs in 1usize..50, salt in 1u64..1_000_000) {
        let dense = Dense::new(inputs, outputs, Activation::Linear).unwrap();
        let (x, w) = (numbers(batch * inputs, salt), numbers(inputs * outputs, salt + 1));
        let (bias, dy) = (numbers(outputs, salt + 2), numbers(batch * outputs, salt + 3));
        let mut exact = [vec![0.0; batch * outputs], vec![0.0; batch * inputs], vec![0.0; inputs * outputs], vec![0.0; outputs]];
        for b in 0..batch {
            for o in 0..outputs {
                let g = f64::from(dy[b * outputs + o]);
                exact[0][b * outputs + o] = f64::from(bias[o]);
                exact[3][o] += g;
                for i in 0..inputs {
                    exact[0][b * outputs + o] += f64::from(x[b * inputs + i]) * f64::from(w[i * outputs + o]);
                    exact[1][b * inputs + i] += g * f64::from(w[i * outputs + o]);
                    exact[2][i * outputs + o] += g * f64::from(x[b * inputs + i]);
                }
            }
        }
        let mut first = None;
        for simd in Simd::available() {
            let y = dense.forward(simd, batch, &x, &w, &bias).unwrap();
            let gradients = dense.backward(simd, batch, &x, &w, &y, &dy, InputGradient::Needed).unwrap();
            prop_assert!(difference(&y, &exact[0]) < 1e-5);
            prop_assert!(difference(gradients.input.as_ref().unwrap(), &exact[1]) < 1e-5);
            prop_assert!(difference(&gradients.weights, &exact[2]) < 1e-5);
            prop_assert!(difference(&gradients.bias, &exact[3]) < 1e-5);
            let found = (y, gradients);
            prop_assert_eq!(first.get_or_insert_with(|| found.clone()), &found);
        }
    }
}

#[test]
fn layers_of_many_channels() {
    for batch in [1, 8, 9] {
        compare(&residual(batch), 7).unwrap();
        same_on_all_threads(&residual(batch), 8);
    }
    // More blocks' sums than are kept at a time.
    let padding = Padding::default();
    let wide = Case { input: [3, 3, 96], filters: 160, kernel: [3, 3], padding, ..residual(70) };
    compare(&wide, 9).unwrap();
    same_on_all_threads(&wide, 10);
}

#[test]
fn dense_layers_on_all_threads() {
    let (batch, inputs, outputs) = (37, 300, 21);
    let dense = Dense::new(inputs, outputs, Activation::Relu).unwrap();
    let (x, w) = (numbers(batch * inputs, 1), numbers(inputs * outputs, 2));
    let (bias, dy) = (numbers(outputs, 3), numbers(batch * outputs, 4));
    let of = |threads| {
        with_threads(threads, || {
            let simd = Simd::best();
            let y = dense.forward(simd, batch, &x, &w, &bias).unwrap();
            let gradients = dense.backward(simd, batch, &x, &w, &y, &dy, InputGradient::Needed).unwrap();
            bits_of(&y, &gradients)
        })
    };
    let one = of(1);
    for threads in [3, 7] {
        assert_eq!(of(threads), one, "{threads} threads");
    }
}

#[test]
fn nothing_comes_of_nothing() {
    let zeros = residual(3);
    let [x, w, bias, dy] = arguments(&zeros, 1).map(|values| vec![0.0; values.len()]);
    let (y, gradients) = run(&zeros, Simd::best(), &x, &w, &bias, &dy);
    for values in bits_of(&y, &gradients) {
        assert!(values.iter().all(|bits| *bits == 0));
    }
    let none = residual(0);
    let [_, w, bias, _] = arguments(&none, 1);
    let (y, gradients) = run(&none, Simd::best(), &[], &w, &bias, &[]);
    assert_eq!((y, gradients.input), (Vec::new(), Some(Vec::new())));
    assert!(gradients.weights.iter().chain(&gradients.bias).all(|x| *x == 0.0));
}

#[test]
fn nan_passes_through() {
    let conv = Conv2d::new([3, 3, 1], 2, [3, 3], [1, 1], Padding::default(), Activation::Relu).unwrap();
    let mut x = vec![1.0; 9];
    x[4] = f32::NAN;
    let y = conv.forward(Simd::best(), 1, &x, &[1.0; 18], &[0.0; 2]).unwrap();
    assert!(y.iter().all(|y| y.is_nan()));
    let found = conv.backward(Simd::best(), 1, &x, &[1.0; 18], &y, &[1.0, f32::NAN], InputGradient::Needed);
    let gradients = found.unwrap();
    assert!(gradients.input.unwrap().iter().all(|dx| dx.is_nan()));
    assert_eq!((gradients.bias[0], gradients.bias[1].is_nan()), (1.0, true));
    // Every second weight is the second filter's.
    for (i, dw) in gradients.weights.iter().enumerate() {
        assert_eq!(dw.is_nan(), i % 2 == 1 || i / 2 == 4, "weight {i}");
    }
}

#[test]
fn wrong_shapes_are_errors() {
    let new =
        |input, kernel, stride| Conv2d::new(input, 4, kernel, stride, Padding::default(), Activation::Linear);
    assert!(new([2, 2, 3], [3, 3], [1, 1]).is_err());
    assert!(new([4, 4, 0], [3, 3], [1, 1]).is_err());
    assert!(new([0, 4, 3], [1, 1], [1, 1]).is_err());
    assert!(new([4, 4, 3], [3, 3], [0, 1]).is_err());
    let conv = new([4, 4, 3], [3, 3], [1, 1]).unwrap();
    let error = conv.forward(Simd::best(), 2, &[0.0; 48], &[0.0; 108], &[0.0; 4]).unwrap_err();
    assert_eq!(error.to_string(), "input has 48 elements where its shape [2, 4, 4, 3] asks for 96");
}
