//! All that TensorBoard says about a folder of runs; knows nothing of what is right.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::interop::numbers::{Buckets, Point, Series, SeriesName};

/// What TensorBoard read and gives to its pages.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::interop) struct Answers {
    /// Its own version.
    pub(in crate::interop) version: String,
    /// The class that gives it data, with arguments.
    pub(in crate::interop) provider: String,
    /// The runs.
    pub(in crate::interop) runs: Vec<String>,
    /// All curves.
    pub(in crate::interop) curves: Series<f64>,
    /// All histograms.
    pub(in crate::interop) histograms: Series<Buckets>,
    /// The tags of the distributions, which are drawn from the histograms.
    pub(in crate::interop) distributions: Vec<SeriesName>,
    /// The names of the nodes of each conceptual graph.
    pub(in crate::interop) graphs: BTreeMap<SeriesName, Vec<String>>,
}

impl Answers {
    /// Asks for everything through `get`, which gives the text at a path for a query.
    ///
    /// # Errors
    /// If something cannot be had or is not of the form that TensorBoard's pages expect.
    pub(in crate::interop) fn gather(get: impl Fn(&str, &[(&str, &str)]) -> Result<String>) -> Result<Self> {
        let ask = Ask { get };
        let environment: Environment = ask.json("/data/environment", &[])?;
        let curves = ask.tags("scalars")?;
        let histograms = ask.tags("histograms")?;
        Ok(Self {
            version: environment.version,
            provider: environment.debug.data_provider,
            runs: ask.json("/data/runs", &[])?,
            curves: ask.series("/data/plugin/scalars/scalars", curves)?,
            histograms: ask.series("/data/plugin/histograms/histograms", histograms)?,
            distributions: ask.tags("distributions")?,
            graphs: ask.graphs()?,
        })
    }
}

struct Ask<G> {
    get: G,
}

impl<G: Fn(&str, &[(&str, &str)]) -> Result<String>> Ask<G> {
    fn json<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        let text = (self.get)(path, query)?;
        serde_json::from_str(&text).with_context(|| {
            let start: String = text.chars().take(200).collect();
            format!("{path} {query:?} answers {start:?}")
        })
    }

    /// The tags of one plugin in all runs.
    fn tags(&self, plugin: &str) -> Result<Vec<SeriesName>> {
        let runs: BTreeMap<String, BTreeMap<String, IgnoredAny>> =
            self.json(&format!("/data/plugin/{plugin}/tags"), &[])?;
        Ok(runs.iter().flat_map(|(run, tags)| tags.keys().map(|tag| SeriesName::new(run, tag))).collect())
    }

    /// The points of some tags.
    fn series<V: DeserializeOwned>(&self, path: &str, names: Vec<SeriesName>) -> Result<Series<V>> {
        let points = |name: &SeriesName| -> Result<Vec<Point<V>>> {
            let rows: Vec<(f64, i64, V)> = self.json(path, &[("run", &name.run), ("tag", &name.tag)])?;
            let point = |(wall_time, step, value)| Point { wall_time: Some(wall_time), step, value };
            Ok(rows.into_iter().map(point).collect())
        };
        names.into_iter().map(|name| Ok((name.clone(), points(&name)?))).collect()
    }

    /// The conceptual graphs of all runs.
    fn graphs(&self) -> Result<BTreeMap<SeriesName, Vec<String>>> {
        let runs: BTreeMap<String, GraphRun> = self.json("/data/plugin/graphs/info", &[])?;
        let tags =
            runs.iter().flat_map(|(run, found)| found.tags.iter().map(move |(tag, kinds)| (run, tag, kinds)));
        let mut graphs = BTreeMap::new();
        for (run, tag, _) in tags.filter(|(.., kinds)| kinds.conceptual_graph) {
            let query = [("run", run.as_str()), ("tag", tag), ("conceptual", "true")];
            let text = (self.get)("/data/plugin/graphs/graph", &query)?;
            graphs.insert(SeriesName::new(run, tag), node_names(&text));
        }
        Ok(graphs)
    }
}

#[derive(Deserialize)]
struct Environment {
    version: String,
    debug: Debug,
}

#[derive(Deserialize)]
struct Debug {
    data_provider: String,
}

#[derive(Deserialize)]
struct GraphRun {
    tags: BTreeMap<String, GraphKinds>,
}

#[derive(Deserialize)]
struct GraphKinds {
    conceptual_graph: bool,
}

