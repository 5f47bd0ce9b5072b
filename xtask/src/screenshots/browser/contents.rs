//! What there is to see of a run, as our own reader finds it; knows nothing of TensorBoard's pages.

use std::path::Path;

use anyhow::Result;
use figures::{file_name, layer_and_variable};
use tensorboard::{Run, RunData};

/// The runs as TensorBoard names them, given the run's folder.
pub(super) const RUNS: [&str; 2] = [TRAIN, "validation"];
/// The one with histograms and the graph.
pub(super) const TRAIN: &str = "train";

/// The plugin of a graph of layers.
const GRAPH: &str = "graph_keras_model";

/// What there is to see.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contents {
    /// Accuracy, then loss; without those that the run has not.
    pub(super) curves: Vec<Curve>,
    /// The layers with histograms, in the order of the network.
    pub(super) layers: Vec<Layer>,
    /// Whether there is a graph of layers.
    pub(super) graph: bool,
}

/// A curve in one or more runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// Names its picture.
    pub(super) stem: &'static str,
    pub(super) tag: &'static str,
    /// The runs that have it, with the steps.
    pub(super) runs: Vec<(&'static str, Vec<i64>)>,
}

/// A layer with its histograms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    pub(super) name: String,
    /// Its part of the names of its pictures, which no other layer has.
    pub(super) stem: String,
    /// The tags of its variables, with the steps.
    pub(super) tags: Vec<(String, Vec<i64>)>,
}

impl Contents {
    /// Reads the event files of a run's folder.
    ///
    /// # Errors
    /// If there are none in its `train`, or they cannot be read.
    pub(super) fn read(run: &Path) -> Result<Self> {
        let events = Run::open(run.join(TRAIN))?;
        let train = events.read()?;
        let validation = run.join(RUNS[1]);
        let validation =
            if validation.is_dir() { Run::open(validation)?.read()? } else { RunData::default() };
        let graph = events.series()?.iter().any(|series| series.plugin == GRAPH);
        Ok(Self { graph, ..Self::of([&train, &validation]) })
    }

    /// `data` of the [`RUNS`].
    fn of(data: [&RunData; 2]) -> Self {
        let curve = |(stem, tag)| {
            let of_run = |(run, data): (&'static str, &RunData)| {
                let points = data.scalars.get(tag)?;
                Some((run, points.iter().map(|point| point.step.0).collect()))
            };
            Curve { stem, tag, runs: RUNS.into_iter().zip(data).filter_map(of_run).collect() }
        };
        let curves = [("accuracy", "epoch_accuracy"), ("loss", "epoch_loss")].map(curve);
        let curves = curves.into_iter().filter(|curve| !curve.runs.is_empty()).collect();
        Self { curves, layers: layers(data[0]), graph: false }
    }
}

/// Layers in the order in which they were written, which is that of the network.
fn layers(train: &RunData) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for tag in train.histogram_tags() {
        let Some(points) = train.histograms.get(tag) else { continue };
        let steps = points.iter().map(|point| point.step.0).collect();
        let (name, _) = layer_and_variable(tag);
        let found = layers.iter().position(|layer| layer.name == name);
        let index = found.unwrap_or_else(|| {
            let stem = unused(file_name(name), &layers);
            layers.push(Layer { name: name.to_owned(), stem, tags: Vec::new() });
            layers.len() - 1
        });
        layers[index].tags.push((tag.to_string(), steps));
    }
    layers
}

/// `stem`, with a number behind it where another layer has it already; on some systems case makes no difference.
fn unused(stem: String, layers: &[Layer]) -> String {
    let taken = |stem: &str| layers.iter().any(|layer| layer.stem.eq_ignore_ascii_case(stem));
    if !taken(&stem) {
        return stem;
    }
    (2u64..).map(|number| format!("{stem}-{number}")).find(|numbered| !taken(numbered)).unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use tensorboard::{Step, Writer};

    use super::*;

    /// Writes two epochs of some curves and histograms.
    fn write(run: &Path, curves: &[&str], histograms: &[&str]) {
        let mut writer = Writer::create(run).unwrap();
        for epoch in 0..2 {
            for tag in curves {
                writer.scalar(tag, Step(epoch), 0.5).unwrap();
            }
            for tag in histograms {
                writer.histogram(tag, Step(epoch), &[0.0f32, 1.0]).unwrap();
            }
        }
        writer.close().unwrap();
    }

    #[test]
    fn curves_of_both_runs_and_layers_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let layers = ["m/conv/kernel/histogram", "m/conv/bias/histogram", "m/a/kernel/histogram"];
        write(&folder.path().join(TRAIN), &["epoch_accuracy", "epoch_loss"], &layers);
        let read = || Contents::read(folder.path()).unwrap();
        let runs = |contents: &Contents| -> Vec<_> {
            let names = |curve: &Curve| curve.runs.iter().map(|(run, _)| *run).collect::<Vec<_>>();
            contents.curves.iter().map(|curve| (curve.stem, names(curve))).collect()
        };
        assert_eq!(runs(&read()), [("accuracy", vec!["train"]), ("loss", vec!["train"])]);

        write(&folder.path().join("validation"), &["epoch_loss"], &[]);
        let contents = read();
        assert_eq!(runs(&contents), [("accuracy", vec!["train"]), ("loss", vec!["train", "validation"])]);
        assert_eq!(contents.curves[1].runs[1], ("validation", vec![0, 1]));
        let names: Vec<&str> = contents.layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["conv", "a"], "in the order of the network");
        assert_eq!(
            contents.layers[0].tags,
            layers[..2].iter().map(|tag| (tag.to_string(), vec![0, 1])).collect::<Vec<_>>()
        );
        assert!(!contents.graph);
    }

    #[test]
    fn a_run_without_training_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("validation"), &["epoch_loss"], &[]);
        assert!(Contents::read(folder.path()).is_err());
    }

    #[test]
    fn names_of_files_differ() {
        let folder = tempfile::tempdir().unwrap();
        let layers = ["a/b", "a-b", "A b", "../x", "ü"].map(|layer| format!("m/{layer}/kernel/histogram"));
        write(&folder.path().join(TRAIN), &[], &layers.each_ref().map(String::as_str));
        let contents = Contents::read(folder.path()).unwrap();
        let stems: Vec<&str> = contents.layers.iter().map(|layer| layer.stem.as_str()).collect();
        assert_eq!(stems, ["a-b", "a-b-2", "A-b-3", "..-x", "-"]);
        assert!(contents.curves.is_empty());
    }
}
