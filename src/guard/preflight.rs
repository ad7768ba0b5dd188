//! Webhooks are called before numbers are pointed at them: what fails holds the changes that would do so,
//! and nothing else. Pure: who calls them is [`crate::reconcile`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::desired::{AccountIndex, DeclaredState, Desired};
use crate::model::number::PhoneNumber;
use crate::model::settings::{Field, HttpMethod, Value, Want};
use crate::model::webhook::{FaultKind, WEBHOOK_FIELDS, Webhook, WebhookFault, WebhookRole};
use crate::plan::{Action, HeldReason, Plan, Step};

/// So many different webhooks are called in one preflight; the others are not checked, and hold what
/// depends on them.
pub const WEBHOOKS_MAX: usize = 500;

/// By what a webhook is told apart.
pub type WebhookKey = (Arc<str>, HttpMethod);

/// A webhook, and for whom it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredWebhook {
    pub webhook: Webhook,
    /// An account that points there.
    pub account: AccountIndex,
    /// A number that does, where it is known.
    pub number: Option<PhoneNumber>,
}

/// Different webhooks, in order.
#[derive(Debug, Default)]
pub struct Webhooks(BTreeMap<WebhookKey, DeclaredWebhook>);

impl Webhooks {
    /// All that files declare.
    #[must_use]
    pub fn of_files(desired: &Desired) -> Self {
        let mut all = Self::default();
        let numbers = desired.numbers.iter().filter(|declared| declared.state == DeclaredState::Present);
        let numbers = numbers.map(|declared| (declared.account, Some(declared.number), &declared.settings));
        let claims = desired.claims.iter().map(|claim| (claim.account, None, &claim.settings));
        for (account, number, settings) in numbers.chain(claims) {
            let get = |field| settings.get(field).map(|want| want.effective(field)).unwrap_or_default();
            for (_, webhook) in webhooks(get) {
                all.add(webhook, account, number);
            }
        }
        all
    }

    /// Those that a plan points numbers at, which were not called there before.
    #[must_use]
    pub fn of_plan(plan: &Plan) -> Self {
        let mut all = Self::default();
        for step in &plan.steps {
            for (_, webhook) in new_webhooks(step) {
                all.add(webhook, step.action.account(), Some(step.action.number()));
            }
        }
        all
    }

    fn add(&mut self, webhook: Webhook, account: AccountIndex, number: Option<PhoneNumber>) {
        let key = (webhook.url.clone(), webhook.method);
        let known = self.0.entry(key).or_insert_with(|| DeclaredWebhook {
            webhook: webhook.clone(),
            account,
            number,
        });
        // What is asked for a call has most to answer.
        known.webhook.role = known.webhook.role.min(webhook.role);
    }

    /// Those that are to be called, in order, and those for which there are too many.
    pub fn parts(&self) -> (impl Iterator<Item = &DeclaredWebhook>, impl Iterator<Item = &WebhookKey>) {
        (self.0.values().take(WEBHOOKS_MAX), self.0.keys().skip(WEBHOOKS_MAX))
    }

    /// How many there are.
    #[must_use]
    #[cfg(feature = "testing")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    #[cfg(feature = "testing")]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Without those of which something is known.
    pub fn retain_unknown(&mut self, verdicts: &Verdicts) {
        self.0.retain(|key, _| !verdicts.0.contains_key(key));
    }
}

/// What is known of webhooks: that they work, or what is wrong.
#[derive(Debug, Clone, Default)]
pub struct Verdicts(BTreeMap<WebhookKey, Result<(), WebhookFault>>);

impl Verdicts {
    /// Keeps what a call showed.
    pub fn keep(&mut self, key: WebhookKey, verdict: Result<(), WebhookFault>) {
        self.0.insert(key, verdict);
    }

    /// Keeps that some were not called.
    pub fn not_checked<'a>(&mut self, keys: impl Iterator<Item = &'a WebhookKey>) {
        let fault = WebhookFault::new(FaultKind::NotChecked, Duration::ZERO);
        self.0.extend(keys.map(|key| (key.clone(), Err(fault))));
    }

    /// Forgets what failed: it may work by now.
    pub fn forget_failures(&mut self) {
        self.0.retain(|_, verdict| verdict.is_ok());
    }

    /// Takes out of a plan what would point numbers at webhooks that fail. What follows a purchase or a
    /// move waits with it.
    pub fn hold_back(&self, plan: &mut Plan) {
        plan.hold(|step| {
            new_webhooks(step).into_iter().find_map(|(field, webhook)| {
                let fault = self.0.get(&(webhook.url, webhook.method))?.err()?;
                Some(HeldReason::WebhookFails { field, fault })
            })
        });
    }
}

/// The webhooks among some settings.
fn webhooks(get: impl Fn(Field) -> Option<Value>) -> Vec<(Field, Webhook)> {
    let one = |(field, method, role): (Field, Field, WebhookRole)| {
        let url = match get(field)? {
            Value::Url(url) => url,
            Value::SecretUrl(url) => url.expose()?.into(),
            _ => return None,
        };
        let method = match get(method) {
            Some(Value::Method(method)) => method,
            _ => HttpMethod::Post,
        };
        Some((field, Webhook { url, method, role }))
    };
    WEBHOOK_FIELDS.into_iter().filter_map(one).collect()
}

/// The webhooks that a step newly points its number at.
fn new_webhooks(step: &Step) -> Vec<(Field, Webhook)> {
    match &step.action {
        Action::Purchase { settings, .. } => {
            webhooks(|field| settings.get(field).and_then(|want| want.effective(field)))
        }
        Action::Configure { target, changes, .. } => {
            let change = |field: Field| changes.iter().find(|change| change.field == field);
            let get = |field: Field| match change(field) {
                Some(change) => match &change.want {
                    Want::Set(value) => Some(value.clone()),
                    Want::Clear => None,
                },
                None => target.before.get(field).cloned(),
            };
            let is_new = |(url, method, _): &(Field, Field, WebhookRole)| {
                change(*url).is_some() || change(*method).is_some()
            };
            let new: Vec<Field> = WEBHOOK_FIELDS.iter().filter(|row| is_new(row)).map(|row| row.0).collect();
            webhooks(get).into_iter().filter(|(field, _)| new.contains(field)).collect()
        }
        // The settings move along.
        Action::Transfer { .. } | Action::Release { .. } => Vec::new(),
    }
}
