//! Ctrl-C, for commands that have something to end or to remove before they stop; knows nothing of what that is.
//!
//! The second Ctrl-C ends the program at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow, ensure};

/// What a shell makes of a program that Ctrl-C ended.
pub(crate) const EXIT_CODE: u8 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C does not end this program: [`check`] tells of it.
///
/// # Errors
/// If the system does not let us listen.
pub(crate) fn listen() -> Result<()> {
    static LISTENING: OnceLock<Result<(), String>> = OnceLock::new();
    let listening = LISTENING.get_or_init(|| {
        ctrlc::set_handler(|| {
            if INTERRUPTED.swap(true, Ordering::Relaxed) {
                #[expect(clippy::exit, reason = "asked for twice")]
                std::process::exit(EXIT_CODE.into());
            }
        })
        .map_err(|error| error.to_string())
    });
    listening.clone().map_err(|error| anyhow!("listening for Ctrl-C: {error}"))
}

/// Whether there was a Ctrl-C since [`listen`].
pub(crate) fn happened() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// # Errors
/// If there was a Ctrl-C.
pub(crate) fn check() -> Result<()> {
    ensure!(!happened(), "interrupted");
    Ok(())
}
