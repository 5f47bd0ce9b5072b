//! Whether this machine has a GPU, and what a build for it needs; knows nothing of what is built.
//!
//! Asked before anything long begins: nvcc takes a quarter of an hour, and cargo tells only then what else is missing.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::venv::finished;

/// What to do without a GPU.
const TRY: &str = "`cargo xtask bench gpu` needs an NVIDIA GPU and its driver; to try the programs without: --device cpu \
                   --no-peers";
/// Folders of a CUDA toolkit, first of all those that these name; cudarc and cudaforge, which build for candle, look there.
const NAMED_BY: [&str; 4] = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"];
const USUAL: [&str; 4] = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda", "/usr"];
/// Where libraries lie in one.
const LIBRARIES: [&str; 4] = ["lib64", "lib", "targets/x86_64-linux/lib", "lib/x86_64-linux-gnu"];

/// Checks that there is a GPU of this number.
///
/// # Errors
/// If not, or if its driver does not answer.
pub(super) fn check_gpu(number: usize) -> Result<()> {
    let gpus = gpus()?;
    // It gives GPUs other numbers.
    if env::var_os("CUDA_VISIBLE_DEVICES").is_some() {
        return Ok(());
    }
    check_number(number, &gpus)
}

/// The names of all GPUs: nvidia-smi's, or, where that is not installed, the driver's own.
fn gpus() -> Result<Vec<String>> {
    let smi = Command::new("nvidia-smi").args(["--query-gpu=name", "--format=csv,noheader"]).output();
    match smi {
        Ok(output) => {
            let said = finished(Ok(output))
                .map_err(|error| anyhow!("nvidia-smi finds no GPU ({error:#}): {TRY}"))?;
            Ok(said.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
        }
        Err(_) => {
            let Ok(entries) = fs::read_dir("/proc/driver/nvidia/gpus") else {
                bail!(
                    "there is no NVIDIA driver on this machine, neither nvidia-smi nor /proc/driver/nvidia: {TRY}"
                )
            };
            Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        }
    }
}

fn check_number(number: usize, gpus: &[String]) -> Result<()> {
    ensure!(!gpus.is_empty(), "the NVIDIA driver knows of no GPU: {TRY}");
    ensure!(
        number < gpus.len(),
        "there is no cuda:{number} on this machine, its GPUs are {}; use --device cuda:0 to cuda:{}",
        gpus.join(", "),
        gpus.len() - 1
    );
    Ok(())
}

/// What compiles for GPUs.
#[derive(Debug, PartialEq)]
pub(super) struct Toolkit {
    /// The folder that nvcc is in.
    programs: PathBuf,
}

impl Toolkit {
    /// Finds nvcc, and looks whether cuDNN is where the linker will look.
    ///
    /// # Errors
    /// If one is missing.
    pub(super) fn find() -> Result<Self> {
        let on_path = env::var_os("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect());
        let named: Vec<PathBuf> = NAMED_BY.iter().filter_map(env::var_os).map(PathBuf::from).collect();
        let found = Self::among(&on_path, &named)?;
        let nvcc = found.programs.join("nvcc");
        finished(Command::new(&nvcc).arg("--version").output())
            .with_context(|| format!("{} does not run: install the CUDA toolkit anew", nvcc.display()))?;
        check_cudnn(&named)?;
        Ok(found)
    }

    /// The first that has an nvcc: on the path, in a folder named by a variable, in a usual one.
    fn among(on_path: &[PathBuf], named: &[PathBuf]) -> Result<Self> {
        let usual = USUAL.iter().map(PathBuf::from);
        let programs = named.iter().cloned().chain(usual).map(|root| root.join("bin"));
        let nvcc = format!("nvcc{}", env::consts::EXE_SUFFIX);
        let found = on_path.iter().cloned().chain(programs).find(|folder| folder.join(&nvcc).is_file());
        let Some(programs) = found else {
            bail!(
                "there is no nvcc on the PATH, in {} or in {}: building with CUDA needs the CUDA toolkit (12 or later, with \
                 cuDNN 9) from developer.nvidia.com/cuda-downloads; where it is installed, name its folder in CUDA_HOME",
                NAMED_BY.map(|name| format!("{name}/bin")).join(", "),
                USUAL.map(|root| format!("{root}/bin")).join(", ")
            )
        };
        Ok(Self { programs })
    }

    /// Has a build find nvcc.
    ///
    /// # Errors
    /// If the folder's name cannot be part of a path.
    pub(super) fn put_into(&self, build: &mut Command) -> Result<()> {
        let path: OsString = env::var_os("PATH").unwrap_or_default();
        let folders = [self.programs.clone()].into_iter().chain(env::split_paths(&path));
        build.env("PATH", env::join_paths(folders).context("putting nvcc on the PATH")?);
        Ok(())
    }
}

/// Looks for cuDNN in the folders that cudarc names to the linker, and where the linker looks anyway. Only on Linux, where
/// both are known.
fn check_cudnn(named: &[PathBuf]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let usual: Vec<PathBuf> = USUAL.iter().map(PathBuf::from).collect();
    let roots = if named.is_empty() { &usual } else { named };
    if has_library(roots, "libcudnn.so") || linker_finds("libcudnn.so") {
        return Ok(());
    }
    bail!(
        "there is no libcudnn.so in {}: install cuDNN 9 with its development files (developer.nvidia.com/cudnn-downloads), or \
         name its folder in LIBRARY_PATH and LD_LIBRARY_PATH",
        roots.iter().map(|root| root.join("lib64").display().to_string()).collect::<Vec<_>>().join(", ")
    )
}

fn has_library(roots: &[PathBuf], file: &str) -> bool {
    roots.iter().any(|root| LIBRARIES.iter().any(|folder| root.join(folder).join(file).exists()))
}

/// Whether the C compiler, which links, finds a library by itself; it says a path then, and else the bare name. `true`
/// where it cannot be asked.
fn linker_finds(file: &str) -> bool {
    let output = Command::new("cc").arg(format!("-print-file-name={file}")).stderr(Stdio::null()).output();
    output.map_or(true, |output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_have_numbers() {
        let check = |number, gpus: &[&str], expected: Option<&str>| {
            let gpus: Vec<String> = gpus.iter().map(ToString::to_string).collect();
            let error = check_number(number, &gpus).err().map(|error| error.to_string());
            assert!(
                match (&error, expected) {
                    (None, None) => true,
                    (Some(error), Some(expected)) => error.starts_with(expected),
                    _ => false,
                },
                "{error:?}"
            );
        };
        check(0, &["A"], None);
        check(1, &["A", "B"], None);
        check(0, &[], Some("the NVIDIA driver knows of no GPU: "));
        check(
            2,
            &["A", "B"],
            Some("there is no cuda:2 on this machine, its GPUs are A, B; use --device cuda:0 to cuda:1"),
        );
    }

    #[test]
    fn nvcc_is_looked_for_on_the_path_first() {
        let folder = tempfile::tempdir().unwrap();
        let (path, named) = (folder.path().join("path"), folder.path().join("named"));
        let make = |folder: &Path| {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join(format!("nvcc{}", env::consts::EXE_SUFFIX)), "").unwrap();
        };
        make(&named.join("bin"));
        let among = || {
            Toolkit::among(&[folder.path().into(), path.clone()], std::slice::from_ref(&named))
                .unwrap()
                .programs
        };
        assert_eq!(among(), named.join("bin"));
        make(&path);
        assert_eq!(among(), path);
        let mut build = Command::new("cargo");
        Toolkit { programs: path.clone() }.put_into(&mut build).unwrap();
        let (_, value) = build.get_envs().find(|(name, _)| *name == "PATH").unwrap();
        assert_eq!(env::split_paths(value.unwrap()).next(), Some(path));
    }

    #[test]
    fn libraries_are_looked_for_in_all_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        assert!(!has_library(std::slice::from_ref(&root), "libcudnn.so"));
        let lib = root.join("targets/x86_64-linux/lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("libcudnn.so"), "").unwrap();
        assert!(has_library(&[PathBuf::from("/surely-none"), root], "libcudnn.so"));
    }
}
