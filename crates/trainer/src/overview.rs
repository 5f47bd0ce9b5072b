//! What is in a dataset: counts by class and part, mean and deviation, duplicates, and a contact sheet.

use std::collections::HashMap;
use std::fmt;

use dataset::Dataset;
use figures::{Figure, SheetRow, Thumbnail, sheet};
use indicatif::HumanCount;

use crate::Result;
use crate::data::Data;

/// Groups of pictures with the same pixels that are written out.
const GROUPS: usize = 10;
/// Pictures of a group that are written out.
const MEMBERS: usize = 6;

/// 40000 as "40,000".
fn thousands(number: usize) -> String {
    HumanCount(number as u64).to_string()
}

/// What is in a dataset. Displayed as a table in plain text.
#[derive(Debug)]
pub struct Overview<'a> {
    data: &'a Data,
    /// Pictures by class, for each part.
    counts: Vec<(&'static str, Vec<usize>)>,
    /// Mean and standard deviation of each channel over the training part, of numbers in [0, 1].
    channels: Vec<[f64; 2]>,
    /// Places of pictures with the same pixels, by the first of each group.
    duplicates: Vec<Vec<usize>>,
}

impl<'a> Overview<'a> {
    /// Looks through all pictures once.
    pub fn of(data: &'a Data) -> Self {
        let counts =
            data.split.parts().into_iter().map(|(name, part)| (name, data.dataset.class_counts(part)));
        Self {
            data,
            counts: counts.collect(),
            channels: channels(&data.dataset, &data.split.train),
            duplicates: duplicates(&data.dataset),
        }
    }

    /// Draws `pictures` training pictures of each class.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub fn contact_sheet(&self, pictures: usize) -> Result<Figure> {
        let all = self.data.dataset.pictures();
        let shape = all.shape();
        let rows: Vec<SheetRow> = (0..)
            .zip(self.data.dataset.classes())
            .map(|(label, name)| {
                let of_class = self.data.split.train.iter().filter(|&&i| all.label(i) == label);
                let size = [shape.channels, shape.height, shape.width];
                let thumbnails =
                    of_class.take(pictures).filter_map(|&i| Thumbnail::of_planes(size, all.picture(i)));
                SheetRow { name: name.clone(), pictures: thumbnails.collect() }
            })
            .collect();
        let subtitle = format!("{} pictures of {shape}", thousands(all.len()));
        Ok(sheet(&self.data.dataset.source().to_string(), &subtitle, &rows)?)
    }
}

impl fmt::Display for Overview<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (dataset, split) = (&self.data.dataset, &self.data.split);
        let pictures = dataset.pictures();
        let (count, classes) = (thousands(pictures.len()), dataset.classes());
        writeln!(
            f,
            "{}: {count} pictures of {} in {} classes",
            dataset.source(),
            pictures.shape(),
            classes.len()
        )?;
        writeln!(f, "fingerprint {}", dataset.fingerprint())?;
        writeln!(f, "parts: {}", split.proportions())?;
        for note in &split.notes {
            writeln!(f, "note: {note}")?;
        }
        self.table(f)?;
        for (i, [mean, deviation]) in self.channels.iter().enumerate() {
            let name = ["red", "green", "blue"].get(i).filter(|_| self.channels.len() == 3);
            let name = name.map_or_else(|| format!("channel {i}"), ToString::to_string);
            writeln!(f, "{name:<10} mean {mean:.4}  standard deviation {deviation:.4}")?;
        }
        writeln!(f, "(of the training part, black 0 and white 1)\n")?;
        self.write_duplicates(f)
    }
}

