//! `trainer predict`.

use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use trainer::predict::{Guess, decode_picture, predict, read_picture};
use trainer::{Error, Result};

use super::output;
use super::runs::RunArgs;

/// Stands for standard input.
const STDIN: &str = "-";
/// More bytes of a picture than any that is decoded.
const MOST_BYTES: u64 = 1 << 28;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  trainer predict latest cat.jpg dog.png     the three likeliest classes of each
  trainer predict latest --top 1 --json *.png
  curl -s URL | trainer predict latest -     a picture from standard input")]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    run: RunArgs,
    /// PNG or JPEG files of any size; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Classes to name
    #[arg(long, default_value_t = 3, value_name = "K", value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// A JSON object a line instead of text
    #[arg(long)]
    json: bool,
}

impl PredictArgs {
    pub(crate) fn run(self) -> Result<()> {
        let (run, network) = self.run.open()?;
        let (shape, classes) = (run.record.data.shape, &run.record.data.classes);
        let mut failed = None;
        for file in &self.files {
            let planes = if file == Path::new(STDIN) {
                from_stdin().and_then(|bytes| decode_picture(Path::new("standard input"), &bytes, shape))
            } else {
                read_picture(file, shape)
            };
            match planes.and_then(|planes| predict(&network, classes, &planes, self.top.into())) {
                Ok(guesses) => self.print(file, &guesses)?,
                // The other files are looked at even so.
                Err(error) => {
                    if let Some(before) = failed.replace(error) {
                        output::note(format_args!("error: {before}"));
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn print(&self, file: &Path, guesses: &[Guess]) -> Result<()> {
        if self.json {
            return output::line(json!({"file": file.to_string_lossy(), "predictions": guesses}));
        }
        let named = guesses.iter().map(|guess| format!("{} {:.1} %", guess.class, guess.probability * 100.0));
        output::line(format_args!("{}: {}", file.display(), named.collect::<Vec<_>>().join(", ")))
    }
}

fn from_stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|cause| Error::Io {
        action: "read",
        path: "standard input".into(),
        cause,
    })?;
    if bytes.is_empty() {
        return Err(Error::Setting(
            "standard input is empty; expected the bytes of a PNG or JPEG file".into(),
        ));
    }
    Ok(bytes)
}
