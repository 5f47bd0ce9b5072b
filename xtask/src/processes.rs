//! Processes of other programs; knows nothing of what they do.

use std::process::Command;

/// Keeps Ctrl-C of a terminal from a program, which is to end with this one in its own way, and lets it be killed
/// together with its helpers.
pub(crate) fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}
