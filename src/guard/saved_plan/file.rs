//! The file as it is written, shape by shape.

use serde::{Deserialize, Serialize};

use super::accounts::FileAccount;
use super::holds::FileHolds;
use super::limits::FileLimits;
use super::seal::FileSeal;
use super::{SavedPlanError, malformed};
use crate::model::claim::Slot;
use crate::model::number::PhoneNumber;
use crate::plan::claims::Claimed;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedFile {
    pub(super) kind: String,
    pub(super) format_version: u32,
    pub(super) digest: String,
    pub(super) checksum: String,
    pub(super) tool_version: String,
    pub(super) files: Vec<String>,
    /// Their content; an older numctl did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
    pub(super) carries_webhook_passwords: bool,
    pub(super) accounts: Vec<FileAccount>,
    pub(super) limits: FileLimits,
    pub(super) holds: FileHolds,
    pub(super) summary: FileSummary,
    /// The secrets that its webhooks name, without their values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seal: Option<FileSeal>,
    /// What the plan is about, where that is not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) narrowed: Option<FileNarrowed>,
    pub(super) actions: Vec<FileAction>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileNarrowed {
    pub(super) only: Vec<String>,
    pub(super) account: Option<String>,
    pub(super) left_out: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSummary {
    pub(super) purchase: usize,
    pub(super) configure: usize,
    pub(super) transfer: usize,
    pub(super) release: usize,
    pub(super) unchanged: usize,
    #[serde(default)]
    pub(super) held: usize,
    pub(super) unlisted: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileAction {
    pub(super) kind: String,
    pub(super) phone_number: String,
    pub(super) account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from_account: Option<String>,
    pub(super) sid: Option<String>,
    pub(super) reason: String,
    pub(super) changes: Vec<FileChange>,
    /// The live configuration that the plan relies on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) observed: Vec<FileValue>,
    /// What a transfer must not lose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) keeps: Vec<FileValue>,
    /// The claim that a purchase is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claim: Option<FileClaim>,
}

/// What a purchase is for, and what is bought in its place.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileClaim {
    slot: String,
    label: Option<String>,
    instead: Vec<String>,
}

impl FileClaim {
    pub(super) fn new(claimed: &Claimed) -> Self {
        Self {
            slot: claimed.slot.to_string(),
            label: claimed.label.as_deref().map(str::to_owned),
            instead: claimed.instead.iter().map(PhoneNumber::to_string).collect(),
        }
    }

    pub(super) fn claimed(&self) -> Result<Claimed, SavedPlanError> {
        let number =
            |text: &String| PhoneNumber::observed(text).ok_or_else(|| malformed("a phone number", text));
        Ok(Claimed {
            slot: Slot::parse(&self.slot).ok_or_else(|| malformed("a slot of a claim", &self.slot))?,
            label: self.label.as_deref().map(Box::from),
            instead: self.instead.iter().map(number).collect::<Result<_, _>>()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileChange {
    pub(super) field: String,
    pub(super) before: Option<FileText>,
    pub(super) after: Option<String>,
}

/// A value: the text, or what stands for one that holds a password.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum FileText {
    Plain(String),
    Hidden {
        /// For people.
        masked: String,
        /// By which an apply knows it again.
        code: String,
    },
}

impl FileText {
    /// As far as it is shown.
    pub(super) fn shown(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Hidden { masked: text, .. } => text,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileValue {
    pub(super) field: String,
    pub(super) value: Option<FileText>,
}
