//! What came out of a run, what to think of it, and what it was trained with.

use super::html::Html;
use super::{Report, Section, parts};

pub(super) fn results(report: &Report) -> Option<Section> {
    let mut html = Html::default();
    if !report.results.is_empty() {
        parts::facts(&mut html, "results", &report.results);
    }
    Section::of("results", "Results", html)
}

pub(super) fn diagnosis(report: &Report) -> Option<Section> {
    let mut html = Html::default();
    if let Some(diagnosis) = &report.diagnosis {
        html.leaf_unless_empty("p", &[("class", "verdict")], &diagnosis.verdict);
        for (title, sentences) in [("Evidence", &diagnosis.evidence), ("Advice", &diagnosis.advice)] {
            if !sentences.is_empty() {
                html.leaf("h3", &[], title);
                html.within("ul", &[], |html| {
                    for sentence in sentences {
                        html.leaf("li", &[], sentence);
                    }
                });
            }
        }
    }
    Section::of("diagnosis", "Diagnosis", html)
}

pub(super) fn epochs(report: &Report) -> Option<Section> {
    let mut html = Html::default();
    if !report.epochs.rows.is_empty() {
        parts::table(&mut html, "All epochs", &report.epochs);
    }
    Section::of("epochs", "Epochs", html)
}

pub(super) fn settings(report: &Report) -> Option<Section> {
    let mut html = Html::default();
    if !report.settings.is_empty() {
        parts::facts(&mut html, "settings", &report.settings);
    }
    Section::of("settings", "Settings", html)
}
