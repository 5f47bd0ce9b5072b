//! The whole set of pictures of a run, from its event files; knows the layout of a run folder, not what is in it.

use std::path::Path;

use tensorboard::{Run, RunData};

use crate::curves::curves;
use crate::layers::layer_histograms;
use crate::{Curve, Error, Figure, Metric};

/// Draws the run in `run_dir` from its event files in `train/` and, where there is one, `validation/`.
///
/// The pictures and their file stems are `accuracy`, `loss` and, in the order of the network,
/// `histograms-<layer>`. Letters of a layer's name that are unfit for a file name become `-`.
/// `subtitle` stands in every picture and should say which model was trained on which dataset.
///
/// # Errors
/// [`Error::Events`] where event files cannot be read, among them a run without `train/`.
pub fn draw_run(run_dir: &Path, subtitle: &str) -> Result<Vec<(String, Figure)>, Error> {
    let read = |dir| Run::open(dir)?.read();
    let train = read(run_dir.join("train"))?;
    let validation_dir = run_dir.join("validation");
    let validation = if validation_dir.is_dir() { read(validation_dir)? } else { RunData::default() };
    Ok(draw(&train, &validation, subtitle))
}

fn draw(train: &RunData, validation: &RunData, subtitle: &str) -> Vec<(String, Figure)> {
    let over_epochs = |stem: &str, metric| {
        let figure = curves(metric, &Curve::of(train, metric), &Curve::of(validation, metric), subtitle);
        (stem.to_owned(), figure)
    };
    let mut figures = vec![over_epochs("accuracy", Metric::Accuracy), over_epochs("loss", Metric::Loss)];
    for (layer, figure) in layer_histograms(train, subtitle) {
        let stem = unused(format!("histograms-{}", file_name(&layer)), &figures);
        figures.push((stem, figure));
    }
    figures
}

/// A layer's name as a part of a file name: letters that are unfit become `-`.
pub fn file_name(layer: &str) -> String {
    let fit = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    layer.chars().map(|letter| if fit(letter) { letter } else { '-' }).collect()
}

/// `stem`, with a number behind it where another picture has it already.
fn unused(stem: String, figures: &[(String, Figure)]) -> String {
    let taken = |stem: &str| figures.iter().any(|(other, _)| other == stem);
    if !taken(&stem) {
        return stem;
    }
    (2u64..).map(|number| format!("{stem}-{number}")).find(|numbered| !taken(numbered)).unwrap_or(stem)
}

#[cfg(test)]
pub(crate) mod tests {
    use tensorboard::{Step, Writer};

    use super::*;

    /// Asserts that a picture is valid SVG whose numbers are all finite, and that it becomes a PNG.
    pub(crate) fn assert_drawable(figure: &Figure) {
        for attribute in figure.svg().split('"').skip(1).step_by(2) {
            let finite = !attribute.contains("NaN") && !attribute.contains("inf");
            assert!(finite, "not finite: {attribute}\n{}", figure.svg());
        }
        figure.png(0.25).unwrap();
    }

    /// Writes a run: accuracy and loss of each epoch, and for each tag and epoch some values.
    fn write(dir: &Path, epochs: i64, tags: &[&str], values: impl Fn(usize, i64) -> Vec<f32>) {
        let mut train = Writer::create(dir.join("train")).unwrap();
        let mut validation = Writer::create(dir.join("validation")).unwrap();
        for epoch in 0..epochs {
            for (writer, late) in [(&mut train, 1.0f32), (&mut validation, 1.5)] {
                let accuracy = 1.0 - late / (epoch as f32 + 2.0);
                writer.scalar("epoch_accuracy", Step(epoch), accuracy).unwrap();
                writer.scalar("epoch_loss", Step(epoch), 2.0 - accuracy).unwrap();
            }
            for (index, tag) in tags.iter().enumerate() {
                train.histogram(tag, Step(epoch), &values(index, epoch)).unwrap();
            }
        }
        train.close().unwrap();
        validation.close().unwrap();
    }

    /// 200 values that spread wider with every epoch; the same on every machine.
    fn spread(index: usize, epoch: i64) -> Vec<f32> {
        let width = 0.1 + 0.05 * epoch as f32 + index as f32;
        (0..200).map(|i| width * ((i * 37 % 101) as f32 / 50.5 - 1.0) * ((i % 7) as f32 / 7.0)).collect()
    }

