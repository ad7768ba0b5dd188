//! Calls the webhooks that a plan points numbers at, before it does.

use futures_util::stream::{self, StreamExt as _};

use crate::client::Client;
use crate::client::transport::Transport;
use crate::client::webhook::{CalledFor, WebhookCall, WebhookCaller};
use crate::desired::AccountRef;
use crate::guard::preflight::{DeclaredWebhook, Webhooks};
use crate::plan::Plan;

use super::{Job, LineState};

/// So many webhooks are called at once.
const AT_ONCE: usize = 8;

/// Calls each webhook that the plan points numbers at and that has not been called before, and holds what
/// would point at one that fails.
pub(super) async fn preflight<T: Transport>(plan: &mut Plan, job: &Job<'_, T>, state: &mut LineState<'_>) {
    let Some(caller) = job.preflight.filter(|_| !job.dry_run) else { return };
    let verdicts = state.memory.webhooks();
    // What failed at the last look may answer by now.
    verdicts.forget_failures();
    let mut webhooks = Webhooks::of_plan(plan);
    webhooks.retain_unknown(verdicts);
    let (called, left) = webhooks.parts();
    let called = called.map(|declared| (declared.clone(), called_for(declared, job.accounts, job.clients)));
    for (declared, call) in call_all(caller, called.collect()).await {
        verdicts.keep((declared.webhook.url, declared.webhook.method), call.outcome);
    }
    verdicts.not_checked(left);
    verdicts.hold_back(plan);
}

/// Calls webhooks, a few at once, and says what each call showed, in their order.
pub async fn call_all(
    caller: &WebhookCaller,
    webhooks: Vec<(DeclaredWebhook, CalledFor)>,
) -> Vec<(DeclaredWebhook, WebhookCall)> {
    let calls = webhooks.into_iter().map(|(declared, by)| async move {
        let call = caller.call(&declared.webhook, &by).await;
        (declared, call)
    });
    stream::iter(calls).buffered(AT_ONCE).collect().await
}

/// For whom a webhook is called. Only the account's own auth token signs for it.
pub fn called_for<T: Transport>(
    declared: &DeclaredWebhook,
    accounts: &[AccountRef],
    clients: &[Client<T>],
) -> CalledFor {
    let at = usize::from(declared.account.0);
    CalledFor {
        account: accounts.get(at).map(|account| account.sid),
        token: clients.get(at).and_then(Client::own_token),
        number: declared.number,
    }
}
