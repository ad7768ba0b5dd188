//! A desired-state file for what is live, such as a person would write and keep.
//!
//! Planning on it is an empty plan at once: what the file's validation would refuse, or what a plan
//! would leave out with a warning, is not exported, and a comment says so. `emergency_status` is
//! never exported, since it can be read only.

#[cfg(feature = "testing")]
mod as_desired;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use crate::desired::{Access, Account, AccountIndex, CredentialsAt, DEFAULT_ACCOUNT};
use crate::model::live::Live;
use crate::model::number::PhoneNumber;
use crate::model::provider::Api;
use crate::model::routing::{Surroundings, unique_name, why_not_a_name};
use crate::model::settings::{Field, FieldKind, Managed, Settings, Value, Want, with_blanks_encoded};
use crate::observed::Observed;
use crate::report::shown::{Shown, must_be_spelt_out, quoted_within};

pub use secrets::{FoundSecret, table as table_of_secrets};

/// A setting that this many numbers share is worth a profile; below, a reader would rather see it
/// at the number.
const PROFILE_NUMBERS_MIN: usize = 2;

/// A desired-state file made from what is live.
#[derive(Debug, Clone)]
pub struct Export {
    pub yaml: String,
    /// Whether a webhook URL in it carries a password: then the file is written 0600, and said so.
    pub carries_passwords: bool,
    /// What was left out, one comment of the file each.
    pub left_out: usize,
    /// The passwords that it has names for.
    pub secrets: Vec<FoundSecret>,
}

/// Writes the desired-state file of what is live in `accounts`, which are those of `observed`.
#[must_use]
pub fn export(accounts: &[Account], observed: &Observed) -> Export {
    written(ExportedFleet::from_observed(accounts, observed))
}

/// The same with the passwords of webhooks in it, for what is planned without anything beside the file.
#[must_use]
pub fn export_with_passwords(accounts: &[Account], observed: &Observed) -> Export {
    written(ExportedFleet::new(accounts, observed, |_| Vec::new()))
}

fn written(fleet: ExportedFleet) -> Export {
    Export {
        yaml: fleet.to_yaml(),
        carries_passwords: fleet.carries_passwords(),
        left_out: fleet.left_out.len(),
        secrets: fleet.secrets,
    }
}

/// The file before it is text.
#[derive(Debug, Clone)]
pub struct ExportedFleet {
    /// The accounts of the file.
    pub accounts: Vec<Account>,
    /// Settings that every number has.
    pub defaults: Managed,
    /// Settings that several numbers have in common.
    pub profiles: Vec<Profile>,
    /// The numbers, in order.
    pub numbers: Vec<ExportedEntry>,
    /// What is live and not in the file, each in one sentence that fits into a comment.
    pub left_out: Vec<String>,
    /// The passwords that have names in it.
    pub secrets: Vec<FoundSecret>,
}

/// A configuration that several exported numbers share.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name: lower-case letters, digits and hyphens.
    pub name: String,
    /// What it sets, beside the defaults.
    pub settings: Managed,
}

/// One number of the file.
#[derive(Debug, Clone)]
pub struct ExportedEntry {
    pub number: PhoneNumber,
    pub account: AccountIndex,
    pub profile: Option<usize>,
    /// What it sets itself.
    pub settings: Managed,
}

impl ExportedFleet {
    /// Finds the file for what is live.
    #[must_use]
    pub fn from_observed(accounts: &[Account], observed: &Observed) -> Self {
        Self::new(accounts, observed, secrets::name_secrets)
    }

    /// The same; `name` puts names in the place of passwords.
    fn new(
        accounts: &[Account],
        observed: &Observed,
        name: impl FnOnce(&mut [ExportedEntry]) -> Vec<FoundSecret>,
    ) -> Self {
        let mut left_out = Vec::new();
        for (account, listing) in observed.listings() {
            let name = Shown(&accounts[usize::from(account.0)].name);
            for row in listing.rows().iter().filter(|row| row.number.is_none()) {
                let sid = row.sid.map_or_else(|| "a row without a SID".into(), |sid| sid.to_string());
                left_out.push(match &row.raw_number {
                    Some(raw) => format!("{sid} in {name}: {} is not a phone number", quoted_within(raw, 64)),
                    None => format!("{sid} in {name}: it has no phone number"),
                });
            }
        }
        let mut numbers: Vec<ExportedEntry> = Vec::new();
        let mut rows = observed.numbers().peekable();
        let mut previous = None;
        while let Some((number, found)) = rows.next() {
            let repeated = previous == Some(number);
            let ambiguous = repeated || rows.peek().is_some_and(|next| next.0 == number);
            previous = Some(number);
            if ambiguous {
                if !repeated {
                    left_out.push(format!("{number}: the API shows it more than once"));
                }
            } else if let Err(error) = PhoneNumber::declared(&number.to_string()) {
                left_out.push(format!("{number}: {}", Shown(&error.to_string())));
            } else {
                let around = observed.around(found.account);
                let settings = exportable(number, found.live, around, &mut left_out);
                numbers.push(ExportedEntry { number, account: found.account, profile: None, settings });
            }
        }
        let secrets = name(&mut numbers);
        let mut fleet = Self {
            secrets,
            accounts: accounts.to_vec(),
            defaults: Managed::default(),
            profiles: Vec::new(),
            numbers,
            left_out,
        };
        fleet.find_defaults();
        fleet.find_profiles();
        fleet
    }

