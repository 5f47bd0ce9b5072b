//! Pooling of any shape.

use kernels::pool::{AvgPool2d, MaxPool2d};
use proptest::prelude::*;

use super::{bits, difference, numbers, same_on_all_threads};

#[derive(Clone, Debug)]
struct Case {
    batch: usize,
    input: [usize; 3],
    window: [usize; 2],
    stride: [usize; 2],
}

fn case() -> impl Strategy<Value = Case> {
    let sizes = (0usize..19, 1usize..9, 1usize..9, 1usize..36);
    (sizes, 1usize..5, 1usize..5, 1usize..4, 1usize..4).prop_map(|((batch, h, w, c), wh, ww, sh, sw)| Case {
        batch,
        input: [h, w, c],
        window: [wh.min(h), ww.min(w)],
        stride: [sh, sw],
    })
}

impl Case {
    fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.input[axis] - self.window[axis]) / self.stride[axis] + 1)
    }

    /// For every element of the result, the places of its window in the input.
    fn windows(&self) -> Vec<Vec<usize>> {
        let ([h, w, channels], [oh, ow]) = (self.input, self.output());
        let mut windows = Vec::new();
        for place in 0..self.batch * oh * ow * channels {
            let (c, j, i) = (place % channels, place / channels % ow, place / channels / ow % oh);
            let b = place / channels / ow / oh;
            let mut window = Vec::new();
            for u in 0..self.window[0] {
                for v in 0..self.window[1] {
                    let (row, column) = (i * self.stride[0] + u, j * self.stride[1] + v);
                    window.push(((b * h + row) * w + column) * channels + c);
                }
            }
            windows.push(window);
        }
        windows
    }

    fn input_len(&self) -> usize {
        self.batch * self.input.iter().product::<usize>()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn average(case in case(), salt in 1u64..1_000_000) {
        let pool = AvgPool2d::new(case.input, case.window, case.stride).unwrap();
        let windows = case.windows();
        let (x, dy) = (numbers(case.input_len(), salt), numbers(windows.len(), salt + 1));
        let mut exact = vec![0.0; x.len()];
        let mut y = Vec::new();
        for (window, dy) in windows.iter().zip(&dy) {
            let count = window.len() as f64;
            y.push(window.iter().map(|i| f64::from(x[*i])).sum::<f64>() / count);
            window.iter().for_each(|i| exact[*i] += f64::from(*dy) / count);
        }
        prop_assert!(difference(&pool.forward(case.batch, &x).unwrap(), &y, 1.0) < 1e-6);
        prop_assert!(difference(&pool.backward(case.batch, &dy).unwrap(), &exact, 1.0) < 1e-6);
    }

    /// With few different values, so that many windows have their maximum twice.
    #[test]
    fn maximum(case in case(), salt in 1u64..1_000_000, values in 1u8..6) {
        let pool = MaxPool2d::new(case.input, case.window, case.stride).unwrap();
        let windows = case.windows();
        let x: Vec<f32> = numbers(case.input_len(), salt).iter().map(|x| (x * f32::from(values)).round()).collect();
        let dy = numbers(windows.len(), salt + 1);
        let mut exact = vec![0.0; x.len()];
        let mut y = Vec::new();
        for (window, dy) in windows.iter().zip(&dy) {
            let max = window.iter().map(|i| x[*i]).fold(f32::NEG_INFINITY, f32::max);
            let first = window.iter().find(|i| x[**i] == max).unwrap();
            exact[*first] += f64::from(*dy);
            y.push(max);
        }
        prop_assert_eq!(pool.forward(case.batch, &x).unwrap(), y);
        prop_assert!(difference(&pool.backward(case.batch, &x, &dy).unwrap(), &exact, 1.0) < 1e-6);
    }

    #[test]
    fn nan_stays_in_its_windows(case in case(), salt in 1u64..1_000_000, at in any::<prop::sample::Index>()) {
        prop_assume!(case.batch > 0);
        let mut x = numbers(case.input_len(), salt);
        let at = at.index(x.len());
        x[at] = f32::NAN;
        let average = AvgPool2d::new(case.input, case.window, case.stride).unwrap().forward(case.batch, &x).unwrap();
        let max = MaxPool2d::new(case.input, case.window, case.stride).unwrap();
        let maximum = max.forward(case.batch, &x).unwrap();
        // The gradient of a NaN goes to where it came from.
        let dx = max.backward(case.batch, &x, &vec![1.0; maximum.len()]).unwrap();
        let windows = case.windows();
        let meet = |window: &Vec<usize>| window.contains(&at);
        prop_assert_eq!(dx[at], windows.iter().filter(|window| meet(window)).count() as f32);
        for (i, window) in windows.iter().enumerate() {
            prop_assert_eq!(average[i].is_nan(), meet(window));
            prop_assert_eq!(maximum[i].is_nan(), meet(window));
        }
    }
}

#[test]
fn the_mean_of_a_whole_picture() {
    let pool = AvgPool2d::new([31, 33, 19], [31, 33], [1, 1]).unwrap();
    let x: Vec<f32> = numbers(2 * 31 * 33 * 19, 5).iter().map(|x| x + 1.0).collect();
    let case = Case { batch: 2, input: [31, 33, 19], window: [31, 33], stride: [1, 1] };
    let mean = |window: Vec<usize>| window.iter().map(|i| f64::from(x[*i])).sum::<f64>() / (31.0 * 33.0);
    let exact: Vec<f64> = case.windows().into_iter().map(mean).collect();
    assert!(difference(&pool.forward(2, &x).unwrap(), &exact, 1.0) < 1e-5);
}

#[test]
fn threads_change_nothing() {
    let (input, window, stride) = ([9, 7, 5], [3, 2], [2, 1]);
    let average = AvgPool2d::new(input, window, stride).unwrap();
    let max = MaxPool2d::new(input, window, stride).unwrap();
    let x = numbers(37 * 9 * 7 * 5, 1);
    let dy = numbers(37 * average.output_shape().iter().product::<usize>(), 2);
    same_on_all_threads(|| {
        [
            bits(&average.forward(37, &x).unwrap()),
            bits(&average.backward(37, &dy).unwrap()),
            bits(&max.forward(37, &x).unwrap()),
            bits(&max.backward(37, &x, &dy).unwrap()),
        ]
    });
}
