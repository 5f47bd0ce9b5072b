//! PyTorch in the modes that people train in, and the program that measures it; knows nothing of our own program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::Setting;
use super::device::Device;
use crate::bench::peers::{python_of, script_in, warn_without};
use crate::frameworks::Framework;
use crate::venv::Venv;

/// The program that measures it, see its own description.
const SCRIPT: &str = include_str!("torch.py");

/// A way to train in PyTorch; what they are, the script describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Eager,
    ChannelsLast,
    Compile,
    ReduceOverhead,
    Graphs,
    CompileGraphs,
}

impl Mode {
    pub(super) const ALL: [Self; 6] = [
        Self::Eager,
        Self::ChannelsLast,
        Self::Compile,
        Self::ReduceOverhead,
        Self::Graphs,
        Self::CompileGraphs,
    ];

    /// As the script names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::ChannelsLast => "channels_last",
            Self::Compile => "compile",
            Self::ReduceOverhead => "reduce_overhead",
            Self::Graphs => "graphs",
            Self::CompileGraphs => "compile_graphs",
        }
    }

    /// Those that a device has: on a CPU only what needs no compiler and no CUDA graph.
    fn all_on(device: Device) -> &'static [Self] {
        match device {
            Device::Cpu => &[Self::Eager, Self::ChannelsLast],
            Device::Cuda(_) => &Self::ALL,
        }
    }
}

/// The program that measures it.
#[derive(Debug)]
pub(super) struct Torch {
    script: PathBuf,
    venv: Venv,
}

impl Torch {
    /// Prepares a given script and Python where there are such, else our script, and an environment that is made on first
    /// use; pip's torch for Linux has CUDA. Says in one line why there is none.
    ///
    /// # Errors
    /// If our script cannot be written.
    pub(super) fn prepare(
        script: Option<&Path>,
        python: Option<&Path>,
        folder: &Path,
    ) -> Result<Option<Self>> {
        let script = script_in(folder, "gpu_torch.py", SCRIPT, script)?;
        match python_of(Framework::Torch, python) {
            Ok(venv) => Ok(Some(Self { script, venv })),
            Err(error) => {
                warn_without(Framework::Torch.name(), &error);
                Ok(None)
            }
        }
    }

    /// Every mode with the program that measures it.
    pub(super) fn commands(&self, setting: Setting) -> Vec<(Mode, Command)> {
        let command = |mode: Mode| {
            let mut command = self.venv.python();
            command.arg(&self.script).arg(mode.name()).args(setting.arguments());
            command
        };
        Mode::all_on(setting.device).iter().map(|&mode| (mode, command(mode))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Precision;
    use super::*;

    #[test]
    fn the_script_has_these_modes() {
        let names: Vec<String> = Mode::ALL.map(|mode| format!("{:?}", mode.name())).into();
        let line = format!("MODES = [{}]", names.join(", "));
        assert!(SCRIPT.lines().any(|found| found == line), "{line}");
    }

    #[test]
    fn settings_become_options() {
        let torch = Torch { script: "s.py".into(), venv: Venv::of("py".into()) };
        let setting =
            Setting { device: Device::Cpu, batch: 8, precision: Precision::Tf32, repeats: 3, seconds: 0.5 };
        let commands = torch.commands(setting);
        let (mode, command) = &commands[1];
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert_eq!((*mode, commands.len()), (Mode::ChannelsLast, 2));
        let expected =
            "-I s.py channels_last --device cpu --batch 8 --precision tf32 --repeats 3 --seconds 0.5";
        assert_eq!(arguments.join(" "), expected);
        let on_gpu = torch.commands(Setting { device: Device::Cuda(1), ..setting });
        assert_eq!(on_gpu.iter().map(|(mode, _)| *mode).collect::<Vec<_>>(), Mode::ALL);
    }
}
