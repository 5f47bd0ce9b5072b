//! The whole set of pictures of a run, from its event files; knows the layout of a run folder, not what is in it.

use std::path::Path;

use tensorboard::{Run, RunData};

use crate::curves::curves;
use crate::layers::layers;
use crate::overview::overview;
use crate::{Confusion, Curve, Error, Figure, LayerView, Metric, confusion_matrix};

/// What the pictures of a run say that is in no event file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunCaption<'a> {
    /// Which model was trained on which dataset: it stands in every picture.
    pub subtitle: &'a str,
    /// Which class was taken for which of the test pictures.
    pub confusion: Option<&'a Confusion>,
}

/// Draws the run in `run_dir` from its event files in `train/` and, where there is one, `validation/`.
///
/// The pictures and their file stems are, in this order: `overview`; `accuracy`, `loss` and, where the rate
/// changes, `learning-rate`; for each layer in the order of the network `histograms-<layer>`, `overlay-<layer>` and
/// `distributions-<layer>`; `confusion`, where it is known. Letters of a layer's name that are unfit for a file
/// name become `-`, and no two stems are the same. All are drawn on white; see [`Figure::in_theme`].
///
/// # Errors
/// [`Error::Events`] where event files cannot be read, among them a run without `train/`; [`Error::Counts`] where
/// the confusion has not one count for each pair of classes.
pub fn draw_run(run_dir: &Path, caption: &RunCaption<'_>) -> Result<Vec<(String, Figure)>, Error> {
    let read = |dir| Run::open(dir)?.read();
    let train = read(run_dir.join("train"))?;
    let validation_dir = run_dir.join("validation");
    let validation = if validation_dir.is_dir() { read(validation_dir)? } else { RunData::default() };
    draw(&train, &validation, caption)
}

fn draw(
    train: &RunData,
    validation: &RunData,
    caption: &RunCaption<'_>,
) -> Result<Vec<(String, Figure)>, Error> {
    let RunCaption { subtitle, confusion } = *caption;
    let mut figures = vec![("overview".to_owned(), overview(train, validation, caption)?)];
    for (stem, metric) in
        [("accuracy", Metric::Accuracy), ("loss", Metric::Loss), ("learning-rate", Metric::LearningRate)]
    {
        let (training, validation) = (Curve::of(train, metric), Curve::of(validation, metric));
        if metric != Metric::LearningRate || !training.is_constant() {
            figures.push((stem.to_owned(), curves(metric, &training, &validation, subtitle)));
        }
    }
    let mut names: Vec<String> = Vec::new();
    for layer in layers(train) {
        let name = unused(file_name(layer.name), &names);
        for view in LayerView::ALL {
            figures.push((format!("{}-{name}", view.stem()), layer.draw(view, subtitle)));
        }
        names.push(name);
    }
    if let Some(confusion) = confusion {
        let figure = confusion_matrix("Confusion on the test pictures", subtitle, confusion)?;
        figures.push(("confusion".to_owned(), figure));
    }
    Ok(figures)
}

/// A layer's name as a part of a file name: letters that are unfit become `-`, and no more than 150 are taken, for file
/// systems hold 255.
pub fn file_name(layer: &str) -> String {
    const MOST: usize = 150;
    let fit = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    layer.chars().take(MOST).map(|letter| if fit(letter) { letter } else { '-' }).collect()
}

/// `name`, with a number behind it where another layer has it already; some file systems take `A` for `a`.
fn unused(name: String, others: &[String]) -> String {
    let taken = |name: &str| others.iter().any(|other| other.eq_ignore_ascii_case(name));
    if !taken(&name) {
        return name;
    }
    (2u64..).map(|number| format!("{name}-{number}")).find(|numbered| !taken(numbered)).unwrap_or(name)
}

#[cfg(test)]
pub(crate) mod tests {
    use tensorboard::{Step, Writer};

    use super::*;
    use crate::Theme;

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

    /// What is drawn of a run without anything else to tell.
    fn drawn(dir: &Path) -> Vec<(String, Figure)> {
        draw_run(dir, &RunCaption { subtitle: "s", confusion: None }).unwrap()
    }

    fn stems(figures: &[(String, Figure)]) -> Vec<&str> {
        figures.iter().map(|(stem, _)| stem.as_str()).collect()
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
        let confusion = Confusion { classes: vec!["cat".to_owned()], counts: vec![7] };
        let caption = RunCaption { subtitle: "tiny network on shapes", confusion: Some(&confusion) };
        let figures = draw_run(dir.path(), &caption).unwrap();
        let expected = [
            "overview",
            "accuracy",
            "loss",
            "histograms-conv2d",
            "overlay-conv2d",
            "distributions-conv2d",
            "histograms-a_dense",
            "overlay-a_dense",
            "distributions-a_dense",
            "confusion",
        ];
        assert_eq!(stems(&figures), expected);
        for (stem, figure) in &figures {
            assert_drawable(figure);
            assert!(figure.svg().contains("tiny network on shapes"));
            let has_variables = figure.svg().contains(">kernel<") && figure.svg().contains(">bias<");
            assert_eq!(has_variables, stem.contains('-') || stem == "overview", "{stem}");
        }
    }

    #[test]
    fn the_same_run_gives_the_same_bytes() {
        let png = || {
            // Another folder and another time of writing.
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), 4, &TAGS, spread);
            drawn(dir.path()).iter().map(|(_, figure)| figure.png(1.0).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(png(), png());
    }

