//! Cross-entropy with label smoothing of any shape.

use kernels::loss::CrossEntropy;
use proptest::prelude::*;

use super::{bits, difference, numbers, same_on_all_threads};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_shape(
        batch in 1usize..40, classes in 1usize..30, smoothing in prop_oneof![Just(0.0), 0.0..0.99], size in 0.0f32..30.0,
        salt in 1u64..1_000_000,
    ) {
        let logits: Vec<f32> = numbers(batch * classes, salt).iter().map(|z| z * size).collect();
        let labels: Vec<u32> = (0..batch).map(|b| ((b as u64 * 7 + salt) % classes as u64) as u32).collect();
        let mut exact = 0.0;
        let mut gradient = Vec::new();
        for (z, label) in logits.chunks(classes).zip(&labels) {
            let total: f64 = z.iter().map(|z| f64::from(*z).exp()).sum();
            for (k, z) in z.iter().enumerate() {
                let one_hot = if k == *label as usize { 1.0 } else { 0.0 };
                let target = one_hot * (1.0 - smoothing) + smoothing / classes as f64;
                exact -= target * (f64::from(*z) - total.ln()) / batch as f64;
                gradient.push((f64::from(*z).exp() / total - target) / batch as f64 * 3.0);
            }
        }
        let entropy = CrossEntropy::new(classes, smoothing).unwrap();
        let loss = f64::from(entropy.loss(&logits, &labels).unwrap());
        prop_assert!((loss - exact).abs() <= 1e-5 * exact.abs().max(0.1), "{} {}", loss, exact);
        let found = entropy.backward(&logits, &labels, 3.0).unwrap();
        prop_assert!(difference(&found, &gradient, 3.0 / batch as f64) < 1e-5);
    }
}

#[test]
fn threads_change_nothing() {
    let logits = numbers(37 * 10, 1);
    let labels: Vec<u32> = (0..37).map(|i| i % 10).collect();
    let entropy = CrossEntropy::new(10, 0.1).unwrap();
    same_on_all_threads(|| {
        (
            entropy.loss(&logits, &labels).unwrap().to_bits(),
            bits(&entropy.backward(&logits, &labels, 1.0).unwrap()),
        )
    });
}

#[test]
fn nan_reaches_the_loss() {
    let entropy = CrossEntropy::new(3, 0.1).unwrap();
    let logits = [0.0, f32::NAN, 1.0, 0.0, 1.0, 2.0];
    assert!(entropy.loss(&logits, &[0, 1]).unwrap().is_nan());
    let gradient = entropy.backward(&logits, &[0, 1], 1.0).unwrap();
    assert!(gradient[..3].iter().all(|g| g.is_nan()) && gradient[3..].iter().all(|g| g.is_finite()));
    assert_eq!(entropy.loss(&[], &[]), Ok(0.0));
}
