//! A plan in a file: what a reviewer approves and a later `apply plan.json` carries out.
//!
//! It holds no credential. A webhook URL's password has to be in it: the file says so in
//! `carries_webhook_passwords` and is written for its owner only.

mod accounts;
mod file;
mod holds;
mod limits;

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
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::provider::Api;
use crate::model::settings::{Field, Managed, Settings, Value, Want};
use crate::plan::diff::FieldChange;
use crate::plan::digest::Digest;
use crate::plan::{Action, Plan, Reason, Step, Target};

use accounts::FileAccount;
use file::{FileAction, FileChange, FileClaim, FileNarrowed, FileSummary, FileValue, SavedFile};
use holds::FileHolds;
use limits::FileLimits;

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
        }
    }

    /// Whether the file will hold a password of a webhook URL.
    #[must_use]
    pub fn carries_passwords(&self) -> bool {
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
            before == Some(true)
                || wanted.iter().any(|want| matches!(want, Want::Set(value) if value.has_secret()))
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
        if !saved.carries_passwords() && Digest::from_plan(&saved.plan).to_string() != file.digest {
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
            narrowed: plan.narrowed.as_ref().map(|narrowed| FileNarrowed {
                only: narrowed.only.clone(),
                account: narrowed.account.clone(),
                left_out: narrowed.left_out,
            }),
            actions: plan.steps.iter().map(|step| file_action(plan, step)).collect(),
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
        serde_json::to_vec(&(&file.kind, file.format_version, &file.digest, &file.tool_version, &file.files)),
    ];
    for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wanted(field: Field, want: &Want) -> FileValue {
    let value = match want {
        Want::Clear => None,
        Want::Set(value) => Some(value.wire()),
    };
    FileValue { field: field.json_name().to_owned(), value }
}

fn file_action(plan: &Plan, step: &Step) -> FileAction {
    let action = &step.action;
    let name = |account: AccountIndex| plan.account(account).name.to_string();
    let change = |field: Field, before: Option<&Value>, want: &Want| FileChange {
        field: field.json_name().to_owned(),
        before: before.map(Value::wire),
        after: wanted(field, want).value,
    };
    let (changes, keeps) = match action {
        Action::Purchase { settings, .. } => {
            (settings.iter().map(|(field, want)| change(field, None, want)).collect(), Vec::new())
        }
        Action::Transfer { settings, .. } => {
            (Vec::new(), settings.iter().map(|(field, want)| wanted(field, want)).collect())
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
                    value: Some(value.wire()),
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
        Some(text) => Value::declared(field.kind(), text)
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
                let text = entry.value.as_deref().unwrap_or_default();
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
            let entries = &mut action.keeps.iter().map(|entry| (&entry.field, entry.value.as_deref()));
            Action::Transfer { target: target()?, to: account, settings: managed(entries)? }
        }
        "configure" => {
            let changes = action
                .changes
                .iter()
                .map(|change| {
                    let field = field(&change.field)?;
                    let before =
                        change.before.as_deref().and_then(|text| Value::observed(field.kind(), text));
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
mod tests {
    use super::*;
    use crate::desired::{CredentialsAt, EnvPrefix, OnVanished, SecretName};
    use crate::model::claim::Slot;
    use crate::model::hold::Window;
    use crate::model::provider::{HostLabel, Site};
    use crate::plan::claims::Claimed;

    fn sid(letter: &str) -> String {
        letter.repeat(32)
    }

    fn window() -> Window {
        Window {
            days: vec![jiff::civil::Weekday::Tuesday],
            from: jiff::civil::time(9, 0, 0, 0),
            to: jiff::civil::time(17, 0, 0, 0),
            zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"),
        }
    }

    fn sample() -> SavedPlan {
        let number = |text: &str| PhoneNumber::declared(text).expect("a number");
        let target = |text: &str, account| Target {
            number: number(text),
            sid: NumberSid::observed(&format!("PN{}", sid("a"))),
            account: AccountIndex(account),
            before: [(Field::VoiceUrl, Value::Url("https://u:hunter2@a.example".into()))]
                .into_iter()
                .collect(),
        };
        let settings: Managed = [
            (Field::VoiceUrl, Want::Set(Value::Url("https://b.example".into()))),
            (Field::SmsUrl, Want::Clear),
            (Field::VoiceCallerIdLookup, Want::Set(Value::Flag(true))),
        ]
        .into_iter()
        .collect();
        let changes = vec![FieldChange {
            field: Field::VoiceUrl,
            before: Some(Value::Url("https://u:hunter2@a.example".into())),
            want: Want::Set(Value::Url("https://b.example".into())),
        }];
        let account = |name: &str, letter: &str, parent| AccountRef {
            name: name.into(),
            sid: AccountSid::declared(&format!("AC{}", sid(letter))).expect("a SID"),
            parent,
        };
        let steps = vec![
            Step {
                action: Action::Purchase {
                    number: number("+15552230000"),
                    account: AccountIndex(0),
                    settings: settings.clone(),
                    claim: Some(Box::new(Claimed {
                        slot: Slot::parse("nyc-support/2").expect("a slot"),
                        label: Some("Support".into()),
                        instead: vec![number("+15552230009")],
                    })),
                },
                reason: Reason::Claimed,
            },
            Step {
                action: Action::Transfer { target: target("+15552230001", 0), to: AccountIndex(1), settings },
                reason: Reason::WrongAccount,
            },
            Step {
                action: Action::Configure {
                    target: target("+15552230002", 0),
                    account: AccountIndex(0),
                    changes,
                },
                reason: Reason::Drifted,
            },
            Step { action: Action::Release { target: target("+15552230003", 1) }, reason: Reason::Tombstone },
        ];
        SavedPlan {
            plan: Plan {
                unchanged: 3,
                unlisted: 2,
                ..Plan::from_steps(
                    vec![account("main", "a", None), account("emea", "b", Some(AccountIndex(0)))],
                    steps,
                )
            },
            access: vec![
                Access {
                    api: Some(Api::IncomingPhoneNumbers),
                    site: Site { region: HostLabel::parse("ie1"), edge: HostLabel::parse("dublin") },
                    credentials: EnvPrefix::parse("TWILIO").map(CredentialsAt::Env),
                },
                Access {
                    credentials: SecretName::parse("emea").map(CredentialsAt::File),
                    ..Access::default()
                },
            ],
            limits: crate::desired::Policy::default().limits,
            holds: Holds {
                standstill: Standstill { windows: vec![window()], ..Standstill::default() },
                on_vanished: Some(OnVanished::Report),
                own_on_vanished: [(number("+15552230000"), OnVanished::Rebuy)].into(),
                ..Holds::default()
            },
            files: vec!["fleet.yaml".into()],
            content: Generation::parse("00ff00ff00ff00ff"),
            tool_version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn a_saved_plan_reads_back_as_it_was() {
        let saved = sample();
        let read = SavedPlan::from_json(&saved.to_json()).expect("reads back");
        assert_eq!(read, saved);
        assert_eq!(Digest::from_plan(&read.plan), Digest::from_plan(&saved.plan));
    }

    #[test]
    fn any_edit_is_noticed() {
        let text = sample().to_json();
        for (from, to) in [
            ("b.example", "evil.example"),
            ("\"release\"", "\"configure\""),
            ("\"max_releases\": \"0\"", "\"max_releases\": \"9\""),
            ("09:00", "08:00"),
            ("+15552230000", "+15552230009"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(SavedPlan::from_json(&text.replacen(from, to, 1)).is_err(), "{from}");
        }
    }

    #[test]
    fn other_files_are_no_plans() {
        for text in ["", "{}", "[]", "version: 1", r#"{"kind":"numctl-plan","format_version":9}"#] {
            assert!(SavedPlan::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn passwords_are_declared() {
        assert!(sample().carries_passwords());
        assert!(sample().to_json().contains("\"carries_webhook_passwords\": true"));
    }
}
