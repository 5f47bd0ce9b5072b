//! Training, validation and test parts, stratified by class and drawn by the seed. Knows nothing of what the
//! parts are used for.

mod draw;
mod notes;
mod sizes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use streams::{Purpose, Seed};

pub use self::sizes::Sizes;
use crate::{Dataset, Error, Result};
use draw::draw;
use notes::thousands;

/// A part that the makers of a dataset did not give is one in this many of the pictures it is drawn from:
/// 10,000 of CIFAR-10's 50,000.
pub const HELD_OUT: usize = 5;

const SPLIT: Purpose = Purpose::new("split");
const TEST: Purpose = Purpose::new("test");
const LIMIT: Purpose = Purpose::new("limit");

/// Which pictures the network is watched on while it learns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A part of its own; the test pictures stay unseen.
    #[default]
    Holdout,
    /// The test pictures themselves, as Keras' tutorial does.
    Test,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Holdout => "holdout",
            Self::Test => "test",
        })
    }
}

impl FromStr for Protocol {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "holdout" => Ok(Self::Holdout),
            "test" => Ok(Self::Test),
            _ => Err(Error::Word {
                what: "validation protocol",
                word: word.to_string(),
                reason: "expected holdout or test".into(),
            }),
        }
    }
}

/// How to split.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Plan {
    /// Which pictures the network is watched on.
    pub protocol: Protocol,
    /// Sizes of the three parts, drawn from all pictures; `None` for the parts that the makers gave, and one
    /// in [`HELD_OUT`] for each that they did not.
    pub sizes: Option<Sizes>,
    /// At most so many pictures in the training part, the other parts in proportion.
    pub limit: Option<usize>,
}

/// A dataset in three parts: places of pictures, in an order that depends on their content alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Pictures to learn from.
    pub train: Vec<usize>,
    /// Pictures to watch while learning.
    pub validation: Vec<usize>,
    /// Pictures for the last judgement. The same as `validation` under [`Protocol::Test`].
    pub test: Vec<usize>,
    /// What the user should know about these parts, a sentence each.
    pub notes: Vec<String>,
}

impl Split {
    /// The parts with their names. Where validation and test part are the same pictures they come once, as
    /// "test".
    pub fn parts(&self) -> Vec<(&'static str, &[usize])> {
        let mut parts = vec![("training", &self.train[..])];
        if self.validation != self.test {
            parts.push(("validation", &self.validation));
        }
        parts.push(("test", &self.test));
        parts
    }
}

/// Splits a dataset; every class keeps its share in every part, to within one picture.
///
/// Without [`sizes`](Plan::sizes) the parts are those that the makers gave, so CIFAR-10's own test pictures are
/// the test part, and each part they did not give is one in [`HELD_OUT`] of the training pictures. With sizes
/// all pictures are put together and split anew. No picture is in two parts, and without a limit or with
/// fractions none is in no part. Under [`Protocol::Test`] the training part is all that is not for the test,
/// which is also what validation is on.
///
/// # Errors
/// When a class has no picture in a part, which the error names; when there are fewer pictures than the sizes
/// ask for, or sizes are given for [`Protocol::Test`].
pub fn split(dataset: &Dataset, plan: Plan, seed: Seed) -> Result<Split> {
    let mut notes = Vec::new();
    let [mut train, mut validation, mut test] = match plan.sizes {
        Some(sizes) => anew(dataset, sizes, plan.protocol, seed, &mut notes)?,
        None => as_given(dataset, plan.protocol, seed),
    };
    if let Some(limit) = plan.limit.filter(|&limit| limit < train.len()) {
        let of = train.len();
        let reduce = |part: &[usize]| {
            let keep = (part.len() as u128 * limit as u128 + of as u128 / 2) / of as u128;
            draw(dataset, part, keep as usize, LIMIT, seed).0
        };
        [train, validation, test] = [reduce(&train), reduce(&validation), reduce(&test)];
        notes.push(format!(
            "limited to {} of {} training pictures, the other parts in proportion",
            thousands(limit),
            thousands(of)
        ));
    }
    let mut split = Split { train, validation, test, notes };
    for (name, part) in split.parts() {
        if let Some(class) = dataset.class_counts(part).iter().position(|&n| n == 0) {
            let (class, size) = (&dataset.classes()[class], thousands(part.len()));
            return Err(Error::Unfit(format!(
                "class '{class}' has no picture in the {name} part of {size}: give more pictures or a higher limit"
            )));
        }
    }
    notes::add(dataset, plan.protocol, &mut split);
    Ok(split)
}

/// Three parts of all pictures.
fn anew(
    dataset: &Dataset,
    sizes: Sizes,
    protocol: Protocol,
    seed: Seed,
    notes: &mut Vec<String>,
) -> Result<[Vec<usize>; 3]> {
    if protocol == Protocol::Test {
        let both = "sizes for three parts, but validation on the test pictures: there are only two parts then; leave \
                    out one of them";
        return Err(Error::Unfit(both.into()));
    }
    let all = dataset.by_content().concat();
    let [train, validation, test] = sizes.of(all.len())?;
    let (test, rest) = draw(dataset, &all, test, TEST, seed);
    let (validation, rest) = draw(dataset, &rest, validation, SPLIT, seed);
    let (train, unused) = draw(dataset, &rest, train, LIMIT, seed);
    if dataset.given().test > 0 {
        let own = thousands(dataset.given().test);
        notes.push(format!(
            "the parts are drawn from all pictures: the dataset's own {own} test pictures are among them, so results \
             cannot be compared with those of others on its test set"
        ));
    }
    if !unused.is_empty() {
        notes.push(format!("{} pictures are in no part", thousands(unused.len())));
    }
    Ok([train, validation, test])
}

/// The parts that the makers gave, and the others drawn from the training pictures.
fn as_given(dataset: &Dataset, protocol: Protocol, seed: Seed) -> [Vec<usize>; 3] {
    let [mut train, mut validation, mut test] = dataset.by_content().map(<[usize]>::to_vec);
    // Rounded to the nearest.
    let one_in = |parts: usize, train: &[usize]| (train.len() + parts / 2) / parts;
    if test.is_empty() {
        // Where two parts are to be drawn, each is a sixth, so that both are a fifth of the other five.
        let parts = if validation.is_empty() { HELD_OUT + 1 } else { HELD_OUT };
        (test, train) = draw(dataset, &train, one_in(parts, &train), TEST, seed);
    }
    match protocol {
        Protocol::Holdout => {
            if validation.is_empty() {
                (validation, train) = draw(dataset, &train, one_in(HELD_OUT, &train), SPLIT, seed);
            }
        }
        Protocol::Test => {
            train.append(&mut validation);
            validation.clone_from(&test);
        }
    }
    [train, validation, test]
}
