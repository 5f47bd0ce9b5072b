//! Batch normalisation of any shape.

use kernels::Simd;
use kernels::batch_norm::{BatchNorm, EPSILON, Gradients, Statistics};
use proptest::prelude::*;

use super::{bits, difference, greatest, numbers, same_on_all_threads};

/// The definition in `f64`.
struct Exact {
    mean: Vec<f64>,
    variance: Vec<f64>,
    y: Vec<f64>,
}

fn exact(channels: usize, x: &[f64], gamma: &[f32], beta: &[f32]) -> Exact {
    let rows = (x.len() / channels) as f64;
    let column = |c: usize| x[c..].iter().step_by(channels);
    let mean: Vec<f64> = (0..channels).map(|c| column(c).sum::<f64>() / rows).collect();
    let variance: Vec<f64> =
        (0..channels).map(|c| column(c).map(|x| (x - mean[c]).powi(2)).sum::<f64>() / rows).collect();
    let y = x.iter().enumerate().map(|(i, x)| {
        let c = i % channels;
        (x - mean[c]) / (variance[c] + EPSILON).sqrt() * f64::from(gamma[c]) + f64::from(beta[c])
    });
    Exact { y: y.collect(), mean, variance }
}

/// The gradients by the formula of the paper, in `f64`: dx, dgamma, dbeta.
fn exact_gradients(channels: usize, x: &[f64], gamma: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let rows = (x.len() / channels) as f64;
    let of = exact(channels, x, &vec![1.0; channels], &vec![0.0; channels]);
    let (mut dgamma, mut dbeta) = (vec![0.0; channels], vec![0.0; channels]);
    for (i, dy) in dy.iter().enumerate() {
        dgamma[i % channels] += f64::from(*dy) * of.y[i];
        dbeta[i % channels] += f64::from(*dy);
    }
    let dx = dy.iter().enumerate().map(|(i, dy)| {
        let c = i % channels;
        let centred = f64::from(*dy) - dbeta[c] / rows - of.y[i] * dgamma[c] / rows;
        f64::from(gamma[c]) / (of.variance[c] + EPSILON).sqrt() * centred
    });
    [dx.collect(), dgamma, dbeta]
}

fn run(
    simd: Simd,
    channels: usize,
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    dy: &[f32],
) -> (Vec<f32>, Statistics, Gradients) {
    let norm = BatchNorm::new(channels, EPSILON).unwrap();
    let (y, statistics) = norm.forward_training(simd, x, gamma, beta).unwrap();
    let gradients = norm.backward(simd, x, gamma, &statistics, dy).unwrap();
    (y, statistics, gradients)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Spread over a tenth to ten around centres from 0 to 100 times as far.
    #[test]
    fn any_shape(
        rows in 1usize..70, channels in 1usize..40, spread in 0.1f32..10.0, centre in -100.0f32..100.0, salt in 1u64..1_000_000,
    ) {
        let x: Vec<f32> = numbers(rows * channels, salt).iter().map(|x| (x + centre) * spread).collect();
        let (gamma, beta) = (numbers(channels, salt + 1), numbers(channels, salt + 2));
        let dy = numbers(x.len(), salt + 3);
        let (y, statistics, gradients) = run(Simd::best(), channels, &x, &gamma, &beta, &dy);
        let wide: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let reference = exact(channels, &wide, &gamma, &beta);
        for c in 0..channels {
            prop_assert!((statistics.mean[c] - reference.mean[c]).abs() <= 1e-12 * reference.mean[c].abs().max(1.0));
            prop_assert!((statistics.variance[c] - reference.variance[c]).abs() <= 1e-9 * reference.variance[c] + 1e-12);
        }
        prop_assert!(difference(&y, &reference.y, greatest(&reference.y)) < 1e-5, "result");
        let [dx, dgamma, dbeta] = exact_gradients(channels, &wide, &gamma, &dy);
        // Of few rows nearly nothing is left of dx: what counts is what it is made of.
        let scale = statistics.variance.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).fold(0.0, f64::max);
        prop_assert!(difference(&gradients.input, &dx, scale) < 1e-5, "input");
        prop_assert!(difference(&gradients.gamma, &dgamma, greatest(&dgamma).max(1.0)) < 1e-5, "gamma");
        prop_assert!(difference(&gradients.beta, &dbeta, greatest(&dbeta).max(1.0)) < 1e-5, "beta");
        for simd in Simd::available() {
            prop_assert_eq!(&run(simd, channels, &x, &gamma, &beta, &dy), &(y.clone(), statistics.clone(), gradients.clone()));
        }
    }

    #[test]
    fn inference_of_any_shape(rows in 0usize..70, channels in 1usize..40, salt in 1u64..1_000_000) {
        let x = numbers(rows * channels, salt);
        let [gamma, beta, mean] = [1, 2, 3].map(|i| numbers(channels, salt + i));
        let variance: Vec<f32> = numbers(channels, salt + 4).iter().map(|v| v.abs()).collect();
        let norm = BatchNorm::new(channels, EPSILON).unwrap();
        let expected: Vec<f64> = x.iter().enumerate().map(|(i, x)| {
            let c = i % channels;
            let deviation = (f64::from(variance[c]) + EPSILON).sqrt();
            (f64::from(*x) - f64::from(mean[c])) / deviation * f64::from(gamma[c]) + f64::from(beta[c])
        }).collect();
        let mut first = None;
        for simd in Simd::available() {
            let y = norm.forward_inference(simd, &x, &gamma, &beta, &mean, &variance).unwrap();
            prop_assert!(difference(&y, &expected, greatest(&expected)) < 1e-5);
            prop_assert_eq!(first.get_or_insert_with(|| bits(&y)), &bits(&y));
        }
    }
}

