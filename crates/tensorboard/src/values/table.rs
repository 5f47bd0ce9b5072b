//! Tables of the Text dashboard: a heading and rows of plain text.

use crate::event::{TEXT, plugin};
use crate::message::TensorProto;
use crate::{Event, InputError, Step, WallTime};

/// A heading and rows of as many cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    columns: usize,
    /// Row by row, as Markdown.
    cells: Vec<String>,
}

impl Table {
    /// A table from the names of its columns and its rows, the cells of which are shown as they are: what would
    /// be Markdown is escaped, line breaks are kept, spaces around a cell are not.
    ///
    /// # Errors
    /// If there are no columns, or if a row has more or fewer cells.
    pub fn new<R>(
        columns: impl IntoIterator<Item = impl ToString>,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Self, InputError>
    where
        R: IntoIterator<Item: ToString>,
    {
        let mut cells: Vec<String> =
            columns.into_iter().map(|name| bold(&escape(&name.to_string()))).collect();
        let columns = cells.len();
        if columns == 0 {
            return Err(InputError::Empty { what: "columns" });
        }
        for row in rows {
            let before = cells.len();
            cells.extend(row.into_iter().map(|cell| escape(&cell.to_string())));
            let found = cells.len() - before;
            if found != columns {
                let reason = "the number of columns";
                return Err(InputError::Count { what: "cells in a row", found, expected: columns, reason });
            }
        }
        Ok(Self { columns, cells })
    }
}

impl Event {
    /// One table of a series.
    pub fn table(at: WallTime, tag: &str, step: Step, table: &Table) -> Self {
        let shape = [table.cells.len() / table.columns, table.columns].map(|size| size as i64);
        let cells = table.cells.iter().map(|cell| cell.clone().into_bytes()).collect();
        Self::summary(at, tag, step, TensorProto::strings(&shape, cells), plugin(TEXT))
    }
}

/// The plugin makes all rows alike: a heading has to stand out by itself.
fn bold(markdown: &str) -> String {
    if markdown.is_empty() { String::new() } else { format!("**{markdown}**") }
}

/// Markdown that is shown as `text`, on one line, so that only its first characters can begin a block.
fn escape(text: &str) -> String {
    let lines: Vec<String> = text.trim().lines().map(|line| escape_line(line.trim())).collect();
    let mut markdown = lines.join("<br>");
    let digits = markdown.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && markdown[digits..].starts_with(". ") {
        markdown.insert(digits, '\\');
    } else if ["#", ">", "+ ", "- ", "--"].iter().any(|block| markdown.starts_with(block)) {
        markdown.insert(0, '\\');
    }
    markdown
}

fn escape_line(line: &str) -> String {
    let mut markdown = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' => markdown.extend(['\\', c]),
            '<' => markdown.push_str("&lt;"),
            '&' => markdown.push_str("&amp;"),
            // Browsers show both alike, but Markdown makes lists of either.
            '\t' => markdown.push(' '),
            _ => markdown.push(c),
        }
    }
    markdown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{ValueKind, What};

    #[test]
    fn cells_are_shown_as_they_are() {
        let check = |text: &str, markdown: &str| assert_eq!(escape(text), markdown);
        check("conv2d_1", "conv2d\\_1");
        check("0.5", "0.5");
        check("-1e-7", "-1e-7");
        check("- a", "\\- a");
        check("---", "\\---");
        check("+\ta", "\\+ a");
        check("a * b < [c](d) & `e` \\", "a \\* b &lt; \\[c](d) &amp; \\`e\\` \\\\");
        check(" # two\n  - lines\r\n", "\\# two<br>- lines");
        check("12. day", "12\\. day");
        check("", "");
    }

    #[test]
    fn a_table_is_a_string_tensor_with_two_dimensions() {
        let table = Table::new(["name", ""], [vec!["a_b", "1"], vec!["c", "2"]]).unwrap();
        let event = Event::table(WallTime::now(), "t", Step(3), &table);
        let Some(What::Summary(summary)) = event.what else { panic!("{event:?}") };
        let cells = ["**name**", "", "a\\_b", "1", "c", "2"].map(|cell| cell.as_bytes().to_vec()).to_vec();
        assert_eq!(summary.value[0].value, Some(ValueKind::Tensor(TensorProto::strings(&[3, 2], cells))));
    }

    #[test]
    fn rows_have_a_cell_a_column() {
        let none: [[&str; 0]; 0] = [];
        let error = Table::new(none[..].first().into_iter().flatten(), none).unwrap_err();
        assert_eq!(error.to_string(), "no columns: give at least one");
        let error = Table::new(["a", "b"], [vec![1, 2], vec![3]]).unwrap_err();
        assert_eq!(error.to_string(), "1 cells in a row, expected 2: the number of columns");
    }
}
