//! Accuracy, loss and learning rate over the epochs.

use std::collections::BTreeSet;

use tensorboard::Step;

use super::html::Html;
use super::parts::{self, NONE, Picture};
use super::{Report, Section, Table};
use crate::{Curve, Metric, axes};

pub(super) fn section(report: &Report) -> Option<Section> {
    let mut html = Html::default();
    for metric in [Metric::Accuracy, Metric::Loss, Metric::LearningRate] {
        let (training, validation) =
            (Curve::of(&report.train, metric), Curve::of(&report.validation, metric));
        let both_empty = training.is_empty() && validation.is_empty();
        if both_empty || (metric == Metric::LearningRate && training.is_constant()) {
            continue;
        }
        let figure = crate::curves(metric, &training, &validation, &report.title);
        let picture = Picture {
            figure: &figure,
            name: metric.title(),
            caption: &caption(metric, &training, &validation),
            table: &table(metric, &training, &validation),
        };
        parts::picture(&mut html, &picture);
    }
    Section::of("curves", "Curves", html)
}

fn caption(metric: Metric, training: &Curve, validation: &Curve) -> String {
    let mut sentences = Vec::new();
    if let Some((step, value)) = validation.best(metric) {
        let epoch = axes::epoch(step.0);
        sentences.push(format!(
            "Best validation {}: {} in epoch {epoch}.",
            metric.name(),
            metric.written(value)
        ));
    }
    let last = |name: &str, curve: &Curve| {
        curve.finite().last().map(|(_, value)| format!("{name} {}", metric.written(value)))
    };
    let last: Vec<String> =
        [last("training", training), last("validation", validation)].into_iter().flatten().collect();
    if last.is_empty() {
        sentences.push(format!("No finite {} was recorded.", metric.name()));
    } else {
        sentences.push(format!("At the end: {}.", last.join(", ")));
    }
    sentences.join(" ")
}

fn table(metric: Metric, training: &Curve, validation: &Curve) -> Table {
    let curves = [("training", training), ("validation", validation)];
    let curves: Vec<_> = curves.into_iter().filter(|(_, curve)| !curve.is_empty()).collect();
    let steps: BTreeSet<Step> =
        curves.iter().flat_map(|(_, curve)| curve.points().map(|(step, _)| step)).collect();
    let columns: Vec<&str> = ["epoch"].into_iter().chain(curves.iter().map(|(name, _)| *name)).collect();
    let written =
        |curve: &Curve, step| curve.at(step).map_or_else(|| NONE.to_owned(), |value| metric.written(value));
    let row = |step: Step| {
        let epoch = axes::epoch(step.0).to_string();
        [epoch].into_iter().chain(curves.iter().map(|(_, curve)| written(curve, step))).collect()
    };
    parts::of_rows(&columns, steps.into_iter().map(row))
}
