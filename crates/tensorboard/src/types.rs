//! Where on its axes a point lies: its step and its wall time; knows nothing of what is measured.

use std::cmp::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// The step of a point: an epoch, or a number of optimizer steps, as the tag decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub i64);

impl From<i64> for Step {
    fn from(step: i64) -> Self {
        Self(step)
    }
}

impl From<i32> for Step {
    fn from(step: i32) -> Self {
        Self(step.into())
    }
}

impl From<u32> for Step {
    fn from(step: u32) -> Self {
        Self(step.into())
    }
}

/// A moment: seconds since 1970-01-01 UTC, never NaN, so that moments can be ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WallTime(f64);

impl WallTime {
    /// A moment from its seconds; `None` for NaN, on which TensorBoard gives up the whole file.
    pub fn new(seconds: f64) -> Option<Self> {
        // Adding zero turns -0.0 into 0.0: equal moments have equal bits.
        (!seconds.is_nan()).then_some(Self(seconds + 0.0))
    }

    /// This moment, to the microsecond as TensorFlow writes it. A clock before 1970 gives 1970.
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since_epoch.as_micros() as f64 / 1e6)
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn seconds(self) -> f64 {
        self.0
    }

    /// The start of the second that this moment is in.
    pub(crate) fn whole_seconds(self) -> Self {
        Self(self.0.floor())
    }
}

impl Eq for WallTime {}

impl PartialOrd for WallTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for WallTime {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_has_no_nan_and_one_zero() {
        assert_eq!(WallTime::new(f64::NAN), None);
        let zeros = [WallTime::new(0.0), WallTime::new(-0.0)].map(|time| time.map(|t| t.seconds().to_bits()));
        assert_eq!(zeros, [Some(0), Some(0)]);
    }

    #[test]
    fn wall_time_is_ordered() {
        let mut times = [2.5, f64::INFINITY, -1.0, 0.0].map(|s| WallTime::new(s).unwrap());
        times.sort();
        assert_eq!(times.map(WallTime::seconds), [-1.0, 0.0, 2.5, f64::INFINITY]);
    }

    #[test]
    fn now_is_after_this_line_was_written() {
        assert!(WallTime::now().seconds() > 1.7e9);
        assert_eq!(WallTime::new(7.9).unwrap().whole_seconds().seconds(), 7.0);
    }
}