impl Overview<'_> {
    fn table(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let classes = self.data.dataset.classes();
        let width = classes.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(10);
        write!(f, "\n{:<width$}", "class")?;
        for (name, _) in &self.counts {
            write!(f, " {name:>10}")?;
        }
        writeln!(f, " {:>10}", "together")?;
        let mut line = |name: &str, counts: Vec<usize>| {
            write!(f, "{name:<width$}")?;
            counts.iter().try_for_each(|&count| write!(f, " {:>10}", thousands(count)))?;
            writeln!(f, " {:>10}", thousands(counts.iter().sum()))
        };
        for (label, name) in classes.iter().enumerate() {
            line(name, self.counts.iter().map(|(_, counts)| counts[label]).collect())?;
        }
        line("together", self.counts.iter().map(|(_, counts)| counts.iter().sum()).collect())?;
        writeln!(f)
    }

    fn write_duplicates(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let dataset = &self.data.dataset;
        let pictures: usize = self.duplicates.iter().map(|group| group.len() - 1).sum();
        match self.duplicates.len() {
            0 => return write!(f, "no two pictures have the same pixels"),
            groups => write!(
                f,
                "{} pictures have the same pixels as an earlier one, in {} groups:",
                thousands(pictures),
                thousands(groups)
            )?,
        }
        let parts: HashMap<usize, &str> = self
            .data
            .split
            .parts()
            .into_iter()
            .flat_map(|(name, part)| part.iter().map(move |&place| (place, name)))
            .collect();
        for group in self.duplicates.iter().take(GROUPS) {
            let members: Vec<String> = group
                .iter()
                .take(MEMBERS)
                .map(|&place| {
                    let part = parts.get(&place).copied().unwrap_or("no part");
                    let class = &dataset.classes()[usize::from(dataset.pictures().label(place))];
                    format!("{} ({class}, {part})", dataset.name(place))
                })
                .collect();
            let more = if group.len() > MEMBERS { ", ..." } else { "" };
            write!(f, "\n  {}{more}", members.join(", "))?;
        }
        if self.duplicates.len() > GROUPS { write!(f, "\n  ...") } else { Ok(()) }
    }
}

/// Mean and standard deviation of each channel of some pictures, by whole numbers, so that order is no matter.
fn channels(dataset: &Dataset, places: &[usize]) -> Vec<[f64; 2]> {
    let pictures = dataset.pictures();
    let area = pictures.shape().height * pictures.shape().width;
    let mut sums = vec![[0u64; 2]; pictures.shape().channels];
    for &i in places {
        for (sums, plane) in sums.iter_mut().zip(pictures.picture(i).chunks_exact(area.max(1))) {
            for &value in plane {
                sums[0] += u64::from(value);
                sums[1] += u64::from(value) * u64::from(value);
            }
        }
    }
    let count = (places.len() * area).max(1) as f64;
    let moments = |[sum, squares]: [u64; 2]| {
        let mean = sum as f64 / count;
        let variance = (squares as f64 / count - mean * mean).max(0.0);
        [mean / 255.0, variance.sqrt() / 255.0]
    };
    sums.into_iter().map(moments).collect()
}

/// Places of pictures with the same pixels, in groups of at least two.
fn duplicates(dataset: &Dataset) -> Vec<Vec<usize>> {
    let mut groups: HashMap<_, Vec<usize>> = HashMap::new();
    for (place, digest) in dataset.digests().iter().enumerate() {
        groups.entry(digest).or_default().push(place);
    }
    let mut groups: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_unstable();
    groups
}

#[cfg(test)]
mod tests {
    use dataset::split::{Plan, split};
    use dataset::{Given, Pictures, Shape, Source};
    use streams::Seed;

    use super::*;

    /// Pictures of one grey pixel each.
    fn data(pixels: &[u8], labels: &[u8], [train, validation, test]: [usize; 3]) -> Data {
        let shape = Shape { channels: 1, height: 1, width: 1 };
        let pictures = Pictures::new(shape, pixels.to_vec(), labels.to_vec()).unwrap();
        let given = Given { train, validation, test };
        let dataset = Dataset::new(Source::Program, ["cat", "dog"], pictures, given).unwrap();
        let split = split(&dataset, Plan::default(), Seed(0)).unwrap();
        Data { dataset, split }
    }

    #[test]
    fn everything_is_counted() {
        let data = data(&[0, 255, 51, 51, 51, 0, 7], &[0, 1, 0, 1, 0, 0, 1], [3, 2, 2]);
        let text = Overview::of(&data).to_string();
        let has = |line: &str| assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        has("pictures that a program brought: 7 pictures of 1x1x1 in 2 classes");
        has("class        training validation       test   together");
        has("cat                 2          1          1          4");
        has("dog                 1          1          1          3");
        has("together            3          2          2          7");
        has("channel 0  mean 0.4000  standard deviation 0.4320");
        has("3 pictures have the same pixels as an earlier one, in 2 groups:");
        has("  picture 0 (cat, training), picture 5 (cat, test)");
        has("  picture 2 (cat, training), picture 3 (dog, validation), picture 4 (cat, validation)");
    }

    #[test]
    fn a_contact_sheet_has_a_row_a_class() {
        let data = data(&[1, 2, 3, 4, 5, 6], &[0, 1, 0, 1, 0, 1], [2, 2, 2]);
        let figure = Overview::of(&data).contact_sheet(5).unwrap();
        assert!(figure.svg().contains(">cat</text>") && figure.svg().contains(">dog</text>"));
        assert_eq!(figure.svg().matches("<image ").count(), 2);
    }
}
