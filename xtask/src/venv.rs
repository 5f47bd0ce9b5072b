//! Pythons with packages in them, installed once into virtual environments; knows nothing of what they are for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// The first Python that everything we install runs on.
const OLDEST: (u32, u32) = (3, 10);

/// What to do where Python or its module for environments is missing.
const ADVICE: &str = "install Python 3.10 or later with pip and venv (Debian, Ubuntu: apt install python3 python3-venv; \
                      macOS: brew install python; Windows: python.org)";

/// Names what is installed; written last, so that a broken installation has none.
const STAMP: &str = "installed.txt";

/// Programs that see these would ask a proxy for 127.0.0.1.
const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "grpc_proxy"];

/// A virtual environment with packages, or a Python that has them already.
#[derive(Debug)]
pub(crate) struct Venv {
    python: PathBuf,
}

impl Venv {
    /// The environment in `folder`, which is made anew unless it is there with these very packages, named as
    /// pip names them.
    ///
    /// # Errors
    /// If there is no Python or an old one, or if the packages cannot be installed.
    pub(crate) fn ready(folder: &Path, packages: &[&str]) -> Result<Self> {
        let base = Python::find()?;
        let venv =
            Self { python: folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }) };
        let stamp = stamp(&base.version, packages);
        let packages_shown = packages.join(", ");
        let shown = folder.display();
        if venv.python.exists() && fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == stamp) {
            tracing::info!("{packages_shown} is in {shown}");
            return Ok(venv);
        }
        tracing::info!("making a virtual environment of Python {} in {shown}", base.version);
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {shown}"));
            }
            _ => {}
        }
        let output = Command::new(base.name).args(["-I", "-m", "venv"]).arg(folder).output();
        finished(output)
            .with_context(|| format!("python cannot make a virtual environment in {shown}: {ADVICE}"))?;
        tracing::info!("installing {packages_shown} from the Python package index (once)");
        let pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
        // From wheels only: a missing one is an error in a second instead of an hour of compiling.
        let output =
            Command::new(&venv.python).arg("-I").args(pip).arg("--only-binary=:all:").args(packages).output();
        finished(output).with_context(|| {
            format!(
                "pip cannot install {packages_shown}: this needs the network once (PIP_INDEX_URL names another index)"
            )
        })?;
        fs::write(folder.join(STAMP), stamp).with_context(|| format!("writing {STAMP} in {shown}"))?;
        Ok(venv)
    }

    /// A Python that has what is needed already.
    pub(crate) fn of(python: PathBuf) -> Self {
        Self { python }
    }

    /// The command of this Python, isolated from the user's own packages and settings, and without proxies.
    pub(crate) fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg("-I");
        for name in PROXIES {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command
    }

    /// What a short program of Python prints, given one argument.
    ///
    /// # Errors
    /// If it does not succeed.
    pub(crate) fn printed(&self, program: &str, argument: &Path) -> Result<String> {
        finished(self.python().arg("-c").arg(program).arg(argument).output())
    }
}

/// The Python that environments are made of.
struct Python {
    name: &'static str,
    /// As "3.11.7".
    version: String,
}

impl Python {
    fn find() -> Result<Self> {
        for name in ["python3", "python"] {
            let output = Command::new(name)
                .args(["-I", "-c", "import platform; print(platform.python_version())"])
                .output();
            match output {
                Ok(output) if output.status.success() => {
                    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                    let found = major_minor(&version)
                        .with_context(|| format!("{name} says to be version {version:?}"))?;
                    ensure!(found >= OLDEST, "{name} is version {version}, which is too old: {ADVICE}");
                    return Ok(Self { name, version });
                }
                // Not there, or a stand-in that only says how to install it.
                _ => tracing::debug!("no {name} to run"),
            }
        }
        bail!("no python3 to run: {ADVICE}")
    }
}

/// The first two numbers of a version as Python writes it.
fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn stamp(python: &str, packages: &[&str]) -> String {
    format!("python=={python}\n{}\n", packages.join("\n"))
}

/// The standard output of a command that succeeded.
///
/// # Errors
/// If it could not be started, or failed: with its last lines.
pub(crate) fn finished(output: io::Result<Output>) -> Result<String> {
    let output = output.context("it cannot be started")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    // Where the reason stands differs: venv writes to the first, pip to the second.
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Err(anyhow!("{}: {}", output.status, last_lines(&said.join("\n"))))
}

/// The last lines of what a program printed, as one line.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match &lines[lines.len().saturating_sub(4)..] {
        [] => "it said nothing".to_owned(),
        last => last.join(" | "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let check = |version, expected| assert_eq!(major_minor(version), expected, "{version}");
        check("3.11.7", Some((3, 11)));
        check("3.9.18", Some((3, 9)));
        check("3.14.0rc1", Some((3, 14)));
        check("3", None);
        check("", None);
        assert!(major_minor("3.9.18") < Some(OLDEST) && major_minor("3.11.7") > Some(OLDEST));
    }

    #[test]
    fn the_stamp_names_python_and_every_package() {
        assert_eq!(stamp("3.11.7", &["a==1.0", "b>=2,<3"]), "python==3.11.7\na==1.0\nb>=2,<3\n");
    }

    #[test]
    fn what_a_program_said_last() {
        let check = |text, expected| assert_eq!(last_lines(text), expected);
        check("\n \n", "it said nothing");
        check("one\n\n two \n", "one | two");
        check("1\n2\n3\n4\n5\n", "2 | 3 | 4 | 5");
    }

    #[test]
    fn a_program_that_cannot_be_started_is_an_error() {
        let error = finished(Command::new("surely-no-program-of-this-name").output()).unwrap_err();
        assert!(format!("{error:#}").starts_with("it cannot be started: "), "{error:#}");
    }
}
