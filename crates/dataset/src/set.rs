//! A dataset: pictures, the names of their classes, how their makers divided them and where they come from.
//! Knows nothing of how they were read.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, by_content, digests, fingerprint};
use crate::{Error, Pictures, Result};

/// Where pictures come from: a result must say what it was trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// CIFAR-10, from the official archive with the official checksums.
    #[serde(rename = "cifar10")]
    Cifar10,
    /// CIFAR-10 from lossy JPEG copies: the right pictures, not the right bytes.
    #[serde(rename = "cifar10-jpeg")]
    Cifar10Jpeg,
    /// CIFAR-10 in form, without proof of the bytes.
    #[serde(rename = "cifar10-unverified")]
    Cifar10Unverified,
    /// The built-in drawn pictures.
    Shapes,
    /// A folder of pictures.
    Folder,
    /// Pictures that a program brought by itself.
    Program,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Cifar10 => "CIFAR-10",
            Self::Cifar10Jpeg => "CIFAR-10 (JPEG copies, not the official bytes)",
            Self::Cifar10Unverified => "CIFAR-10 (unverified)",
            Self::Shapes => "shapes (drawn pictures, not CIFAR-10)",
            Self::Folder => "a folder of pictures",
            Self::Program => "pictures that a program brought",
        })
    }
}

/// How many pictures their makers meant for what. They lie in this order; those to train on are never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// To train on, and to draw from what is not given.
    pub train: usize,
    /// To watch while learning; 0 where the makers left that to the user.
    pub validation: usize,
    /// For the last judgement; 0 where the makers left that to the user.
    pub test: usize,
}

impl Given {
    /// The places of the three parts, in their order.
    pub fn ranges(self) -> [Range<usize>; 3] {
        let second = self.train + self.validation;
        [0..self.train, self.train..second, second..second + self.test]
    }
}

/// Pictures of one shape with the names of their classes. A clone shares the pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    source: Source,
    classes: Vec<String>,
    pictures: Pictures,
    given: Given,
    digests: Arc<Vec<Digest>>,
    /// All places: part by part, in each in the order of content.
    order: Arc<Vec<usize>>,
    fingerprint: String,
    /// Of each picture, where its source has names.
    names: Option<Arc<Vec<String>>>,
}

impl Dataset {
    /// Puts a dataset together and takes its fingerprint: 0.1 s for CIFAR-10 where the processor has SHA-256.
    ///
    /// # Errors
    /// When there are no pictures to train on, more or fewer pictures than `given` says, fewer than two
    /// classes, or a label that names no class.
    pub fn new<C: Into<String>>(
        source: Source,
        classes: impl IntoIterator<Item = C>,
        pictures: Pictures,
        given: Given,
    ) -> Result<Self> {
        let digests = digests(&pictures);
        Self::of_known(source, classes, pictures, given, digests)
    }

    /// [`new`](Self::new), where the digests were taken while the pictures were read.
    pub(crate) fn of_known<C: Into<String>>(
        source: Source,
        classes: impl IntoIterator<Item = C>,
        pictures: Pictures,
        given: Given,
        digests: Vec<Digest>,
    ) -> Result<Self> {
        let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
        let unfit = |reason: String| Err(Error::Unfit(reason));
        if classes.len() < 2 {
            let name = classes.first().map_or(String::new(), |name| format!(" ('{name}')"));
            return unfit(format!("{} class{name}: expected at least two to tell apart", classes.len()));
        }
        let Given { train, validation, test } = given;
        let sum = train.checked_add(validation).and_then(|sum| sum.checked_add(test));
        if train == 0 || sum != Some(pictures.len()) {
            return unfit(format!(
                "{} pictures cannot be {train} training, {validation} validation and {test} test pictures: expected \
                 their sum, and at least one to train on",
                pictures.len()
            ));
        }
        if let Some(i) = pictures.labels().iter().position(|&label| usize::from(label) >= classes.len()) {
            let (label, known) = (pictures.label(i), classes.len());
            return unfit(format!("picture {i} has the label {label}, but there are {known} classes"));
        }
        let order = by_content(&pictures, &digests, given);
        let fingerprint = fingerprint(&pictures, &digests, given, &order);
        let (digests, order) = (Arc::new(digests), Arc::new(order));
        Ok(Self { source, classes, pictures, given, digests, order, fingerprint, names: None })
    }

