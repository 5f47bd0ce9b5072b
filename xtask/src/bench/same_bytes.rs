//! `bench same-bytes`: a real epoch with every thread count, instruction set and build gives the same model file.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use kernels::Simd;

use super::program::{Profile, Program};
use super::running::Running;
use super::table::Table;

const THREADS: [usize; 5] = [1, 2, 3, 4, 7];
const PROFILES: [Profile; 2] = [Profile::Debug, Profile::Release];
/// Pictures of the short epoch, with every instruction set: `portable` trains 80 a second where the compiler
/// may not use fused multiply-add.
const SHORT: usize = 200;
/// Pictures of the long and the short epoch with `--quick`.
const QUICK: [usize; 2] = [2000, 40];

/// What can be asked of `bench same-bytes`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Pictures of the long epoch [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Fewer pictures, for a first look
    #[arg(long, conflicts_with = "limit")]
    quick: bool,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let [long, short] = if options.quick { QUICK.map(Some) } else { [options.limit, Some(SHORT)] };
    let dataset = super::dataset();
    let programs = PROFILES.map(|profile| Program::Trainer.build(profile).map(|program| (profile, program)));
    let programs = programs.into_iter().collect::<Result<Vec<_>>>()?;
    let folder = super::temporary_folder()?;
    let cases = cases(long, short, &Simd::available());
    let count = cases.len() * programs.len();
    let mut results = Vec::new();
    for (profile, program) in &programs {
        for case in &cases {
            let run = folder.path().join(results.len().to_string());
            let finished = Running::start(&mut command(program, dataset, *case, &run))?.finish();
            let seconds = finished.with_context(|| format!("the trainer with {case:?}"))?.took.as_secs_f64();
            let model = run.join("model.safetensors");
            let bytes = fs::read(&model).with_context(|| format!("reading {}", model.display()))?;
            let md5 = format!("{:x}", md5::compute(bytes));
            tracing::info!("{} of {count}: {md5}", results.len() + 1);
            results.push(Outcome { build: profile.name(), case: *case, seconds, md5 });
        }
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "dataset {dataset}, one epoch\n{}", table(&results))?;
    let differing = differing(&results);
    ensure!(
        differing == 0,
        "{differing} of {count} models differ from the first with the same number of pictures"
    );
    writeln!(stdout, "all models of the same number of pictures are the same")?;
    Ok(())
}

/// How the trainer is run.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// Pictures of the epoch, `None` for all.
    limit: Option<usize>,
    simd: Simd,
    threads: usize,
}

/// What came out.
#[derive(Debug)]
struct Outcome {
    build: &'static str,
    case: Case,
    seconds: f64,
    md5: String,
}

/// Every thread count: with all instruction sets on few pictures, and on many with those that are fast.
fn cases(long: Option<usize>, short: Option<usize>, available: &[Simd]) -> Vec<Case> {
    // Where there is no other, portable is made of the machine's own multiply-adds.
    let fast = |simd: &&Simd| simd.to_string() != "portable" || available.len() == 1;
    let with = |limit, simd: Simd| THREADS.map(|threads| Case { limit, simd, threads });
    let many = available.iter().filter(fast).flat_map(|&simd| with(long, simd));
    many.chain(available.iter().flat_map(|&simd| with(short, simd))).collect()
}

fn command(program: &Path, dataset: &str, case: Case, run: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["train", "--dataset", dataset, "--epochs", "1", "--run-dir"]).arg(run);
    command.args(["--threads", &case.threads.to_string(), "--simd", &case.simd.to_string()]);
    if let Some(limit) = case.limit {
        command.args(["--limit", &limit.to_string()]);
    }
    command.current_dir(crate::workspace_root()).env_remove("RUST_LOG");
    command
}

/// How many differ from the first that has the same number of pictures.
fn differing(results: &[Outcome]) -> usize {
    let first = |limit| results.iter().find(|outcome| outcome.case.limit == limit);
    results
        .iter()
        .filter(|outcome| first(outcome.case.limit).is_some_and(|first| first.md5 != outcome.md5))
        .count()
}

fn table(results: &[Outcome]) -> Table<6> {
    let mut table = Table::new(["build", "pictures", "simd", "threads", "seconds", "md5"]);
    for Outcome { build, case, seconds, md5 } in results {
        table.add([
            (*build).to_owned(),
            case.limit.map_or_else(|| "all".to_owned(), |limit| limit.to_string()),
            case.simd.to_string(),
            case.threads.to_string(),
            format!("{seconds:.1}"),
            md5.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(limit: Option<usize>, md5: &str) -> Outcome {
        let case = Case { limit, simd: Simd::best(), threads: 1 };
        Outcome { build: "debug", case, seconds: 1.0, md5: md5.to_owned() }
    }

    #[test]
    fn models_of_the_same_pictures_are_compared() {
        let check = |results: &[Outcome], expected| assert_eq!(differing(results), expected, "{results:?}");
        check(&[outcome(None, "a"), outcome(Some(9), "b"), outcome(None, "a"), outcome(Some(9), "b")], 0);
        check(&[outcome(None, "a"), outcome(Some(9), "b"), outcome(None, "b"), outcome(Some(9), "a")], 2);
    }

    #[test]
    fn every_thread_count_and_instruction_set_is_a_case() {
        let available = Simd::available();
        let portable = available.iter().copied().find(|simd| simd.to_string() == "portable").unwrap();
        let short = cases(None, Some(9), &available).iter().filter(|case| case.limit == Some(9)).count();
        assert_eq!(short, THREADS.len() * available.len());
        let long = |available: &[Simd]| {
            let cases = cases(None, Some(9), available);
            cases.iter().filter(|case| case.limit.is_none()).map(|case| case.simd).collect::<Vec<_>>()
        };
        assert_eq!(long(&[portable]), [portable; 5]);
        assert_eq!(long(&[Simd::best(), portable]), [Simd::best(); 5]);
    }
}
