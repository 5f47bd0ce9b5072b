//! Ctrl-C, for commands that have something to end or to remove before they stop; knows nothing of what that is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow, ensure};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C does not end this program: [`check`] tells of it.
///
/// # Errors
/// If the system does not let us listen.
pub(crate) fn listen() -> Result<()> {
    static LISTENING: OnceLock<Result<(), String>> = OnceLock::new();
    let listening = LISTENING.get_or_init(|| {
        ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).map_err(|error| error.to_string())
    });
    listening.clone().map_err(|error| anyhow!("listening for Ctrl-C: {error}"))
}

/// # Errors
/// If there was a Ctrl-C.
pub(crate) fn check() -> Result<()> {
    ensure!(!INTERRUPTED.load(Ordering::Relaxed), "interrupted");
    Ok(())
}
