//! How far the network's own confidence is to be trusted, and pictures that it took for another class.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::html::Html;
use super::parts::{self, NONE, Picture};
use super::{Mistake, Report, Section};
use crate::{Calibration, Error, numbers, reliability};

/// The shortest side of a shown picture in CSS pixels: small ones are enlarged by a whole factor.
const SIDE: usize = 96;

pub(super) fn calibration(report: &Report) -> Option<Section> {
    let mut html = Html::default();
    if let Some(calibration) = report.calibration.as_ref().filter(|calibration| calibration.count() > 0.0) {
        let figure = reliability(calibration, &report.title);
        let row = |(index, bin): (usize, &crate::ConfidenceBin)| {
            let (from, to) = calibration.edges(index);
            let edges = format!("{} to {}", parts::percent(from), parts::percent(to));
            let means = [bin.confidence, bin.accuracy]
                .map(|mean| if bin.count > 0 { parts::percent(mean) } else { NONE.to_owned() });
            [edges, numbers::grouped(bin.count as f64)].into_iter().chain(means).collect()
        };
        let columns = ["confidence", "predictions", "mean confidence", "accuracy"];
        let picture = Picture {
            figure: &figure,
            name: "Confidence and accuracy",
            caption: &caption(calibration),
            table: &parts::of_rows(&columns, calibration.bins.iter().enumerate().map(row)),
        };
        parts::picture(&mut html, &picture);
    }
    Section::of("calibration", "Calibration", html)
}

fn caption(calibration: &Calibration) -> String {
    let (Some(error), Some(over)) = (calibration.error(), calibration.overconfidence()) else {
        return String::new();
    };
    let side = if over < 0.0 { "below" } else { "above" };
    format!(
        "Expected calibration error: {}. The mean confidence is {} {side} the accuracy.",
        parts::percent(error),
        parts::percent(over.abs())
    )
}

pub(super) fn mistakes(report: &Report) -> Result<Option<Section>, Error> {
    let mut html = Html::default();
    if !report.mistakes.is_empty() {
        let encoded: Vec<Vec<u8>> =
            report.mistakes.iter().map(|mistake| mistake.picture.png()).collect::<Result<_, _>>()?;
        html.within("ul", &[("class", "mistakes")], |html| {
            for (mistake, png) in report.mistakes.iter().zip(&encoded) {
                html.within("li", &[], |html| shown(html, mistake, png));
            }
        });
    }
    Ok(Section::of("mistakes", "Mistakes", html))
}

fn shown(html: &mut Html, mistake: &Mistake, png: &[u8]) {
    let (width, height) = mistake.picture.size();
    let factor = SIDE.div_ceil(width.min(height).clamp(1, SIDE));
    let (shown_width, shown_height) = ((width * factor).to_string(), (height * factor).to_string());
    html.within("figure", &[], |html| {
        html.empty(
            "img",
            &[
                ("src", &format!("data:image/png;base64,{}", STANDARD.encode(png))),
                ("width", &shown_width),
                ("height", &shown_height),
                ("alt", &format!("{}, taken for {}", mistake.truth, mistake.predicted)),
            ],
        );
        html.within("figcaption", &[], |html| {
            html.leaf("strong", &[], &mistake.truth);
            html.text(" taken for ");
            html.leaf("strong", &[], &mistake.predicted);
            html.text(&format!(", {} sure", parts::percent(mistake.confidence)));
        });
    });
}
