//! The layers of the network, and how their weights moved over the epochs.

use tensorboard::{Histogram, Step};

use super::html::Html;
use super::parts::{self, NONE, Picture};
use super::{Report, Section, Table};
use crate::layers::{Layer, LayerView, layers};
use crate::percentiles::{BASIS_POINTS, percentiles};
use crate::{axes, numbers};

pub(super) fn section(report: &Report) -> Option<Section> {
    let mut html = Html::default();
    if !report.layers.rows.is_empty() {
        parts::table(&mut html, "Layers of the network", &report.layers);
    }
    for layer in layers(&report.train) {
        html.leaf("h3", &[], &format!("Weights of {}", layer.name));
        for (view, caption, table) in [
            (LayerView::Histograms, caption(&layer), table(&layer)),
            (LayerView::Distributions, middles(&layer), lines(&layer)),
        ] {
            let picture = Picture {
                figure: &layer.draw(view, &report.title),
                name: &view.title(layer.name),
                caption: &caption,
                table: &table,
            };
            parts::picture(&mut html, &picture);
        }
    }
    Section::of("layers", "Layers", html)
}

/// Where the values of each variable lie at first and at last.
fn caption(layer: &Layer<'_>) -> String {
    let sentence = |(name, steps): (&str, &[(Step, &Histogram)])| {
        let [first, last] =
            [steps.first(), steps.last()].map(|step| step.and_then(|(_, values)| Spread::of(values)));
        let (first, last) = (first?, last?);
        let said =
            |spread: &Spread| format!("{} to {}", numbers::short(spread.low), numbers::short(spread.high));
        Some(match steps.len() {
            1 => format!("{name}: {}.", said(&first)),
            _ => format!("{name}: {} at first, {} at last.", said(&first), said(&last)),
        })
    };
    of_each(layer, sentence)
}

/// The median of each variable at first and at last, and where the most of its values lie at last.
fn middles(layer: &Layer<'_>) -> String {
    let sentence = |(name, steps): (&str, &[(Step, &Histogram)])| {
        let [first, last] =
            [steps.first(), steps.last()].map(|step| step.and_then(|(_, values)| percentiles(values)));
        let (first, last) = (first?, last?);
        // The 2nd, 4th and 6th of BASIS_POINTS: one standard deviation of a normal distribution, and the median.
        let [before, below, median, above] = [first[4], last[2], last[4], last[6]].map(numbers::short);
        let median = match steps.len() {
            1 => median,
            _ => format!("{before} at first, {median} at last"),
        };
        Some(format!("{name}: median {median}; 68 % of the values from {below} to {above}."))
    };
    of_each(layer, sentence)
}

/// A sentence for each variable of which there is something to say.
fn of_each(layer: &Layer<'_>, sentence: impl Fn((&str, &[(Step, &Histogram)])) -> Option<String>) -> String {
    let variables = layer.variables.iter().map(|variable| (variable.name, variable.steps.as_slice()));
    let sentences: Vec<String> = variables.filter_map(sentence).collect();
    if sentences.is_empty() { "No finite values were recorded.".to_owned() } else { sentences.join(" ") }
}

fn table(layer: &Layer<'_>) -> Table {
    let columns = ["epoch", "variable", "values", "smallest", "mean", "largest"];
    rows(layer, &columns, |values| {
        let numbers = match Spread::of(values) {
            Some(Spread { low, mean, high }) => [low, mean, high].map(numbers::short),
            None => [NONE; 3].map(str::to_owned),
        };
        [numbers::grouped(values.total())].into_iter().chain(numbers).collect()
    })
}

/// The lines of the distributions but for the smallest and the largest value, which the histograms tell.
fn lines(layer: &Layer<'_>) -> Table {
    let columns = ["epoch", "variable", "−1.5 σ", "−1 σ", "−0.5 σ", "median", "+0.5 σ", "+1 σ", "+1.5 σ"];
    rows(layer, &columns, |values| match percentiles(values) {
        Some([_, inner @ .., _]) => inner.map(numbers::short).to_vec(),
        None => vec![NONE.to_owned(); BASIS_POINTS.len() - 2],
    })
}

/// A row for each variable and epoch: the two, and the numbers of its histogram.
fn rows(layer: &Layer<'_>, columns: &[&str], numbers: impl Fn(&Histogram) -> Vec<String>) -> Table {
    let steps = layer
        .variables
        .iter()
        .flat_map(|variable| variable.steps.iter().map(move |&(step, values)| (variable.name, step, values)));
    let row = |(name, step, values): (&str, Step, &Histogram)| {
        [axes::epoch(step.0).to_string(), name.to_owned()].into_iter().chain(numbers(values)).collect()
    };
    parts::of_rows(columns, steps.map(row))
}

/// Where the values of a histogram lie, as far as its buckets tell.
#[derive(Debug, PartialEq)]
struct Spread {
    low: f64,
    mean: f64,
    high: f64,
}

impl Spread {
    /// `None` without finite values.
    fn of(histogram: &Histogram) -> Option<Spread> {
        let filled = || {
            histogram.buckets.iter().filter(|bucket| {
                bucket.count > 0.0
                    && bucket.count.is_finite()
                    && bucket.left.is_finite()
                    && bucket.right.is_finite()
            })
        };
        let total: f64 = filled().map(|bucket| bucket.count).sum();
        // Half and half: the sum of both edges may be more than an f64 holds.
        let middle = |left: f64, right: f64| left / 2.0 + right / 2.0;
        let mean = filled().map(|bucket| middle(bucket.left, bucket.right) * (bucket.count / total)).sum();
        let low = filled().map(|bucket| bucket.left).reduce(f64::min)?;
        let high = filled().map(|bucket| bucket.right).reduce(f64::max)?;
        Some(Spread { low, mean, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_values_lie() {
        let check = |values: &[f32], expected: Option<(f64, f64, f64)>| {
            let expected = expected.map(|(low, mean, high)| Spread { low, mean, high });
            assert_eq!(Spread::of(&Histogram::of(values)), expected, "{values:?}");
        };
        check(&[], None);
        check(&[f32::NAN], None);
        check(&[0.5, 0.5], Some((0.5, 0.5, 0.5)));
        check(&[-1.0, 1.0], Some((-1.0, 0.0, 1.0)));
    }
}
