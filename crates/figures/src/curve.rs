//! One value an epoch; knows nothing of how it is drawn.

use std::collections::BTreeMap;

use tensorboard::{RunData, ScalarPoint, Step};

use crate::Metric;

/// One value an epoch, in order of epochs. A value that is not finite is a gap in the line; an empty curve is
/// left out of the picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    points: BTreeMap<Step, f64>,
}

impl Curve {
    /// The points of a scalar; where a step comes twice, the last is taken, as TensorBoard does.
    pub fn from_points(points: &[ScalarPoint]) -> Curve {
        points.iter().map(|point| (point.step, f64::from(point.value))).collect()
    }

    /// The curve of a metric in a run; empty where the run has none.
    pub fn of(run: &RunData, metric: Metric) -> Curve {
        run.scalars.get(metric.tag()).map_or_else(Curve::default, |points| Curve::from_points(points))
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = (Step, f64)> {
        self.points.iter().map(|(&step, &value)| (step, value))
    }

    pub(crate) fn at(&self, step: Step) -> Option<f64> {
        self.points.get(&step).copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    pub(crate) fn finite(&self) -> impl Iterator<Item = (Step, f64)> {
        self.points().filter(|(_, value)| value.is_finite())
    }

    pub(crate) fn has_gaps(&self) -> bool {
        self.points.values().any(|value| !value.is_finite())
    }

    /// Whether all values are the same. A straight line is no picture; its value is one of the settings.
    pub(crate) fn is_constant(&self) -> bool {
        let mut values = self.points.values().map(|value| value.to_bits());
        let first = values.next();
        values.all(|value| Some(value) == first)
    }

    /// The first of the best finite values.
    pub(crate) fn best(&self, metric: Metric) -> Option<(Step, f64)> {
        metric.better(0.0, 0.0)?;
        let better = |a, b| metric.better(a, b) == Some(true);
        self.finite().reduce(|best, point| if better(point.1, best.1) { point } else { best })
    }
}

impl FromIterator<(Step, f64)> for Curve {
    fn from_iter<T: IntoIterator<Item = (Step, f64)>>(points: T) -> Curve {
        Curve { points: points.into_iter().collect() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A curve from epoch 1 on.
    pub(crate) fn curve(values: &[f64]) -> Curve {
        (0..).map(Step).zip(values.iter().copied()).collect()
    }

    #[test]
    fn the_best_is_the_first_of_the_best_finite_ones() {
        let values = curve(&[0.5, 0.7, 0.7, f64::NAN, 0.4, 0.4]);
        assert_eq!(values.best(Metric::Accuracy), Some((Step(1), 0.7)));
        assert_eq!(values.best(Metric::Loss), Some((Step(4), 0.4)));
        assert_eq!(values.best(Metric::LearningRate), None);
        assert_eq!(curve(&[f64::INFINITY]).best(Metric::Accuracy), None);
    }
}
