//! `trainer completions` and `trainer man`, from the definitions that parse the command line.

use clap::{Args, Command};
use clap_complete::Shell;
use trainer::{Error, Result};

use super::output;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  trainer completions bash > ~/.local/share/bash-completion/completions/trainer
  trainer completions zsh > \"${fpath[1]}/_trainer\"
  trainer completions fish > ~/.config/fish/completions/trainer.fish")]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(self, mut command: Command) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "trainer", &mut script);
        output::line(String::from_utf8_lossy(&script).trim_end())
    }
}

/// The manual pages of the program and of all its commands, one behind the other.
pub(crate) fn print(mut command: Command) -> Result<()> {
    command.build();
    let mut pages = Vec::new();
    let commands = command.get_subcommands().filter(|command| command.get_name() != "help");
    for command in std::iter::once(&command).chain(commands) {
        clap_mangen::Man::new(command.clone()).render(&mut pages).map_err(|cause| Error::Io {
            action: "write",
            path: "the manual page".into(),
            cause,
        })?;
    }
    output::line(String::from_utf8_lossy(&pages).trim_end())
}
