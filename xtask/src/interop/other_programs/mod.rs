//! Our networks in other programs, by the code of docs/other-programs.md; knows nothing of how they are written.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`page`] | the code of the page |
//! | `run_block.py`, `pictures.py` | run a block of it, and say how far the result is from ours |
//! | `check_onnx.py` | ONNX's own checker |

mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cargo;
use crate::check::Check;
use crate::frameworks::Framework;
use crate::venv::{Venv, finished};

/// What runs and checks ONNX files, and what reads a picture as the page does: exact versions.
const ONNX_PACKAGES: [&str; 5] =
    ["onnx==1.23.2", "onnxruntime==1.32.0", "safetensors==0.8.0", "pillow==13.0.0", "numpy>=2,<3"];

/// The greatest difference of a logit, in the greatest logit of the batch: some ten roundings of an `f32`.
const ALLOWED: f64 = 1e-5;

const PAGE: &str = "docs/other-programs.md";
const RUN_BLOCK: &str = include_str!("run_block.py");
const CHECK_ONNX: &str = include_str!("check_onnx.py");
const PICTURES: &str = include_str!("pictures.py");

/// The networks that `crates/model/examples/export.rs` writes: their folders, and what they are.
const NETWORKS: [(&str, &str); 4] = [
    ("tutorial", "the tutorial's network"),
    ("flatten", "a network of every layer"),
    ("global_avg_pool2d", "one with means of channels"),
    ("global_max_pool2d", "one with the greatest of channels"),
];

/// A block of the page.
struct Block {
    /// Its heading.
    heading: &'static str,
    /// Which of those below the heading.
    index: usize,
    /// How many of the networks it is for, from the first on.
    networks: usize,
    /// What it is run with, as pip names it: their versions are told.
    distributions: &'static str,
}

impl Block {
    /// Where it stands.
    fn place(&self) -> String {
        format!("{PAGE}, {} {}", self.heading, self.index + 1)
    }
}

const ONNX: Block = Block { heading: "ONNX", index: 0, networks: 4, distributions: "onnxruntime" };
const TORCH: [Block; 2] = [
    Block { heading: "PyTorch", index: 0, networks: 1, distributions: "torch" },
    Block { heading: "PyTorch", index: 1, networks: 4, distributions: "torch" },
];
const KERAS: Block = Block { heading: "Keras", index: 0, networks: 4, distributions: "keras,tensorflow-cpu" };

/// Exports networks into a new folder under `parent`, and has ONNX Runtime, PyTorch and Keras compute them. What cannot be
/// installed is skipped.
///
/// # Errors
/// If the networks cannot be exported.
pub(super) fn checks(parent: &Path) -> Result<Vec<Check>> {
    let temp = tempfile::Builder::new()
        .prefix("networks-")
        .tempdir_in(parent)
        .with_context(|| format!("making a folder in {}", parent.display()))?;
    tracing::info!("exporting networks and computing them with ONNX Runtime, PyTorch and Keras");
    let export = ["run", "--quiet", "--package", "model", "--example", "export", "--"];
    cargo::run(&export, &[temp.path()])?;
    let programs = Programs {
        page: fs::read_to_string(crate::workspace_root().join(PAGE))
            .with_context(|| format!("reading {PAGE}"))?,
        folder: temp.path().to_owned(),
    };

    let mut checks = Vec::new();
    checks.extend(with(Venv::ready(&parent.join("onnx"), &ONNX_PACKAGES), "ONNX Runtime", |venv| {
        let mut checks = vec![programs.pictures(venv)];
        checks.extend(NETWORKS.map(|(network, what)| programs.well_formed(venv, network, what)));
        checks.extend(programs.logits(venv, &ONNX));
        checks
    }));
    checks.extend(with(Framework::Torch.ready(), "PyTorch", |venv| {
        TORCH.iter().flat_map(|block| programs.logits(venv, block)).collect()
    }));
    checks.extend(with(Framework::Keras.ready(), "Keras", |venv| programs.logits(venv, &KERAS)));
    Ok(checks)
}

/// The checks with an environment, or that there is none.
fn with(venv: Result<Venv>, program: &str, checks: impl FnOnce(&Venv) -> Vec<Check>) -> Vec<Check> {
    match venv {
        Ok(venv) => checks(&venv),
        Err(error) => vec![Check::skipped(format!("{program}: our networks"), format!("{error:#}"))],
    }
}

/// The page and the networks.
struct Programs {
    page: String,
    /// With a folder for each network.
    folder: PathBuf,
}

impl Programs {
    /// Whether the page reads pictures as we do.
    fn pictures(&self, venv: &Venv) -> Check {
        let program = self
            .block("Pictures", 0)
            .and_then(|block| finished(self.script(venv, PICTURES, &self.folder)?.arg(block).output()));
        Check::new(
            format!("Pillow ({PAGE}): a picture is read as our loader hands it out"),
            program.map(|_| ()).map_err(|error| format!("{error:#}")),
        )
    }

