//! Dropout of any shape.

use kernels::dropout::Dropout;
use proptest::prelude::*;
use streams::{Purpose, Seed, Stream};

use super::{bits, numbers, same_on_all_threads};

const TEST: Purpose = Purpose::new("drop");

fn stream(sample: u64) -> Stream {
    Seed(11).stream(TEST, 2, sample)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What a sample becomes does not depend on its place among the others.
    #[test]
    fn samples_in_any_order(batch in 0usize..20, each in 0usize..200, rate in 0.0f32..0.99, salt in 1u64..1_000_000) {
        let dropout = Dropout::new(rate).unwrap();
        let x: Vec<f32> = numbers(batch * each, salt).iter().map(|x| x + 2.0).collect();
        let dy = numbers(x.len(), salt + 1);
        let (y, mask) = dropout.forward(batch, &x, |i| stream(i as u64)).unwrap();
        let dx = dropout.backward(&mask, &dy).unwrap();
        for sample in 0..batch {
            let part = sample * each..(sample + 1) * each;
            let (alone, mask) = dropout.forward(1, &x[part.clone()], |_| stream(sample as u64)).unwrap();
            prop_assert_eq!(bits(&alone), bits(&y[part.clone()]));
            prop_assert_eq!(bits(&dropout.backward(&mask, &dy[part.clone()]).unwrap()), bits(&dx[part]));
        }
        for i in 0..x.len() {
            // No x is 0.
            let scale = if y[i] == 0.0 { 0.0 } else { 1.0 / (1.0 - f64::from(rate)) };
            prop_assert!((f64::from(y[i]) - f64::from(x[i]) * scale).abs() <= 1e-5 * scale * f64::from(x[i]));
            prop_assert!((f64::from(dx[i]) - f64::from(dy[i]) * scale).abs() <= 1e-5 * scale);
        }
    }
}

#[test]
fn the_part_that_is_dropped_is_the_rate() {
    for rate in [0.1, 0.5, 0.8] {
        let y = Dropout::new(rate).unwrap().forward(100, &[1.0; 10_000], |i| stream(i as u64)).unwrap().0;
        let dropped = y.iter().filter(|y| **y == 0.0).count() as f32 / 10_000.0;
        // Four standard deviations.
        assert!((dropped - rate).abs() < 0.02, "{dropped} where {rate} is expected");
        let mean = y.iter().sum::<f32>() / 10_000.0;
        assert!((mean - 1.0).abs() < 0.02 / (1.0 - rate), "a mean of {mean}");
    }
}

#[test]
fn nan_passes_where_it_stays() {
    let y = Dropout::new(0.5).unwrap().forward(1, &[f32::NAN; 100], |_| stream(0)).unwrap().0;
    let ones = Dropout::new(0.5).unwrap().forward(1, &[1.0; 100], |_| stream(0)).unwrap().0;
    assert!(y.iter().zip(&ones).all(|(y, one)| y.is_nan() == (*one != 0.0)));
    assert!(ones.contains(&0.0) && ones.contains(&2.0));
}

#[test]
fn threads_change_nothing() {
    let x = numbers(37 * 129, 1);
    let dropout = Dropout::new(0.3).unwrap();
    same_on_all_threads(|| dropout.forward(37, &x, |i| stream(i as u64)).unwrap());
}
