//! What is wrong with a TOML file, in one line that says where.

use std::path::Path;

use crate::Error;

/// An error of the TOML reader: the file, the line where there is one, and what was expected.
pub(crate) fn refused(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map(|span| {
        1 + text.as_bytes()[..span.start.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
    });
    let line = line.map_or_else(String::new, |line| format!(", line {line}"));
    let reason = error.message().replace('\n', "; ");
    Error::Setting(format!("{}{line}: {reason}", path.display()))
}
