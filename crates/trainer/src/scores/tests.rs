//! Scores against values computed by hand and against their definitions.

use proptest::prelude::*;

use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Logits whose softmax is these probabilities.
fn logits(probabilities: &[f32]) -> Vec<f32> {
    probabilities.iter().map(|p| p.ln()).collect()
}

fn close(found: f64, expect: f64) {
    assert!((found - expect).abs() < 1e-6, "{found} is not {expect}");
}

/// Five pictures of three classes; nobody answers "dog", and there is no "owl".
fn example() -> Scores {
    let answers = logits(&[
        0.70, 0.20, 0.10, // a cat, seen
        0.13, 0.05, 0.82, // a cat, taken for an owl
        0.50, 0.30, 0.20, // a dog, taken for a cat; second
        0.62, 0.10, 0.28, // a dog, taken for a cat; third
        0.90, 0.06, 0.04, // a cat, seen
    ]);
    Scores::of(&names(&["cat", "dog", "owl"]), &answers, &[0, 0, 1, 1, 0]).unwrap()
}

#[test]
fn a_small_table_by_hand() {
    let scores = example();
    assert_eq!((scores.pictures, scores.accuracy), (5, 0.4));
    assert_eq!((scores.top2_accuracy, scores.top3_accuracy), (0.8, 1.0));
    close(scores.loss, -(0.7f64 * 0.13 * 0.3 * 0.1 * 0.9).ln() / 5.0);
    assert_eq!(scores.confusion, [2, 0, 1, 2, 0, 0, 0, 0, 0]);
    let class = |i: usize| {
        let class = &scores.classes[i];
        (class.name.as_str(), class.precision, class.recall, class.f1, class.support)
    };
    assert_eq!(class(0), ("cat", 0.5, 2.0 / 3.0, 4.0 / 7.0, 3));
    // 0/0 precision; 0/0 recall.
    assert_eq!(class(1), ("dog", 0.0, 0.0, 0.0, 2));
    assert_eq!(class(2), ("owl", 0.0, 0.0, 0.0, 0));
    close(scores.macro_average.precision, 0.5 / 3.0);
    close(scores.macro_average.recall, 2.0 / 9.0);
    close(scores.macro_average.f1, 4.0 / 21.0);
}

#[test]
fn calibration_by_hand() {
    // In fifteenths, 0.7 is 10.5, 0.82 is 12.3, 0.5 is 7.5, 0.62 is 9.3 and 0.9 is 13.5.
    let Calibration { error, bins } = example().calibration;
    close(error, (0.3 + 0.82 + 0.5 + 0.62 + 0.1) / 5.0);
    assert_eq!(bins.len(), BINS);
    for (bin, confidence, accuracy) in
        [(10, 0.7, 1.0), (12, 0.82, 0.0), (7, 0.5, 0.0), (9, 0.62, 0.0), (13, 0.9, 1.0)]
    {
        assert_eq!((bins[bin].count, bins[bin].accuracy), (1, accuracy), "{bin}");
        close(bins[bin].confidence, confidence);
    }

    // Two answers in one bin even out; what is no number is left out.
    let answers = [(0.75, true), (0.75, false), (0.75, true), (0.75, true), (f32::NAN, false)];
    let Calibration { error, bins } = Calibration::of(&answers);
    assert_eq!(error, 0.0);
    assert_eq!(bins[11], Bin { count: 4, confidence: 0.75, accuracy: 0.75 });
    assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 4);

    // Each end belongs to the bin below it, as in Guo et al.
    let bins = Calibration::of(&[(1.0, true), (1.0 / 15.0 - 1e-6, true), (0.0, false)]).bins;
    assert_eq!((bins[0].count, bins[14].count), (2, 1));
    assert_eq!(Calibration::of(&[]).error, 0.0);
}

#[test]
fn mistakes_come_by_confidence() {
    let scores = example();
    let found = scores.most_confident_mistakes(2);
    let places: Vec<_> =
        found.iter().map(|mistake| (mistake.index, mistake.truth, mistake.predicted)).collect();
    assert_eq!(places, [(1, 0, 2), (3, 1, 0)]);
    close(f64::from(found[0].confidence), 0.82);
    assert_eq!(scores.most_confident_mistakes(9).len(), 3);

    // Equal ones in their order; NaN last.
    let rows = [f32::NAN, 1.0, 0.0, 1.0, 0.0, 1.0];
    let scores = Scores::of(&names(&["a", "b"]), &rows, &[0, 0, 0]).unwrap();
    let order: Vec<_> = scores.most_confident_mistakes(3).iter().map(|mistake| mistake.index).collect();
    assert_eq!(order, [1, 2, 0]);
}

#[test]
fn of_equal_logits_the_first_is_greatest() {
    let check = |label: u32, accuracy: f64, top2: f64, top3: f64| {
        let scores = Scores::of(&names(&["a", "b", "c", "d"]), &[1.0; 4], &[label]).unwrap();
        assert_eq!((scores.accuracy, scores.top2_accuracy, scores.top3_accuracy), (accuracy, top2, top3));
    };
    check(0, 1.0, 1.0, 1.0);
    check(1, 0.0, 1.0, 1.0);
    check(2, 0.0, 0.0, 1.0);
    check(3, 0.0, 0.0, 0.0);
}

