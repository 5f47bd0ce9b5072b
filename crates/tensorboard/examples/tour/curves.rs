//! Numbers over steps: curves, histograms, and how well a classifier does.

use std::path::Path;

use tensorboard::message::custom_scalars::{Category, Chart, Layout, MarginSeries};
use tensorboard::{Error, Histogram, PrCurve, Step, Writer};

use crate::{normal, scattered};

const EPOCHS: i32 = 20;

/// Two runs with the same tags are two lines in the same charts.
pub(crate) fn scalars(folder: &Path) -> Result<(), Error> {
    for (run, floor) in [("train", 0.1), ("validation", 0.3)] {
        let mut writer = Writer::create(folder.join(run))?;
        for epoch in 0..EPOCHS {
            let loss = floor + 2.0 * (-0.25 * epoch as f32).exp() + 0.05 * normal(epoch as usize + 7);
            writer.scalar("epoch_loss", epoch, loss)?;
            writer.scalar("epoch_accuracy", epoch, 1.0 / (1.0 + loss))?;
        }
        writer.close()?;
    }
    Ok(())
}

/// A layout says which curves share a chart, and which are bands around others.
pub(crate) fn custom_scalars(folder: &Path) -> Result<(), Error> {
    let mut writer = Writer::create(folder.join("band"))?;
    writer.custom_scalars(&Layout::new([
        Category::new(
            "training",
            [
                Chart::lines("loss and accuracy", ["epoch_loss", "epoch_accuracy"]),
                Chart::bands(
                    "loss of several runs",
                    [MarginSeries::new("loss/mean", "loss/low", "loss/high")],
                ),
            ],
        ),
        Category::new("folded", [Chart::lines("all that begins with loss", ["loss/.*"])]).folded(),
    ]))?;
    for epoch in 0..EPOCHS {
        let (step, mean) = (Step::from(epoch), 2.0 * (-0.25 * epoch as f32).exp());
        writer.scalar("loss/mean", step, mean)?;
        writer.scalar("loss/low", step, 0.8 * mean)?;
        writer.scalar("loss/high", step, 1.3 * mean)?;
    }
    writer.close()
}

/// A histogram takes all values; NaN and infinite ones are left out, and counted in a curve beside it.
pub(crate) fn histograms(folder: &Path) -> Result<(), Error> {
    let mut writer = Writer::create(folder.join("weights"))?;
    for epoch in 0..EPOCHS {
        let (width, center) = (1.0 / (1.0 + epoch as f32), 0.05 * epoch as f32);
        let mut weights: Vec<f32> = (0..2000).map(|i| center + width * normal(i)).collect();
        if epoch > 15 {
            weights[0] = f32::NAN;
        }
        writer.histogram("dense/kernel", epoch, &weights)?;
        let two_hills =
            (0..2000).map(|i| if i % 2 == 0 { 0.1 * normal(i) - 1.0 } else { width * normal(i) + 1.0 });
        writer.histogram("dense/bias", epoch, two_hills.collect::<Histogram>())?;
    }
    writer.close()
}

/// The curve of a class needs which samples are of it, and how sure the classifier is that they are.
pub(crate) fn precision_and_recall(folder: &Path) -> Result<(), Error> {
    let mut writer = Writer::create(folder.join("classifier"))?;
    for (class, share) in [("airplane", 0.5), ("frog", 0.2)] {
        for epoch in 0..10 {
            let labels: Vec<bool> = (0..500).map(|i| scattered(i) < share).collect();
            let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
            let skill = 0.12 * epoch as f32;
            let predictions: Vec<f32> = labels
                .iter()
                .enumerate()
                .map(|(i, &label)| sigmoid(if label { skill } else { -skill } + normal(i)))
                .collect();
            writer.pr_curve(class, epoch, &PrCurve::new(&labels, &predictions)?)?;
        }
    }
    writer.close()
}
