//! Programs held on one core, so that work of background threads counts too; knows nothing of what they do.

use std::fs;
use std::process::{Command, Stdio};

/// A core that programs can be held on: Linux with `taskset` (util-linux).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Core(String);

impl Core {
    /// The last of those that we may use, as the first has most of the system's own work; `None` where programs
    /// cannot be held.
    pub(super) fn last_of_ours() -> Option<Self> {
        let core = last_allowed(&fs::read_to_string("/proc/self/status").ok()?)?;
        let mut probe = Command::new("taskset");
        probe.args(["--cpu-list", &core, "true"]).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success()).then_some(Self(core))
    }

    /// The same command, held on this core.
    pub(super) fn hold(&self, command: &Command) -> Command {
        let mut held = Command::new("taskset");
        held.args(["--cpu-list", &self.0]).arg(command.get_program());
        with_the_rest(held, command)
    }
}

/// The same command.
pub(super) fn copy(command: &Command) -> Command {
    with_the_rest(Command::new(command.get_program()), command)
}

fn with_the_rest(mut to: Command, from: &Command) -> Command {
    to.args(from.get_args());
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => to.env(name, value),
            None => to.env_remove(name),
        };
    }
    to
}

/// The last core in a list such as `0-3,8` in `/proc/PID/status`.
fn last_allowed(status: &str) -> Option<String> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let last = list.trim().rsplit([',', '-']).next()?;
    last.parse::<u32>().ok().map(|core| core.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_core_is_found() {
        let check = |list: &str, expected: Option<&str>| {
            let status = format!("Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t{list}\nMems:\t1\n");
            assert_eq!(last_allowed(&status).as_deref(), expected, "{list}");
        };
        check("0-3,8", Some("8"));
        check("0-1", Some("1"));
        check("5", Some("5"));
        check("", None);
        assert_eq!(last_allowed("Name:\tx\n"), None);
    }

    #[test]
    fn a_held_command_is_the_same_command() {
        let mut command = Command::new("python");
        command.arg("script").env("A", "1").env_remove("B");
        let held = Core("3".to_owned()).hold(&command);
        assert_eq!(held.get_program(), "taskset");
        let words: Vec<_> = held.get_args().collect();
        assert_eq!(words, ["--cpu-list", "3", "python", "script"]);
        assert!(held.get_envs().eq(command.get_envs()));
        assert!(copy(&command).get_args().eq(command.get_args()));
    }
}
