//! A plan in a file: what a reviewer approves and a later `apply plan.json` carries out.
//!
//! It holds no credential, and of a secret that a webhook names no more than the name and a fingerprint. A
//! password that the files themselves hold has to be in it: the file says so in
//! `carries_webhook_passwords` and is written for its owner only.

mod accounts;
mod file;
mod holds;
mod limits;
mod seal;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::desired::AccountRef;
use crate::desired::narrowing::Narrowed;
use crate::desired::{Access, AccountIndex, Desired, Limits};
use crate::guard::budget::Generation;
use crate::guard::standstill::Holds;
use crate::model::action_kind::ActionKind;
use crate::model::hold::Standstill;
use crate::model::inert;
use crate::model::named_secret::{Provide, SecretId, SecretProblem};
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::provider::Api;
use crate::model::settings::{Field, Managed, Settings, Value, Want};
use crate::observed::Observed;
use crate::plan::diff::FieldChange;
use crate::plan::digest::Digest;
use crate::plan::{Action, Plan, Reason, Step, Target};

use accounts::FileAccount;
use file::{FileAction, FileChange, FileClaim, FileNarrowed, FileSummary, FileText, FileValue, SavedFile};
use holds::FileHolds;
use limits::FileLimits;

pub use seal::Seal;

/// The version of the file's shape.
const FORMAT_VERSION: u32 = 2;

/// What makes a JSON file one of ours.
const KIND: &str = "numctl-plan";

/// At most this many characters of a file are quoted in an error.
const QUOTED_MAX: usize = 200;

/// Why a file is not a plan that can be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// Not JSON of this shape.
    #[error("it is not a saved plan: {0}")]
    NotAPlan(String),
    #[error("it is a saved plan of format {0}; this numctl reads format {FORMAT_VERSION}: plan again")]
    OtherFormat(u32),
    /// Edited, or cut and repaired, since it was written.
    #[error("it was edited after it was written (its checksum does not match): plan again")]
    Changed,
    /// A secret that it names is not provided, or cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretProblem),
    /// A secret was changed.
    #[error("the secret `{0}` has changed since the plan was made: plan again")]
    OtherSecret(SecretId),
    /// Its accounts cannot be told apart.
    #[error("it has an account name twice, or more than 65,536 accounts: plan again")]
    Accounts,
    /// Something in it is not what its place calls for.
    #[error("it has \"{text}\" in the place of {what}: plan again")]
    Malformed { what: &'static str, text: String },
}

/// The plan, and what applying it needs besides. How many numbers are live, of which limits are shares, is
/// not in it: that is counted when it is applied, since a file could say anything.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPlan {
    pub plan: Plan,
    /// How each account is reached.
    pub access: Vec<Access>,
    /// The file's limits when it was made.
    pub limits: Limits,
    /// The windows of the files, and what they say of vanished numbers.
    pub holds: Holds,
    /// The files that it was made from, as they were named.
    pub files: Vec<Arc<str>>,
    /// Their content.
    pub content: Option<Generation>,
    /// The version of numctl that made it.
    pub tool_version: String,
    /// The secrets that its webhooks name.
    seal: Option<Seal>,
    /// Live values that are not in the file, because they hold passwords.
    hidden: Vec<HiddenValue>,
}

/// A live value that a file does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HiddenValue {
    /// The step of the plan.
    step: usize,
    field: Field,
    /// By which it is known again.
    code: String,
}

impl SavedPlan {
    /// Takes a plan that was just made of files with this content. It is applied through the same APIs,
    /// whatever the operator's is by then.
    #[must_use]
    pub fn new(plan: Plan, desired: &Desired, content: Generation, operators_api: Api) -> Self {
        let access = |account: &crate::desired::Account| {
            let access = account.access.clone();
            Access { api: Some(access.api.unwrap_or(operators_api)), ..access }
        };
        let of_files = Holds::from_plan(desired, &plan);
        let holds = Holds {
            standstill: Standstill { windows: of_files.standstill.windows, ..Standstill::default() },
            on_vanished: of_files.on_vanished,
            own_on_vanished: of_files.own_on_vanished,
            ..Holds::default()
        };
        Self {
            plan,
            holds,
            access: desired.accounts.iter().map(access).collect(),
            limits: desired.policy.limits,
            files: desired.files.clone(),
            content: Some(content),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            seal: None,
            hidden: Vec::new(),
        }
    }

