//! The digest that names exactly one plan: what a reviewer approves, and what `--accept` lifts a
//! limit for.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use crate::model::settings::{Field, FieldKind, Value, Want};
use crate::plan::{Action, Plan};

/// 128 bits of the SHA-256 over what a plan does and what it relies on.
///
/// Secrets in webhook URLs (a password, the value of `token=`) must tell two plans apart, or the word for
/// one would let the other through. A plain hash would let anybody who reads the digest, in a pull request's
/// comment say, try passwords against it; a salt beside it would not keep them from that, and a random one
/// would give each run of `plan` another digest, so that no one could accept in one CI job what was shown in
/// another. So the secrets go in through a code that is keyed with the API credentials
/// ([`DigestKey`](crate::plan::DigestKey)): they are known where a plan is made and where it is applied, and
/// nowhere else. The same plan keeps its digest from run to run and from host to host. Only where a plan
/// carries secrets and is applied with other credentials than it was made with, its digest is another one,
/// and `--accept` refuses it: take the digest that the refusal prints.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// The digest of a plan. Warnings and counts are no part of it: they change nothing.
    #[must_use]
    pub fn from_plan(plan: &Plan) -> Self {
        let mut hash = Sha256::new_with_prefix("numctl plan 1\n");
        // One action after the other in the same place: there may be 100,000.
        let (mut line, mut before, mut secrets) =
            (DigestList::default(), DigestList::default(), DigestList::default());
        for step in &plan.steps {
            write_action(&mut line, &mut before, plan, &step.action);
            push_secrets(&mut secrets, &step.action);
            hash.update(line.end());
            hash.update("\n");
            line.clear();
        }
        if let Some(narrowed) = &plan.narrowed {
            hash.update("narrowed\n");
            narrowed.only.iter().for_each(|only| line.push(only));
            line.push(format_args!("account {}", narrowed.account.as_deref().unwrap_or_default()));
            hash.update(line.end());
            hash.update("\n");
        }
        if !secrets.json.is_empty()
            && let Some(code) = plan.key.code(secrets.end())
        {
            hash.update("secrets\n");
            hash.update(code);
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
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

/// A JSON list of texts, made text by text. JSON strings keep a value from looking like a separator.
#[derive(Default)]
struct DigestList {
    json: Vec<u8>,
    text: String,
}

impl DigestList {
    fn push(&mut self, text: impl fmt::Display) {
        self.json.push(if self.json.is_empty() { b'[' } else { b',' });
        self.text.clear();
        // A String takes everything, and so does a Vec.
        let _ = write!(self.text, "{text}");
        let _ = serde_json::to_writer(&mut self.json, &self.text);
    }

    fn end(&mut self) -> &[u8] {
        self.json.extend_from_slice(if self.json.is_empty() { b"[]" } else { b"]" });
        &self.json
    }

    fn clear(&mut self) {
        self.json.clear();
    }
}

/// Writes an action into `line`, which is empty, as `before` is.
fn write_action(line: &mut DigestList, before: &mut DigestList, plan: &Plan, action: &Action) {
    line.push(action.kind().as_str());
    line.push(action.number());
    line.push(plan.account(action.account()).sid);
    if let Some(target) = action.target() {
        line.push(plan.account(target.account).sid);
        match target.sid {
            Some(sid) => line.push(sid),
            None => line.push("-"),
        }
        // Where nothing depends on its Messaging Service, it may not have been asked for.
        let changes_service = matches!(action, Action::Configure { changes, .. }
            if changes.iter().any(|change| change.field == Field::SmsServiceSid));
        let is_part = |field: Field| field != Field::SmsServiceSid || changes_service;
        for (field, value) in target.before.iter().filter(|(field, _)| is_part(*field)) {
            before.push(format_args!("{field}={}", value.masked()));
        }
        line.push(String::from_utf8_lossy(before.end()));
        before.clear();
    }
    if let Some(claimed) = action.claimed() {
        line.push(&claimed.slot);
        claimed.instead.iter().for_each(|number| line.push(number));
    }
    match action {
        Action::Purchase { settings, .. } | Action::Transfer { settings, .. } => {
            settings.iter().for_each(|(field, want)| push_wanted(line, field, want));
        }
        Action::Configure { changes, .. } => {
            changes.iter().for_each(|change| push_wanted(line, change.field, &change.want));
        }
        Action::Release { .. } => {}
    }
}

/// The values with secrets, as they are: what is wanted, and what the plan relies on.
fn push_secrets(secrets: &mut DigestList, action: &Action) {
    let mut push = |what: &str, field: Field, value: &Value| {
        if value.has_secret() {
            secrets.push(action.number());
            secrets.push(format_args!("{what} {field}"));
            secrets.push(value.wire());
        }
    };
    if let Some(target) = action.target() {
        target.before.iter().for_each(|(field, value)| push("before", field, value));
    }
    let mut wanted = |field: Field, want: &Want| {
        if let Want::Set(value) = want {
            push("after", field, value);
        }
    };
    match action {
        Action::Purchase { settings, .. } | Action::Transfer { settings, .. } => {
            settings.iter().for_each(|(field, want)| wanted(field, want));
        }
        Action::Configure { changes, .. } => {
            changes.iter().for_each(|change| wanted(change.field, &change.want));
        }
        Action::Release { .. } => {}
    }
}

fn push_wanted(line: &mut DigestList, field: Field, want: &Want) {
    match want {
        Want::Clear => line.push(format_args!("{field}=clear")),
        Want::Set(value) => {
            line.push(format_args!("{field}=set {:?} {}", kind_of(value), value.masked()));
        }
    }
}

fn kind_of(value: &Value) -> Option<FieldKind> {
    match value {
        Value::Text(_) => Some(FieldKind::Text),
        Value::Url(_) | Value::SecretUrl(_) => Some(FieldKind::Url),
        Value::Method(_) => Some(FieldKind::Method),
        Value::Application(_) => Some(FieldKind::Application),
        Value::Trunk(_) => Some(FieldKind::Trunk),
        Value::Address(_) => Some(FieldKind::Address),
        Value::Identity(_) => Some(FieldKind::Identity),
        Value::Bundle(_) => Some(FieldKind::Bundle),
        Value::Service(_) => Some(FieldKind::Service),
        Value::ReceiveMode(_) => Some(FieldKind::ReceiveMode),
        Value::Flag(_) => Some(FieldKind::Flag),
        Value::Named(_) | Value::Foreign(_) => None,
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
