//! Scalars, histograms, distributions, PR curves and custom scalars with the numbers that they must have.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tensorboard::message::custom_scalars::{Category, Chart, Layout, MarginSeries};
use tensorboard::{PrCurve, Writer};

use super::Kind;
use super::ask::{Ask, expect, number};

pub(super) const SCALARS: Kind = Kind { name: "scalars", write: write_scalars, says: says_scalars };
pub(super) const HISTOGRAMS: Kind =
    Kind { name: "histograms", write: write_histograms, says: says_histograms };
pub(super) const DISTRIBUTIONS: Kind =
    Kind { name: "distributions", write: write_histograms, says: says_distributions };
pub(super) const PR_CURVES: Kind = Kind { name: "pr_curves", write: write_pr_curves, says: says_pr_curves };
pub(super) const CUSTOM_SCALARS: Kind =
    Kind { name: "custom_scalars", write: write_custom_scalars, says: says_custom_scalars };

/// Steps of any size, and numbers at the limits of what a file holds.
const POINTS: [(i64, f32); 9] = [
    (-3, 0.1),
    (0, -2.5),
    (1, f32::MAX),
    (2, f32::MIN_POSITIVE),
    (3, 1e-45),
    (7, f32::NAN),
    (8, f32::INFINITY),
    (1 << 31, f32::NEG_INFINITY),
    (1 << 53, -0.0),
];

/// A tag that an address must quote.
const TAG: &str = "loss/höher & weiter?#1";

fn write_scalars(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    for (step, value) in POINTS {
        writer.scalar(TAG, step, value)?;
    }
    Ok(writer.close()?)
}

fn says_scalars(ask: &Ask<'_>) -> Result<()> {
    let rows: Vec<(f64, i64, Value)> = ask.tag("scalars", TAG, &[])?;
    // Bits, because NaN is not equal to itself.
    let found: Result<Vec<(i64, u64)>> =
        rows.iter().map(|(_, step, value)| Ok((*step, number(value)?.to_bits()))).collect();
    let expected = POINTS.map(|(step, value)| (step, f64::from(value).to_bits()));
    expect("steps and bits", &found?, &expected.to_vec())
}

/// 0 to 30: one in each of 30 buckets of width 1, and the largest in the last one too.
fn even() -> impl Iterator<Item = f32> {
    (0u8..=30).map(f32::from)
}

fn write_histograms(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    writer.histogram("weights", 0, even().collect::<Vec<_>>().as_slice())?;
    writer.histogram("weights", 1, [5.0f32; 7].as_slice())?;
    let broken: Vec<f32> = even().chain([f32::NAN, f32::INFINITY]).collect();
    writer.histogram("broken", 2, broken.as_slice())?;
    Ok(writer.close()?)
}

fn says_histograms(ask: &Ask<'_>) -> Result<()> {
    type Row = (f64, i64, Vec<[f64; 3]>);
    let found = |tag| -> Result<Vec<(i64, Vec<[f64; 3]>)>> {
        let rows: Vec<Row> = ask.tag("histograms", tag, &[])?;
        Ok(rows.into_iter().map(|(_, step, buckets)| (step, buckets)).collect())
    };
    let even: Vec<[f64; 3]> =
        (0..30).map(|i| [f64::from(i), f64::from(i + 1), if i == 29 { 2.0 } else { 1.0 }]).collect();
    let constant: Vec<[f64; 3]> = (0..30).map(|i| [5.0, 5.0, if i == 29 { 7.0 } else { 0.0 }]).collect();
    expect("weights", &found("weights")?, &vec![(0, even.clone()), (1, constant)])?;
    expect("weights with NaN and infinity", &found("broken")?, &vec![(2, even)])
}

/// Of TensorBoard's interpolation.
const ROUNDING: f64 = 1e-9;

/// TensorBoard's own arithmetic on the buckets: the places of fixed shares of the values, in 1/10000.
fn says_distributions(ask: &Ask<'_>) -> Result<()> {
    let rows: Vec<(f64, i64, Vec<(u32, f64)>)> = ask.tag("distributions", "weights", &[])?;
    expect("steps", &rows.iter().map(|row| row.1).collect::<Vec<_>>(), &vec![0, 1])?;
    let shares: Vec<u32> = rows[0].2.iter().map(|&(share, _)| share).collect();
    expect("shares", &shares, &vec![0, 668, 1587, 3085, 5000, 6915, 8413, 9332, 10000])?;
    for &(share, place) in &rows[0].2 {
        // 31 values lie evenly from 0 to 30, in buckets that reach one further to the right than the values do.
        let even = 31.0 * f64::from(share) / 10000.0;
        ensure!(
            (place - even).abs() <= 1.0 + ROUNDING,
            "share {share}: expected about {even}, found {place}"
        );
    }
    let [first, .., last] = &rows[0].2[..] else { bail!("expected some places") };
    ensure!(
        first.1 == 0.0 && (last.1 - 30.0).abs() < ROUNDING,
        "expected 0 to 30, found {} to {}",
        first.1,
        last.1
    );
    ensure!(rows[1].2.iter().all(|&(_, place)| place == 5.0), "expected only 5, found {:?}", rows[1].2);
    Ok(())
}

