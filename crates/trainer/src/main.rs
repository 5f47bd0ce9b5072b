//! `trainer`: trains the tutorial network and watches it learn.

mod cli;

use std::process::ExitCode;

/// Training takes and returns the same large buffers in every step: an allocator that keeps them saves a page
/// fault for each 4 KiB.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (cli, matches) = cli::Cli::parsed();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .without_time()
        .with_writer(std::io::stderr)
        // It would panic where nobody reads stderr any more.
        .log_internal_errors(false)
        .init();
    match cli.run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::output::note(format_args!("error: {error}"));
            cli::exit_code(&error)
        }
    }
}
