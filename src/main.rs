//! The `numctl` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    numctl::cli::run()
}