    /// Takes out what every number says alike, as far as it means little by itself: methods and
    /// switches. A URL as a default would reach numbers that are added later.
    fn find_defaults(&mut self) {
        let [first, _, ..] = &self.numbers[..] else { return };
        let defaults = first.settings.filtered(|field| {
            matches!(field.kind(), FieldKind::Method | FieldKind::Flag | FieldKind::ReceiveMode)
                && self.numbers.iter().all(|entry| entry.settings.get(field) == first.settings.get(field))
        });
        for entry in &mut self.numbers {
            entry.settings = entry.settings.filtered(|field| defaults.get(field).is_none());
        }
        self.defaults = defaults;
    }

    /// Finds numbers that are alike in everything but the name. Nothing cleverer on purpose:
    /// people live with the file for years.
    fn find_profiles(&mut self) {
        let mut alike: BTreeMap<Managed, Vec<usize>> = BTreeMap::new();
        for (at, entry) in self.numbers.iter().enumerate() {
            let shared = entry.settings.filtered(|field| field != Field::FriendlyName);
            if !shared.is_empty() {
                alike.entry(shared).or_default().push(at);
            }
        }
        let mut alike: Vec<_> = alike.into_iter().filter(|(_, at)| at.len() >= PROFILE_NUMBERS_MIN).collect();
        alike.sort_by_key(|(_, at)| (std::cmp::Reverse(at.len()), at[0]));
        let mut names = BTreeSet::new();
        for (settings, members) in alike {
            let name = unused(&mut names, profile_name(&settings));
            for at in members {
                let entry = &mut self.numbers[at];
                entry.profile = Some(self.profiles.len());
                entry.settings = entry.settings.filtered(|field| field == Field::FriendlyName);
            }
            self.profiles.push(Profile { name, settings });
        }
    }

    /// Whether a webhook URL in the file carries a password.
    #[must_use]
    pub fn carries_passwords(&self) -> bool {
        let profiles = self.profiles.iter().map(|profile| &profile.settings);
        let mut all = profiles.chain(self.numbers.iter().map(|entry| &entry.settings));
        all.any(|settings| {
            let is_open = |value: &Value| value.has_secret() && !matches!(value, Value::SecretUrl(_));
            settings.iter().any(|(_, want)| matches!(want, Want::Set(value) if is_open(value)))
        })
    }