    /// The same where webhooks name secrets: then no password that is live is written down either.
    #[must_use]
    pub fn sealed_with(self, seal: Option<Seal>) -> Self {
        Self { seal, ..self }
    }

    /// The same with the secrets that its webhooks name, for whoever carries it out.
    ///
    /// # Errors
    /// Where one is not provided, may not go there, or is another than when the plan was made.
    pub fn with_secrets(mut self, provide: &Provide<'_>) -> Result<Self, SavedPlanError> {
        self.seal = self.seal.map(|seal| seal.opened(provide)).transpose()?;
        let fill = |want: &Want| match want {
            Want::Set(Value::SecretUrl(url)) => Ok(Want::Set(Value::SecretUrl(url.fill(provide)?))),
            other => Ok::<_, SecretProblem>(other.clone()),
        };
        for step in &mut self.plan.steps {
            match &mut step.action {
                Action::Purchase { settings, .. } | Action::Transfer { settings, .. } => {
                    let full = settings.iter().map(|(field, want)| Ok((field, fill(want)?)));
                    *settings = full.collect::<Result<Managed, SecretProblem>>()?;
                }
                Action::Configure { changes, .. } => {
                    for change in changes {
                        change.want = fill(&change.want)?;
                    }
                }
                Action::Release { .. } => {}
            }
        }
        Ok(self)
    }

    /// The plan, with the passwords that it saw and that are live still. Another one makes it stale.
    pub fn revealed(&self, observed: &Observed) -> Plan {
        let mut plan = self.plan.clone();
        let Some(seal) = &self.seal else { return plan };
        for HiddenValue { step, field, code } in &self.hidden {
            let Some(action) = plan.steps.get_mut(*step).map(|step| &mut step.action) else { continue };
            let number = action.number();
            let mut live = observed.find(number).filter_map(|found| found.live.get(*field));
            let Some(seen) = live.find(|value| seal.code(number, *field, &value.wire()) == *code) else {
                continue;
            };
            if let Action::Configure { changes, .. } = action {
                let change = changes.iter_mut().find(|change| change.field == *field);
                change.into_iter().for_each(|change| change.before = Some(seen.clone()));
            }
            if let Action::Transfer { target, .. }
            | Action::Configure { target, .. }
            | Action::Release { target } = action
            {
                let with = target
                    .before
                    .iter()
                    .map(|(at, value)| (at, if at == *field { seen.clone() } else { value.clone() }));
                target.before = with.collect();
            }
        }
        plan
    }

    /// Whether the file will hold a password of a webhook URL.
    #[must_use]
    pub fn carries_passwords(&self) -> bool {
        self.has_secrets(|value| !matches!(value, Value::SecretUrl(_)), self.seal.is_none())
    }

    /// Whether any value that it wants, of some, or that is live holds a secret.
    fn has_secrets(&self, of: impl Fn(&Value) -> bool, or_live: bool) -> bool {
        self.plan.steps.iter().any(|step| {
            let wanted: Vec<&Want> = match &step.action {
                Action::Purchase { settings, .. } | Action::Transfer { settings, .. } => {
                    settings.iter().map(|(_, want)| want).collect()
                }
                Action::Configure { changes, .. } => changes.iter().map(|change| &change.want).collect(),
                Action::Release { .. } => Vec::new(),
            };
            let before =
                step.action.target().map(|target| target.before.iter().any(|(_, value)| value.has_secret()));
            (or_live && before == Some(true))
                || wanted
                    .iter()
                    .any(|want| matches!(want, Want::Set(value) if value.has_secret() && of(value)))
        })
    }

    /// Whether it buys for claims.
    #[must_use]
    pub fn has_claims(&self) -> bool {
        self.plan.steps.iter().any(|step| step.action.claimed().is_some())
    }

