//! Curves of each kind, curves at the edge, and those of real Keras.

use proptest::prelude::*;

use super::*;

/// Training loss and accuracy, validation loss and accuracy.
type Row = [f32; 4];

fn epochs(rows: &[Row]) -> Vec<Epoch> {
    let epoch = |&[loss, accuracy, val_loss, val_accuracy]: &Row| Epoch {
        train: Metrics { loss, accuracy },
        validation: Metrics { loss: val_loss, accuracy: val_accuracy },
    };
    rows.iter().map(epoch).collect()
}

fn diagnose(rows: &[Row]) -> Diagnosis {
    Diagnosis::of(&epochs(rows), 10)
}

/// The verdict, and a part of the evidence.
fn check(rows: &[Row], verdict: Verdict, evidence: &str) {
    let found = diagnose(rows);
    assert_eq!(found.verdict, verdict, "{found}");
    assert!(found.evidence.iter().any(|line| line.contains(evidence)), "`{evidence}` is not in\n{found}");
    assert_eq!(found.advice.is_empty(), verdict == Verdict::Healthy, "{found}");
}

/// `epoch_loss` and `epoch_accuracy` of the event files that Keras 3.15.1 (TensorFlow 2.21) wrote of the tutorial: ten
/// epochs on 50,000 CIFAR-10 pictures, with the 10,000 test pictures as validation.
const KERAS: [Row; 10] = [
    [1.526434, 0.445760, 1.241316, 0.549500],
    [1.177453, 0.58382, 1.07804, 0.6148],
    [1.031912, 0.635300, 1.018031, 0.640100],
    [0.936780, 0.670280, 1.016987, 0.645900],
    [0.865214, 0.694520, 0.993824, 0.654200],
    [0.804535, 0.717060, 0.975786, 0.662700],
    [0.753462, 0.735400, 0.973602, 0.664500],
    [0.713984, 0.748740, 0.973624, 0.664200],
    [0.676457, 0.761920, 0.977019, 0.670000],
    [0.639505, 0.776520, 1.011596, 0.661500],
];

/// Since epoch 7 training goes on as before (loss 0.75 to 0.64), while validation loss has gone up by 3.9 % and
/// accuracy is where it was: the tutorial's run has begun to overfit, as its own text says. An epoch before, loss is
/// within 0.4 % of its lowest and accuracy at its highest, so that one is called healthy; after four epochs
/// everything still rises.
#[test]
fn the_tutorials_run() {
    let found = diagnose(&KERAS);
    let expected = "\
overfitting
  validation loss was lowest in epoch 7 (0.9736) and is 3.9 % higher in epoch 10 (1.0116)
  from epoch 7 to 10 training accuracy rose from 0.7354 to 0.7765, validation accuracy fell from 0.6645 to 0.6615
  the gap between them grew from 0.0709 to 0.1150
  try: vary the training pictures: --augment standard, or more of it
  try: take the weights of epoch 7, or stop early
  try: more training pictures, dropout or weight decay, or a smaller network";
    assert_eq!(found.to_string(), expected);
    check(&KERAS[..9], Verdict::Healthy, "validation loss was lowest in epoch 7 (0.9736)");
    check(&KERAS[..4], Verdict::Underfitting, "both accuracies still rise: from epoch 2 to 4");
    check(&KERAS[..3], Verdict::TooShort, "3 epochs show no trend");
}

#[test]
fn overfitting_at_its_plainest() {
    let rows: Vec<Row> = (0..20)
        .map(|i| {
            let i = i as f32;
            [2.0 / (1.0 + i), 1.0 - 0.6 / (1.0 + i), 1.0 + (i - 5.0).powi(2) * 0.01, 0.65]
        })
        .collect();
    check(&rows, Verdict::Overfitting, "validation loss was lowest in epoch 6 (1.0000)");
}

