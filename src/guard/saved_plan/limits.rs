//! The limits of a saved plan: those of its files.

use serde::{Deserialize, Serialize};

use super::{SavedPlanError, malformed};
use crate::desired::{Limit, Limits, MonthlyLimits};
use crate::model::money::Money;
use crate::model::traffic::Lookback;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileLimits {
    max_purchases: String,
    max_releases: String,
    max_changes: String,
    /// Files of before there was one have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release_guard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_monthly_increase: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_monthly_total: Option<String>,
}

impl FileLimits {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            max_purchases: limits.purchases.to_string(),
            max_releases: limits.releases.to_string(),
            max_changes: limits.changes.to_string(),
            release_guard: limits.release_guard.map(|guard| guard.to_string()),
            max_monthly_increase: limits.monthly.increase.map(|money| money.to_string()),
            max_monthly_total: limits.monthly.total.map(|money| money.to_string()),
        }
    }

    pub(super) fn limits(&self) -> Result<Limits, SavedPlanError> {
        let limit = |text: &str| Limit::parse(text).ok_or_else(|| malformed("a limit", text));
        let lookback =
            |text: &String| Lookback::parse(text).ok_or_else(|| malformed("a time to look back", text));
        let money = |text: &str| Money::parse(text).ok_or_else(|| malformed("an amount of money", text));
        Ok(Limits {
            purchases: limit(&self.max_purchases)?,
            releases: limit(&self.max_releases)?,
            changes: limit(&self.max_changes)?,
            release_guard: self.release_guard.as_ref().map(lookback).transpose()?,
            monthly: MonthlyLimits {
                increase: self.max_monthly_increase.as_deref().map(money).transpose()?,
                total: self.max_monthly_total.as_deref().map(money).transpose()?,
            },
        })
    }
}
