//! The records as types: what is in a line.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use crate::model::action_kind::ActionKind;
use crate::model::hold;
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::secret_url::masked_in_text;
use crate::model::settings::{Field, Value, Want};
use crate::plan::digest::Digest;
use crate::plan::outcome::OutcomeKind;

/// A record of a known kind, without that word.
pub(super) fn from_line<T: for<'de> Deserialize<'de>>(line: &[u8]) -> Result<T, serde_json::Error> {
    let mut record: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line)?;
    record.remove("kind");
    T::deserialize(serde_json::Value::Object(record))
}

/// A time, in seconds since the epoch; in the file as `2026-12-01T09:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedAt(pub i64);

impl Serialize for RecordedAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordedAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at: Timestamp = text.parse().map_err(|_| de::Error::custom("not a time"))?;
        Ok(Self(at.as_second()))
    }
}

impl fmt::Display for RecordedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", hold::shown(self.0))
    }
}

/// The name of a run: when it began, and eight hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RunId(String);

/// Of an id that a file gives.
const ID_MAX: usize = 40;

impl RunId {
    /// The id of a run of this plan; `salt` is what no other run has at that time, such as the
    /// process.
    #[must_use]
    pub fn new(at: RecordedAt, digest: Digest, salt: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(digest.to_string());
        hash.update(salt.to_be_bytes());
        let tail: String = hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{}-{tail}", at.to_string().replace([':', '-'], "")))
    }

    /// Letters, digits and dashes: nothing that acts, in a line or on a terminal.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = (1..=ID_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        well_formed.then(|| Self(text.to_owned()))
    }

    /// Whether a person means this one: its whole name, or how it starts or ends.
    #[must_use]
    pub fn is_meant_by(&self, text: &str) -> bool {
        text.len() >= 4 && (self.0.starts_with(text) || self.0.ends_with(text))
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not the id of a run"))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an account's SID means that account: Twilio's world, the embedded sandbox's, or what
/// answers at an operator's base URL. Nothing of one world is ever taken for another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountsAtStart(String);

impl AccountsAtStart {
    /// By its name: see [`crate::client::api::endpoint::Endpoint::world`].
    #[must_use]
    pub fn named(name: String) -> Self {
        Self(name)
    }

    /// The embedded sandbox's, whose port is another every time.
    #[must_use]
    pub fn sandbox() -> Self {
        Self("sandbox".to_owned())
    }
}

impl fmt::Display for AccountsAtStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The command that a run of the journal is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedCommand {
    Apply,
    /// A cycle of `numctl run`
    Run,
    Undo,
    Adopt,
}

impl RecordedCommand {
    /// The name that is typed for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Run => "run",
            Self::Undo => "undo",
            Self::Adopt => "adopt",
        }
    }
}

/// An account that a run knew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRecord {
    /// Its name in the file then.
    pub name: String,
    pub sid: AccountSid,
    pub at: AccountsAtStart,
}

/// Who started a run, as the process that wrote found it in its surroundings. It is for people who look
/// for someone to ask, and no proof: who may start numctl may also say this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Author {
    /// The user: of the CI system, where one runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The host; in a pod, the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Where the CI system shows the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci_run: Option<String>,
    /// The commit that it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Author {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The record with which a run begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    pub format: u32,
    pub run: RunId,
    pub at: RecordedAt,
    pub command: RecordedCommand,
    /// The version of numctl.
    pub numctl: String,
    /// Who did it, as far as the process could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Author>,
    pub digest: String,
    /// The content of the files, where the daemon wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// The run that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<RunId>,
    /// The accounts of the plan.
    pub accounts: Vec<AccountRecord>,
    /// How many steps follow.
    pub steps: usize,
}

/// What a run is about to do to one number, and what was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    pub run: RunId,
    /// Its place in the plan, from 0.
    pub step: usize,
    #[serde(serialize_with = "kind", deserialize_with = "parse_kind")]
    pub action: ActionKind,
    pub number: PhoneNumber,
    /// Its SID, where it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<NumberSid>,
    /// Where the number is afterwards; for a release, where it was.
    pub account: AccountSid,
    /// Where it was, for all but a purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AccountSid>,
    /// What was set: of the fields that change, or all of it for a transfer and a release. A field
    /// that is not here was not set.
    pub before: BTreeMap<Field, Recorded>,
    /// What is set, where the step sets fields; null clears.
    pub after: BTreeMap<Field, Option<Recorded>>,
}

