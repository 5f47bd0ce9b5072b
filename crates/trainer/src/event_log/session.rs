//! A run as a row of the HParams dashboard: its hyperparameters, and the metrics that it is compared by; and as a text.

use serde::Serialize;
use tensorboard::Writer;
use tensorboard::message::hparams::{
    DatasetType, Experiment, HParamInfo, MetricInfo, SessionStartInfo, Status,
};

use crate::Result;
use crate::config::{Config, word};
use crate::data::Data;
use crate::record::DataRecord;
use crate::run::{Results, to_toml};
use crate::run_folder::RunFolder;

/// The configuration and the pictures as config.toml has them, as a text: who has the event files knows all that
/// decides the result.
pub(super) fn settings(writer: &mut Writer, config: &Config, data: &Data) -> Result<()> {
    #[derive(Serialize)]
    struct Settings<'a> {
        config: &'a Config,
        data: DataRecord,
    }
    let text = to_toml(&Settings { config, data: data.record() })?;
    // Markdown shows what is indented as it is.
    let markdown: String = text.lines().map(|line| format!("    {line}\n")).collect();
    Ok(writer.text("config", 0, &markdown)?)
}

/// The columns, and the row's begin. Each run says the columns, so that one run alone has a table.
pub(super) fn begin(
    writer: &mut Writer,
    config: &Config,
    parameters: usize,
    folder: &RunFolder,
) -> Result<()> {
    let words = [
        ("model", config.model.to_string()),
        ("dataset", config.dataset.to_string()),
        ("augment", config.augment.to_string()),
        ("optimizer", word(&config.optimizer)),
        ("schedule", config.schedule.to_string()),
    ];
    let numbers = [
        ("learning_rate", config.learning_rate),
        ("batch_size", config.batch_size as f64),
        ("weight_decay", config.weight_decay),
        ("label_smoothing", config.label_smoothing),
        ("seed", config.seed as f64),
        ("parameters", parameters as f64),
    ];
    let mut columns = Vec::new();
    let mut row = SessionStartInfo::new().in_group(folder.path().to_string_lossy());
    for (name, word) in words {
        columns.push(HParamInfo::discrete(name, [word.clone()]).map_err(tensorboard::Error::from)?);
        row = row.with(name, word);
    }
    for (name, number) in numbers {
        columns.push(HParamInfo::interval(name, number, number).map_err(tensorboard::Error::from)?);
        row = row.with(name, number);
    }
    let metric = |tag: &str, title: &str, group: &str| MetricInfo::new(tag).in_group(group).titled(title);
    let metrics = [
        metric("epoch_accuracy", "validation accuracy", "validation").of(DatasetType::Validation),
        metric("epoch_loss", "validation loss", "validation").of(DatasetType::Validation),
        metric("epoch_accuracy", "training accuracy", "train").of(DatasetType::Training),
    ];
    writer.experiment(&Experiment::new(columns, metrics))?;
    Ok(writer.session_start(&row)?)
}

/// The row's end.
pub(super) fn finish(writer: &mut Writer, results: &Results) -> Result<()> {
    writer.scalar("test_accuracy", results.epochs as i64, results.test_accuracy)?;
    writer.scalar("test_loss", results.epochs as i64, results.test_loss)?;
    Ok(writer.session_end(Status::Success)?)
}