    const TAGS: [&str; 4] = [
        "sequential/conv2d/kernel/histogram",
        "sequential/conv2d/bias/histogram",
        "sequential/a_dense/kernel/histogram",
        "sequential/a_dense/bias/histogram",
    ];

    #[test]
    fn a_run_gives_its_pictures_in_network_order() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 3, &TAGS, spread);
        let figures = draw_run(dir.path(), "tiny network on shapes").unwrap();
        let stems: Vec<&str> = figures.iter().map(|(stem, _)| stem.as_str()).collect();
        assert_eq!(stems, ["accuracy", "loss", "histograms-conv2d", "histograms-a_dense"]);
        for (_, figure) in &figures {
            assert_drawable(figure);
            assert!(figure.svg().contains("tiny network on shapes"));
        }
        assert!(figures[2].1.svg().contains(">kernel<") && figures[2].1.svg().contains(">bias<"));
    }

    #[test]
    fn the_same_run_gives_the_same_bytes() {
        let png = || {
            // Another folder and another time of writing.
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), 4, &TAGS, spread);
            draw_run(dir.path(), "s")
                .unwrap()
                .iter()
                .map(|(_, figure)| figure.png(1.0).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(png(), png());
    }

    #[test]
    fn the_same_bytes_on_every_machine() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 4, &TAGS[..2], spread);
        let sums: Vec<String> = draw_run(dir.path(), "tutorial network on shapes")
            .unwrap()
            .iter()
            .map(|(stem, figure)| format!("{:x}  {stem}.png", md5::compute(figure.png(1.0).unwrap())))
            .collect();
        // A difference on one machine only means that something of the machine took part. After a change of the
        // drawing, or of the versions of resvg or of the compressor, look at the pictures and put in the new sums.
        let expected = [
            "fe59c356a39733f0f2afff887d5f2af3  accuracy.png",
            "8f4a33962efd6468c548b9eefd161641  loss.png",
            "80c7953ce4b6b4270129341a67247c4b  histograms-conv2d.png",
        ];
        assert_eq!(sums, expected);
    }

    #[test]
    fn odd_weights_can_be_drawn() {
        let tags = [
            "m/zero/bias/histogram",
            "m/nan/kernel/histogram",
            "m/batch_normalization/gamma/histogram",
            "m/batch_normalization/beta/histogram",
            "m/batch_normalization/moving_mean/histogram",
            "m/empty/kernel/histogram",
            "m/huge/kernel/histogram",
        ];
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 70, &tags, |tag, epoch| match tag {
            0 => vec![0.0; 32],
            1 if epoch == 1 => vec![f32::NAN; 20],
            2 => vec![1.0 + epoch as f32 * 1e-7; 16],
            5 => Vec::new(),
            6 => vec![f32::MAX, f32::MIN, f32::INFINITY, f32::MIN_POSITIVE],
            _ => spread(tag, epoch),
        });
        let figures = draw_run(dir.path(), "").unwrap();
        assert_eq!(figures.len(), 2 + 5);
        figures.iter().for_each(|(_, figure)| assert_drawable(figure));
        let three = &figures[4].1;
        assert!(three.height() > figures[3].1.height(), "three variables take two rows");
    }

    #[test]
    fn names_become_file_stems_that_differ() {
        let dir = tempfile::tempdir().unwrap();
        let tags = ["m/a/b/kernel/histogram", "m/a-b/kernel/histogram", "m/../x/kernel/histogram"];
        write(dir.path(), 1, &tags, spread);
        let figures = draw_run(dir.path(), "").unwrap();
        let stems: Vec<&str> = figures[2..].iter().map(|(stem, _)| stem.as_str()).collect();
        assert_eq!(stems, ["histograms-a-b", "histograms-a-b-2", "histograms-..-x"]);
    }

    #[test]
    fn validation_may_be_missing_but_not_training() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 2, &[], spread);
        std::fs::remove_dir_all(dir.path().join("validation")).unwrap();
        let figures = draw_run(dir.path(), "").unwrap();
        assert!(!figures[0].1.svg().contains("validation"));
        std::fs::remove_dir_all(dir.path().join("train")).unwrap();
        assert!(matches!(draw_run(dir.path(), ""), Err(Error::Events(_))));
    }
}
