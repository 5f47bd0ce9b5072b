//! The checks of what TensorBoard says against what the run's own files say; knows nothing of processes.

use std::collections::BTreeMap;

use super::answers::Answers;
use crate::check::{Check, same};
use crate::interop::network;
use crate::interop::numbers::{Buckets, Numbers, Series, SeriesName, numbers, steps, timeless};
use crate::interop::short_run::{self, SESSION, ShortRun, TRAIN, VALIDATION};
use crate::tensorboard::{Loader, VERSION};

/// The tag that Keras' callback gives the graph of layers.
const GRAPH: &str = "keras";
/// The number of buckets of a histogram of `tf.summary.histogram`.
const BUCKETS: usize = 30;

/// What the run's own files say.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    curves: Numbers,
    histograms: Numbers,
    history: Numbers,
}

impl Expected {
    pub(super) fn of(run: &ShortRun) -> Self {
        Self::new(&run.curves, &run.histograms, &run.history)
    }

    fn new(curves: &Series<f64>, histograms: &Series<Buckets>, history: &Series<f64>) -> Self {
        Self { curves: numbers(curves), histograms: numbers(histograms), history: numbers(history) }
    }
}

/// Whether every point is there, with a right or a wrong value, so that none is still to come.
pub(super) fn has_all_points(found: &Answers) -> bool {
    steps(&found.curves) == short_run::curve_steps()
        && steps(&found.histograms) == short_run::histogram_steps()
        && !found.graphs.is_empty()
}

/// Checks the answers of a TensorBoard that the lines of the checks name `subject`.
pub(super) fn checks(loader: Loader, subject: &str, found: &Answers, expected: &Expected) -> Vec<Check> {
    let check = |name: String, result| Check::new(format!("{subject}: {name}"), result);
    let curve_steps = short_run::curve_steps();
    let histogram_steps = short_run::histogram_steps();
    let epochs = histogram_steps.values().map(Vec::len).max().unwrap_or_default();
    let of_run = |run: &str| curve_steps.keys().filter(|name| name.run == run).count();
    let (curves, histograms) = (curve_steps.values().map(Vec::len).sum::<usize>(), histogram_steps.len());
    let mut in_history = found.curves.clone();
    in_history.retain(|name, _| short_run::is_in_history(name));
    vec![
        check(format!("version {VERSION} reading with its {}", loader.name()), program(loader, found)),
        check(
            format!("runs {SESSION}, {TRAIN} and {VALIDATION}"),
            same(&set([SESSION, TRAIN, VALIDATION]), &set(&found.runs)),
        ),
        check(
            format!(
                "{} + {} scalar tags, {epochs} steps each, and {} of the test",
                of_run(TRAIN),
                of_run(VALIDATION),
                of_run(SESSION)
            ),
            same(&curve_steps, &steps(&found.curves)),
        ),
        check(
            format!("{histograms} histogram tags, {epochs} steps each"),
            same(&histogram_steps, &steps(&found.histograms)),
        ),
        check(
            format!("{histograms} distribution tags"),
            same(&set(histogram_steps.keys()), &set(&found.distributions)),
        ),
        check(
            format!("{curves} scalars equal the event files"),
            same(&expected.curves, &numbers(&found.curves)),
        ),
        check(
            format!("{} scalars equal history.csv", in_history.values().map(Vec::len).sum::<usize>()),
            same(&expected.history, &numbers(&timeless(&in_history))),
        ),
        check(
            format!("{} histograms equal the event files, bucket by bucket", histograms * epochs),
            same(&expected.histograms, &numbers(&found.histograms)),
        ),
        check(
            format!(
                "each histogram has {BUCKETS} buckets, which hold all {} weights of the network",
                network::WEIGHTS
            ),
            same(&contents(epochs), &found_contents(&found.histograms)),
        ),
        check(
            format!("conceptual graph of {} layers in {TRAIN}", network::NODES.len()),
            same(&graph(), &found.graphs),
        ),
    ]
}

/// That it is the version which was asked for, and reads with the loader which was asked for.
fn program(loader: Loader, found: &Answers) -> Result<(), String> {
    let provider = match loader {
        Loader::Fast => "GrpcDataProvider",
        Loader::Python => "MultiplexerDataProvider",
    };
    if found.version == VERSION && found.provider.starts_with(provider) {
        return Ok(());
    }
    Err(format!("expected {VERSION} with {provider}, found {} with {}", found.version, found.provider))
}

fn set<T: ToString>(elements: impl IntoIterator<Item = T>) -> BTreeMap<String, &'static str> {
    elements.into_iter().map(|element| (element.to_string(), "listed")).collect()
}

/// How many buckets and weights each histogram must have, one a step.
fn contents(epochs: usize) -> BTreeMap<SeriesName, Vec<(usize, f64)>> {
    let content = |parameter: &network::Parameter| {
        (SeriesName::new(TRAIN, &parameter.tag), vec![(BUCKETS, parameter.weights() as f64); epochs])
    };
    network::parameters().iter().map(content).collect()
}

fn found_contents(histograms: &Series<Buckets>) -> BTreeMap<SeriesName, Vec<(usize, f64)>> {
    let content = |buckets: &Buckets| (buckets.len(), buckets.iter().map(|[_, _, count]| count).sum());
    let contents = histograms
        .iter()
        .map(|(name, points)| (name.clone(), points.iter().map(|p| content(&p.value)).collect()));
    contents.collect()
}

