//! Histograms of chosen and of any values, against TensorFlow's formula written out.

use proptest::prelude::*;

use super::*;

/// Edges (one more than buckets) and counts, with the checks that hold for every histogram.
fn parts(histogram: &Histogram) -> (Vec<f64>, Vec<f64>) {
    let buckets = &histogram.buckets;
    for (bucket, next) in buckets.iter().zip(&buckets[1.min(buckets.len())..]) {
        assert_eq!(bucket.right.to_bits(), next.left.to_bits());
    }
    assert!(
        buckets.iter().all(|b| b.left.is_finite() && b.right.is_finite() && b.left <= b.right),
        "{buckets:?}"
    );
    let edges = buckets.iter().map(|b| b.left).chain(buckets.last().map(|b| b.right)).collect();
    (edges, buckets.iter().map(|b| b.count).collect())
}

fn check(count: usize, values: &[f64], edges: &[f64], counts: &[f64]) {
    let histogram = Histogram::with_buckets(count, values);
    let found = parts(&histogram);
    let bits = |numbers: &[f64]| numbers.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&found.0), bits(edges), "edges of {values:?}: {:?}", found.0);
    assert_eq!(found.1, counts, "counts of {values:?}");
}

#[test]
fn constructed_values() {
    // Edges belong to the bucket on their right, the largest value to the last bucket.
    check(4, &[0.0, 1.0, 2.0, 3.0, 4.0], &[0.0, 1.0, 2.0, 3.0, 4.0], &[1.0, 1.0, 1.0, 2.0]);
    check(2, &[-1.0, 1.0, 0.0, -0.5], &[-1.0, 0.0, 1.0], &[2.0, 2.0]);
    check(1, &[3.0, 5.0, 4.0], &[3.0, 5.0], &[3.0]);
    // 3 * 0.1 > 0.3, yet 0.3 / 0.1 < 3: the edge is right of the value, and TensorFlow says bucket 2.
    check(
        10,
        &[0.0, 0.3, 1.0],
        &{
            let mut edges: Vec<f64> = (0..=10).map(|i| f64::from(i) * 0.1).collect();
            edges[10] = 1.0;
            edges
        },
        &[1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    );
}

#[test]
fn one_value_or_none() {
    check(3, &[2.5; 7], &[2.5; 4], &[0.0, 0.0, 7.0]);
    check(3, &[-4.0], &[-4.0; 4], &[0.0, 0.0, 1.0]);
    check(3, &[], &[0.0; 4], &[0.0; 3]);
    check(0, &[1.0, 2.0], &[], &[]);
    check(0, &[1.0], &[], &[]);
    check(0, &[], &[], &[]);
    assert_eq!(Histogram::of(&[0.0f32; 0]).buckets.len(), 30);
}

#[test]
fn negative_zero() {
    check(2, &[-0.0, -0.0], &[-0.0; 3], &[0.0, 2.0]);
    // The same in any order.
    check(2, &[-0.0, 0.0], &[0.0; 3], &[0.0, 2.0]);
    check(2, &[0.0, -0.0], &[0.0; 3], &[0.0, 2.0]);
    check(2, &[1.0, -0.0], &[-0.0, 0.5, 1.0], &[1.0, 1.0]);
    check(2, &[-1.0, -0.0], &[-1.0, -0.5, -0.0], &[1.0, 1.0]);
}

#[test]
fn ranges_that_overflow() {
    check(2, &[-1e308, 0.0, 1e308], &[-1e308, 0.0, 1e308], &[1.0, 2.0]);
    let big = 2f64.powi(1023);
    check(4, &[-big, big, 0.0], &[-big, -big / 2.0, 0.0, big / 2.0, big], &[1.0, 0.0, 1.0, 1.0]);
    check(3, &[f64::MAX; 2], &[f64::MAX; 4], &[0.0, 0.0, 2.0]);
    parts(&Histogram::of(&[-f64::MAX, f64::MAX, 1e-320]));
}

#[test]
fn ranges_without_width() {
    let tiny = f64::from_bits(1);
    check(2, &[0.0, tiny], &[tiny; 3], &[0.0, 2.0]);
    check(2, &[-tiny, tiny, 0.0], &[tiny; 3], &[0.0, 3.0]);
    check(2, &[0.0, f64::MIN_POSITIVE], &[0.0, f64::MIN_POSITIVE / 2.0, f64::MIN_POSITIVE], &[1.0, 1.0]);
    // Neighbours far from zero have a range, and edges that fall together.
    let next = 1.0 + f64::EPSILON;
    check(4, &[1.0, next], &[1.0, 1.0, 1.0, next, next], &[1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn values_that_are_not_finite_are_counted_and_left_out() {
    let values = [f32::NAN, 1.0, f32::INFINITY, 2.0, f32::NEG_INFINITY];
    let histogram = Histogram::with_buckets(2, &values);
    assert_eq!(histogram.non_finite, 3);
    assert_eq!(parts(&histogram), (vec![1.0, 1.5, 2.0], vec![1.0, 1.0]));
    let nothing = Histogram::with_buckets(2, &[f64::NAN]);
    assert_eq!((nothing.non_finite, nothing.total()), (1, 0.0));
    assert_eq!(parts(&nothing).0, [0.0; 3]);
}

#[test]
fn tensors_of_another_form_are_errors() {
    let good = Histogram::of(&[1.0, 2.0]).to_tensor();
    assert_eq!(good.shape(), [30, 3]);
    let shape = |sizes: &[i64]| {
        let mut tensor = good.clone();
        let dim = sizes.iter().map(|&size| crate::message::Dim { size }).collect();
        tensor.tensor_shape = Some(crate::message::TensorShapeProto { dim });
        Histogram::from_tensor(&tensor).unwrap_err()
    };
    for sizes in [&[][..], &[90], &[3, 30], &[-1, 3], &[30, 3, 1]] {
        assert_eq!(shape(sizes), TensorError::Shape { found: sizes.to_vec(), expected: "[k, 3]" });
    }
    assert_eq!(shape(&[31, 3]), TensorError::Size { found: 720, expected: 744 });
    assert_eq!(shape(&[i64::MAX, 3]), TensorError::Size { found: 720, expected: usize::MAX });
    let empty = Histogram::with_buckets(0, &[1.0]);
    assert_eq!(Histogram::from_tensor(&empty.to_tensor()), Ok(empty));
}

/// TensorFlow's formula as `tensorboard/plugins/histogram/summary_v2.py` has it, one value after the other: edges and
/// counts of finite values whose range is normal.
fn plain(count: usize, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = (max - min) / count as f64;
    let mut counts = vec![0.0; count];
    for value in values {
        counts[(((value - min) / width).floor() as usize).min(count - 1)] += 1.0;
    }
    let mut edges: Vec<f64> = (0..=count).map(|i| min + i as f64 * width).collect();
    edges[count] = max;
    (edges, counts)
}

#[test]
fn slices_arrays_vectors_and_iterators() {
    let values = vec![0.5f32, 1.0, 2.0, f32::NAN];
    let of = Histogram::of(&values);
    assert_eq!((of.total(), of.non_finite), (3.0, 1));
    assert_eq!(Histogram::from(&values), of);
    assert_eq!(Histogram::from(&values[..]), of);
    assert_eq!(Histogram::from(&[0.5f64, 1.0, 2.0, f64::NAN]), of);
    assert_eq!(values.iter().copied().collect::<Histogram>(), of);
}

proptest! {
    #[test]
    fn the_formula_of_tensorflow(
        values in prop::collection::vec(prop_oneof![-1e3f32..1e3, (-20i8..20).prop_map(f32::from)], 2..70),
        buckets in 1usize..40,
    ) {
        let wide: Vec<f64> = values.iter().copied().map(f64::from).collect();
        prop_assume!(wide.iter().any(|&value| value != wide[0]));
        let expected = plain(buckets, &wide);
        prop_assert_eq!(parts(&Histogram::with_buckets(buckets, &values)), expected.clone());
        prop_assert_eq!(parts(&Histogram::with_buckets(buckets, &wide)), expected);
    }

    #[test]
    fn values_that_are_not_finite_change_nothing_else(
        values in prop::collection::vec(prop_oneof![3 => any::<f32>(), 1 => Just(f32::NAN)], 0..70),
    ) {
        let finite: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let histogram = Histogram::of(&values);
        prop_assert_eq!(histogram.non_finite as usize, values.len() - finite.len());
        prop_assert_eq!(histogram.buckets, Histogram::of(&finite).buckets);
    }

    #[test]
    fn any_values(values in prop::collection::vec(any::<f64>(), 0..60), count in 0usize..40) {
        let histogram = Histogram::with_buckets(count, &values);
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        parts(&histogram);
        prop_assert_eq!(histogram.buckets.len(), count);
        prop_assert_eq!(histogram.non_finite as usize, values.len() - finite.len());
        prop_assert_eq!(histogram.total(), if count == 0 { 0.0 } else { finite.len() as f64 });
        let read = Histogram::from_tensor(&histogram.to_tensor()).unwrap();
        prop_assert_eq!(read.buckets, histogram.buckets);
    }

    #[test]
    fn order_does_not_matter(mut values in prop::collection::vec(any::<f32>(), 0..60)) {
        let one = Histogram::of(&values);
        values.reverse();
        let other = Histogram::of(&values);
        prop_assert_eq!(one.to_tensor().tensor_content, other.to_tensor().tensor_content);
    }
}
