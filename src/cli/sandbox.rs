//! `numctl sandbox`: serves the emulator until it is stopped.

use crate::sandbox::{SandboxOptions, start};

use super::arguments::{Global, SandboxArgs};
use super::signals::Interrupts;
use super::{Ended, Exit, output};

pub(super) async fn run(global: &Global, args: &SandboxArgs) -> Ended {
    let running = start(SandboxOptions {
        listen: args.listen,
        state: args.state.clone(),
        numbers: args.numbers,
        latency: args.latency,
        rate_limit: global.rate_limit,
        faults: args.faults.clone(),
    })
    .await?;
    let mut interrupts = Interrupts::listen();
    output::print(&format!("{}ready\n", running.env_lines()))?;
    interrupts.next().await;
    running.stop().await?;
    Ok(Exit::Done)
}