#[test]
fn overfitting_by_loss_alone() {
    // Accuracy still creeps up, by less than a quarter of training's.
    let rows = [
        [1.4, 0.50, 1.10, 0.60],
        [1.0, 0.65, 0.97, 0.66],
        [0.5, 0.85, 1.20, 0.68],
        [0.2, 0.95, 1.60, 0.69],
        [0.1, 0.99, 2.00, 0.69],
    ];
    check(&rows, Verdict::Overfitting, "lowest in epoch 2 (0.9700)");
}

#[test]
fn overfitting_by_the_gap_alone() {
    // Validation loss never turns.
    let rows = [
        [1.4, 0.50, 1.20, 0.580],
        [1.0, 0.65, 1.10, 0.610],
        [0.8, 0.72, 1.05, 0.625],
        [0.6, 0.80, 1.04, 0.630],
        [0.5, 0.85, 1.03, 0.635],
    ];
    check(&rows, Verdict::Overfitting, "the gap between them grew from 0.0950 to 0.2150");
}

#[test]
fn at_the_edge_of_overfitting() {
    let rows = |end: Row| [[1.4, 0.5, 1.2, 0.60], [1.0, 0.65, 1.0, 0.64], [0.9, 0.66, 1.01, 0.64], end];
    check(&rows([0.8, 0.69, 1.021, 0.645]), Verdict::Overfitting, "2.1 % higher");
    check(&rows([0.8, 0.69, 1.019, 0.645]), Verdict::Healthy, "lowest in epoch 2");
    // More than a quarter of training's gain came through.
    check(&rows([0.8, 0.69, 1.021, 0.655]), Verdict::Healthy, "lowest in epoch 2");
    // Training stands still as well.
    check(&rows([0.9, 0.665, 1.021, 0.64]), Verdict::Healthy, "lowest in epoch 2");
    // One bad epoch is none.
    let late =
        [[1.4, 0.5, 1.2, 0.60], [1.2, 0.62, 1.1, 0.62], [1.0, 0.65, 1.0, 0.64], [0.8, 0.69, 1.1, 0.62]];
    check(&late, Verdict::Healthy, "lowest in epoch 3");
}

#[test]
fn training_below_validation_is_no_gap() {
    // Augmentation and dropout: validation loss went up a little, but training is still behind.
    let rows =
        [[1.6, 0.42, 1.00, 0.66], [1.3, 0.53, 0.95, 0.68], [1.2, 0.56, 0.96, 0.68], [1.1, 0.59, 0.98, 0.68]];
    check(&rows, Verdict::Healthy, "training accuracy lies 0.0900 below validation accuracy");
}

#[test]
fn underfitting() {
    let low =
        [[2.1, 0.22, 2.0, 0.25], [1.9, 0.30, 1.9, 0.31], [1.85, 0.32, 1.85, 0.32], [1.84, 0.33, 1.84, 0.325]];
    check(&low, Verdict::Underfitting, "guessing among 10 classes is right in 0.1000");
    check(&[[2.303, 0.1, 2.303, 0.1]; 5], Verdict::Underfitting, "no better than guessing");
    let good = [[1.0, 0.475, 1.0, 0.45]; 5];
    check(&good, Verdict::Healthy, "training accuracy is 0.4750");
    // What is good in ten classes is next to nothing in two.
    assert_eq!(Diagnosis::of(&epochs(&[[0.69, 0.52, 0.69, 0.52]; 5]), 2).verdict, Verdict::Underfitting);
    assert_eq!(Diagnosis::of(&epochs(&[[0.5, 0.75, 0.5, 0.75]; 5]), 2).verdict, Verdict::Healthy);
    assert_eq!(Diagnosis::of(&epochs(&[[3.0, 0.45, 3.0, 0.45]; 5]), 100).verdict, Verdict::Healthy);
}

