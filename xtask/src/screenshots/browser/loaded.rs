//! Waits until TensorBoard has read all that there is of a run; knows nothing of pages.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::contents::{Contents, TRAIN};
use crate::tensorboard::{Server, settled};

/// TensorBoard shows no more of a tag: of more points it draws lots, the last one always among them.
const FEWEST_OF_MANY: usize = 50;

/// How many points of each histogram TensorBoard has for its pages, by tag.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Loaded {
    pub(super) histograms: BTreeMap<String, usize>,
    pub(super) distributions: BTreeMap<String, usize>,
}

/// Waits until all curves, histograms and the graph are there.
///
/// # Errors
/// If they do not come: with what is missing.
pub(super) fn wait(server: &mut Server, contents: &Contents) -> Result<Loaded> {
    settled(server, |server| {
        for curve in &contents.curves {
            for (run, steps) in &curve.runs {
                points(server, "scalars", run, curve.tag, steps)?;
            }
        }
        let mut loaded = Loaded::default();
        for (tag, steps) in contents.layers.iter().flat_map(|layer| &layer.tags) {
            let ask = |plugin| points(server, plugin, TRAIN, tag, steps);
            loaded.histograms.insert(tag.clone(), ask("histograms")?);
            loaded.distributions.insert(tag.clone(), ask("distributions")?);
        }
        ensure!(!contents.graph || has_graph(server)?, "TensorBoard has not read the graph of layers");
        Ok(loaded)
    })
}

/// How many points TensorBoard has of a tag, all of them if they are not too many.
fn points(server: &Server, plugin: &str, run: &str, tag: &str, steps: &[i64]) -> Result<usize> {
    let path = format!("/data/plugin/{plugin}/{plugin}");
    let text = server.get(&path, &[("run", run), ("tag", tag)])?;
    let rows: Vec<(IgnoredAny, i64, IgnoredAny)> =
        serde_json::from_str(&text).with_context(|| format!("{path} of {tag}"))?;
    let found: Vec<i64> = rows.into_iter().map(|(_, step, _)| step).collect();
    let last = found.last();
    ensure!(
        is_all(&found, steps),
        "expected {} points of {tag} in {run} up to step {:?}, TensorBoard has {} up to {last:?}",
        steps.len(),
        steps.last(),
        found.len()
    );
    Ok(found.len())
}

fn is_all(found: &[i64], steps: &[i64]) -> bool {
    if steps.len() <= FEWEST_OF_MANY {
        found == steps
    } else {
        found.len() >= FEWEST_OF_MANY && found.last() == steps.last()
    }
}

fn has_graph(server: &Server) -> Result<bool> {
    #[derive(Deserialize)]
    struct InRun {
        tags: BTreeMap<String, Kinds>,
    }
    #[derive(Deserialize)]
    struct Kinds {
        conceptual_graph: bool,
    }
    let path = "/data/plugin/graphs/info";
    let runs: BTreeMap<String, InRun> = serde_json::from_str(&server.get(path, &[])?).context(path)?;
    Ok(runs.get(TRAIN).is_some_and(|run| run.tags.values().any(|kinds| kinds.conceptual_graph)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_points_must_all_be_there_and_of_many_the_last() {
        let check = |found: &[i64], steps: &[i64], expected| {
            assert_eq!(is_all(found, steps), expected, "{found:?} of {steps:?}");
        };
        check(&[], &[], true);
        check(&[0, 1], &[0, 1], true);
        check(&[0], &[0, 1], false);
        check(&[0, 2], &[0, 1], false);
        let many: Vec<i64> = (0..120).collect();
        check(&many, &many, true);
        check(&many[60..], &many, true);
        check(&many[..60], &many, false);
        check(&many[80..], &many, false);
    }
}
