//! `trainer compare`.

use std::path::PathBuf;

use clap::Args;
use figures::{Curve, Metric, compare};
use serde_json::json;
use tensorboard::Step;
use trainer::Result;
use trainer::early_stopping::Monitor;
use trainer::history::{EpochRecord, costs};
use trainer::saved_run::SavedRun;

use super::output;

#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// Folders of runs; `latest` is the one that was started last
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Validation accuracy of all of them in one picture
    #[arg(long, default_value = "compare.png", value_name = "FILE.png")]
    out: PathBuf,
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// A run as a row of the table.
struct Row {
    name: String,
    run: SavedRun,
    history: Vec<EpochRecord>,
}

impl CompareArgs {
    pub(crate) fn run(self) -> Result<()> {
        let rows = self.runs.iter().map(|path| {
            let run = SavedRun::open(path)?;
            let name =
                run.folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            Ok(Row { name, history: run.history()?, run })
        });
        let rows: Vec<Row> = rows.collect::<Result<_>>()?;
        if self.json {
            let rows: Vec<_> = rows.iter().map(Row::json).collect::<Result<_>>()?;
            output::line(json!(rows))?;
        } else {
            table(&rows)?;
        }
        let curve = |row: &Row| {
            let points = row.history.iter().map(|record| {
                let epoch = i64::try_from(record.epoch.saturating_sub(1)).unwrap_or(i64::MAX);
                (Step(epoch), f64::from(record.val_accuracy))
            });
            (row.name.clone(), points.collect::<Curve>())
        };
        let curves: Vec<_> = rows.iter().map(curve).collect();
        output::picture(&self.out, &compare(Metric::Accuracy, &curves, "Validation accuracy"))
    }
}

impl Row {
    /// The record of the epoch with the best validation accuracy.
    fn best(&self) -> Option<&EpochRecord> {
        let costs = costs(&self.history, Monitor::ValAccuracy);
        self.history.get(trainer::early_stopping::best_epoch(&costs, 0.0)?)
    }

    fn json(&self) -> Result<serde_json::Value> {
        Ok(json!({
            "run": self.run.folder.to_string_lossy(),
            "config": self.run.config(),
            "fingerprint": self.run.record.data.fingerprint,
            "history": self.history,
            "best": self.best(),
            "results": self.run.results()?,
        }))
    }
}

fn table(rows: &[Row]) -> Result<()> {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(3);
    output::line(format_args!(
        "{:width$}  {:>6}  {:>12}  {:>10}  {:>8}  {:>9}  {:>8}  verdict",
        "run", "epochs", "val_accuracy", "best epoch", "accuracy", "test", "seconds"
    ))?;
    for row in rows {
        let results = row.run.results()?;
        let number = |value: Option<f32>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        output::line(format_args!(
            "{:width$}  {:>6}  {:>12}  {:>10}  {:>8}  {:>9}  {:>8}  {}",
            row.name,
            row.history.len(),
            number(row.best().map(|record| record.val_accuracy)),
            row.best().map_or_else(|| "-".to_owned(), |record| record.epoch.to_string()),
            number(row.best().map(|record| record.accuracy)),
            number(results.as_ref().map(|results| results.test_accuracy)),
            results.as_ref().map_or_else(|| "-".to_owned(), |results| format!("{:.1}", results.seconds)),
            results
                .as_ref()
                .map_or_else(|| "not finished".to_owned(), |results| results.diagnosis.verdict.to_string()),
        ))?;
    }
    Ok(())
}