const LABELS: [bool; 4] = [true, false, true, false];
const PREDICTIONS: [f32; 4] = [0.9, 0.8, 0.3, 0.1];

fn write_pr_curves(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    writer.pr_curve("frog", 4, &PrCurve::with_thresholds(5, &LABELS, &PREDICTIONS)?)?;
    Ok(writer.close()?)
}

fn says_pr_curves(ask: &Ask<'_>) -> Result<()> {
    #[derive(Deserialize)]
    struct Row {
        step: i64,
        precision: Vec<f64>,
        recall: Vec<f64>,
        true_positives: Vec<f64>,
        false_positives: Vec<f64>,
        true_negatives: Vec<f64>,
        false_negatives: Vec<f64>,
        thresholds: Vec<f64>,
    }
    let runs: BTreeMap<String, Vec<Row>> = ask.tag("pr_curves", "frog", &[])?;
    let rows: Vec<&Row> = runs.values().flatten().collect();
    ensure!(rows.len() == 1, "expected one curve, found {}", rows.len());
    let row = rows[0];
    expect("step", &row.step, &4)?;
    // Counted by hand. At 1 there are no positives, true or false: TensorBoard leaves that end away.
    expect("thresholds", &row.thresholds, &vec![0.0, 0.25, 0.5, 0.75])?;
    expect("true positives", &row.true_positives, &vec![2.0, 2.0, 1.0, 1.0])?;
    expect("false positives", &row.false_positives, &vec![2.0, 1.0, 1.0, 1.0])?;
    expect("true negatives", &row.true_negatives, &vec![0.0, 1.0, 1.0, 1.0])?;
    expect("false negatives", &row.false_negatives, &vec![0.0, 0.0, 1.0, 1.0])?;
    expect("precision", &row.precision, &vec![0.5, f64::from(2.0f32 / 3.0), 0.5, 0.5])?;
    expect("recall", &row.recall, &vec![1.0, 1.0, 0.5, 0.5])
}

fn write_custom_scalars(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    let band = MarginSeries::new("loss/mean", "loss/low", "loss/high");
    writer.custom_scalars(&Layout::new([
        Category::new("losses", [Chart::lines("all", ["loss/.*"]), Chart::bands("band", [band])]),
        Category::new("others", [Chart::lines("accuracy", ["accuracy"])]).folded(),
    ]))?;
    for (tag, value) in [("loss/mean", 1.0f32), ("loss/low", 0.5), ("loss/high", 1.5), ("accuracy", 0.25)] {
        writer.scalar(tag, 6, value)?;
    }
    Ok(writer.close()?)
}

fn says_custom_scalars(ask: &Ask<'_>) -> Result<()> {
    let layout: Value = ask.plugin("layout")?;
    let band = json!({ "value": "loss/mean", "lower": "loss/low", "upper": "loss/high" });
    let expected = json!([
        { "title": "losses", "closed": false, "chart": [
            { "title": "all", "multiline": { "tag": ["loss/.*"] } },
            { "title": "band", "margin": { "series": [band] } },
        ] },
        { "title": "others", "closed": true, "chart": [{ "title": "accuracy", "multiline": { "tag": ["accuracy"] } }] },
    ]);
    expect("layout", &layout["category"], &expected)?;

    #[derive(Deserialize)]
    struct Matches {
        regex_valid: bool,
        tag_to_events: BTreeMap<String, Vec<(f64, i64, f64)>>,
    }
    let found: Matches = ask.tag("scalars", "loss/.*", &[])?;
    ensure!(found.regex_valid, "the pattern in the layout is none");
    let points: Vec<(&str, i64, f64)> = found
        .tag_to_events
        .iter()
        .flat_map(|(tag, rows)| rows.iter().map(|&(_, step, value)| (tag.as_str(), step, value)))
        .collect();
    expect("points", &points, &vec![("loss/high", 6, 1.5), ("loss/low", 6, 0.5), ("loss/mean", 6, 1.0)])
}