    /// Names the pictures, by place: files, for people to find them. A list of another length names none.
    #[must_use]
    pub fn with_names(self, names: Vec<String>) -> Self {
        let names = (names.len() == self.pictures.len()).then(|| Arc::new(names));
        Self { names, ..self }
    }

    /// Where the pictures come from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Names of the classes; a label is a place in this list.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// All pictures: first those to train on, then those of validation, then those of the test.
    pub fn pictures(&self) -> &Pictures {
        &self.pictures
    }

    /// How the makers divided them.
    pub fn given(&self) -> Given {
        self.given
    }

    /// The name of the picture at a place; its number where it has none.
    pub fn name(&self, place: usize) -> String {
        let name = self.names.as_ref().and_then(|names| names.get(place).cloned());
        name.unwrap_or_else(|| format!("picture {place}"))
    }

    /// SHA-256 of the content, 64 hexadecimal digits: the same for the same pictures in another order or under
    /// other file names. See [`digest`](crate::digest).
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// SHA-256 of each picture's pixels, by place.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// The places of each part that was given, in the order of their content, which no file name and no order
    /// of reading changes: what is drawn from these lists depends on the pictures alone.
    pub fn by_content(&self) -> [&[usize]; 3] {
        self.given.ranges().map(|range| &self.order[range])
    }

    /// How many of the pictures at `places` each class has.
    ///
    /// # Panics
    /// When a place is beyond the dataset, as slices do.
    pub fn class_counts(&self, places: &[usize]) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        places.iter().for_each(|&place| counts[usize::from(self.pictures.label(place))] += 1);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    const SHAPE: Shape = Shape { channels: 1, height: 1, width: 1 };

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let check = |classes: &[&str], labels: &[u8], [train, validation, test]: [usize; 3], expect: &str| {
            let pictures = Pictures::new(SHAPE, labels.to_vec(), labels.to_vec()).unwrap();
            let given = Given { train, validation, test };
            let error = Dataset::new(Source::Program, classes.iter().copied(), pictures, given).unwrap_err();
            assert!(error.to_string().starts_with(expect), "{error}");
        };
        check(&["a", "b"], &[0, 1, 2], [2, 0, 1], "picture 2 has the label 2, but there are 2 classes");
        check(&["a"], &[0, 0], [1, 0, 1], "1 class ('a'): expected at least two");
        check(&[], &[], [0, 0, 0], "0 class: expected at least two");
        check(&["a", "b"], &[0, 1], [1, 0, 0], "2 pictures cannot be 1 training, 0 validation and 0 test");
        check(&["a", "b"], &[0, 1], [0, 0, 2], "2 pictures cannot be 0 training");
        check(&["a", "b"], &[0, 1], [usize::MAX, 3, 0], "2 pictures cannot be");
    }

    #[test]
    fn pictures_have_names_or_numbers() {
        let pictures = Pictures::new(SHAPE, vec![1, 2], vec![0, 1]).unwrap();
        let given = Given { train: 2, validation: 0, test: 0 };
        let set = Dataset::new(Source::Folder, ["a", "b"], pictures, given).unwrap();
        assert_eq!(set.clone().with_names(vec!["x.png".into()]).name(1), "picture 1");
        assert_eq!(set.with_names(vec!["x.png".into(), "y.png".into()]).name(1), "y.png");
    }

    #[test]
    fn only_the_official_bytes_are_called_cifar_10() {
        let names = [Source::Cifar10, Source::Cifar10Jpeg, Source::Cifar10Unverified, Source::Shapes];
        assert_eq!(
            names.map(|s| s.to_string()),
            [
                "CIFAR-10",
                "CIFAR-10 (JPEG copies, not the official bytes)",
                "CIFAR-10 (unverified)",
                "shapes (drawn pictures, not CIFAR-10)"
            ]
        );
    }

    #[test]
    fn the_parts_lie_one_after_the_other() {
        let given = Given { train: 5, validation: 2, test: 3 };
        assert_eq!(given.ranges(), [0..5, 5..7, 7..10]);
    }
}
