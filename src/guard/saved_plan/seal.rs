//! Which secrets a plan was made with: a fingerprint of each, and no value.
//!
//! What is live may hold a password too: the one that is to be replaced, say. Where the files name secrets,
//! a saved plan holds none of those either, but a code by which an apply knows them again. Its key is made
//! of the secrets, so that nobody without these can try passwords against it. The fingerprints have a salt
//! of their own plan and are slow to make, since whoever reads the file may try to guess.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use pbkdf2::pbkdf2_hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{SavedPlanError, malformed};
use crate::model::named_secret::{Provide, SecretId, SecretProblem};
use crate::model::number::PhoneNumber;
use crate::model::settings::Field;

/// How often a fingerprint is hashed: a few hundredths of a second for each secret.
const ROUNDS: u32 = if cfg!(debug_assertions) { 1_000 } else { 100_000 };
/// A file could ask for a year's work.
const ROUNDS_MAX: u32 = 1_000_000;

/// The secrets of a plan, by what can be said of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Seal {
    salt: [u8; 16],
    rounds: u32,
    prints: BTreeMap<SecretId, [u8; 16]>,
    /// Not known of a file that was only read.
    key: Option<[u8; 32]>,
}

impl Seal {
    /// Of these secrets, as the operator provides them now.
    ///
    /// # Errors
    /// Where one is not provided.
    pub fn new(
        salt: [u8; 16],
        ids: impl IntoIterator<Item = SecretId>,
        provide: &Provide<'_>,
    ) -> Result<Self, SecretProblem> {
        Self::made(salt, ROUNDS, ids, provide)
    }

    fn made(
        salt: [u8; 16],
        rounds: u32,
        ids: impl IntoIterator<Item = SecretId>,
        provide: &Provide<'_>,
    ) -> Result<Self, SecretProblem> {
        let (mut prints, mut key) = (BTreeMap::new(), Sha256::new_with_prefix("numctl seal 1\n"));
        key.update(salt);
        for id in ids {
            let provided = provide(&id)?;
            let (mut print, mut derived) = ([0; 16], [0; 32]);
            pbkdf2_hmac::<Sha256>(provided.expose().as_bytes(), &salt, rounds, &mut derived);
            // One half is written down, the other is a part of the key.
            let (written, kept) = derived.split_at(16);
            print.copy_from_slice(written);
            key.update(kept);
            prints.insert(id, print);
        }
        Ok(Self { salt, rounds, prints, key: Some(key.finalize().into()) })
    }

    /// What a file says of its plan's secrets.
    pub(super) fn read(file: &FileSeal) -> Result<Self, SavedPlanError> {
        let salt = bytes(&file.salt)?;
        let rounds = Some(file.rounds).filter(|rounds| (1..=ROUNDS_MAX).contains(rounds));
        let rounds = rounds.ok_or_else(|| malformed("a number of rounds", &file.rounds.to_string()))?;
        let mut prints = BTreeMap::new();
        for (name, print) in &file.fingerprints {
            let id = SecretId::parse(name).ok_or_else(|| malformed("the name of a secret", name))?;
            prints.insert(id, bytes(print)?);
        }
        Ok(Self { salt, rounds, prints, key: None })
    }

    /// The same with its key, where the operator provides the same secrets by now.
    ///
    /// # Errors
    /// Where one is not provided, or is another than when the plan was made.
    pub(super) fn opened(&self, provide: &Provide<'_>) -> Result<Self, SavedPlanError> {
        let now = Self::made(self.salt, self.rounds, self.prints.keys().cloned(), provide)?;
        match self.prints.iter().find(|(id, print)| now.prints.get(*id) != Some(*print)) {
            Some((id, _)) => Err(SavedPlanError::OtherSecret(id.clone())),
            None => Ok(now),
        }
    }

    pub(super) fn to_file(&self) -> FileSeal {
        let prints = self.prints.iter().map(|(id, print)| (id.to_string(), hex(print)));
        FileSeal { salt: hex(&self.salt), rounds: self.rounds, fingerprints: prints.collect() }
    }

    /// What stands for a live value of a number.
    pub(super) fn code(&self, number: PhoneNumber, field: Field, text: &str) -> String {
        // A key of any length is one; without it nothing is known again.
        let code = self.key.and_then(|key| Hmac::<Sha256>::new_from_slice(&key).ok());
        let Some(mut code) = code else { return String::new() };
        code.update(format!("{number} {field} ").as_bytes());
        code.update(text.as_bytes());
        hex(&code.finalize().into_bytes()[..16])
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.prints.keys().map(SecretId::to_string)).finish()
    }
}

/// How a file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSeal {
    salt: String,
    rounds: u32,
    fingerprints: BTreeMap<String, String>,
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Result<[u8; 16], SavedPlanError> {
    let wrong = || malformed("32 hexadecimal digits", text);
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}
