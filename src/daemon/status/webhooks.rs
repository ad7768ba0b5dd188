//! How the declared webhooks answer, as it is shown to the outside.

use std::sync::Arc;

use serde::Serialize;

use crate::model::settings::HttpMethod;

use super::StatusTime;
use super::verdict::Truth;

/// A webhook that fails. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingWebhook {
    /// Its URL, its secrets masked.
    pub url: String,
    pub method: HttpMethod,
    /// What is wrong with it.
    pub message: String,
}

/// What the last round of calls showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookHealth {
    /// How many were called.
    pub called: usize,
    pub failing: Vec<FailingWebhook>,
}

/// The same for machines: with the condition that an alert uses.
#[derive(Debug, Serialize)]
pub(super) struct WebhooksJson<'a> {
    called: usize,
    failing: Vec<FailingJson<'a>>,
    condition: WebhookConditionJson,
}

#[derive(Debug, Serialize)]
struct FailingJson<'a> {
    url: &'a str,
    method: &'static str,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct WebhookConditionJson {
    #[serde(rename = "type")]
    name: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
    since: StatusTime,
}

impl<'a> WebhooksJson<'a> {
    pub(super) fn new((since, health): &'a (StatusTime, Arc<WebhookHealth>)) -> Self {
        let failing: Vec<FailingJson<'_>> = health
            .failing
            .iter()
            .map(|one| FailingJson {
                url: &one.url,
                method: match one.method {
                    HttpMethod::Get => "GET",
                    HttpMethod::Post => "POST",
                },
                message: &one.message,
            })
            .collect();
        let (status, reason, message) = match health.failing.first() {
            None => (Truth::False, "AllAnswer", String::new()),
            Some(first) => (Truth::True, "SomeFail", format!("{} {}", first.url, first.message)),
        };
        let condition = WebhookConditionJson {
            name: "WebhookFailing",
            status: status.as_str(),
            reason,
            message,
            since: *since,
        };
        Self { called: health.called, failing, condition }
    }
}