fn kind<S: Serializer>(kind: &ActionKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

fn parse_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ActionKind, D::Error> {
    let text = String::deserialize(deserializer)?;
    let found = ActionKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| de::Error::custom("not a kind of action"))
}

/// A value as a journal may keep it: the text, or, where that holds a password, the text without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recorded {
    Whole(String),
    /// Its secrets masked: for people only, and never sent.
    Masked(String),
}

impl Recorded {
    /// What is recorded of a value: no password is.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        if value.has_secret() { Self::Masked(value.masked()) } else { Self::Whole(value.wire()) }
    }

    /// Of what is wanted; `None` clears.
    #[must_use]
    pub fn of_want(want: &Want) -> Option<Self> {
        match want {
            Want::Clear => None,
            Want::Set(value) => Some(Self::from_value(value)),
        }
    }

    /// The text for people.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Whole(text) | Self::Masked(text) => text,
        }
    }

    /// Whether a live value is this one, as far as can be told: of a password no one can.
    #[must_use]
    pub fn is(&self, field: Field, live: &Value) -> bool {
        match self {
            Self::Whole(text) => Value::observed(field.kind(), text).is_some_and(|value| value.means(live)),
            Self::Masked(text) => *text == live.masked(),
        }
    }
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(text) => serializer.serialize_str(text),
            Self::Masked(text) => BTreeMap::from([("masked", text)]).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct MaskedText {
            masked: String,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Whole(String),
            Masked(MaskedText),
        }
        Ok(match Either::deserialize(deserializer)? {
            // Whoever wrote it: what is shown of a journal has no password in it.
            Either::Whole(text) => match masked_in_text(&text) {
                masked if masked == text => Self::Whole(text),
                masked => Self::Masked(masked),
            },
            Either::Masked(MaskedText { masked }) => Self::Masked(masked),
        })
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndedRecord {
    pub run: RunId,
    /// The step's place in it.
    pub step: usize,
    pub at: RecordedAt,
    /// Which of the four.
    pub outcome: OutcomeKind,
    /// How often the write was sent.
    pub attempts: u32,
    /// The number that was bought, or tried last, instead of the step's, which was sold meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<PhoneNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A run is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoneRecord {
    pub run: RunId,
    pub at: RecordedAt,
    /// How many steps were done.
    pub succeeded: usize,
    /// How many were not.
    pub failed: usize,
    /// How many were not tried.
    pub skipped: usize,
    /// How many are in doubt.
    pub unknown: usize,
    /// Whether a person stopped it.
    pub interrupted: bool,
}

/// Accounts were listed as a whole. What it does not name was as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookRecord {
    pub format: u32,
    pub at: RecordedAt,
    pub accounts: Vec<AccountRecord>,
    /// The numbers that are ours from now on, or are seen again or elsewhere, by account.
    pub seen: BTreeMap<AccountSid, Vec<PhoneNumber>>,
    /// The numbers that were ours, and are in none of the accounts now, by the account that had them.
    pub gone: BTreeMap<AccountSid, Vec<PhoneNumber>>,
}

/// Numbers that an earlier file of the journal recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownRecord {
    pub format: u32,
    /// The account that has them, or had them last.
    pub account: AccountRecord,
    /// When that account was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked: Option<RecordedAt>,
    /// When they were first or last told to be there.
    pub seen: RecordedAt,
    /// Whether they are gone since.
    pub gone: bool,
    pub numbers: Vec<PhoneNumber>,
}

/// A field that our runs set to one value, as an earlier file of the journal recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRecord {
    pub format: u32,
    /// The world of the numbers.
    pub at: AccountsAtStart,
    pub field: Field,
    /// What it was set to.
    pub value: Recorded,
    pub numbers: Vec<PhoneNumber>,
}
