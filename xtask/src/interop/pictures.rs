//! The pictures that `cargo xtask screenshots` takes of a run, and what is left behind of taking them; knows nothing of
//! how that is done.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::network;
use super::short_run::ShortRun;
use crate::check::Check;
use crate::screenshots::browser::{self, Outcome};
use crate::tensorboard;

/// TensorBoard's helper sees that TensorBoard has ended, and ends.
const ENDING: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// An empty picture of this kind has a few thousand bytes.
const FEWEST_BYTES: usize = 15_000;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Takes the pictures of a run; they are put into `screenshots`.
pub(super) fn checks(run: &ShortRun, screenshots: &Path) -> Vec<Check> {
    let subject = "pictures of a run";
    let check = |name: &str, result| Check::new(format!("{subject}: {name}"), result);
    let failed = |error: anyhow::Error| format!("{error:#}");
    let before = folders();
    let taken = match browser::take(&run.folder()) {
        Ok(Outcome::Taken(pictures)) => pictures,
        Ok(Outcome::Missing(what)) => return vec![Check::skipped(subject, what)],
        Err(error) => return vec![check("they are taken", Err(failed(error)))],
    };
    let written = write(&taken.files, screenshots).map_err(failed);
    let names: Vec<&str> = taken.files.iter().map(|(name, _)| name.as_str()).collect();
    let left = folders().and_then(|after| Ok(after.difference(&before?).cloned().collect::<Vec<_>>()));
    vec![
        check("curves, the graph, and three of every layer, in this order", expected(&names)),
        check(
            "each is a large PNG file with something on it",
            taken.files.iter().try_for_each(|(name, png)| drawn(name, png)).and(written),
        ),
        check(
            "the programs are those of this check",
            program(&taken.tensorboard, tensorboard::VERSION).and(program(&taken.browser, "Chrom")),
        ),
        check(
            "no folder of TensorBoard or the browser is left",
            left.map_err(failed).and_then(|left| none(&left)),
        ),
        check("no process of TensorBoard or the browser is left", none_runs(&run.folder())),
    ]
}

/// The names of all pictures of the tutorial network.
fn expected(names: &[&str]) -> Result<(), String> {
    let histograms = |layer: &str| ["offset", "overlay"].map(|mode| format!("histograms-{layer}-{mode}.png"));
    let layers = network::layers();
    let mut expected = vec!["accuracy.png".to_owned(), "loss.png".to_owned()];
    expected.extend(layers.iter().flat_map(|layer| histograms(layer)));
    expected.extend(layers.iter().map(|layer| format!("distributions-{layer}.png")));
    expected.push("graph.png".to_owned());
    if names == expected { Ok(()) } else { Err(format!("expected {expected:?}, found {names:?}")) }
}

/// Whether a picture is as large as it must be, and not empty.
fn drawn(name: &str, png: &[u8]) -> Result<(), String> {
    let (width, height) = size(png).ok_or_else(|| format!("{name} is no PNG file"))?;
    let (least_width, least_height) = match name.split('-').next() {
        // Two cards beside each other.
        Some("histograms" | "distributions") => (1800, 600),
        // A column of layers.
        Some("graph.png") => (150, 700),
        _ => (1000, 500),
    };
    if width < least_width || height < least_height {
        return Err(format!(
            "{name}: expected {least_width} x {least_height} at least, found {width} x {height}"
        ));
    }
    if png.len() < FEWEST_BYTES {
        return Err(format!(
            "{name}: expected {FEWEST_BYTES} bytes at least, found {}: it is empty",
            png.len()
        ));
    }
    Ok(())
}

/// Width and height, from the first chunk of a PNG file.
fn size(png: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    (png.starts_with(PNG) && png.get(12..16)? == b"IHDR").then_some(())?;
    Some((number(16)?, number(20)?))
}

fn write(files: &[(String, Vec<u8>)], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    files.iter().try_for_each(|(name, png)| {
        let path = folder.join(name);
        fs::write(&path, png).with_context(|| format!("writing {}", path.display()))
    })
}

fn program(found: &str, expected: &str) -> Result<(), String> {
    if found.contains(expected) { Ok(()) } else { Err(format!("expected {expected}, found {found}")) }
}

fn none(left: &[String]) -> Result<(), String> {
    if left.is_empty() { Ok(()) } else { Err(format!("found {}", left.join(", "))) }
}

/// What is where TensorBoard and the browser write.
fn folders() -> Result<BTreeSet<String>> {
    let folder = tensorboard::folder()?;
    let entries = fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
    entries.map(|entry| Ok(entry.context("listing")?.file_name().to_string_lossy().into_owned())).collect()
}

/// Looks until no process is left that reads the run or has a profile of a browser, or the time is over. Without `ps`
/// nothing can be said.
fn none_runs(run: &Path) -> Result<(), String> {
    let profiles = tensorboard::folder().map_err(|error| format!("{error:#}"))?.join("browser-");
    let end = Instant::now() + ENDING;
    loop {
        let Ok(output) = Command::new("ps").args(["-A", "-o", "args="]).output() else { return Ok(()) };
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        let of_us = [run, &profiles].map(|path| path.display().to_string());
        let left: Vec<String> = listed
            .lines()
            .filter(|line| of_us.iter().any(|path| line.contains(path.as_str())))
            .map(|line| line.chars().take(200).collect())
            .collect();
        if left.is_empty() || Instant::now() > end {
            return none(&left);
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a PNG file of this size, and more bytes.
    fn png(width: u32, height: u32, bytes: usize) -> Vec<u8> {
        let mut png = [PNG, b"\0\0\0\x0dIHDR", &width.to_be_bytes(), &height.to_be_bytes()].concat();
        png.resize(bytes, 7);
        png
    }

    #[test]
    fn pictures_are_large_and_not_empty() {
        let check = |name: &str, png: &[u8], expected: Result<(), &str>| match (drawn(name, png), expected) {
            (Ok(()), Ok(())) => {}
            (Err(found), Err(part)) => assert!(found.contains(name) && found.contains(part), "{found}"),
            (found, expected) => panic!("{name}: {found:?}, expected {expected:?}"),
        };
        check("accuracy.png", &png(1258, 720, 40_000), Ok(()));
        check("accuracy.png", &png(700, 720, 40_000), Err("found 700 x 720"));
        check("accuracy.png", &png(1258, 720, 4_000), Err("found 4000"));
        check("histograms-conv2d-offset.png", &png(2151, 738, 40_000), Ok(()));
        check("histograms-conv2d-offset.png", &png(1258, 738, 40_000), Err("1800 x 600"));
        check("distributions-conv2d.png", &png(1258, 738, 40_000), Err("1800 x 600"));
        check("graph.png", &png(240, 830, 20_000), Ok(()));
        check("graph.png", &png(240, 600, 20_000), Err("240 x 600"));
        check("graph.png", b"<html>", Err("no PNG"));
        check("graph.png", &png(240, 830, 20_000)[..18], Err("no PNG"));
    }

    #[test]
    fn every_picture_is_expected_once() {
        let mut names = vec!["accuracy.png".to_owned(), "loss.png".to_owned()];
        let layers = ["conv2d", "conv2d_1", "conv2d_2", "dense", "dense_1"];
        for layer in layers {
            names.push(format!("histograms-{layer}-offset.png"));
            names.push(format!("histograms-{layer}-overlay.png"));
        }
        names.extend(layers.map(|layer| format!("distributions-{layer}.png")));
        names.push("graph.png".to_owned());
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(expected(&names), Ok(()));
        names.pop();
        assert!(expected(&names).is_err());
    }
}
