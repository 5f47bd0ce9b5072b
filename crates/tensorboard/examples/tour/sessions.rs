//! Many trainings with other hyperparameters.

use std::path::Path;

use tensorboard::message::hparams::{
    DatasetType, Experiment, HParamInfo, MetricInfo, SessionStartInfo, Status,
};
use tensorboard::{Error, Step, Writer};

use crate::scattered;

/// The columns of the table are written once; each session is a folder, the curves of its metrics are in it or below.
pub(crate) fn hyperparameters(folder: &Path) -> Result<(), Error> {
    let folder = folder.join("sessions");
    let mut writer = Writer::create(&folder)?;
    writer.experiment(&Experiment::new(
        [
            HParamInfo::interval("learning_rate", 1e-4, 1e-1)?.titled("learning rate"),
            HParamInfo::discrete("batch", [32, 64, 128])?.described("Pictures *a step*."),
            HParamInfo::discrete("optimizer", ["adam", "sgd"])?,
            HParamInfo::discrete("augment", [false, true])?,
        ],
        [
            MetricInfo::new("accuracy").in_group("validation").titled("accuracy").of(DatasetType::Validation),
            MetricInfo::new("seconds").titled("seconds an epoch"),
        ],
    ))?;
    writer.close()?;

    // With more than 40 runs in all, dashboards show none until some are chosen.
    for number in 0..12 {
        let learning_rate = 10f32.powf(-4.0 + 3.0 * scattered(number + 1));
        let batch = [32, 64, 128][number % 3];
        let (adam, augment) = (number % 2 == 0, number % 4 < 2);
        session(&folder.join(format!("{number:02}")), learning_rate, batch, adam, augment)?;
    }
    Ok(())
}

fn session(folder: &Path, learning_rate: f32, batch: u32, adam: bool, augment: bool) -> Result<(), Error> {
    let mut writer = Writer::create(folder)?;
    let optimizer = if adam { "adam" } else { "sgd" };
    writer.session_start(
        &SessionStartInfo::new()
            .with("learning_rate", learning_rate)
            .with("batch", batch)
            .with("optimizer", optimizer)
            .with("augment", augment),
    )?;
    let best = if adam { -3.0 } else { -2.0 };
    let distance = learning_rate.log10() - best;
    let top = 0.8 - 0.1 * distance * distance + if augment { 0.05 } else { 0.0 };
    let mut validation = Writer::create(folder.join("validation"))?;
    for epoch in 0..10 {
        validation.scalar("accuracy", Step(epoch), top * (1.0 - (-0.5 * (epoch + 1) as f32).exp()))?;
        writer.scalar("seconds", Step(epoch), 200.0 / batch as f32 + if augment { 1.0 } else { 0.0 })?;
    }
    validation.close()?;
    let status = if top < 0.65 { Status::Failure } else { Status::Success };
    writer.session_end(status)?;
    writer.close()
}
