//! The loss, its gradient and the count of right answers, against [`kernels::loss`] and the definition in `f64`.

use kernels::loss::{CrossEntropy, count_correct};

use crate::host::Number::{Real, Whole};
use crate::host::{Array, launch};
use crate::{check_equal, check_near, chosen, numbers, size, stream};

/// What the kernels give for a batch.
struct Found {
    losses: Vec<f32>,
    gradient: Vec<f32>,
    correct: Vec<u32>,
}

fn cross_entropy(logits: &[f32], labels: &[u32], classes: usize, smoothing: f32) -> Found {
    let batch = labels.len();
    let arrays = [
        Array::from(logits),
        Array::from(labels),
        Array::unwritten(batch),
        Array::unwritten(logits.len()),
        Array::unwritten(batch),
    ];
    let numbers = [Whole(batch), Whole(classes), Real(smoothing)];
    let [_, _, losses, gradient, correct] = launch("cross_entropy", batch, &arrays, &numbers);
    Found { losses: losses.floats(), gradient: gradient.floats(), correct: correct.words() }
}

fn mean(values: &[f32], parts: usize) -> f32 {
    let arrays = [Array::from(values), Array::unwritten(parts)];
    let [_, sums] = launch("sum_in_order", parts, &arrays, &[values.len(), parts].map(Whole));
    let arrays = [sums, Array::unwritten(1)];
    let [_, mean] = launch("mean_in_order", 1, &arrays, &[parts, values.len()].map(Whole));
    mean.floats()[0]
}

fn count(flags: &[u32], parts: usize) -> usize {
    let arrays = [Array::from(flags), Array::unwritten(parts)];
    let [_, sums] = launch("count_in_order", parts, &arrays, &[flags.len(), parts].map(Whole));
    let [_, sum] = launch("count_in_order", 1, &[sums, Array::unwritten(1)], &[parts, 1].map(Whole));
    sum.words()[0] as usize
}

/// A row's loss and its gradient by the definition in `f64`.
fn exact(z: &[f32], label: u32, smoothing: f64) -> (f64, Vec<f64>) {
    let classes = z.len() as f64;
    let z: Vec<f64> = z.iter().copied().map(f64::from).collect();
    let log_total = z.iter().map(|z| z.exp()).sum::<f64>().ln();
    let target =
        |k: usize| f64::from(u8::from(k == label as usize)) * (1.0 - smoothing) + smoothing / classes;
    let loss = z.iter().enumerate().map(|(k, z)| target(k) * (log_total - z)).sum();
    (loss, z.iter().enumerate().map(|(k, z)| (z - log_total).exp() - target(k)).collect())
}

/// All kernels against `kernels`: the rows one by one, and the batch.
fn check(what: &str, logits: &[f32], labels: &[u32], classes: usize, smoothing: f32) -> Found {
    let found = cross_entropy(logits, labels, classes, smoothing);
    let loss = CrossEntropy::new(classes, f64::from(smoothing)).unwrap();
    let rows = || logits.chunks_exact(classes).zip(labels.chunks_exact(1));
    let losses: Vec<f64> = rows().map(|(z, label)| f64::from(loss.loss(z, label).unwrap())).collect();
    check_near(what, &found.losses, &losses, 1.0);
    let gradient = loss.backward(logits, labels, 1.0).unwrap();
    let gradient: Vec<f64> = gradient.into_iter().map(f64::from).collect();
    check_near(what, &found.gradient, &gradient, 1.0 / labels.len() as f64);
    let correct: Vec<usize> = rows().map(|(z, label)| count_correct(classes, z, label).unwrap()).collect();
    assert!(found.correct.iter().map(|c| *c as usize).eq(correct), "{what}: {:?}", found.correct);
    let all = f64::from(loss.loss(logits, labels).unwrap());
    for parts in [1, 4, labels.len() + 2] {
        check_near(what, &[mean(&found.losses, parts)], &[all], 1.0);
        assert_eq!(count(&found.correct, parts), count_correct(classes, logits, labels).unwrap(), "{what}");
    }
    found
}

fn random_labels(case: u64, batch: usize, classes: usize) -> Vec<u32> {
    let mut stream = stream(case);
    (0..batch).map(|_| stream.below(classes as u32)).collect()
}

#[test]
fn losses_and_gradients_are_the_definition() {
    for case in 0..24 {
        let mut stream = stream(case);
        let (batch, classes) = match case {
            0 => (1, 1),
            1 => (128, 10),
            _ => (size(&mut stream, 1, 30), size(&mut stream, 1, 20)),
        };
        let scale = [0.1, 1.0, 10.0, 60.0][case as usize % 4];
        let smoothing = [0.0, 0.1, 0.75][case as usize % 3];
        let labels = random_labels(case, batch, classes);
        let logits: Vec<f32> = numbers(&mut stream, batch * classes).into_iter().map(|z| z * scale).collect();
        let what = format!("{batch} x {classes}, logits to {scale}, smoothing {smoothing}");
        let found = check(&what, &logits, &labels, classes, smoothing);
        let rows = logits.chunks_exact(classes).zip(&labels);
        let (losses, gradients): (Vec<f64>, Vec<Vec<f64>>) =
            rows.map(|(z, label)| exact(z, *label, f64::from(smoothing))).unzip();
        check_near(&what, &found.losses, &losses, 1.0);
        let gradient: Vec<f64> = gradients.into_iter().flatten().map(|g| g / batch as f64).collect();
        check_near(&what, &found.gradient, &gradient, 1.0 / batch as f64);
    }
}

#[test]
fn equal_ruled_out_and_undefined_logits_are_as_on_the_cpu() {
    let infinite = f32::NEG_INFINITY;
    for from in [&[1.0, 1.0, 2.0][..], &[0.0, infinite], &[f32::NAN, infinite, 0.5, 4.0, f32::INFINITY]] {
        for (case, smoothing) in (0..12).zip([0.0, 0.1].into_iter().cycle()) {
            let (batch, classes) = (9, 1 + case as usize % 6);
            let logits = chosen(&mut stream(case), batch * classes, from);
            let labels = random_labels(case, batch, classes);
            check(&format!("of {from:?}, smoothing {smoothing}"), &logits, &labels, classes, smoothing);
        }
    }
}

#[test]
fn a_label_that_is_no_class_is_seen_and_teaches_nothing() {
    let logits = [1.0, 2.0, 3.0, 4.0, 6.0, 5.0];
    let right = check("two rows", &logits, &[1, 0], 3, 0.1);
    for bad in [3, u32::MAX] {
        let found = cross_entropy(&logits, &[bad, 0], 3, 0.1);
        check_equal("losses", &found.losses, &[f32::NAN, right.losses[1]]);
        check_equal("gradient", &found.gradient[..3], &[0.0; 3]);
        check_equal("gradient", &found.gradient[3..], &right.gradient[3..]);
        assert_eq!(found.correct, [0, right.correct[1]]);
        assert!(mean(&found.losses, 2).is_nan());
    }
}

#[test]
fn of_nothing_the_mean_and_the_count_are_0() {
    assert_eq!((mean(&[], 3), count(&[], 3)), (0.0, 0));
}
