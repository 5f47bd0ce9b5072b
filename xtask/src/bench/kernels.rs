//! `bench kernels`: the rates of single layers, as a share of what the machine can do.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use ::kernels::{Simd, peak};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::program::{Profile, Program};
use super::running::Running;
use super::table::{Table, or_dash};

/// What can be asked of `bench kernels`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Words for the benchmark itself, such as a filter or `--quick`
    #[arg(allow_hyphen_values = true, trailing_var_arg = true, value_name = "WORDS")]
    words: Vec<String>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    // Only what this run measures.
    let results = super::folder()?.join("criterion");
    match fs::remove_dir_all(&results) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("removing {}", results.display()));
        }
        _ => {}
    }
    fs::create_dir(&results).with_context(|| format!("creating {}", results.display()))?;
    let program = Program::Layers.build(Profile::Bench)?;
    tracing::info!("measuring layers (some minutes)");
    let mut command = Command::new(program);
    // As cargo and then criterion know it.
    command.arg("--bench").args(&options.words).env("CRITERION_HOME", &results);
    Running::start(&mut command)?.finish().context("the benchmark failed")?;
    let layers = read(&results)?;
    ensure!(!layers.is_empty(), "the benchmark measured nothing{}", filtered(&options.words));

    let threads = super::all_threads();
    let peaks: Vec<(Simd, f64)> = Simd::available()
        .into_iter()
        .filter(|simd| layers.iter().any(|layer| layer.simd() == *simd))
        .map(|simd| (simd, peak::gflops(simd, threads)))
        .collect();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", table(&layers, &peaks))?;
    for (simd, peak) in peaks {
        writeln!(stdout, "multiply-adds on registers, {simd}, {threads} threads: {peak:.0} GFLOP/s")?;
    }
    Ok(())
}

fn filtered(words: &[String]) -> String {
    if words.is_empty() { String::new() } else { format!(": is there a name with {:?}?", words.join(" ")) }
}

/// A benchmark of criterion's.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    /// Group, function and value, parted by `/`.
    name: String,
    /// The median time.
    nanoseconds: f64,
    /// Additions and multiplications, where that is what the benchmark counts.
    flop: Option<f64>,
}

impl Layer {
    /// What it was measured with: the instruction set in its name, else the fastest.
    fn simd(&self) -> Simd {
        let words = self.name.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| *word != "auto").find_map(|word| word.parse().ok()).unwrap_or_else(Simd::best)
    }

    fn gflops(&self) -> Option<f64> {
        Some(self.flop? / self.nanoseconds)
    }
}

/// All benchmarks below criterion's folder, in the order of names.
fn read(results: &Path) -> Result<Vec<Layer>> {
    let mut layers = Vec::new();
    let mut folders = vec![results.to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.ends_with("new") && folder.join("benchmark.json").exists() {
            layers.push(layer(&folder).with_context(|| format!("in {}", folder.display()))?);
        } else {
            folders.extend(folders_in(&folder).with_context(|| format!("listing {}", folder.display()))?);
        }
    }
    layers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(layers)
}

fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    Ok(folders)
}

/// A benchmark's `benchmark.json` and `estimates.json`.
fn layer(folder: &Path) -> Result<Layer> {
    #[derive(Deserialize)]
    struct Benchmark {
        full_id: String,
        /// A table with one key that names the unit, or nothing.
        throughput: Value,
    }
    #[derive(Deserialize)]
    struct Estimates {
        median: Estimate,
    }
    #[derive(Deserialize)]
    struct Estimate {
        point_estimate: f64,
    }
    let text = |name: &str| fs::read_to_string(folder.join(name)).with_context(|| format!("reading {name}"));
    let benchmark: Benchmark =
        serde_json::from_str(&text("benchmark.json")?).context("reading benchmark.json")?;
    let estimates: Estimates =
        serde_json::from_str(&text("estimates.json")?).context("reading estimates.json")?;
    Ok(Layer {
        name: benchmark.full_id,
        nanoseconds: estimates.median.point_estimate,
        flop: benchmark.throughput["Elements"].as_f64(),
    })
}

fn table(layers: &[Layer], peaks: &[(Simd, f64)]) -> Table<4> {
    let mut table = Table::new(["benchmark", "microseconds", "GFLOP/s", "of registers"]);
    for layer in layers {
        let peak = peaks.iter().find(|(simd, _)| *simd == layer.simd()).map(|(_, peak)| peak);
        let share = layer.gflops().zip(peak).map(|(rate, peak)| format!("{:.0} %", 100.0 * rate / peak));
        table.add([
            layer.name.clone(),
            format!("{:.1}", layer.nanoseconds / 1000.0),
            or_dash(layer.gflops().map(|rate| format!("{rate:.1}"))),
            or_dash(share),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(results: &Path, name: &str, throughput: &str, median: f64) {
        let folder = results.join(name.replace('/', "_")).join("new");
        fs::create_dir_all(&folder).unwrap();
        let benchmark = format!(r#"{{"group_id":"g","throughput":{throughput},"full_id":"{name}"}}"#);
        fs::write(folder.join("benchmark.json"), benchmark).unwrap();
        let estimates =
            format!(r#"{{"mean":{{"point_estimate":1.0}},"median":{{"point_estimate":{median}}}}}"#);
        fs::write(folder.join("estimates.json"), estimates).unwrap();
    }

    #[test]
    fn what_criterion_writes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "conv2d/forward/portable", r#"{"Elements":4000}"#, 2000.0);
        write(folder.path(), "a/b", r#"{"Bytes":4000}"#, 500.0);
        write(folder.path(), "c", "null", 500.0);
        let layers = read(folder.path()).unwrap();
        let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["a/b", "c", "conv2d/forward/portable"]);
        assert_eq!(layers.iter().map(Layer::gflops).collect::<Vec<_>>(), [None, None, Some(2.0)]);
        assert_eq!(layers[0].simd(), Simd::best());
        assert_eq!(layers[2].simd().to_string(), "portable");
        let text = table(&layers[2..], &[(layers[2].simd(), 8.0)]).to_string();
        let cells: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(cells, ["conv2d/forward/portable", "2.0", "2.0", "25", "%"]);
    }

    #[test]
    fn results_that_are_none_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "conv2d", "null", 1.0);
        fs::write(folder.path().join("conv2d/new/estimates.json"), "{}").unwrap();
        let error = format!("{:#}", read(folder.path()).unwrap_err());
        assert!(error.contains("reading estimates.json: missing field `median`"), "{error}");
    }
}
