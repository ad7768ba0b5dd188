//! `numctl status`: what a running daemon says about itself.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::report::shown::Shown;

use super::arguments::{Global, StatusArgs, TextOrJson};
use super::{Ended, Exit, Fatal, output};

/// A daemon on the same host answers within this, or does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many drifted numbers are listed.
const DRIFT_MAX: usize = 20;

pub(super) async fn run(global: &Global, args: &StatusArgs) -> Ended {
    let base = base(&args.listen)?;
    let is_ready = read(global, &format!("{base}/readyz")).await?;
    let answer = read(global, &format!("{base}/status.json?limit=0")).await?;
    let status: Value = serde_json::from_str(&answer.body)
        .ok()
        .filter(|status: &Value| status["numctl_version"].is_string())
        .ok_or_else(|| Fatal::new(format!("{base}: the answer is not a numctl daemon's status")))?;
    match args.format {
        TextOrJson::Json => output::print_with(|out| {
            crate::report::json::value(&mut *out, &status)?;
            out.write_all(b"\n")
        })?,
        TextOrJson::Text => output::print(&text(&status))?,
    }
    if is_ready.is_success {
        return Ok(Exit::Done);
    }
    output::error(&format!("the daemon is not ready: {}", Shown(is_ready.body.trim())));
    Ok(Exit::Error)
}

struct StatusAnswer {
    is_success: bool,
    body: String,
}

async fn read(global: &Global, url: &str) -> Result<StatusAnswer, Fatal> {
    let failed = |error: reqwest::Error| {
        let error = Fatal::from(error.without_url());
        Fatal::new(format!(
            "{url}: {}\nIs the daemon running with --listen? Name its address with --listen or NUMCTL_LISTEN.",
            error.text
        ))
    };
    // The daemon is a neighbour, and no proxy knows it.
    let client = crate::client::http::builder()
        .no_proxy()
        .timeout(PATIENCE.min(global.timeout))
        .build()
        .map_err(failed)?;
    let answer = client.get(url).send().await.map_err(failed)?;
    let is_success = answer.status().is_success();
    Ok(StatusAnswer { is_success, body: answer.text().await.map_err(failed)? })
}

/// `http://127.0.0.1:9090` for an address, a port or a URL.
fn base(listen: &str) -> Result<String, Fatal> {
    if listen.starts_with("http://") || listen.starts_with("https://") {
        return Ok(listen.trim_end_matches('/').to_owned());
    }
    let address = crate::daemon::listener::parse_address(listen)
        .map_err(|error| Fatal::new(format!("--listen {}: {error}", Shown(listen))))?;
    // Where a daemon listens everywhere, it is also here.
    let address = match address.ip().is_unspecified() {
        true => std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, address.port())),
        false => address,
    };
    Ok(format!("http://{address}"))
}

fn text(status: &Value) -> String {
    let mut out = String::new();
    let word = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => Shown(text).to_string(),
        other => other.to_string(),
    };
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<14}{value}");
    };
    row("State:", word(&status["state"]).replace('_', " "));
    row("Role:", word(&status["role"]).replace('_', " "));
    let counts = &status["counts"];
    let shown = ["declared", "synced", "drifted", "held", "degraded", "unknown", "unlisted"]
        .iter()
        .filter(|name| **name == "declared" || counts[**name].as_u64().unwrap_or_default() > 0)
        .map(|name| format!("{} {name}", counts[*name]))
        .collect::<Vec<_>>()
        .join(", ");
    row("Numbers:", shown);
    row("Last success:", word(&status["last_success"]));
    row("Next cycle:", word(&status["next_cycle"]));
    row("Generation:", word(&status["generation"]));
    row("Version:", word(&status["numctl_version"]));
    for (name, value) in [
        ("Blocked:", &status["blocked"]),
        ("Writer:", &status["writer"]),
        ("Paused:", &status["standstill"]["reason"]),
        ("Files:", &status["files_refused"]["message"]),
    ] {
        if !value.is_null() {
            row(name, word(value));
        }
    }
    let accounts = status["accounts"].as_array().map(Vec::as_slice).unwrap_or_default();
    for account in accounts {
        let trouble = match &account["trouble"] {
            Value::Null => String::new(),
            why => format!(", {}", word(why)),
        };
        row("Account:", format!("{}, {} numbers{trouble}", word(&account["name"]), account["numbers"]));
    }
    let drift = status["drift"].as_array().map(Vec::as_slice).unwrap_or_default();
    for entry in drift.iter().take(DRIFT_MAX) {
        let changes = entry["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fields: Vec<String> = changes.iter().map(|change| word(&change["field"])).collect();
        let (number, kind) = (word(&entry["phone_number"]), word(&entry["kind"]));
        row("Drift:", format!("{number} to {kind}: {}", fields.join(", ")));
    }
    if drift.len() > DRIFT_MAX {
        row("Drift:", format!("and {} more", drift.len() - DRIFT_MAX));
    }
    out
}
