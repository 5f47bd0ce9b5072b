//! Steps of optimizers: without decay to the last digit those of [`kernels::optimizer`].

use kernels::Simd;
use kernels::optimizer::{Adam, Momentum, MomentumKind, decay_weights, sgd};

use crate::host::Number::{Real, Whole};
use crate::host::{Array, launch};
use crate::{check_equal, check_near, numbers, size, stream};

const RATE: f64 = 0.01;

/// Weights and what an optimizer keeps beside them.
type Parameters = Vec<Vec<f32>>;

/// Ten steps by both ways, from the same weights. Both keep `moments` numbers for each weight.
fn check(
    what: &str,
    decay: f64,
    moments: usize,
    ours: impl Fn(u64, Parameters, &[f32]) -> Parameters,
    expected: impl Fn(u64, &mut [f32], &[f32], &mut [Vec<f32>]),
) {
    for case in 0..6 {
        let mut stream = stream(case);
        let len = if case == 0 { 1 } else { size(&mut stream, 1, 400) };
        let mut weights = numbers(&mut stream, len);
        let mut kept = vec![vec![0.0; len]; moments];
        let mut found = [vec![weights.clone()], kept.clone()].concat();
        if decay == 0.0 {
            found[0][len / 2] = f32::INFINITY;
            weights[len / 2] = f32::INFINITY;
        }
        for step in 1..=10 {
            // Gradients of many sizes, among them none.
            let size = 10f32.powi(step as i32 % 5 - 3);
            let mut gradient: Vec<f32> = numbers(&mut stream, len).into_iter().map(|g| g * size).collect();
            gradient[0] = 0.0;
            if step == 9 && decay == 0.0 {
                gradient[len / 3] = f32::NAN;
            }
            let before = found[0].clone();
            found = ours(step, found, &gradient);
            assert!(len == 1 || found[0] != before, "{what}: step {step} does nothing");
            if decay != 0.0 {
                decay_weights(Simd::best(), RATE, decay, &mut weights);
            }
            expected(step, &mut weights, &gradient, &mut kept);
            let what = format!("{what}, decay {decay}, {len} weights, step {step}");
            if decay == 0.0 {
                check_equal(&what, &found[0], &weights);
            } else {
                let weights: Vec<f64> = weights.iter().copied().map(f64::from).collect();
                check_near(&what, &found[0], &weights, 1.0);
            }
            found[1..].iter().zip(&kept).for_each(|(found, kept)| check_equal(&what, found, kept));
        }
    }
}

/// The kernel's arrays are the weights, the gradient, and what is kept.
fn step<const N: usize>(
    kernel: &str,
    parameters: &[Vec<f32>],
    gradient: &[f32],
    numbers: &[crate::host::Number],
) -> Parameters {
    let mut arrays: Vec<Array> = parameters.iter().map(|values| Array::from(&values[..])).collect();
    arrays.insert(1, Array::from(gradient));
    let arrays: [Array; N] = arrays.try_into().unwrap();
    let numbers = [&[Whole(gradient.len())], numbers].concat();
    let mut found: Vec<Vec<f32>> =
        launch(kernel, gradient.len(), &arrays, &numbers).iter().map(Array::floats).collect();
    let after = found.remove(1);
    check_equal("the gradient, which is only read", &after, gradient);
    found
}

#[test]
fn adam_is_the_cpus() {
    let adam = Adam::default();
    for decay in [0.0, 0.3] {
        check(
            "Adam",
            decay,
            2,
            |count, parameters, gradient| {
                let numbers = [
                    Real(adam.corrected_rate(RATE, count)),
                    Real((1.0 - adam.beta_1) as f32),
                    Real((1.0 - adam.beta_2) as f32),
                    Real(adam.epsilon),
                    Real((decay * RATE) as f32),
                ];
                step::<4>("adam", &parameters, gradient, &numbers)
            },
            |count, weights, gradient, kept| {
                let [mean, square] = kept else { panic!("Adam keeps two") };
                let rate = adam.corrected_rate(RATE, count);
                adam.step(Simd::best(), rate, weights, gradient, mean, square).unwrap();
            },
        );
    }
}

#[test]
fn plain_descent_is_the_cpus() {
    for decay in [0.0, 0.3] {
        check(
            "descent",
            decay,
            0,
            |_, parameters, gradient| {
                let numbers = [Real(RATE as f32), Real((decay * RATE) as f32)];
                step::<2>("sgd", &parameters, gradient, &numbers)
            },
            |_, weights, gradient, _| sgd(Simd::best(), RATE as f32, weights, gradient).unwrap(),
        );
    }
}

#[test]
fn momentum_is_the_cpus() {
    for (kind, nesterov) in [(MomentumKind::Polyak, 0), (MomentumKind::Nesterov, 1)] {
        let momentum = Momentum { momentum: 0.9, kind };
        for decay in [0.0, 0.3] {
            check(
                &format!("{kind:?}"),
                decay,
                1,
                |_, parameters, gradient| {
                    let numbers =
                        [Real(RATE as f32), Real(0.9), Whole(nesterov), Real((decay * RATE) as f32)];
                    step::<3>("momentum", &parameters, gradient, &numbers)
                },
                |_, weights, gradient, kept| {
                    momentum.step(Simd::best(), RATE as f32, weights, gradient, &mut kept[0]).unwrap();
                },
            );
        }
    }
}
