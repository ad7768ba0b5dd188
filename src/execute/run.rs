//! What the actions of one run share: the plan, the clients, and whether the run is to continue.

use std::cell::Cell;

use tokio::sync::watch;

use super::notebook::Notebook;
use crate::client::Client;
use crate::client::transport::Transport;
use crate::desired::AccountIndex;
use crate::model::hold::Brake;
use crate::plan::outcome::{Outcome, StepEnd};
use crate::plan::{Action, Plan, Target};

/// How far a person has asked the run to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    Run,
    /// Finish what is in flight, start nothing more.
    Drain,
    /// Drop everything at once.
    Now,
}

/// What happens while a plan is carried out, for whoever shows it.
#[derive(Debug)]
pub enum Event<'a> {
    Started {
        /// Its place in the plan.
        step: usize,
    },
    /// A step has ended.
    Ended {
        /// Its place in the plan.
        step: usize,
        end: &'a StepEnd,
    },
}

/// What a part of an action gives, or how the action ends because of it.
pub(super) type ActionDone<V> = Result<V, Outcome>;

/// One run of a plan.
pub(super) struct Run<'a, T> {
    pub(super) plan: &'a Plan,
    /// Those of the plan's accounts, in their order.
    pub(super) clients: &'a [Client<T>],
    pub(super) stop: watch::Receiver<Stop>,
    /// Asked before each write: why nothing more is sent.
    pub(super) brake: &'a dyn Fn() -> Option<Brake>,
    /// What is not written down there is not sent.
    pub(super) notebook: &'a Notebook,
    /// By account: it has refused the credentials, and every further request would be refused too.
    pub(super) refused: Vec<Cell<bool>>,
    pub(super) on_event: &'a dyn Fn(Event<'_>),
}

impl<T: Transport> Run<'_, T> {
    pub(super) fn stopping(&self) -> bool {
        *self.stop.borrow() >= Stop::Drain
    }

    pub(super) async fn stopped(&self, how: Stop) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop >= how).await.is_err() {
            // No one can stop the run any more.
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn client(&self, account: AccountIndex) -> &Client<T> {
        &self.clients[usize::from(account.0)]
    }

    /// Who moves a number: the parent of the account that has it.
    pub(super) fn mover(&self, target: &Target) -> AccountIndex {
        self.plan.account(target.account).parent.unwrap_or(target.account)
    }

    /// The account whose credentials an action's write uses.
    pub(super) fn acting(&self, action: &Action) -> AccountIndex {
        match action {
            Action::Transfer { target, .. } => self.mover(target),
            Action::Purchase { .. } | Action::Configure { .. } | Action::Release { .. } => action.account(),
        }
    }

    pub(super) fn refused(&self, account: AccountIndex) -> &Cell<bool> {
        &self.refused[usize::from(account.0)]
    }
}
