//! Progress on stderr: a bar on a terminal, plain lines elsewhere.

use crate::report::names;
use std::cell::RefCell;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::execute::Event;
use crate::plan::Plan;
use crate::report::shown::{Shown, count};
use crate::report::text::symbol;

use super::output;

/// How many numbers were listed so far, for listings that take longer than a moment.
pub(super) struct ListingProgress {
    spinner: ProgressBar,
    counts: RefCell<Vec<usize>>,
}

impl ListingProgress {
    /// Starts to show a listing of this many accounts.
    pub(super) fn start(accounts: usize) -> Self {
        Self::named("listing live numbers".to_owned(), accounts)
    }

    /// Starts to show that something goes on.
    pub(super) fn named(what: String, accounts: usize) -> Self {
        let spinner = if output::progress_may_move() {
            let spinner = ProgressBar::new_spinner().with_message(what);
            spinner.enable_steady_tick(Duration::from_millis(120));
            spinner
        } else {
            ProgressBar::hidden()
        };
        Self { spinner, counts: RefCell::new(vec![0; accounts]) }
    }

    /// An account has come so far.
    pub(super) fn page(&self, account: usize, numbers: usize) {
        let mut counts = self.counts.borrow_mut();
        if let Some(entry) = counts.get_mut(account) {
            *entry = numbers;
        }
        self.spinner.set_message(format!("listing live numbers: {}", count(counts.iter().sum())));
    }

    /// At most this many numbers have not turned up yet in the lists of calls and messages.
    pub(super) fn unseen(&self, numbers: usize) {
        self.spinner.set_message(format!("looking up calls and messages of {} numbers", count(numbers)));
    }

    pub(super) fn done(self) {
        self.spinner.finish_and_clear();
    }
}

/// What became of each action, while it happens.
pub(super) struct Applying {
    bar: ProgressBar,
    total: usize,
    ended: RefCell<usize>,
}

impl Applying {
    /// Starts to show an apply of this many actions.
    pub(super) fn start(total: usize) -> Self {
        let bar = if output::progress_may_move() {
            let bar = ProgressBar::new(total as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:16} {pos}/{len} ({elapsed}) {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        } else {
            ProgressBar::hidden()
        };
        Self { bar, total, ended: RefCell::new(0) }
    }

    pub(super) fn event(&self, plan: &Plan, event: &Event<'_>) {
        match event {
            Event::Started { step } => {
                let action = &plan.steps[*step].action;
                self.bar.set_message(format!("{} {}", action.kind().as_str(), action.number()));
            }
            Event::Ended { step, end } => {
                let action = &plan.steps[*step].action;
                let mut ended = self.ended.borrow_mut();
                *ended += 1;
                let mut line = format!(
                    "[{}/{}] {} {} {} in {}: {}",
                    count(*ended),
                    count(self.total),
                    symbol(action.kind()),
                    action.kind().as_str(),
                    action.number(),
                    names::account(plan, action.account()),
                    end.outcome.as_str(),
                );
                if let Some(error) = end.outcome.error() {
                    line.push_str(&format!(": {}", Shown(&error)));
                }
                self.bar.inc(1);
                if self.bar.is_hidden() {
                    output::progress(&line);
                } else {
                    self.bar.println(&line);
                }
            }
        }
    }

    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }
}