/// The formula of the gradients against the slopes of the definition, by central differences.
#[test]
fn the_gradients_are_the_slopes() {
    let (rows, channels) = (7, 3);
    let x = numbers(rows * channels, 1);
    let (gamma, beta, dy) = (numbers(channels, 2), numbers(channels, 3), numbers(x.len(), 4));
    let gradients = run(Simd::best(), channels, &x, &gamma, &beta, &dy).2;
    let wide: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    let loss = |x: &[f64]| -> f64 {
        exact(channels, x, &gamma, &beta).y.iter().zip(&dy).map(|(y, dy)| y * f64::from(*dy)).sum()
    };
    for i in 0..x.len() {
        let at = |h: f64| {
            let mut x = wide.clone();
            x[i] += h;
            loss(&x)
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((f64::from(gradients.input[i]) - slope).abs() < 1e-5, "{i}: {} {slope}", gradients.input[i]);
    }
}

#[test]
fn far_from_zero_the_variance_is_right() {
    // Multiples of 1/16 around 4096: exact in f32, but their squares are not.
    let x: Vec<f32> = (0..1000).map(|i| 4096.0 + (i % 7) as f32 / 16.0).collect();
    let wide: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    let (y, statistics, _) = run(Simd::best(), 1, &x, &[1.0], &[0.0], &x);
    let reference = exact(1, &wide, &[1.0], &[0.0]);
    assert!((statistics.variance[0] / reference.variance[0] - 1.0).abs() < 1e-10);
    assert!(difference(&y, &reference.y, greatest(&reference.y)) < 1e-5);
}

#[test]
fn a_channel_with_a_nan_becomes_nan_and_no_other() {
    let mut x = numbers(20 * 3, 1);
    x[7 * 3 + 1] = f32::NAN;
    let (y, statistics, _) = run(Simd::best(), 3, &x, &[1.0; 3], &[0.0; 3], &x);
    assert!(y.iter().enumerate().all(|(i, y)| y.is_nan() == (i % 3 == 1)));
    assert!(statistics.mean[1].is_nan() && statistics.variance[1].is_nan());
}

#[test]
fn equal_rows_have_no_variance() {
    let x: Vec<f32> = [0.1, -7.3, 1e6].repeat(33);
    let (y, statistics, _) = run(Simd::best(), 3, &x, &[1.0; 3], &[0.25, 0.5, 0.0], &x);
    assert_eq!(statistics.variance, [0.0; 3]);
    assert_eq!(y, [0.25, 0.5, 0.0].repeat(33));
}

/// More than one block of rows.
#[test]
fn threads_change_nothing() {
    let (rows, channels) = (5000, 21);
    let x = numbers(rows * channels, 1);
    let (gamma, beta, dy) = (numbers(channels, 2), numbers(channels, 3), numbers(x.len(), 4));
    same_on_all_threads(|| run(Simd::best(), channels, &x, &gamma, &beta, &dy));
    let (_, statistics, gradients) = run(Simd::best(), channels, &x, &gamma, &beta, &dy);
    let wide: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    let reference = exact(channels, &wide, &gamma, &beta);
    for c in 0..channels {
        assert!((statistics.variance[c] - reference.variance[c]).abs() < 1e-12);
    }
    let [dx, dgamma, _] = exact_gradients(channels, &wide, &gamma, &dy);
    assert!(difference(&gradients.input, &dx, greatest(&dx)) < 1e-5);
    assert!(difference(&gradients.gamma, &dgamma, greatest(&dgamma)) < 1e-5);
}
