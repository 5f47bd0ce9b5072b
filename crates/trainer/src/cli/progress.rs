//! Progress as Keras users know it: a bar on a terminal, a line now and then otherwise, a line an epoch.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use trainer::Result;
use trainer::callback::{Callback, EpochEnd, StepEnd};
use trainer::history::EpochRecord;

use super::output;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// How often the bar is drawn.
const BAR_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Progress {
    epochs: u64,
    style: Style,
    bar: Option<ProgressBar>,
    shown: Instant,
}

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// For people.
    Lines,
    /// For programs: an object a line on stdout.
    Json,
    /// Not at all.
    Quiet,
}

impl Progress {
    pub(crate) fn new(epochs: u64, quiet: bool, json: bool) -> Self {
        let style = match (quiet, json) {
            (_, true) => Style::Json,
            (true, false) => Style::Quiet,
            (false, false) => Style::Lines,
        };
        let bar = (style == Style::Lines)
            .then(|| bar("Epoch {prefix} {pos}/{len} {bar:30.green/dim} {msg}"))
            .flatten();
        Self { epochs, style, bar, shown: Instant::now() }
    }
}

/// A count that goes up to a known end: a bar on a terminal, otherwise a line now and then.
pub(crate) struct Counter {
    what: &'static str,
    of: usize,
    bar: Option<ProgressBar>,
    shown: Instant,
}

impl Counter {
    pub(crate) fn new(what: &'static str, of: usize) -> Self {
        let bar = bar("{prefix} {pos}/{len} {bar:30.green/dim} {eta}");
        if let Some(bar) = &bar {
            bar.set_prefix(what);
            bar.set_length(of as u64);
        }
        Self { what, of, bar, shown: Instant::now() }
    }

    /// So many are done. Calls may come in any order.
    pub(crate) fn at(&mut self, done: usize) {
        if self.shown.elapsed() < every(self.bar.is_some()) {
            return;
        }
        self.shown = Instant::now();
        match &self.bar {
            Some(bar) => bar.set_position(bar.position().max(done as u64)),
            None => output::note(format_args!("{} {done}/{}", self.what, self.of)),
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar, where stderr is a terminal.
fn bar(template: &str) -> Option<ProgressBar> {
    std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━━");
        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
    })
}

/// How long to wait before something is shown again.
fn every(bar: bool) -> Duration {
    if bar { BAR_EVERY } else { LINE_EVERY }
}

impl Callback for Progress {
    fn step_end(&mut self, step: &StepEnd) -> Result<()> {
        // Programs are told as often as people with a bar.
        let often = self.bar.is_some() || self.style == Style::Json;
        if self.style == Style::Quiet || self.shown.elapsed() < every(often) {
            return Ok(());
        }
        self.shown = Instant::now();
        match &self.bar {
            _ if self.style == Style::Json => {
                return output::line(json!({
                    "event": "step", "epoch": step.epoch + 1, "epochs": self.epochs, "step": step.step,
                    "steps": step.steps, "loss": step.train.loss, "accuracy": step.train.accuracy,
                    "learning_rate": step.learning_rate, "seconds": step.elapsed.as_secs_f64(),
                }));
            }
            Some(bar) => {
                bar.set_prefix(format!("{}/{}", step.epoch + 1, self.epochs));
                bar.set_length(step.steps);
                bar.set_position(step.step);
                bar.set_message(running(step));
            }
            None => output::note(format_args!(
                "Epoch {}/{}  {}/{} {}",
                step.epoch + 1,
                self.epochs,
                step.step,
                step.steps,
                running(step)
            )),
        }
        Ok(())
    }

    fn epoch_end(&mut self, end: &EpochEnd) -> Result<()> {
        let line = match self.style {
            Style::Quiet => return Ok(()),
            Style::Json => {
                let mut object = json!(end.record());
                object["event"] = json!("epoch");
                object["epochs"] = json!(self.epochs);
                object["images_per_second"] = json!(end.images_per_second().round());
                object.to_string()
            }
            Style::Lines => finished(end, self.epochs),
        };
        match &self.bar {
            // Clears the bar, so that the line stands alone.
            Some(bar) => bar.suspend(|| output::line(line)),
            None => output::line(line),
        }
    }

    fn train_end(&mut self) -> Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        Ok(())
    }
}

/// What stands beside the bar.
fn running(step: &StepEnd) -> String {
    let seconds = step.elapsed.as_secs_f64();
    let left = seconds / step.step as f64 * (step.steps - step.step) as f64;
    let rate = step.pictures as f64 / seconds.max(1e-9);
    format!(
        "ETA {left:.0}s - {rate:.0} images/s - accuracy: {:.4} - loss: {:.4}",
        step.train.accuracy, step.train.loss
    )
}

/// The line of a whole epoch.
fn finished(end: &EpochEnd, epochs: u64) -> String {
    let EpochRecord { epoch, loss, accuracy, val_loss, val_accuracy, seconds, .. } = end.record();
    format!(
        "Epoch {epoch:>width$}/{epochs} - {steps}/{steps} - {seconds:.1}s - {rate:.0} images/s - accuracy: {accuracy:.4} - loss: {loss:.4} - val_accuracy: {val_accuracy:.4} - val_loss: {val_loss:.4}",
        steps = end.steps,
        rate = end.images_per_second(),
        width = epochs.to_string().len(),
    )
}
