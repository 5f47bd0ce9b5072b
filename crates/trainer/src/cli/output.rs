//! Lines on stdout and stderr. Unlike `println!` they do not panic where nobody reads on, as in `trainer | head`.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::path::Path;

use figures::Figure;
use trainer::{Error, Result};

/// Prints a line on stdout. A reader that has gone is no reason to end a run.
///
/// # Errors
/// If the line cannot be written for another reason, such as a full disk.
pub(crate) fn line(text: impl Display) -> Result<()> {
    match writeln!(stdout(), "{text}") {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Io { action: "write to", path: "standard output".into(), cause })
        }
        _ => Ok(()),
    }
}

/// Prints a line on stderr, if that goes: there is no other place to complain.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(stderr(), "{text}");
}

/// Writes a picture, whole or not at all, and says where.
///
/// # Errors
/// If it cannot be encoded or written.
pub(crate) fn picture(path: &Path, figure: &Figure) -> Result<()> {
    let png = figure.png(1.0)?;
    whole::write(path, &png).map_err(|cause| Error::Io { action: "write", path: path.to_owned(), cause })?;
    tracing::info!("wrote {}", path.display());
    Ok(())
}