    /// The text of the saved plan's file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut file = self.to_file();
        file.checksum = checksum(&file);
        // Texts, numbers and lists of them always serialise.
        let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a file's text back.
    ///
    /// # Errors
    /// When it is no saved plan, or not as it was written.
    pub fn from_json(text: &str) -> Result<Self, SavedPlanError> {
        #[derive(Deserialize)]
        struct SavedHead {
            kind: String,
            format_version: u32,
        }
        let head: SavedHead = serde_json::from_str(text).map_err(|_| {
            SavedPlanError::NotAPlan("write one with `numctl plan --out plan.json`".to_owned())
        })?;
        if head.kind != KIND {
            return Err(SavedPlanError::NotAPlan("its `kind` is not that of a plan".to_owned()));
        }
        if head.format_version != FORMAT_VERSION {
            return Err(SavedPlanError::OtherFormat(head.format_version));
        }
        let file: SavedFile = serde_json::from_str(text)
            .map_err(|error| SavedPlanError::NotAPlan(inert::message(&error.to_string(), QUOTED_MAX)))?;
        if checksum(&file) != file.checksum {
            return Err(SavedPlanError::Changed);
        }
        let saved = Self::from_file(&file)?;
        // What a reviewer read in the file is what is carried out. The digest of a plan with secrets is keyed
        // with credentials, which are not known here: there the checksum alone says so.
        let is_keyed = !saved.hidden.is_empty() || saved.has_secrets(|_| true, true);
        if !is_keyed && Digest::from_plan(&saved.plan).to_string() != file.digest {
            return Err(SavedPlanError::Changed);
        }
        Ok(saved)
    }

    /// A file's text with the digest and the checksum that its content calls for, as anybody can make it who
    /// knows how; `None` where it is not one of ours. For tests of what is behind them.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    #[must_use]
    pub fn sealed(text: &str) -> Option<String> {
        let mut file: SavedFile = serde_json::from_str(text).ok()?;
        if let Ok(saved) = Self::from_file(&file) {
            file.digest = Digest::from_plan(&saved.plan).to_string();
        }
        file.checksum = checksum(&file);
        serde_json::to_string(&file).ok()
    }

    fn to_file(&self) -> SavedFile {
        let plan = &self.plan;
        SavedFile {
            kind: KIND.to_owned(),
            format_version: FORMAT_VERSION,
            digest: Digest::from_plan(plan).to_string(),
            checksum: String::new(),
            tool_version: self.tool_version.clone(),
            files: self.files.iter().map(ToString::to_string).collect(),
            content: self.content.map(|content| content.to_string()),
            carries_webhook_passwords: self.carries_passwords(),
            accounts: plan
                .accounts
                .iter()
                .zip(&self.access)
                .map(|(account, access)| {
                    let parent = account.parent.map(|parent| plan.account(parent).name.to_string());
                    FileAccount::new(account, parent, access)
                })
                .collect(),
            limits: FileLimits::new(&self.limits),
            holds: FileHolds::new(&self.holds),
            summary: FileSummary {
                purchase: plan.count(ActionKind::Purchase),
                configure: plan.count(ActionKind::Configure),
                transfer: plan.count(ActionKind::Transfer),
                release: plan.count(ActionKind::Release),
                unchanged: plan.unchanged,
                held: plan.numbers_held(),
                unlisted: plan.unlisted,
            },
            seal: self.seal.as_ref().map(Seal::to_file),
            narrowed: plan.narrowed.as_ref().map(|narrowed| FileNarrowed {
                only: narrowed.only.clone(),
                account: narrowed.account.clone(),
                left_out: narrowed.left_out,
            }),
            actions: plan.steps.iter().map(|step| file_action(plan, step, self.seal.as_ref())).collect(),
        }
    }

