//! What a point is called and where on its axes it lies: its tag, its step and its wall time; knows nothing of
//! what is measured.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of a series of points; cheap to clone. Slashes group the cards of a dashboard: `sequential/dense/kernel`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// The step of a point: an epoch, or a number of optimizer steps, as the tag decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub i64);

/// A moment: seconds since 1970-01-01 UTC, never NaN, so that moments can be ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WallTime(f64);

impl Tag {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Tag {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Tag {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl Deref for Tag {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Maps by tag are asked with `&str`.
impl Borrow<str> for Tag {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Tag {
    fn eq(&self, name: &str) -> bool {
        self.as_str() == name
    }
}

impl PartialEq<&str> for Tag {
    fn eq(&self, name: &&str) -> bool {
        self.as_str() == *name
    }
}

impl PartialEq<String> for Tag {
    fn eq(&self, name: &String) -> bool {
        self.as_str() == name
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

/// The format has 63 bits for a step: greater counts become the greatest step.
impl From<u64> for Step {
    fn from(step: u64) -> Self {
        Self(step.try_into().unwrap_or(i64::MAX))
    }
}

/// As from `u64`.
impl From<usize> for Step {
    fn from(step: usize) -> Self {
        Self(step.try_into().unwrap_or(i64::MAX))
    }
}

impl WallTime {
    /// 1970-01-01, 00:00 UTC.
    pub(crate) const START: Self = Self(0.0);

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
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_map_by_tag_is_asked_with_a_name() {
        let map = BTreeMap::from([(Tag::from("loss"), 1), (Tag::from("accuracy".to_owned()), 2)]);
        assert_eq!((map["loss"], map.get("accuracy"), map.get("los")), (1, Some(&2), None));
        assert_eq!(map.keys().map(Tag::to_string).collect::<Vec<_>>(), ["accuracy", "loss"]);
        let tag = Tag::from("a/b");
        assert!(tag == "a/b" && tag.split('/').count() == 2);
    }

    #[test]
    fn steps_from_all_counters() {
        let check = |step: Step, expected| assert_eq!(step, Step(expected));
        check(7.into(), 7);
        check((-7i64).into(), -7);
        check(7u32.into(), 7);
        check(7usize.into(), 7);
        check(u64::MAX.into(), i64::MAX);
    }

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
