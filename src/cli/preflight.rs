//! `numctl preflight`: calls every declared webhook once.

use ipnet::IpNet;
use serde::Serialize;

use crate::client::webhook::{CalledFor, WebhookCall, WebhookCaller};
use crate::desired::{Account, Desired};
use crate::guard::preflight::{DeclaredWebhook, Webhooks};
use crate::model::secret_url::masked;
use crate::model::settings::HttpMethod;
use crate::reconcile::call_all;
use crate::report::json;
use crate::report::names::plural;
use crate::report::shown::Shown;

use super::arguments::{Global, PreflightArgs, TextOrJson};
use super::fleet::{self, Fleet};
use super::{Ended, Exit, Fatal, output};

/// What calls webhooks, with the operator's networks and certificates.
pub(super) fn caller(global: &Global, allowed: &[IpNet]) -> Result<WebhookCaller, Fatal> {
    WebhookCaller::new(allowed.to_vec(), fleet::trusted(global)?).map_err(Fatal::new)
}

pub(super) async fn run(global: &Global, args: &PreflightArgs) -> Ended {
    let (desired, _) = fleet::read_with_secrets(global, &args.files.files)?;
    let caller = caller(global, &args.preflight_allow)?;
    let webhooks = Webhooks::of_files(&desired);
    // Who signs: an account without credentials has its webhooks called all the same.
    let fleet = match Fleet::open_what_can_be(global, &desired.accounts).await {
        Ok((fleet, shut)) => {
            for (account, fatal) in &shut {
                let name = Shown(&account.name);
                output::note(format_args!(
                    "note: requests for account {name} are not signed: {}",
                    fatal.text
                ));
            }
            Some(fleet)
        }
        Err(fatal) => {
            output::note(format_args!("note: requests are not signed: {}", fatal.text));
            None
        }
    };
    let (called, left) = webhooks.parts();
    let by = |declared: &DeclaredWebhook| called_by(&desired, fleet.as_ref(), declared);
    let calls = call_all(&caller, called.map(|declared| (declared.clone(), by(declared))).collect()).await;
    let left = left.count();
    let failing = calls.iter().filter(|(_, call)| call.outcome.is_err()).count() + left;
    match args.format {
        TextOrJson::Text => output::print(&text(&calls, left))?,
        TextOrJson::Json => output::print_with(|out| {
            json::value(&mut *out, &ReportJson::new(&calls, left))?;
            writeln!(out)
        })?,
    }
    if let Some(fleet) = fleet {
        fleet.close().await?;
    }
    Ok(if failing == 0 { Exit::Done } else { Exit::Error })
}

/// For whom a webhook is called.
fn called_by(desired: &Desired, fleet: Option<&Fleet>, declared: &DeclaredWebhook) -> CalledFor {
    let account: &Account = desired.account(declared.account);
    let at = fleet.and_then(|fleet| fleet.accounts.iter().position(|known| known.name == account.name));
    let client = fleet.zip(at).map(|(fleet, at)| &fleet.clients[at]);
    CalledFor {
        account: client.map(|client| client.account).or(account.sid),
        token: client.and_then(crate::client::Client::own_token),
        number: declared.number,
    }
}

fn method(method: HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
    }
}

fn text(calls: &[(DeclaredWebhook, WebhookCall)], left: usize) -> String {
    let mut out = String::new();
    let mut failing = 0;
    for (declared, call) in calls {
        let (method, url) = (method(declared.webhook.method), masked(&declared.webhook.url));
        match &call.outcome {
            Ok(()) => {
                let status = call.status.map_or_else(String::new, |status| format!("HTTP {status}"));
                let kind = call
                    .content_type
                    .as_deref()
                    .map_or_else(String::new, |kind| format!(", {}", Shown(kind)));
                let until = call.certificate_until.map_or_else(String::new, |until| {
                    format!(", certificate until {}", until.strftime("%Y-%m-%d"))
                });
                let signed = if call.is_signed { "" } else { ", not signed" };
                let took = call.took.as_secs_f64();
                out.push_str(&format!(
                    "  ok    {method} {}: {status} after {took:.1} s{kind}{until}{signed}\n",
                    Shown(&url)
                ));
            }
            Err(fault) => {
                failing += 1;
                out.push_str(&format!("  FAIL  {method} {} {fault}\n", Shown(&url)));
            }
        }
    }
    let working = calls.len() - failing;
    out.push_str(&format!("{}: {working} working, {failing} failing", plural(calls.len() + left, "webhook")));
    if left > 0 {
        out.push_str(&format!(", {left} not checked: there are too many"));
    }
    out.push_str(".\n");
    out
}

#[derive(Serialize)]
struct ReportJson<'a> {
    format_version: u32,
    summary: SummaryJson,
    webhooks: Vec<WebhookJson<'a>>,
}

#[derive(Serialize)]
struct SummaryJson {
    webhooks: usize,
    working: usize,
    failing: usize,
    not_checked: usize,
}

#[derive(Serialize)]
struct WebhookJson<'a> {
    url: String,
    method: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ProblemJson>,
    status: Option<u16>,
    content_type: Option<&'a str>,
    certificate_until: Option<String>,
    signed: bool,
    seconds: f64,
}

#[derive(Serialize)]
struct ProblemJson {
    code: &'static str,
    message: String,
}

impl<'a> ReportJson<'a> {
    fn new(calls: &'a [(DeclaredWebhook, WebhookCall)], left: usize) -> Self {
        let working = calls.iter().filter(|(_, call)| call.outcome.is_ok()).count();
        let webhooks = calls.iter().map(|(declared, call)| {
            let error = call.outcome.err();
            let error =
                error.map(|fault| ProblemJson { code: fault.kind.as_str(), message: fault.to_string() });
            WebhookJson {
                url: masked(&declared.webhook.url),
                method: method(declared.webhook.method),
                ok: call.outcome.is_ok(),
                error,
                status: call.status,
                content_type: call.content_type.as_deref(),
                certificate_until: call.certificate_until.map(|until| until.to_string()),
                signed: call.is_signed,
                seconds: call.took.as_secs_f64(),
            }
        });
        Self {
            format_version: 1,
            summary: SummaryJson {
                webhooks: calls.len() + left,
                working,
                failing: calls.len() - working,
                not_checked: left,
            },
            webhooks: webhooks.collect(),
        }
    }
}
