//! All pictures of a run, each as SVG and as PNG, on white and on dark paper.
//!
//! `cargo run -p figures --example run RUN [FOLDER]`: RUN is the folder of a run, with `train/` in it; the pictures
//! go to FOLDER, `target/pictures` unless another is given, under its `light/` and `dark/`.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use figures::{RunCaption, Theme, draw_run};

/// How much larger than on the page the pixels are.
const SCALE: f32 = 1.5;

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
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let run = arguments.next().ok_or("name the folder of a run: cargo run -p figures --example run RUN")?;
    let folder = arguments.next().unwrap_or_else(|| PathBuf::from("target/pictures"));
    let subtitle = run.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let pictures = draw_run(&run, &RunCaption { subtitle: &subtitle, confusion: None })?;
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        for (stem, picture) in &pictures {
            let picture = picture.in_theme(theme);
            fs::write(folder.join(format!("{stem}.svg")), picture.svg())?;
            fs::write(folder.join(format!("{stem}.png")), picture.png(SCALE)?)?;
        }
    }
    writeln!(io::stdout(), "{} pictures in {}", pictures.len(), folder.display())?;
    Ok(())
}