#[test]
fn at_the_edge_of_steep() {
    let rows = |train: f32, validation: f32| {
        let row = |i: u8| {
            let i = f32::from(i);
            [1.0 - 0.02 * i, 0.6 + train * i, 1.0 - 0.02 * i, 0.6 + validation * i]
        };
        (0..8).map(row).collect::<Vec<Row>>()
    };
    check(
        &rows(0.011, 0.011),
        Verdict::Underfitting,
        "both accuracies still rise: from epoch 6 to 8 by 0.0110",
    );
    check(&rows(0.011, 0.009), Verdict::Healthy, "");
    check(&rows(0.009, 0.011), Verdict::Healthy, "");
}

#[test]
fn unstable() {
    let nan = f32::NAN;
    check(
        &[[1.0, 0.5, 1.0, 0.5], [nan, 0.1, nan, 0.1]],
        Verdict::Unstable,
        "training loss is NaN in epoch 2",
    );
    check(&[[1.0, 0.5, f32::INFINITY, 0.5]], Verdict::Unstable, "validation loss is inf in epoch 1");
    let jump =
        |to: f32| [[1.5, 0.5, 1.4, 0.5], [1.0, 0.6, 1.1, 0.6], [0.9, 0.7, 1.0, 0.6], [to, 0.5, 1.1, 0.6]];
    check(&jump(1.48), Verdict::Unstable, "jumped from 0.9000 in epoch 3 to 1.4800 in epoch 4");
    assert_ne!(diagnose(&jump(1.47)).verdict, Verdict::Unstable);
    let swing = |by: f32| {
        let row = |i: usize| [1.0, 0.7, 1.0, if i.is_multiple_of(2) { 0.6 } else { 0.6 + by }];
        (0..8).map(row).collect::<Vec<Row>>()
    };
    check(
        &swing(0.051),
        Verdict::Unstable,
        "goes up and down between 0.6000 and 0.6510 from epoch 4 to 8, by 0.0510",
    );
    check(&swing(0.049), Verdict::Healthy, "");
    // Large changes that lead somewhere are learning.
    let rising: Vec<Row> = (0..6).map(|i| [1.0, 0.3 + 0.1 * i as f32, 1.0, 0.3 + 0.1 * i as f32]).collect();
    check(&rising, Verdict::Underfitting, "both accuracies still rise");
}

#[test]
fn nothing_is_too_short() {
    check(&[], Verdict::TooShort, "0 epochs show no trend");
    check(&[[1.0, 0.5, 1.0, 0.5]], Verdict::TooShort, "1 epoch shows no trend: at least 4 are needed");
}

#[test]
fn as_json_and_back() {
    let found = diagnose(&KERAS[..2]);
    let json = serde_json::to_string(&found).unwrap();
    assert!(json.starts_with(r#"{"verdict":"too-short","evidence":["2 epochs"#), "{json}");
    assert_eq!(serde_json::from_str::<Diagnosis>(&json).unwrap(), found);
}

proptest! {
    #[test]
    fn any_curves_have_a_verdict_with_evidence(
        rows in prop::collection::vec(prop::array::uniform4(any::<f32>()), 0..12), classes in 0..12usize,
    ) {
        let found = Diagnosis::of(&epochs(&rows), classes);
        prop_assert!(!found.evidence.is_empty());
    }

    #[test]
    fn what_is_said_stands_on_figures(
        rows in prop::collection::vec((0.0..3.0f32, 0.0..1.0f32, 0.01..3.0f32, 0.0..1.0f32), 4..12),
    ) {
        let rows: Vec<Row> = rows.into_iter().map(|(a, b, c, d)| [a, b, c, d]).collect();
        let (first, last) = (rows[0], rows[rows.len() - 1]);
        match diagnose(&rows).verdict {
            Verdict::Overfitting => prop_assert!(last[1] > last[3]),
            Verdict::Underfitting => prop_assert!(last[1].max(last[3]) < 0.46 || first != last),
            Verdict::TooShort => prop_assert!(rows.len() < FEWEST_EPOCHS),
            Verdict::Healthy => prop_assert!(last[1].max(last[3]) > 0.45),
            Verdict::Unstable => {}
        }
    }
}