#[test]
fn wrong_arguments_are_errors() {
    let check = |classes: &[&str], logits: &[f32], labels: &[u32], expect: &str| {
        let error = Scores::of(&names(classes), logits, labels).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(&[], &[], &[], "the number of classes is 0; expected at least 1");
    check(&["a", "b"], &[0.0; 3], &[0, 1], "logits has 3 elements where its shape");
    check(&["a", "b"], &[0.0; 2], &[2], "label 2 of picture 0 is not below the number of classes, 2");
    let none = Scores::of(&names(&["a"]), &[], &[]).unwrap();
    assert_eq!((none.accuracy, none.loss, none.top2_accuracy, none.macro_average.f1), (0.0, 0.0, 0.0, 0.0));
}

#[test]
fn the_table_and_the_json() {
    let scores = example();
    let text = scores.to_string();
    let has = |line: &str| assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    has("pictures 5, accuracy 0.4000, loss 1.2018");
    has("top-2 accuracy 0.8000, top-3 accuracy 1.0000");
    has("class       precision     recall         F1   pictures");
    has("cat            0.5000     0.6667     0.5714          3");
    has("macro mean     0.1667     0.2222     0.1905          5");
    has("                0   1   2");
    has(" 1 dog          2   0   0");
    has("expected calibration error 0.4680 (15 bins)");
    has("0.87 to 0.93          1     0.9000     1.0000");
    assert!(text.lines().all(|line| line.trim_end() == line), "{text}");

    let json = serde_json::to_value(&scores).unwrap();
    assert_eq!(json["classes"][0]["name"], "cat");
    assert_eq!(json["confusion"][3], 2);
    assert_eq!(json["calibration"]["bins"].as_array().unwrap().len(), BINS);
    assert!(json.get("mistakes").is_none());
}

#[test]
fn many_classes_are_a_list_of_confusions() {
    let classes: Vec<String> = (0..21).map(|i| format!("c{i}")).collect();
    // Three pictures of class 5 are taken for class 2, one of class 1 for class 0; two of class 2 are seen.
    let (labels, answers) = ([1, 5, 5, 5, 2, 2], [0, 2, 2, 2, 2, 2]);
    let mut logits = vec![0.0; 21 * labels.len()];
    for (row, answer) in logits.chunks_exact_mut(21).zip(answers) {
        row[answer] = 1.0;
    }
    let text = Scores::of(&classes, &logits, &labels).unwrap().to_string();
    let expect = "most common confusions\n     3  c5 taken for c2\n     1  c1 taken for c0\n\nexpected";
    assert!(text.contains(expect), "{text}");
}

#[test]
fn probabilities_by_hand() {
    let found = probabilities(&[0.0, 3f32.ln(), 0.0]);
    for (found, expect) in found.iter().zip([0.2, 0.6, 0.2]) {
        close(f64::from(*found), expect);
    }
    assert_eq!(probabilities(&[1000.0, 0.0, f32::NEG_INFINITY]), [1.0, 0.0, 0.0]);
    assert!(probabilities(&[f32::NAN, 0.0]).iter().all(|p| p.is_nan()));
    assert!(probabilities(&[]).is_empty());
}

/// Rows of logits with a label each. Logits are few different ones, so that equal ones are common, or anything.
fn answers() -> impl Strategy<Value = (usize, Vec<f32>, Vec<u32>)> {
    (1..6usize, 0..30usize).prop_flat_map(|(classes, pictures)| {
        let logit = prop_oneof![9 => (-3..4i8).prop_map(f32::from), 1 => any::<f32>(), 1 => Just(f32::NAN)];
        let labels = prop::collection::vec(0..classes as u32, pictures);
        (Just(classes), prop::collection::vec(logit, classes * pictures), labels)
    })
}

proptest! {
    #[test]
    fn counts_add_up((classes, logits, labels) in answers()) {
        let names: Vec<String> = (0..classes).map(|i| i.to_string()).collect();
        let scores = Scores::of(&names, &logits, &labels).unwrap();
        let pictures = labels.len() as u64;
        prop_assert_eq!(scores.confusion.iter().sum::<u64>(), pictures);
        let right: u64 = scores.confusion.iter().step_by(classes + 1).sum();
        prop_assert_eq!(right as usize, kernels::loss::count_correct(classes, &logits, &labels).unwrap());
        prop_assert_eq!(scores.accuracy, share(right, pictures));
        prop_assert_eq!(scores.most_confident_mistakes(usize::MAX).len() as u64, pictures - right);
        for (label, class) in scores.classes.iter().enumerate() {
            let support = labels.iter().filter(|&&found| found as usize == label).count();
            prop_assert_eq!(class.support, support as u64);
            let (precision, recall) = (class.precision, class.recall);
            let harmonic = if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
            prop_assert!((class.f1 - harmonic).abs() < 1e-12);
        }
        let shares = [scores.accuracy, scores.top2_accuracy, scores.top3_accuracy, 1.0];
        prop_assert!(shares.is_sorted(), "{:?}", shares);
        if (1..=3).contains(&classes) && pictures > 0 {
            prop_assert_eq!(scores.top3_accuracy, 1.0);
        }
        prop_assert!((0.0..=1.0 + 1e-6).contains(&scores.calibration.error));
        let confidences: Vec<f32> =
            scores.most_confident_mistakes(usize::MAX).iter().map(believed).rev().collect();
        prop_assert!(confidences.is_sorted());
        prop_assert!(!scores.to_string().is_empty());
    }

    #[test]
    fn probabilities_are_a_distribution(row in prop::collection::vec(-80.0..80.0f32, 1..12)) {
        let found = probabilities(&row);
        prop_assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        prop_assert!(found.iter().all(|p| (0.0..=1.0).contains(p)));
        // The most likely is the answer (equal ones can lie together that were not).
        prop_assert_eq!(found[answer(&row)], found.iter().copied().fold(0.0, f32::max));
    }
}