    fn from_file(file: &SavedFile) -> Result<Self, SavedPlanError> {
        let by_name: HashMap<&str, u16> =
            file.accounts.iter().map(|account| account.name.as_str()).zip(0..=u16::MAX).collect();
        if by_name.len() != file.accounts.len() {
            return Err(SavedPlanError::Accounts);
        }
        let index = |name: &str| {
            let at = by_name.get(name).copied();
            at.map(AccountIndex).ok_or_else(|| malformed("an account of the plan", name))
        };
        let accounts = file
            .accounts
            .iter()
            .map(|account| {
                Ok(AccountRef {
                    name: account.name.as_str().into(),
                    sid: AccountSid::observed(&account.sid)
                        .ok_or_else(|| malformed("an account SID", &account.sid))?,
                    parent: account.parent.as_deref().map(index).transpose()?,
                })
            })
            .collect::<Result<Vec<_>, SavedPlanError>>()?;
        let access = file.accounts.iter().map(FileAccount::access).collect::<Result<Vec<_>, _>>()?;
        let steps = file.actions.iter().map(|action| step(action, &index));
        let steps = steps.collect::<Result<Vec<_>, SavedPlanError>>()?;
        let mut hidden = Vec::new();
        for (step, action) in file.actions.iter().enumerate() {
            for entry in &action.observed {
                if let Some(FileText::Hidden { code, .. }) = &entry.value {
                    hidden.push(HiddenValue { step, field: field(&entry.field)?, code: code.clone() });
                }
            }
        }
        Ok(Self {
            plan: Plan {
                held_earlier: file.summary.held,
                unchanged: file.summary.unchanged,
                unlisted: file.summary.unlisted,
                narrowed: file.narrowed.as_ref().map(|narrowed| Narrowed {
                    only: narrowed.only.clone(),
                    account: narrowed.account.clone(),
                    left_out: narrowed.left_out,
                }),
                ..Plan::from_steps(accounts, steps)
            },
            access,
            limits: file.limits.limits()?,
            holds: file.holds.holds()?,
            files: file.files.iter().map(|name| Arc::from(name.as_str())).collect(),
            content: file.content.as_deref().map(content).transpose()?,
            tool_version: file.tool_version.clone(),
            seal: file.seal.as_ref().map(Seal::read).transpose()?,
            hidden,
        })
    }
}

fn content(text: &str) -> Result<Generation, SavedPlanError> {
    Generation::parse(text).ok_or_else(|| malformed("the content of its files", text))
}

fn malformed(what: &'static str, text: &str) -> SavedPlanError {
    SavedPlanError::Malformed { what, text: inert::message(text, QUOTED_MAX) }
}

/// SHA-256 over the file with an empty checksum: it shows a change, it does not prove an author.
fn checksum(file: &SavedFile) -> String {
    let mut hash = Sha256::new();
    let parts = [
        serde_json::to_vec(&file.actions),
        serde_json::to_vec(&file.accounts),
        serde_json::to_vec(&file.limits),
        serde_json::to_vec(&file.holds),
        // As before where there is none.
        file.narrowed.as_ref().map_or_else(|| Ok(Vec::new()), serde_json::to_vec),
        file.seal.as_ref().map_or_else(|| Ok(Vec::new()), serde_json::to_vec),
        file.content.as_ref().map_or_else(|| Ok(Vec::new()), serde_json::to_vec),
        serde_json::to_vec(&(&file.kind, file.format_version, &file.digest, &file.tool_version, &file.files)),
    ];
    for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    seal::hex(&hash.finalize())
}

fn wanted(want: &Want) -> Option<String> {
    match want {
        Want::Clear => None,
        // The names of its secrets.
        Want::Set(Value::SecretUrl(url)) => Some(url.written().to_string()),
        Want::Set(value) => Some(value.wire()),
    }
}

fn file_action(plan: &Plan, step: &Step, seal: Option<&Seal>) -> FileAction {
    let action = &step.action;
    let name = |account: AccountIndex| plan.account(account).name.to_string();
    let seen = |field: Field, value: &Value| match seal {
        Some(seal) if value.has_secret() => FileText::Hidden {
            masked: value.masked(),
            code: seal.code(action.number(), field, &value.wire()),
        },
        Some(_) | None => FileText::Plain(value.wire()),
    };
    let change = |field: Field, before: Option<&Value>, want: &Want| FileChange {
        field: field.json_name().to_owned(),
        before: before.map(|value| seen(field, value)),
        after: wanted(want),
    };
    let (changes, keeps) = match action {
        Action::Purchase { settings, .. } => {
            (settings.iter().map(|(field, want)| change(field, None, want)).collect(), Vec::new())
        }
        Action::Transfer { settings, .. } => {
            let keeps = settings.iter().map(|(field, want)| FileValue {
                field: field.json_name().to_owned(),
                value: wanted(want).map(FileText::Plain),
            });
            (Vec::new(), keeps.collect())
        }
        Action::Configure { changes, .. } => {
            let of = |entry: &FieldChange| change(entry.field, entry.before.as_ref(), &entry.want);
            (changes.iter().map(of).collect(), Vec::new())
        }
        Action::Release { .. } => (Vec::new(), Vec::new()),
    };
    let target = action.target();
    FileAction {
        kind: action.kind().as_str().to_owned(),
        phone_number: action.number().to_string(),
        account: name(action.account()),
        from_account: target.map(|target| name(target.account)),
        sid: target.and_then(|target| target.sid).map(|sid| sid.to_string()),
        reason: step.reason.as_str().to_owned(),
        changes,
        observed: target
            .map(|target| {
                let value = |(field, value): (Field, &Value)| FileValue {
                    field: field.json_name().to_owned(),
                    value: Some(seen(field, value)),
                };
                target.before.iter().map(value).collect()
            })
            .unwrap_or_default(),
        keeps,
        claim: action.claimed().map(FileClaim::new),
    }
}

