//! Scores as tables in plain text.

use std::fmt;

use super::{BINS, Scores};

/// Classes up to which all of the confusion is shown; beyond, the most common confusions are.
const MATRIX_CLASSES: usize = 20;
/// Confusions that are listed.
const CONFUSIONS: usize = 10;

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "pictures {}, accuracy {:.4}, loss {:.4}", self.pictures, self.accuracy, self.loss)?;
        writeln!(f, "top-2 accuracy {:.4}, top-3 accuracy {:.4}\n", self.top2_accuracy, self.top3_accuracy)?;
        self.write_classes(f)?;
        match self.classes.len() {
            0..=MATRIX_CLASSES => self.write_matrix(f)?,
            _ => self.write_confusions(f)?,
        }
        self.write_calibration(f)
    }
}

impl Scores {
    /// Characters of the longest name.
    fn width(&self) -> usize {
        self.classes.iter().map(|class| class.name.chars().count()).max().unwrap_or(0).max("macro mean".len())
    }

    fn write_classes(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let width = self.width();
        let mean = &self.macro_average;
        writeln!(f, "{:<width$}  precision     recall         F1   pictures", "class")?;
        for class in &self.classes {
            let (precision, recall, f1) = (class.precision, class.recall, class.f1);
            let (name, support) = (&class.name, class.support);
            writeln!(f, "{name:<width$} {precision:>10.4} {recall:>10.4} {f1:>10.4} {support:>10}")?;
        }
        writeln!(
            f,
            "{:<width$} {:>10.4} {:>10.4} {:>10.4} {:>10}\n",
            "macro mean", mean.precision, mean.recall, mean.f1, self.pictures
        )
    }

    /// Columns have the number of their class: names would be too wide.
    fn write_matrix(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (width, count) = (self.width(), self.classes.len());
        let greatest = self.confusion.iter().max().map_or(1, |count| count.to_string().len());
        let cell = greatest.max(3) + 1;
        writeln!(f, "confusion: rows are the truth, columns the answer")?;
        write!(f, "   {:<width$}", "")?;
        (0..count).try_for_each(|column| write!(f, "{column:>cell$}"))?;
        writeln!(f)?;
        for (i, (class, row)) in self.classes.iter().zip(self.confusion.chunks_exact(count)).enumerate() {
            write!(f, "{i:>2} {:<width$}", class.name)?;
            row.iter().try_for_each(|count| write!(f, "{count:>cell$}"))?;
            writeln!(f)?;
        }
        writeln!(f)
    }

    fn write_confusions(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let count = self.classes.len();
        let wrong = |(i, &pictures): (usize, &u64)| {
            let (truth, predicted) = (i / count, i % count);
            (truth != predicted && pictures > 0).then_some((pictures, truth, predicted))
        };
        let mut confusions: Vec<_> = self.confusion.iter().enumerate().filter_map(wrong).collect();
        confusions.sort_by_key(|&(pictures, ..)| std::cmp::Reverse(pictures));
        writeln!(f, "most common confusions")?;
        for &(pictures, truth, predicted) in confusions.iter().take(CONFUSIONS) {
            let [truth, predicted] = [truth, predicted].map(|class| &self.classes[class].name);
            writeln!(f, "{pictures:>6}  {truth} taken for {predicted}")?;
        }
        writeln!(f)
    }

    /// Bins that have pictures.
    fn write_calibration(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "expected calibration error {:.4} ({BINS} bins)", self.calibration.error)?;
        write!(f, "confidence     pictures       mean   accuracy")?;
        for (i, bin) in self.calibration.bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
            let [from, to] = [i, i + 1].map(|edge| edge as f64 / BINS as f64);
            let (count, confidence, accuracy) = (bin.count, bin.confidence, bin.accuracy);
            write!(f, "\n{from:.2} to {to:.2} {count:>10} {confidence:>10.4} {accuracy:>10.4}")?;
        }
        Ok(())
    }
}
