//! The classes one by one, and which was taken for which.

use super::html::Html;
use super::parts::{self, Picture};
use super::{ClassRow, Report, Section, Table};
use crate::{Confusion, Error, confusion_matrix, numbers};

/// With more classes than this, the table beside the matrix lists the most frequent mistakes alone.
const MOST_IN_TABLE: usize = 20;
/// How many of them.
const MISTAKES: usize = 50;

pub(super) fn section(report: &Report) -> Result<Option<Section>, Error> {
    let mut html = Html::default();
    if !report.classes.is_empty() {
        html.leaf_unless_empty("p", &[], &worst(&report.classes));
        let row = |class: &ClassRow| {
            let parts = [class.precision, class.recall, class.f1].map(parts::percent);
            let pictures = numbers::grouped(class.pictures as f64);
            [class.name.clone(), pictures].into_iter().chain(parts).collect()
        };
        let columns = ["class", "pictures", "precision", "recall", "F1"];
        let table = parts::of_rows(&columns, report.classes.iter().map(row));
        parts::table(&mut html, "How well each class is recognised", &table);
    }
    if let Some(confusion) = report.confusion.as_ref().filter(|confusion| !confusion.classes.is_empty()) {
        let figure = confusion_matrix("Confusion matrix", &report.title, confusion)?;
        let picture = Picture {
            figure: &figure,
            name: "Confusion matrix",
            caption: &caption(confusion),
            table: &table(confusion),
        };
        parts::picture(&mut html, &picture);
    }
    Ok(Section::of("classes", "Classes", html))
}

/// The class that is missed most often.
fn worst(classes: &[ClassRow]) -> String {
    let recalls = classes.iter().filter(|class| class.recall.is_finite());
    let worst = recalls.reduce(|worst, class| if class.recall < worst.recall { class } else { worst });
    worst.map_or_else(String::new, |class| {
        format!("Recognised worst: {}, {} of its pictures.", class.name, parts::percent(class.recall))
    })
}

/// Every pair of classes of which one was taken for the other: count, truth, predicted; the most frequent first.
fn mistakes(confusion: &Confusion) -> Vec<(u64, &str, &str)> {
    let names = &confusion.classes;
    let pairs = confusion.rows().zip(names).enumerate().flat_map(|(row, (counts, truth))| {
        let wrong = counts.iter().zip(names).enumerate().filter(move |&(column, _)| column != row);
        wrong.map(|(_, (&count, predicted))| (count, truth.as_str(), predicted.as_str()))
    });
    let mut pairs: Vec<_> = pairs.filter(|&(count, ..)| count > 0).collect();
    pairs.sort_by_key(|&(count, ..)| std::cmp::Reverse(count));
    pairs
}

fn caption(confusion: &Confusion) -> String {
    let sum = |counts: &mut dyn Iterator<Item = u64>| counts.map(|count| count as f64).sum::<f64>();
    let all = sum(&mut confusion.counts.iter().copied());
    let right = sum(&mut confusion.rows().enumerate().filter_map(|(i, row)| row.get(i)).copied());
    let mut text = format!("{} of {} pictures are right.", numbers::grouped(right), numbers::grouped(all));
    if let Some((count, truth, predicted)) = mistakes(confusion).first() {
        let times = numbers::grouped(*count as f64);
        text += &format!(" The most frequent mistake: {truth} taken for {predicted}, {times} times.");
    }
    text
}

fn table(confusion: &Confusion) -> Table {
    let count = |count: u64| numbers::grouped(count as f64);
    if confusion.classes.len() > MOST_IN_TABLE {
        let row = |(times, truth, predicted): (u64, &str, &str)| {
            vec![truth.to_owned(), predicted.to_owned(), count(times)]
        };
        let most = mistakes(confusion).into_iter().take(MISTAKES).map(row);
        return parts::of_rows(&["truth", "taken for", "pictures"], most);
    }
    let columns: Vec<String> = ["truth".to_owned()]
        .into_iter()
        .chain(confusion.classes.iter().map(|name| format!("as {name}")))
        .collect();
    let row = |(counts, name): (&[u64], &String)| {
        [name.clone()].into_iter().chain(counts.iter().map(|&number| count(number))).collect()
    };
    Table { columns, rows: confusion.rows().zip(&confusion.classes).map(row).collect() }
}