    /// Whether ONNX's checker finds nothing to say of a network's file.
    fn well_formed(&self, venv: &Venv, network: &str, what: &str) -> Check {
        let said = self
            .script(venv, CHECK_ONNX, &self.folder.join(network))
            .and_then(|mut command| finished(command.output()));
        let version = said.as_deref().map_or("", str::trim);
        let name =
            format!("onnx {version}: its checker finds model.onnx of {what} well formed, with all shapes");
        Check::new(name, said.as_ref().map(|_| ()).map_err(|error| format!("{error:#}")))
    }

    /// Whether a block of the page gives our logits, for each network it is for.
    fn logits(&self, venv: &Venv, block: &Block) -> Vec<Check> {
        let networks = &NETWORKS[..block.networks];
        match self.answer(venv, block, networks) {
            Ok(answer) => networks.iter().map(|(folder, what)| answer.check(block, folder, what)).collect(),
            Err(error) => {
                let name = format!("{}: it computes our networks", block.place());
                vec![Check::new(name, Err(format!("{error:#}")))]
            }
        }
    }

    fn answer(&self, venv: &Venv, block: &Block, networks: &[(&str, &str)]) -> Result<Answer> {
        let mut command = self.script(venv, RUN_BLOCK, &self.folder)?;
        command.arg(self.block(block.heading, block.index)?).arg(block.distributions);
        let said = finished(command.args(networks.iter().map(|(folder, _)| folder)).output())?;
        serde_json::from_str(&said).with_context(|| format!("Python's answer {said:?}"))
    }

    /// A program of Python to be run in a folder.
    fn script(&self, venv: &Venv, program: &str, folder: &Path) -> Result<Command> {
        let path = self.folder.join("program.py");
        fs::write(&path, program).with_context(|| format!("writing {}", path.display()))?;
        let mut command = venv.python();
        command.arg(path).current_dir(folder);
        Ok(command)
    }

    /// A block of the page as a file, so that errors name a line of it.
    fn block(&self, heading: &str, index: usize) -> Result<PathBuf> {
        let blocks = page::blocks(&self.page, heading);
        let block = blocks.get(index).with_context(|| {
            format!(
                "{PAGE} has {} blocks of Python below {heading:?}, expected more than {index}",
                blocks.len()
            )
        })?;
        let path = self.folder.join("block.py");
        fs::write(&path, block).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}

/// What [`RUN_BLOCK`] prints.
#[derive(Debug, Deserialize)]
struct Answer {
    /// Names and versions of what was run.
    versions: Vec<String>,
    /// By folder and size of the batch: the greatest difference, and the greatest of our logits.
    differences: BTreeMap<String, BTreeMap<usize, [f64; 2]>>,
}

impl Answer {
    fn check(&self, block: &Block, folder: &str, what: &str) -> Check {
        let name = format!("{} ({}): our logits of {what}", self.versions.join(", "), block.place());
        let found = self.differences.get(folder).context("it was not computed").and_then(worst);
        match found {
            Ok(worst) if worst <= ALLOWED => {
                Check::new(format!("{name}, within {worst:.1e} of the greatest"), Ok(()))
            }
            Ok(worst) => {
                let found = format!("expected at most {ALLOWED:.0e} of the greatest, found {worst:.1e}");
                Check::new(name, Err(found))
            }
            Err(error) => Check::new(name, Err(format!("{error:#}"))),
        }
    }
}

/// The greatest difference of both batches, in the greatest logit of the batch.
fn worst(differences: &BTreeMap<usize, [f64; 2]>) -> Result<f64> {
    ensure!(differences.len() == 2, "expected 2 sizes of batches, found {}", differences.len());
    let mut worst = 0f64;
    for (batch, [difference, greatest]) in differences {
        ensure!(*greatest > 0.0, "batch of {batch}: all our logits are 0");
        worst = worst.max(difference / greatest);
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_block() {
        let page = fs::read_to_string(crate::workspace_root().join(PAGE)).unwrap();
        for block in [&ONNX, &KERAS].into_iter().chain(&TORCH) {
            assert!(page::blocks(&page, block.heading).len() > block.index, "{}", block.heading);
        }
    }

    #[test]
    fn logits_too_far_away_fail() {
        let check = |differences: &[(usize, [f64; 2])], failed: bool| {
            let differences = [("one".to_owned(), differences.iter().copied().collect())].into();
            let answer = Answer { versions: vec!["torch 2".to_owned()], differences };
            let check = answer.check(&ONNX, "one", "a network");
            assert_eq!(check.has_failed(), failed, "{check:?}");
            assert!(answer.check(&ONNX, "another", "another network").has_failed());
        };
        check(&[(1, [1e-6, 0.5]), (7, [9e-6, 1.0])], false);
        check(&[(1, [1e-6, 0.5]), (7, [9e-6, 0.5])], true);
        check(&[(1, [0.0, 0.0]), (7, [0.0, 1.0])], true);
        check(&[(7, [0.0, 1.0])], true);
    }
}
