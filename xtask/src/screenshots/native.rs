//! Pictures drawn by `figures` from a run's own files: the same bytes on every machine.

use anyhow::{Context, Result};
use figures::{Figure, RunCaption, Theme};

use super::album::Files;
use crate::finished_run::FinishedRun;

/// How much larger than on the page pictures are drawn.
const SCALE: f32 = 1.5;

/// All pictures, light and dark, as SVG and PNG.
///
/// # Errors
/// If the run's files cannot be read or drawn.
pub(crate) fn all(run: &FinishedRun) -> Result<Files> {
    let mut files = Files::new();
    for (stem, figure) in draw(run)? {
        for (folder, theme) in [("light", Theme::Light), ("dark", Theme::Dark)] {
            let figure = figure.in_theme(theme);
            files.push((format!("{folder}/{stem}.svg"), figure.svg().as_bytes().to_vec()));
            files.push((format!("{folder}/{stem}.png"), figure.png(SCALE)?));
        }
    }
    Ok(files)
}

/// The light pictures as PNG.
///
/// # Errors
/// As [`all`].
pub(crate) fn light(run: &FinishedRun) -> Result<Files> {
    let png = |(stem, figure): (String, Figure)| Ok((format!("{stem}.png"), figure.png(SCALE)?));
    draw(run)?.into_iter().map(png).collect()
}

fn draw(run: &FinishedRun) -> Result<Vec<(String, Figure)>> {
    let caption = RunCaption { subtitle: &run.title(), confusion: Some(&run.confusion()) };
    figures::draw_run(&run.folder, &caption)
        .with_context(|| format!("cannot draw the pictures of {}", run.folder.display()))
}
