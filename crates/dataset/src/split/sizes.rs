//! Sizes of the three parts, as shares or as numbers of pictures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::notes::thousands;
use crate::{Error, Result};

/// How far the three fractions may be from 1 together: thirds are written with few digits.
const TOLERANCE: f64 = 0.002;

/// Sizes of the training, validation and test part. Written as `0.7,0.15,0.15`, `70%,15%,15%` or
/// `40000,10000,10000`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Sizes {
    /// Shares of all pictures, each above 0, together 1.
    Fractions([f64; 3]),
    /// Numbers of pictures, each at least 1.
    Counts([usize; 3]),
}

impl Sizes {
    /// The three sizes among so many pictures. Fractions are rounded, and the training part takes what that
    /// leaves or lacks.
    ///
    /// # Errors
    /// When the counts are more than there are, or a fraction of them is no picture.
    pub fn of(self, pictures: usize) -> Result<[usize; 3]> {
        match self {
            Self::Fractions(fractions) => {
                // Of their sum, which may be off by the tolerance.
                let sum: f64 = fractions.iter().sum();
                let share = |fraction: f64| (pictures as f64 * fraction / sum + 0.5) as usize;
                let (validation, test) = (share(fractions[1]), share(fractions[2]));
                let train = pictures.saturating_sub(validation).saturating_sub(test);
                if train.min(validation).min(test) == 0 {
                    return Err(Error::Unfit(format!("{self} of {pictures} pictures leaves a part empty")));
                }
                Ok([train, validation, test])
            }
            Self::Counts(counts) => {
                let sum = counts.iter().try_fold(0usize, |sum, &count| sum.checked_add(count));
                match sum.filter(|&sum| sum <= pictures) {
                    Some(_) => Ok(counts),
                    None => Err(Error::Unfit(format!(
                        "the parts are to have {} pictures, but there are {}",
                        counts.map(thousands).join(" + "),
                        thousands(pictures)
                    ))),
                }
            }
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Fractions([a, b, c]) => write!(f, "{a},{b},{c}"),
            Self::Counts([a, b, c]) => write!(f, "{a},{b},{c}"),
        }
    }
}

impl FromStr for Sizes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |reason: &str| Error::Word {
            what: "split",
            word: text.to_string(),
            reason: format!("{reason}, as 0.7,0.15,0.15 or 70%,15%,15% or 40000,10000,10000"),
        };
        let three = || refused("expected sizes of the training, validation and test part");
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let words: [&str; 3] = words.try_into().map_err(|_| three())?;
        if let [Ok(a), Ok(b), Ok(c)] = words.map(str::parse) {
            return if [a, b, c].contains(&0) {
                Err(refused("every part needs a picture"))
            } else {
                Ok(Self::Counts([a, b, c]))
            };
        }
        let fraction = |word: &str| match word.strip_suffix('%') {
            Some(percent) => percent.trim_end().parse().map(|p: f64| p / 100.0),
            None => word.parse(),
        };
        let [Ok(a), Ok(b), Ok(c)] = words.map(fraction) else { return Err(three()) };
        let whole = ((a + b + c) - 1.0f64).abs() <= TOLERANCE;
        // Not `any(<= 0)`: NaN must not pass.
        if !([a, b, c].iter().all(|&share| share > 0.0) && whole) {
            return Err(refused("expected shares above 0 that are 1 together"));
        }
        Ok(Self::Fractions([a, b, c]))
    }
}

impl TryFrom<String> for Sizes {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Sizes> for String {
    fn from(sizes: Sizes) -> Self {
        sizes.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        let check = |text: &str, expect: [usize; 3], written: &str| {
            let sizes: Sizes = text.parse().unwrap();
            assert_eq!((sizes.of(60_000).unwrap(), sizes.to_string().as_str()), (expect, written));
            assert_eq!(sizes.to_string().parse::<Sizes>().unwrap(), sizes);
        };
        check("0.7,0.15,0.15", [42_000, 9000, 9000], "0.7,0.15,0.15");
        check("70%, 15 %,15%", [42_000, 9000, 9000], "0.7,0.15,0.15");
        check("0.666,0.167,0.167", [39_960, 10_020, 10_020], "0.666,0.167,0.167");
        check("40000,10000,9000", [40_000, 10_000, 9000], "40000,10000,9000");
    }

    #[test]
    fn other_words_are_refused() {
        let check = |text: &str, expect: &str| {
            let error = text.parse::<Sizes>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("split '{text}': {expect}")), "{error}");
        };
        for text in ["", "0.5", "0.5,0.5", "1,2,3,4", "a,b,c", "1,2,", "-1,2,3e"] {
            check(text, "expected sizes of the training");
        }
        for text in ["0.5,0.5,0.5", "1.0,0.0,0.0", "NaN,0.5,0.5", "1.5,-0.25,-0.25", "60%,10%,10%", "inf,1,1"]
        {
            check(text, "expected shares above 0");
        }
        check("0,1,2", "every part needs a picture");
    }

    #[test]
    fn there_must_be_enough() {
        let error = Sizes::Counts([50_000, 9000, 1001]).of(60_000).unwrap_err().to_string();
        assert_eq!(error, "the parts are to have 50,000 + 9,000 + 1,001 pictures, but there are 60,000");
        let most = Sizes::Counts([usize::MAX, 1, 1]);
        assert!(most.of(usize::MAX).is_err());
        let error = Sizes::Fractions([0.98, 0.01, 0.01]).of(20).unwrap_err().to_string();
        assert_eq!(error, "0.98,0.01,0.01 of 20 pictures leaves a part empty");
    }
}
