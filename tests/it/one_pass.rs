//! One pass by itself: with nothing spent before, and nothing remembered.

use std::time::Duration;

use numctl::execute::Stop;
use numctl::ledger::Kept;
use numctl::memory::Memory;
use numctl::reconcile::{Cycle, Pass, pass};
use numctl::transport::Transport;
use tokio::sync::watch;

pub(crate) async fn one_pass<T: Transport>(cycle: &Cycle<'_, T>, stop: watch::Receiver<Stop>) -> Pass {
    let (mut memory, mut kept) = (Memory::new(Duration::ZERO, true), Kept::default());
    let (pass, _) = pass(cycle, &mut memory, &mut kept, async |_: &Kept| Ok(()), stop, |_, _, _| {}).await;
    pass
}
