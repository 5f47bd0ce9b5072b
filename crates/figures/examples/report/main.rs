//! The page about a run, of a run that never was: its numbers are made up by formulas.
//!
//! `cargo run -p figures --example report [FOLDER]`; the folder is `target/report` unless another is given. The
//! page is `report.html` in it, the event files lie beside it.

mod made_up;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "the one place where the program reports its failure")]
fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/report".to_owned()));
    if folder.exists() {
        return Err(
            format!("{} is there already: delete it, or name another folder", folder.display()).into()
        );
    }
    let page = figures::report(&made_up::report(&folder)?)?;
    let path = folder.join("report.html");
    fs::write(&path, page)?;
    writeln!(io::stdout(), "open {} in a browser", path.display())?;
    Ok(())
}