    /// The text of the file, comments included.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        // A String takes everything.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "# The phone numbers that were live when `numctl export` wrote this file.")?;
        writeln!(
            out,
            "# `numctl plan` shows no changes until the file or the numbers change. What a number does not"
        )?;
        writeln!(out, "# mention is left as it is; removing a number from the file does not release it.")?;
        let of_v2010 = |account: &Account| account.access.api == Some(Api::IncomingPhoneNumbers);
        if self.accounts.iter().any(of_v2010) {
            writeln!(out, "# Short codes are not included: incoming-phone-numbers does not list them.")?;
        }
        if self.carries_passwords() {
            writeln!(
                out,
                "# CAUTION: webhook URLs in this file contain passwords. Keep it where you keep secrets."
            )?;
        }
        if !self.secrets.is_empty() {
            writeln!(
                out,
                "#\n# Passwords that webhooks name. Provide them with --secrets-dir, as files NAME and NAME.hosts, or as\n\
                 # NUMCTL_SECRET_<NAME> and NUMCTL_SECRET_<NAME>_HOSTS:"
            )?;
            for line in table_of_secrets(&self.secrets) {
                writeln!(out, "#   {line}")?;
            }
        }
        if !self.left_out.is_empty() {
            writeln!(out, "#\n# Live, and left out:")?;
            for sentence in &self.left_out {
                writeln!(out, "#  - {sentence}")?;
            }
        }
        writeln!(out, "version: 1")?;
        self.write_accounts(out)?;
        let only_account = match &self.accounts[..] {
            [account] if !is_implied(account) => Some(account),
            _ => None,
        };
        if only_account.is_some() || !self.defaults.is_empty() {
            writeln!(out, "defaults:")?;
            if let Some(account) = only_account {
                writeln!(out, "  account: {}", scalar(&account.name))?;
            }
            write_settings(out, "  ", &self.defaults)?;
        }
        if !self.profiles.is_empty() {
            writeln!(out, "profiles:")?;
        }
        for profile in &self.profiles {
            writeln!(out, "  {}:", scalar(&profile.name))?;
            write_settings(out, "    ", &profile.settings)?;
        }
        if self.numbers.is_empty() {
            writeln!(out, "numbers: []")?;
        } else {
            writeln!(out, "numbers:")?;
        }
        for entry in &self.numbers {
            writeln!(out, "  - phone_number: \"{}\"", entry.number)?;
            if let Some(at) = entry.profile {
                writeln!(out, "    profile: {}", scalar(&self.profiles[at].name))?;
            }
            if self.accounts.len() > 1 {
                let account = &self.accounts[usize::from(entry.account.0)];
                writeln!(out, "    account: {}", scalar(&account.name))?;
            }
            write_settings(out, "    ", &entry.settings)?;
        }
        // With it a file that was cut short can be told from a whole one.
        writeln!(out, "...")
    }

    fn write_accounts(&self, out: &mut String) -> fmt::Result {
        if self.accounts.iter().all(is_implied) {
            return Ok(());
        }
        writeln!(out, "accounts:")?;
        for account in &self.accounts {
            let bare =
                account.sid.is_none() && account.parent.is_none() && account.access == Access::default();
            writeln!(out, "  {}:{}", scalar(&account.name), if bare { " {}" } else { "" })?;
            if let Some(sid) = account.sid {
                writeln!(out, "    sid: {sid}")?;
            }
            if let Some(parent) = account.parent {
                writeln!(out, "    parent: {}", scalar(&self.accounts[usize::from(parent.0)].name))?;
            }
            if let Some(api) = account.access.api {
                writeln!(out, "    api: {api}")?;
            }
            let site = &account.access.site;
            for (name, label) in [("region", &site.region), ("edge", &site.edge)] {
                if let Some(label) = label {
                    writeln!(out, "    {name}: {}", scalar(&label.to_string()))?;
                }
            }
            match &account.access.credentials {
                Some(CredentialsAt::Env(prefix)) => {
                    writeln!(out, "    credentials: {{ env: {} }}", scalar(&prefix.to_string()))?;
                }
                Some(CredentialsAt::File(name)) => {
                    writeln!(out, "    credentials: {{ file: {} }}", scalar(&name.to_string()))?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// The account that a file has without saying so.
fn is_implied(account: &Account) -> bool {
    &*account.name == DEFAULT_ACCOUNT && account.sid.is_none() && account.access == Access::default()
}

/// What of a number's configuration a file may say; the rest goes into `left_out`.
fn exportable(
    number: PhoneNumber,
    live: &Live,
    around: &Surroundings,
    left_out: &mut Vec<String>,
) -> Managed {
    let all: Settings = live.all_settings();
    let mut leave = |field: Field, why: &str| left_out.push(format!("{number} {field}: {why}"));
    let mut kept: Vec<(Field, Want)> = Vec::new();
    for (field, value) in all.iter() {
        let primary = match field {
            Field::VoiceFallbackUrl => Some(Field::VoiceUrl),
            Field::SmsFallbackUrl => Some(Field::SmsUrl),
            _ => None,
        };
        let value = match value {
            // As the API calls it; a file cannot say it otherwise.
            Value::Url(url) => Value::Url(with_blanks_encoded(url).into()),
            other => other.clone(),
        };
        let text = value.wire();
        if live.sms == Some(false) && field.is_sms() {
            // Twilio gives every number an SMS method; that is not worth a line.
            if field.kind() != FieldKind::Method {
                leave(field, "the number has no SMS");
            }
        } else if matches!(value, Value::Foreign(_)) {
            leave(field, &format!("{} is not a valid value", quoted_within(&value.masked(), 64)));
        } else if let Err(error) = Value::declared(field.kind(), &text) {
            // The reason first: the value may be long, and is cut.
            let why = Shown(&error.why()).to_string();
            leave(field, &format!("{why}: {}", quoted_within(&value.masked(), 64)));
        } else if primary.is_some_and(|primary| !kept.iter().any(|entry| entry.0 == primary)) {
            leave(field, "the API refuses a fallback URL without a primary one");
        } else if field == Field::VoiceTrunkSid
            && kept.iter().any(|entry| entry.0 == Field::VoiceApplicationSid)
        {
            leave(field, "the number also has an application, and only one of them can be set");
        } else if field == Field::SmsServiceSid && around.services.is().is_none() {
            leave(field, "which Messaging Services the account has is not known");
        } else {
            // A name serves many accounts.
            let name = unique_name(&value, around).filter(|name| why_not_a_name(name).is_none());
            kept.push((field, Want::Set(name.map_or(value, |name| Value::Named((&*name).into())))));
        }
    }
    kept.into_iter().collect()
}

/// A name from what the profile does: the last word of the voice URL's path, else its host.
fn profile_name(settings: &Managed) -> String {
    let url =
        [Field::VoiceUrl, Field::SmsUrl, Field::StatusCallback].into_iter().find_map(|field| match settings
            .get(field)
        {
            Some(Want::Set(Value::Url(url))) => url::Url::parse(url).ok(),
            Some(Want::Set(Value::SecretUrl(url))) => url::Url::parse(url.written()).ok(),
            Some(Want::Set(_) | Want::Clear) | None => None,
        });
    if settings.get(Field::VoiceTrunkSid).is_some() {
        return "trunk".into();
    }
    if settings.get(Field::VoiceApplicationSid).is_some() {
        return "application".into();
    }
    let Some(url) = url else { return "profile-1".into() };
    let path = url.path_segments().into_iter().flatten().rev().map(slug).find(|word| is_word(word));
    let host = || url.host_str().and_then(|host| host.split('.').map(slug).find(|word| is_word(word)));
    path.or_else(host).unwrap_or_else(|| "profile-1".into())
}

/// Only words: what has digits in it may be a key.
fn is_word(word: &str) -> bool {
    (2..=24).contains(&word.len())
        && word.starts_with(|c: char| c.is_ascii_lowercase())
        && scalar(word) == word
}

fn slug(text: &str) -> String {
    let stem = text.split('.').next().unwrap_or_default();
    if stem.chars().all(|c| c.is_ascii_alphabetic() || c == '-' || c == '_') {
        stem.to_ascii_lowercase().replace('_', "-")
    } else {
        String::new()
    }
}

/// `name`, or with the first number behind it that makes it new.
fn unused(names: &mut BTreeSet<String>, name: String) -> String {
    let stem = name.strip_suffix("-1").unwrap_or(&name).to_owned();
    let mut candidate = name;
    let mut next = 2;
    while !names.insert(candidate.clone()) {
        candidate = format!("{stem}-{next}");
        next += 1;
    }
    candidate
}

fn write_settings(out: &mut String, indent: &str, settings: &Managed) -> fmt::Result {
    let mut open = "";
    for (field, want) in settings.iter() {
        let (part, name) = field.json_name().split_once('.').unwrap_or(("", field.json_name()));
        if part != open {
            writeln!(out, "{indent}{part}:")?;
            open = part;
        }
        let deeper = if part.is_empty() { "" } else { "  " };
        match want {
            Want::Clear => writeln!(out, "{indent}{deeper}{name}: null")?,
            Want::Set(Value::Flag(flag)) => writeln!(out, "{indent}{deeper}{name}: {flag}")?,
            Want::Set(Value::Text(text)) => writeln!(out, "{indent}{deeper}{name}: {}", quoted(text))?,
            Want::Set(Value::Named(text)) => {
                let name = name.strip_suffix("_sid").unwrap_or(name);
                writeln!(out, "{indent}{deeper}{name}: {}", scalar(text))?;
            }
            Want::Set(Value::SecretUrl(url)) => {
                writeln!(out, "{indent}{deeper}{name}: {}", scalar(url.written()))?;
            }
            Want::Set(value) => writeln!(out, "{indent}{deeper}{name}: {}", scalar(&value.wire()))?,
        }
    }
    Ok(())
}

/// A text as a YAML scalar: as it is where every YAML reader takes it for that string, else quoted.
#[must_use]
pub fn scalar(text: &str) -> String {
    // YAML 1.1's words for null, true and false; numbers start with no letter.
    const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes, on one line, with escapes that YAML 1.1, 1.2 and JSON read alike.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            // Beyond \uFFFF YAML has its own escape, and JSON's surrogates mean nothing.
            c if must_be_spelt_out(c) && u32::from(c) > 0xffff => {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c if must_be_spelt_out(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
