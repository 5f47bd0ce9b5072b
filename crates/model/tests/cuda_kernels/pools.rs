//! Pooling: to the last digit what [`kernels::pool`] computes.

use kernels::pool::{AvgPool2d, MaxPool2d};

use crate::host::Number::{self, Whole};
use crate::host::{Array, launch};
use crate::{check_equal, chosen, numbers, size, stream};

/// Pictures `(B, H, W, C)` and the windows over them.
#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    input: [usize; 3],
    window: [usize; 2],
    stride: [usize; 2],
}

const BY_HAND: [Case; 8] = [
    // The tutorial's pools.
    Case { batch: 2, input: [30, 30, 32], window: [2, 2], stride: [2, 2] },
    Case { batch: 2, input: [13, 13, 7], window: [2, 2], stride: [2, 2] },
    // One number.
    Case { batch: 1, input: [1, 1, 1], window: [1, 1], stride: [1, 1] },
    // No picture.
    Case { batch: 0, input: [4, 4, 3], window: [2, 2], stride: [2, 2] },
    // The whole picture.
    Case { batch: 3, input: [7, 5, 3], window: [7, 5], stride: [1, 1] },
    // Windows over each other, and windows apart.
    Case { batch: 2, input: [9, 8, 3], window: [3, 4], stride: [1, 2] },
    Case { batch: 2, input: [11, 9, 2], window: [2, 1], stride: [5, 3] },
    // A stride past the edge.
    Case { batch: 1, input: [5, 6, 2], window: [2, 3], stride: [9, 9] },
];

impl Case {
    fn random(case: u64) -> Self {
        let mut stream = stream(case);
        let input = [9, 9, 5].map(|most| size(&mut stream, 1, most));
        let window = [input[0], input[1]].map(|most| size(&mut stream, 1, most.min(4)));
        let stride = [4, 4].map(|most| size(&mut stream, 1, most));
        Self { batch: size(&mut stream, 1, 3), input, window, stride }
    }

    fn numbers(&self, [oh, ow, _]: [usize; 3]) -> Vec<Number> {
        let Self { batch, input: [h, w, c], window: [wh, ww], stride: [down, right] } = *self;
        [batch, h, w, c, oh, ow, wh, ww, down, right].map(Whole).to_vec()
    }
}

/// Both pools forward and back, of these numbers.
fn check(case: &Case, values: impl Fn(usize) -> Vec<f32>) {
    let Case { batch, input, window, stride: apart } = *case;
    let max = MaxPool2d::new(input, window, apart).unwrap();
    let average = AvgPool2d::new(input, window, apart).unwrap();
    let inputs = batch * input.iter().product::<usize>();
    let outputs = batch * max.output_shape().iter().product::<usize>();
    let sizes = case.numbers(max.output_shape());
    let x = values(inputs);
    let dy = numbers(&mut stream(1000), outputs);
    let (x_array, dy_array) = (Array::from(&x[..]), Array::from(&dy[..]));

    let forward = |kernel| {
        let arrays = [x_array.clone(), Array::unwritten(outputs)];
        let [_, y] = launch(kernel, outputs, &arrays, &sizes);
        y.floats()
    };
    check_equal(&format!("max {case:?}"), &forward("max_pool_forward"), &max.forward(batch, &x).unwrap());
    let expected = average.forward(batch, &x).unwrap();
    check_equal(&format!("average {case:?}"), &forward("avg_pool_forward"), &expected);

    let arrays = [x_array.clone(), dy_array.clone(), Array::unwritten(inputs)];
    let backward = |relu: usize| {
        let sizes = [sizes.clone(), vec![Whole(relu)]].concat();
        let [_, _, dx] = launch("max_pool_backward", inputs, &arrays, &sizes);
        dx.floats()
    };
    let mut expected = max.backward(batch, &x, &dy).unwrap();
    check_equal(&format!("gradient of max {case:?}"), &backward(0), &expected);
    expected.iter_mut().zip(&x).filter(|(_, x)| **x <= 0.0).for_each(|(dx, _)| *dx = 0.0);
    check_equal(&format!("gradient before ReLU of max {case:?}"), &backward(1), &expected);
    let [_, dx] = launch("avg_pool_backward", inputs, &[dy_array, Array::unwritten(inputs)], &sizes);
    let expected = average.backward(batch, &dy).unwrap();
    check_equal(&format!("gradient of average {case:?}"), &dx.floats(), &expected);
}

fn cases() -> impl Iterator<Item = Case> {
    BY_HAND.into_iter().chain((0..40).map(Case::random))
}

#[test]
fn numbers_without_order() {
    cases().for_each(|case| check(&case, |len| numbers(&mut stream(1), len)));
}

#[test]
fn equal_numbers() {
    cases().for_each(|case| check(&case, |len| chosen(&mut stream(2), len, &[-1.0, 0.0, 1.0])));
    cases().for_each(|case| check(&case, |len| vec![0.0; len]));
}

#[test]
fn nan_and_infinite_numbers() {
    let odd = [f32::NAN, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, -0.0, 0.0, 3.0];
    cases().for_each(|case| check(&case, |len| chosen(&mut stream(3), len, &odd)));
}