    #[test]
    fn the_same_bytes_on_every_machine() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 4, &TAGS[..2], spread);
        let confusion =
            Confusion { classes: ["cat", "dog"].map(str::to_owned).to_vec(), counts: vec![9, 1, 2, 8] };
        let caption = RunCaption { subtitle: "tutorial network on shapes", confusion: Some(&confusion) };
        let mut figures = draw_run(dir.path(), &caption).unwrap();
        figures.push(("dark".to_owned(), figures[0].1.in_theme(Theme::Dark)));
        let sums: Vec<String> = figures
            .iter()
            .map(|(stem, figure)| format!("{:x}  {stem}.png", md5::compute(figure.png(1.0).unwrap())))
            .collect();
        // A difference on one machine only means that something of the machine took part. After a change of the
        // drawing, or of the versions of resvg or of the compressor, look at the pictures and put in the new sums.
        let expected = [
            "26384e9399103db904b73ab953617cd3  overview.png",
            "513b77dd5020b9acb78ca0db3ca80207  accuracy.png",
            "73d5e64d52861aa41cc3343658057f5c  loss.png",
            "cf4eda8efaf282c9393d643df4f5978b  histograms-conv2d.png",
            "a02273a37656d90cd499cdbfa91d8499  overlay-conv2d.png",
            "86424b25aa2210d003a443ec74adc5b0  distributions-conv2d.png",
            "d7660edcef65fa44b6c0ca2848a1b1f1  confusion.png",
            "74810e9b136b8d4d05e2ddb7ef0d0dcd  dark.png",
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
        let figures = drawn(dir.path());
        assert_eq!(figures.len(), 3 + 5 * 3);
        for (_, figure) in &figures {
            assert_drawable(figure);
            assert_drawable(&figure.in_theme(Theme::Dark));
        }
        let figure = |stem: &str| &figures.iter().find(|(other, _)| other == stem).unwrap().1;
        for view in LayerView::ALL.map(LayerView::stem) {
            let [three, one] = ["batch_normalization", "nan"].map(|layer| figure(&format!("{view}-{layer}")));
            assert!(three.height() > one.height(), "three variables take two rows");
            let empty = figure(&format!("{view}-empty"));
            assert!(empty.svg().contains("no finite values recorded"), "{view}");
        }
    }

    #[test]
    fn one_epoch_can_be_drawn() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 1, &TAGS, spread);
        for (stem, figure) in drawn(dir.path()) {
            assert_drawable(&figure);
            assert!(!figure.svg().contains("no finite values recorded"), "{stem}");
        }
    }

    #[test]
    fn a_rate_is_drawn_where_it_changes() {
        for (rates, expected) in [(&[0.1f32, 0.1][..], false), (&[0.1, 0.05], true), (&[], false)] {
            let dir = tempfile::tempdir().unwrap();
            let mut writer = Writer::create(dir.path().join("train")).unwrap();
            for (step, &rate) in (0..).map(Step).zip(rates) {
                writer.scalar("epoch_learning_rate", step, rate).unwrap();
            }
            writer.close().unwrap();
            let figures = drawn(dir.path());
            assert_eq!(stems(&figures).contains(&"learning-rate"), expected, "{rates:?}");
        }
    }

    #[test]
    fn any_step_can_be_drawn() {
        let dir = tempfile::tempdir().unwrap();
        for part in ["train", "validation"] {
            let mut writer = Writer::create(dir.path().join(part)).unwrap();
            for step in [i64::MIN, -1, i64::MAX] {
                writer.scalar("epoch_accuracy", Step(step), 0.5).unwrap();
                writer.scalar("epoch_loss", Step(step), 0.5).unwrap();
                writer.histogram(TAGS[0], Step(step), &spread(0, 1)).unwrap();
            }
            writer.close().unwrap();
        }
        let figures = draw_run(dir.path(), &RunCaption::default()).unwrap();
        assert!(figures.len() >= 6, "{}", figures.len());
        figures.iter().for_each(|(_, figure)| assert_drawable(figure));
    }

    #[test]
    fn names_become_file_stems_that_differ() {
        let dir = tempfile::tempdir().unwrap();
        let tags = [
            "m/a/b/kernel/histogram",
            "m/a-b/kernel/histogram",
            "m/../x/kernel/histogram",
            "m/A-b/kernel/histogram",
            "m/a-b-2/kernel/histogram",
        ];
        write(dir.path(), 1, &tags, spread);
        let figures = drawn(dir.path());
        for (place, view) in LayerView::ALL.into_iter().enumerate() {
            let stems: Vec<&str> = stems(&figures)[3..].iter().skip(place).step_by(3).copied().collect();
            let expected = ["a-b", "a-b-2", "..-x", "A-b-3", "a-b-2-2"];
            assert_eq!(stems, expected.map(|name| format!("{}-{name}", view.stem())));
        }
    }

    #[test]
    fn a_confusion_that_is_none_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 1, &[], spread);
        let confusion = Confusion { classes: vec!["a".to_owned(); 3], counts: vec![1; 8] };
        let caption = RunCaption { subtitle: "", confusion: Some(&confusion) };
        let error = draw_run(dir.path(), &caption).unwrap_err();
        assert!(matches!(error, Error::Counts { classes: 3, counts: 8 }), "{error}");
    }

    #[test]
    fn validation_may_be_missing_but_not_training() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 2, &[], spread);
        std::fs::remove_dir_all(dir.path().join("validation")).unwrap();
        for (_, figure) in drawn(dir.path()) {
            assert!(!figure.svg().contains("validation"));
        }
        std::fs::remove_dir_all(dir.path().join("train")).unwrap();
        assert!(matches!(draw_run(dir.path(), &RunCaption::default()), Err(Error::Events(_))));
    }
}
