//! What a user should know about the parts of a split, in words.

use std::collections::HashSet;

use super::{Protocol, Split};
use crate::Dataset;

/// What the course asks of the parts, in percent of all pictures.
const COURSE: [(&str, [f64; 2]); 3] =
    [("training", [60.0, 80.0]), ("validation", [10.0, 20.0]), ("test", [10.0, 20.0])];

impl Split {
    /// Counts and percentages of the parts: "40,000 / 10,000 / 10,000 = 66.7 / 16.7 / 16.7 %". Where
    /// validation and test part are the same pictures they are counted once.
    pub fn proportions(&self) -> String {
        let parts = self.parts();
        let counts: Vec<String> = parts.iter().map(|(_, part)| thousands(part.len())).collect();
        let percent: Vec<String> =
            parts.iter().map(|(_, part)| format!("{:.1}", self.percent(part))).collect();
        format!("{} = {} %", counts.join(" / "), percent.join(" / "))
    }

    /// A part's share of all pictures in the parts.
    fn percent(&self, part: &[usize]) -> f64 {
        let total: usize = self.parts().iter().map(|(_, part)| part.len()).sum();
        100.0 * part.len() as f64 / total.max(1) as f64
    }
}

/// Adds the notes that the finished parts ask for.
pub(super) fn add(dataset: &Dataset, protocol: Protocol, split: &mut Split) {
    let mut notes = Vec::new();
    if protocol == Protocol::Test {
        notes.push(
            "validation is on the test pictures, the tutorial's own protocol: test accuracy is no judgement by unseen \
             pictures where the training was steered by it"
                .to_string(),
        );
    }
    notes.extend(course(split));
    notes.extend(duplicates(dataset, split));
    split.notes.splice(0..0, notes);
}

/// Which parts leave the course's ranges.
fn course(split: &Split) -> Option<String> {
    let outside: Vec<String> = split
        .parts()
        .into_iter()
        .filter_map(|(name, part)| {
            let percent = split.percent(part);
            let [low, high] = COURSE.iter().find(|(known, _)| *known == name)?.1;
            // As it is shown: 80.04 % is 80.0.
            let shown = (percent * 10.0).round() / 10.0;
            let range =
                format!("the {name} part has {percent:.1} % of the pictures instead of {low} to {high}");
            (!(low..=high).contains(&shown)).then_some(range)
        })
        .collect();
    (!outside.is_empty()).then(|| format!("outside of the course's ranges: {}", outside.join(", ")))
}

/// How many pictures are in more than one part.
fn duplicates(dataset: &Dataset, split: &Split) -> Option<String> {
    let digests = dataset.digests();
    let parts = split.parts();
    let sets: Vec<HashSet<_>> =
        parts.iter().map(|(_, part)| part.iter().map(|&i| &digests[i]).collect()).collect();
    let mut found = Vec::new();
    for (i, (name, part)) in parts.iter().enumerate().skip(1) {
        for ((other, _), known) in parts[..i].iter().zip(&sets) {
            match part.iter().filter(|&&place| known.contains(&digests[place])).count() {
                0 => {}
                n => found.push(format!("{} of the {name} part in the {other} part", thousands(n))),
            }
        }
    }
    (!found.is_empty()).then(|| format!("the same pixels are in more than one part: {}", found.join(", ")))
}

/// 40000 as "40,000".
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