/// The names of the nodes of a `GraphDef` in protobuf's text form: the lines `name: "..."` right inside a node.
fn node_names(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("  name: \"")?.strip_suffix('"'));
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    /// Answers as TensorBoard 2.21.0 gives them, shortened.
    fn answer(path: &str, query: &[(&str, &str)]) -> Result<String> {
        let tags =
            |tag: &str| format!(r#"{{"a/train": {{"{tag}": {{"displayName": "", "description": ""}}}}}}"#);
        let run_and_tag = |tag| vec![("run", "a/train"), ("tag", tag)];
        Ok(match path {
            "/data/environment" => r#"{"version": "2.21.0", "window_title": "",
                "debug": {"data_provider": "GrpcDataProvider(addr='localhost:1')", "flags": {}}}"#.into(),
            "/data/runs" => r#"["a/train"]"#.into(),
            "/data/plugin/scalars/tags" => tags("epoch_loss"),
            "/data/plugin/histograms/tags" | "/data/plugin/distributions/tags" => tags("kernel/histogram"),
            "/data/plugin/scalars/scalars" if query == run_and_tag("epoch_loss") => {
                "[[1795473046.357927, 0, 2.3123040199279785], [1795473046.994974, 1, 2.3020102977752686]]".into()
            }
            "/data/plugin/histograms/histograms" if query == run_and_tag("kernel/histogram") => {
                "[[1795473046.5, 0, [[-0.008246714249253273, -0.007844739104621112, 1.0]]]]".into()
            }
            "/data/plugin/graphs/info" => r#"{"a/train": {"run": "a/train", "run_graph": false, "tags": {
                "keras": {"tag": "keras", "conceptual_graph": true, "op_graph": false, "profile": false},
                "batch_1": {"tag": "batch_1", "conceptual_graph": false, "op_graph": false, "profile": true}}}}"#
                .into(),
            "/data/plugin/graphs/graph" => "node {\n  name: \"sequential/input_layer\"\n  attr {\n    key: \"dtype\"\n  \
                }\n}\nnode {\n  name: \"sequential/conv2d\"\n  input: \"sequential/input_layer\"\n}\n"
                .into(),
            other => bail!("404: {other} {query:?}"),
        })
    }

    #[test]
    fn everything_is_gathered() {
        let answers = Answers::gather(answer).unwrap();
        let (loss, kernel) =
            (SeriesName::new("a/train", "epoch_loss"), SeriesName::new("a/train", "kernel/histogram"));
        let point = |seconds, step, value| Point { wall_time: Some(seconds), step, value };
        assert_eq!(
            answers.curves[&loss],
            [
                point(1_795_473_046.357_927, 0, f64::from(2.312_304f32)),
                point(1_795_473_046.994_974, 1, f64::from(2.302_010_3f32))
            ]
        );
        assert_eq!(
            answers.histograms[&kernel][0].value,
            [[-0.008246714249253273, -0.007844739104621112, 1.0]]
        );
        assert_eq!(answers.distributions, [kernel]);
        assert_eq!(answers.runs, ["a/train"]);
        assert_eq!((answers.version.as_str(), answers.graphs.len()), ("2.21.0", 1));
        assert_eq!(
            answers.graphs[&SeriesName::new("a/train", "keras")],
            ["sequential/input_layer", "sequential/conv2d"]
        );
    }

    #[test]
    fn an_answer_of_another_form_is_told() {
        let broken = |path: &str, query: &[(&str, &str)]| match path {
            "/data/plugin/scalars/scalars" => Ok(r#"[[1.5, 0, "NaN"]]"#.to_owned()),
            _ => answer(path, query),
        };
        let error = format!("{:#}", Answers::gather(broken).unwrap_err());
        assert!(error.contains("/data/plugin/scalars/scalars") && error.contains("NaN"), "{error}");
    }

    #[test]
    fn numbers_are_read_to_the_last_bit() {
        // Without serde_json's feature float_roundtrip some of these are off by one unit in the last place.
        for number in [0.1, -0.007844739104621112, 2.3123040199279785, 1795473046.357927, 5e-324, f64::MAX] {
            assert_eq!(serde_json::from_str::<f64>(&format!("{number:?}")).unwrap(), number);
        }
        let mut bits = 0x3f80_0000_0000_0001u64;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let number = f64::from_bits(0x3f00_0000_0000_0000 | bits >> 12);
            assert_eq!(serde_json::from_str::<f64>(&number.to_string()).unwrap(), number);
        }
    }
}
