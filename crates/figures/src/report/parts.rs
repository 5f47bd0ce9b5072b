//! Tables, lists of facts, and pictures with what they say in words beside them; knows nothing of runs.

use super::Table;
use super::html::Html;
use crate::{Figure, canvas, numbers};

/// A picture: for those who do not see it, what it shows in one sentence and its numbers as a table.
pub(super) struct Picture<'a> {
    pub(super) figure: &'a Figure,
    /// What kind of picture of what.
    pub(super) name: &'a str,
    /// What is to be seen in it.
    pub(super) caption: &'a str,
    /// Its numbers.
    pub(super) table: &'a Table,
}

/// Pairs of names and values.
pub(super) fn facts(html: &mut Html, class: &str, pairs: &[(String, String)]) {
    html.within("dl", &[("class", class)], |html| {
        for (name, value) in pairs {
            html.within("div", &[], |html| {
                html.leaf("dt", &[], name);
                html.leaf("dd", &[], value);
            });
        }
    });
}

/// A table with its caption, which scrolls by itself where it is wider than the page.
pub(super) fn table(html: &mut Html, caption: &str, table: &Table) {
    let is_number: Vec<bool> = (0..table.columns.len()).map(|column| is_numeric(table, column)).collect();
    let class = |column: usize| -> &[(&str, &str)] {
        if is_number.get(column) == Some(&true) { &[("class", "number")] } else { &[] }
    };
    scrolled(html, &format!("Table: {caption}"), |html| {
        html.within("table", &[], |html| {
            html.leaf("caption", &[], caption);
            html.within("thead", &[], |html| {
                html.within("tr", &[], |html| {
                    for (column, name) in table.columns.iter().enumerate() {
                        html.leaf("th", &[&[("scope", "col")], class(column)].concat(), name);
                    }
                });
            });
            html.within("tbody", &[], |html| {
                for row in &table.rows {
                    html.within("tr", &[], |html| {
                        for (column, cell) in row.iter().enumerate() {
                            match column {
                                0 => html.leaf("th", &[&[("scope", "row")], class(0)].concat(), cell),
                                _ => html.leaf("td", class(column), cell),
                            }
                        }
                    });
                }
            });
        });
    });
}

/// A picture, its caption and its numbers.
pub(super) fn picture(html: &mut Html, picture: &Picture<'_>) {
    html.within("figure", &[], |html| {
        scrolled(html, &format!("Picture: {}", picture.name), |html| {
            html.raw(&embedded(picture.figure, &format!("{}. {}", picture.name, picture.caption)));
        });
        html.leaf("figcaption", &[], picture.caption);
    });
    if !picture.table.rows.is_empty() {
        html.within("details", &[], |html| {
            html.leaf("summary", &[], &format!("Numbers of this picture: {}", picture.name));
            table(html, picture.name, picture.table);
        });
    }
}

/// Something that may be wider than the page. It can be reached by keyboard, and so scrolled.
fn scrolled(html: &mut Html, name: &str, content: impl FnOnce(&mut Html)) {
    html.within(
        "div",
        &[("class", "scrolled"), ("role", "region"), ("aria-label", name), ("tabindex", "0")],
        content,
    );
}

/// The SVG as a part of the page, read out as `label`.
fn embedded(figure: &Figure, label: &str) -> String {
    let svg = figure.svg();
    let rest = svg.strip_prefix("<svg").unwrap_or(svg);
    format!("<svg class=\"picture\" role=\"img\" aria-label=\"{}\"{rest}", canvas::escape(label))
}

/// Whether every cell of a column begins as a number does.
fn is_numeric(table: &Table, column: usize) -> bool {
    let mut cells =
        table.rows.iter().filter_map(|row| row.get(column)).filter(|cell| *cell != NONE).peekable();
    cells.peek().is_some()
        && cells.all(|cell| cell.starts_with(|c: char| c.is_ascii_digit() || "-−+.".contains(c)))
}

/// What stands in a cell for which there is no number.
pub(super) const NONE: &str = "–";

/// A part of the whole as percent.
pub(super) fn percent(part: f64) -> String {
    if part.is_finite() { numbers::percent(part) } else { NONE.to_owned() }
}

/// A table from its columns and rows.
pub(super) fn of_rows(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Table {
    Table { columns: columns.iter().map(ToString::to_string).collect(), rows: rows.collect() }
}
