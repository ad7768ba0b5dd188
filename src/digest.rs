//! The digest that names exactly one plan: what a reviewer approves, and what `--accept` lifts a
//! limit for.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::plan::{Action, Plan};
use crate::settings::{Kind, Settings, Value, Want};

/// 128 bits of the SHA-256 over what a plan does and what it relies on.
///
/// Passwords in webhook URLs are left out: the digest is printed, and must not help to guess them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// The digest of a plan. Warnings and counts are no part of it: they change nothing.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut text = String::from("numctl plan 1\n");
        for step in &plan.steps {
            write_action(&mut text, plan, &step.action);
        }
        let hash = Sha256::digest(text.as_bytes());
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        Self(first)
    }

    /// Parses what [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 16];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

fn write_action(text: &mut String, plan: &Plan, action: &Action) {
    let mut line = vec![action.kind().word().to_owned(), action.number().to_string()];
    line.push(plan.account(action.account()).sid.to_string());
    if let Some(target) = action.target() {
        line.push(plan.account(target.account).sid.to_string());
        line.push(target.sid.map_or_else(|| "-".into(), |sid| sid.to_string()));
        line.push(settings(&target.before));
    }
    if let Some(claimed) = action.claimed() {
        line.push(claimed.slot.to_string());
        line.extend(claimed.instead.iter().map(ToString::to_string));
    }
    match action {
        Action::Purchase { settings, .. } | Action::Transfer { settings, .. } => {
            line.extend(settings.iter().map(|(field, want)| format!("{field}={}", wanted(want))));
        }
        Action::Configure { changes, .. } => {
            line.extend(changes.iter().map(|change| format!("{}={}", change.field, wanted(&change.want))));
        }
        Action::Release { .. } => {}
    }
    // JSON strings keep a value from looking like a separator.
    text.push_str(&serde_json::Value::from(line).to_string());
    text.push('\n');
}

fn settings(settings: &Settings) -> String {
    let entries: Vec<_> =
        settings.iter().map(|(field, value)| format!("{field}={}", value.masked())).collect();
    serde_json::Value::from(entries).to_string()
}

fn wanted(want: &Want) -> String {
    match want {
        Want::Clear => "clear".into(),
        Want::Set(value) => format!("set {:?} {}", kind_of(value), value.masked()),
    }
}

fn kind_of(value: &Value) -> Option<Kind> {
    match value {
        Value::Text(_) => Some(Kind::Text),
        Value::Url(_) => Some(Kind::Url),
        Value::Method(_) => Some(Kind::Method),
        Value::Application(_) => Some(Kind::Application),
        Value::Trunk(_) => Some(Kind::Trunk),
        Value::Address(_) => Some(Kind::Address),
        Value::Identity(_) => Some(Kind::Identity),
        Value::Bundle(_) => Some(Kind::Bundle),
        Value::ReceiveMode(_) => Some(Kind::ReceiveMode),
        Value::Flag(_) => Some(Kind::Flag),
        Value::Foreign(_) => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
