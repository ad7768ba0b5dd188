//! One pass by itself: with nothing spent before, and nothing remembered.

use std::time::Duration;

use numctl::budget::Budget;
use numctl::execute::Stop;
use numctl::memory::Memory;
use numctl::reconcile::{Cycle, Pass, pass};
use numctl::transport::Transport;
use tokio::sync::watch;

pub(crate) async fn one_pass<T: Transport>(cycle: &Cycle<'_, T>, stop: watch::Receiver<Stop>) -> Pass {
    let (mut memory, mut budget) = (Memory::new(Duration::ZERO, true), Budget::default());
    let (pass, _) = pass(cycle, &mut memory, &mut budget, |_| Ok(()), stop, |_, _, _| {}).await;
    pass
}
