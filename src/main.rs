//! The `retort` command.

use std::process::ExitCode;

/// Faster than the system's for the small, short-lived pieces of which a request is made.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    retort::cli::main()
}
