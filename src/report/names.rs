//! Names of accounts and counts of things, as every format writes them.

use crate::desired::AccountIndex;
use crate::plan::Plan;

use super::shown::{Shown, count};

/// `1 number`, `3,000 numbers`.
#[must_use]
pub fn plural(many: usize, one: &str) -> String {
    format!("{} {one}{}", count(many), if many == 1 { "" } else { "s" })
}

/// The name of an account of a plan, fit to be shown.
#[must_use]
pub fn account(plan: &Plan, index: AccountIndex) -> String {
    Shown(&plan.account(index).name).to_string()
}