fn graph() -> BTreeMap<SeriesName, Vec<String>> {
    let nodes = network::NODES.iter().map(|node| format!("{}/{node}", network::NAME)).collect();
    [(SeriesName::new(TRAIN, GRAPH), nodes)].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::numbers::Point;

    fn series<V: Clone>(
        steps: &BTreeMap<SeriesName, Vec<i64>>,
        value: impl Fn(&SeriesName) -> V,
    ) -> Series<V> {
        let point =
            |name: &SeriesName, step: &i64| Point { wall_time: Some(1e9), step: *step, value: value(name) };
        steps
            .iter()
            .map(|(name, steps)| (name.clone(), steps.iter().map(|step| point(name, step)).collect()))
            .collect()
    }

    /// Answers for a run that is as it should be.
    fn right() -> Answers {
        let weights: BTreeMap<_, _> =
            network::parameters().iter().map(|p| (p.tag.clone(), p.weights() as f64)).collect();
        let histogram = |name: &SeriesName| {
            let mut buckets = vec![[0.25, 0.5, 0.0]; BUCKETS];
            buckets[3][2] = weights[&name.tag];
            buckets
        };
        Answers {
            version: VERSION.to_owned(),
            provider: "GrpcDataProvider(addr='localhost:33205')".to_owned(),
            // TensorBoard orders runs by when they began.
            runs: vec![VALIDATION.to_owned(), TRAIN.to_owned(), SESSION.to_owned()],
            curves: series(&short_run::curve_steps(), |name| name.tag.len() as f64),
            histograms: series(&short_run::histogram_steps(), histogram),
            distributions: short_run::histogram_steps().into_keys().collect(),
            graphs: graph(),
        }
    }

    fn expected() -> Expected {
        let right = right();
        let mut history = timeless(&right.curves);
        history.retain(|name, _| short_run::is_in_history(name));
        Expected::new(&right.curves, &right.histograms, &history)
    }

    #[test]
    fn what_is_right_passes() {
        let checks = checks(Loader::Fast, "tensorboard", &right(), &expected());
        assert_eq!(checks.len(), 10);
        assert!(!checks.iter().any(Check::has_failed), "{checks:#?}");
        assert!(has_all_points(&right()));
    }

    /// Each change of the answers fails the checks with these words in their names, and no other.
    #[test]
    fn each_difference_fails_its_checks() {
        let check = |names: &[&str], change: fn(&mut Answers)| {
            let mut answers = right();
            change(&mut answers);
            let failed: Vec<String> = checks(Loader::Fast, "tensorboard", &answers, &expected())
                .iter()
                .filter(|check| check.has_failed())
                .map(|check| format!("{check:?}"))
                .collect();
            let all = failed.len() == names.len()
                && failed.iter().zip(names).all(|(line, name)| line.contains(name));
            assert!(all, "expected {names:?}, found {failed:#?}");
        };
        let loss = || SeriesName::new(TRAIN, "epoch_loss");
        let kernel = || SeriesName::new(TRAIN, "sequential/dense/kernel/histogram");
        assert!(right().curves.contains_key(&loss()) && right().histograms.contains_key(&kernel()));

        check(&["version"], |a| a.version = "2.20.0".to_owned());
        check(&["version"], |a| a.provider = "MultiplexerDataProvider(logdir='logs')".to_owned());
        check(&["runs"], |a| a.runs.push("more".to_owned()));
        check(&["runs"], |a| a.runs.truncate(1));
        check(&["scalar tags", "scalars equal the event", "history.csv"], |a| {
            a.curves.remove(&SeriesName::new(TRAIN, "epoch_loss"));
        });
        check(&["scalar tags", "scalars equal the event"], |a| {
            a.curves
                .insert(SeriesName::new(TRAIN, "more"), vec![Point { wall_time: None, step: 0, value: 1.0 }]);
        });
        check(&["scalar tags", "scalars equal the event", "history.csv"], |a| {
            a.curves.values_mut().next_back().unwrap()[2].step += 1;
        });
        check(&["scalars equal the event", "history.csv"], |a| {
            let value = &mut a.curves.values_mut().next_back().unwrap()[1].value;
            *value = value.next_up();
        });
        check(&["scalars equal the event"], |a| {
            a.curves.values_mut().next_back().unwrap()[1].wall_time = Some(1.5);
        });
        check(&["histograms equal"], |a| {
            let edge = &mut a.histograms.values_mut().next().unwrap()[1].value[7][1];
            *edge = edge.next_up();
        });
        check(&["histograms equal", "buckets"], |a| {
            a.histograms.values_mut().next().unwrap()[0].value[3][2] -= 1.0;
        });
        check(&["distribution"], |a| a.distributions.truncate(9));
        check(&["graph"], |a| a.graphs.clear());
        check(&["graph"], |a| {
            a.graphs.values_mut().for_each(|nodes| nodes.truncate(3));
        });
    }

    #[test]
    fn a_point_still_to_come_is_seen() {
        let check = |change: fn(&mut Answers), expected| {
            let mut answers = right();
            change(&mut answers);
            assert_eq!(has_all_points(&answers), expected);
        };
        check(|a| a.curves.values_mut().next_back().unwrap().truncate(2), false);
        check(|a| a.histograms.retain(|name, _| !name.tag.contains("dense")), false);
        check(|a| a.graphs.clear(), false);
        check(|a| a.curves.values_mut().next_back().unwrap()[0].value = 0.0, true);
    }

    #[test]
    fn the_other_loader_has_another_provider() {
        let checks = checks(Loader::Python, "tensorboard", &right(), &expected());
        assert_eq!(checks.iter().filter(|check| check.has_failed()).count(), 1);
    }
}