fn parse_reason(text: &str) -> Result<Reason, SavedPlanError> {
    Reason::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| malformed("a reason", text))
}

fn field(text: &str) -> Result<Field, SavedPlanError> {
    Field::from_json_name(text).ok_or_else(|| malformed("a field", text))
}

fn want(field: Field, value: Option<&str>) -> Result<Want, SavedPlanError> {
    match value {
        None => Ok(Want::Clear),
        Some(text) => Value::written(field.kind(), text)
            .map(Want::Set)
            .map_err(|_| malformed("a value for its field", text)),
    }
}

fn step(
    action: &FileAction,
    index: &impl Fn(&str) -> Result<AccountIndex, SavedPlanError>,
) -> Result<Step, SavedPlanError> {
    let number = PhoneNumber::observed(&action.phone_number)
        .ok_or_else(|| malformed("a phone number", &action.phone_number))?;
    let account = index(&action.account)?;
    let target = || {
        let from = action.from_account.as_deref().ok_or_else(|| malformed("a from_account", ""))?;
        let before: Settings = action
            .observed
            .iter()
            .map(|entry| {
                let field = field(&entry.field)?;
                let text = entry.value.as_ref().map_or("", FileText::shown);
                Ok(Value::observed(field.kind(), text).map(|value| (field, value)))
            })
            .filter_map(Result::transpose)
            .collect::<Result<_, SavedPlanError>>()?;
        let sid = match &action.sid {
            Some(text) => {
                Some(NumberSid::observed(text).ok_or_else(|| malformed("a phone number SID", text))?)
            }
            None => None,
        };
        Ok::<_, SavedPlanError>(Target { number, sid, account: index(from)?, before })
    };
    let managed = |entries: &mut dyn Iterator<Item = (&String, Option<&str>)>| {
        entries
            .map(|(name, value)| {
                let field = field(name)?;
                Ok((field, want(field, value)?))
            })
            .collect::<Result<Managed, SavedPlanError>>()
    };
    let parsed = match action.kind.as_str() {
        "purchase" => {
            let entries = &mut action.changes.iter().map(|change| (&change.field, change.after.as_deref()));
            let claim = action.claim.as_ref().map(|claim| claim.claimed().map(Box::new)).transpose()?;
            Action::Purchase { number, account, settings: managed(entries)?, claim }
        }
        "transfer" => {
            let entries = &mut action
                .keeps
                .iter()
                .map(|entry| (&entry.field, entry.value.as_ref().map(FileText::shown)));
            Action::Transfer { target: target()?, to: account, settings: managed(entries)? }
        }
        "configure" => {
            let changes = action
                .changes
                .iter()
                .map(|change| {
                    let field = field(&change.field)?;
                    let before =
                        change.before.as_ref().and_then(|text| Value::observed(field.kind(), text.shown()));
                    Ok(FieldChange { field, before, want: want(field, change.after.as_deref())? })
                })
                .collect::<Result<Vec<_>, SavedPlanError>>()?;
            Action::Configure { target: target()?, account, changes }
        }
        "release" => Action::Release { target: target()? },
        other => return Err(malformed("a kind of action", other)),
    };
    Ok(Step { action: parsed, reason: parse_reason(&action.reason)? })
}

#[cfg(test)]
mod tests;
