//! What can go wrong, and which of its undocumented ways the API shows: `--faults SPEC`.
//!
//! A SPEC is a comma-separated list of
//!
//! - switches, such as `list-without-sid` (see [`SWITCHES`]);
//! - settings, such as `owned=update` (see [`SETTINGS`]);
//! - chances: `EFFECT=P`, or `WHEN:EFFECT=P` for some requests only: `429=0.1`,
//!   `purchase:drop-after=0.5`;
//! - scripts: `WHEN#N=EFFECT` for the N-th such request from now, `WHEN#N-M=EFFECT` for a row of
//!   them, `WHEN#N+=EFFECT` for all from the N-th on: `purchase#1=drop-after`, `POST#1-2=500`.
//!
//! An EFFECT is an HTTP status (`429`, `500`, …; `400/21650` gives the code too), `drop` (the
//! connection closes without an answer), `hang` (no answer, connection open), `html` (a
//! balancer's error page), or `truncate` (the answer breaks off). With `-after`, the request is
//! carried out first; without, it is not, except for `truncate`, which has an answer to cut.
//!
//! WHEN is an operation (`list`, `fetch`, `search`, `purchase`, `configure`, `transfer`,
//! `release`, `account`, `price`, `regulation`, `traffic`, `events`, `routing`, `join`, `leave`), a method
//! (`GET`, `POST`, `DELETE`), `read`,
//! `write` or `any`.

use std::fmt;
use std::str::FromStr;

use super::answer::Operation;

/// The switches of a SPEC, with what each does.
pub const SWITCHES: &[(&str, &str)] = &[
    ("list-without-sid", "list items lack sid and account_sid, and keep url"),
    ("list-bare", "list items are exactly the page's sample: no sid, account_sid, url, friendly_name"),
    ("transfer-clears", "a transfer clears every URL"),
    ("documented-only", "POST parameters that the page does not list are ignored"),
    ("normalise-urls", "URLs are stored as a URL parser prints them"),
    ("empty-inventory", "no number is available"),
    ("trial", "every account is a trial account"),
    ("not-enabled", "the preview is not enabled: ActiveNumbers answers 404"),
    ("null-numbers", "listed numbers that end in 9 come with a null phone_number"),
    ("link-loop", "next_page_url leads back to the same page"),
    ("link-foreign", "next_page_url leads to another host"),
    ("suspended-unreadable", "a parent cannot read its suspended subaccount either (v2010)"),
    ("receive-mode", "voice_receive_mode is always shown (v2010)"),
    ("events-forbidden", "Monitor Events answers 403: a key without the permission"),
    ("events-doubled", "every event is listed twice"),
    ("events-shuffled", "events are not in order of time"),
    ("unregister-fails", "an emergency address that is removed stays registered"),
];

/// The settings of a SPEC, with what each takes.
pub const SETTINGS: &[(&str, &str)] = &[
    ("owned", "buying a number that the account owns: refuse (ActiveNumbers), update (v2010) or ignore"),
    ("retry-after", "seconds in the Retry-After header of every 429 and 503"),
    ("page-cap", "the largest page size, whatever a request asks for"),
    ("event-delay", "seconds until a change is in Monitor Events; 0 by default"),
    ("event-loss", "the share of changes that never come to Monitor Events, such as 0.1"),
    ("service-limit", "how many numbers a Messaging Service can have; 400 by default"),
    ("seed", "seed of the random faults; 0 by default"),
    ("register-reads", "reads that show a new emergency address as pending; 0 by default"),
    (
        "unregister-reads",
        "reads that show a removed emergency address as pending; by default 1 (v2010) or 0 (ActiveNumbers)",
    ),
];

/// What buying a number does that the account owns already. All three have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnedPurchase {
    /// 400 with 21452, or over v2010 21422.
    #[default]
    Refuse,
    /// 201, and the parameters apply.
    Update,
    /// 201, and the parameters are ignored.
    Ignore,
}

/// How list items look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListShape {
    /// The page's, with `sid`, `account_sid`, `url` and the friendly name, as seen in the wild.
    #[default]
    Wild,
    /// Without `sid` and `account_sid`.
    WithoutSid,
    /// The page's sample, and nothing more.
    Bare,
}

/// The API's undocumented choices.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dialect {
    /// Monitor Events answers 403.
    pub events_forbidden: bool,
    /// Every event is listed twice.
    pub events_doubled: bool,
    /// Events come in no order of time.
    pub events_shuffled: bool,
    /// Seconds until a change is in Monitor Events.
    pub event_delay: u32,
    /// The share of changes that never come to Monitor Events.
    pub event_loss: f64,
    /// See [`OwnedPurchase`]. Of ActiveNumbers.
    pub owned: OwnedPurchase,
    /// The same of v2010, where `None` is an update: Twilio calls it a feature there.
    pub owned_v2010: Option<OwnedPurchase>,
    pub list: ListShape,
    /// A transfer clears every URL.
    pub transfer_clears: bool,
    /// Only the page's POST parameters are known.
    pub documented_only: bool,
    /// URLs are stored normalised.
    pub normalise_urls: bool,
    pub empty_inventory: bool,
    /// Every account is a trial account.
    pub trial: bool,
    pub not_enabled: bool,
    /// Listed numbers that end in 9 have no `phone_number`.
    pub null_numbers: bool,
    /// `next_page_url` leads back to the same page.
    pub link_loop: bool,
    /// `next_page_url` leads to another host.
    pub link_foreign: bool,
    /// The largest page that is granted.
    pub page_cap: Option<usize>,
    /// How many numbers a Messaging Service can have.
    pub service_limit: Option<usize>,
    /// A parent cannot read its suspended subaccount.
    pub suspended_unreadable: bool,
    /// `voice_receive_mode` is shown where it was never set.
    pub receive_mode: bool,
    /// Removing an emergency address ends in a failure.
    pub unregister_fails: bool,
    /// How many reads show a new emergency address as pending.
    pub register_reads: u32,
    /// How many reads show a removed emergency address as pending; `None` is 1 after a write over v2010
    /// and 0 after one over ActiveNumbers.
    pub unregister_reads: Option<u32>,
}

/// What a request suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) kind: EffectKind,
    /// Whether the request is carried out first.
    pub(crate) after: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EffectKind {
    Status(u16, Option<u32>),
    Drop,
    Hang,
    Html,
    Truncate,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            EffectKind::Status(status, None) => write!(f, "{status}")?,
            EffectKind::Status(status, Some(code)) => write!(f, "{status}/{code}")?,
            EffectKind::Drop => f.write_str("drop")?,
            EffectKind::Hang => f.write_str("hang")?,
            EffectKind::Html => f.write_str("html")?,
            EffectKind::Truncate => return f.write_str("truncate"),
        }
        f.write_str(if self.after { "-after" } else { "" })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FaultWhen {
    Any,
    Read,
    Write,
    Method(&'static str),
    Operation(Operation),
}

impl FaultWhen {
    fn covers(self, operation: Operation, method: &str) -> bool {
        match self {
            Self::Any => true,
            // By the method: creating or closing an account is a write too.
            Self::Read => method == "GET",
            Self::Write => method != "GET",
            Self::Method(wanted) => wanted == method,
            Self::Operation(wanted) => wanted == operation,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum FaultTurn {
    Chance(f64),
    /// The first and the last of the matching requests, counted from 1.
    Script(u64, u64),
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    when: FaultWhen,
    turn: FaultTurn,
    effect: Effect,
    /// Matching requests so far.
    seen: u64,
}

/// A parsed SPEC, with the place where its random draws and scripts are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    /// The API's undocumented choices.
    pub dialect: Dialect,
    pub retry_after: Option<u32>,
    rules: Vec<Rule>,
    random: u64,
}

/// Why a SPEC was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in --faults, {item:?}: {problem}")]
pub struct FaultError {
    item: String,
    problem: String,
}

impl Faults {
    /// What the next request suffers. The first rule that strikes wins; all of them count.
    pub(crate) fn strike(&mut self, operation: Operation, method: &str) -> Option<Effect> {
        let mut struck = None;
        for rule in self.rules.iter_mut().filter(|rule| rule.when.covers(operation, method)) {
            rule.seen += 1;
            let hit = match rule.turn {
                FaultTurn::Chance(chance) => unit(&mut self.random) < chance,
                FaultTurn::Script(first, last) => (first..=last).contains(&rule.seen),
            };
            if hit && struck.is_none() {
                struck = Some(rule.effect);
            }
        }
        struck
    }

    fn add(&mut self, item: &str) -> Result<(), String> {
        let Some((name, value)) = item.split_once('=') else { return self.switch(item) };
        let (name, value) = (name.trim(), value.trim());
        match name {
            "owned" => {
                self.dialect.owned = match value {
                    "refuse" => OwnedPurchase::Refuse,
                    "update" => OwnedPurchase::Update,
                    "ignore" => OwnedPurchase::Ignore,
                    _ => return Err("it is refuse, update or ignore".into()),
                };
                self.dialect.owned_v2010 = Some(self.dialect.owned);
            }
            "retry-after" => {
                self.retry_after = Some(value.parse().map_err(|_| "it takes whole seconds".to_owned())?);
            }
            "service-limit" => match value.parse() {
                Ok(limit) => self.dialect.service_limit = Some(limit),
                Err(_) => return Err(format!("service-limit takes a count; {value:?} is not one")),
            },
            "page-cap" => match value.parse() {
                Ok(cap @ 1..=1000) => self.dialect.page_cap = Some(cap),
                _ => return Err("it takes a number from 1 to 1000".into()),
            },
            "event-delay" => self.dialect.event_delay = count(value)?,
            "event-loss" => match value.parse() {
                Ok(share) if (0.0..=1.0).contains(&share) => self.dialect.event_loss = share,
                _ => return Err("it takes a share between 0 and 1".into()),
            },
            "register-reads" => self.dialect.register_reads = count(value)?,
            "unregister-reads" => self.dialect.unregister_reads = Some(count(value)?),
            "seed" => self.random = value.parse().map_err(|_| "it takes a whole number".to_owned())?,
            _ => self.rules.push(rule(name, value)?),
        }
        Ok(())
    }

    fn switch(&mut self, name: &str) -> Result<(), String> {
        let dialect = &mut self.dialect;
        match name {
            "list-without-sid" => dialect.list = ListShape::WithoutSid,
            "list-bare" => dialect.list = ListShape::Bare,
            "transfer-clears" => dialect.transfer_clears = true,
            "documented-only" => dialect.documented_only = true,
            "normalise-urls" => dialect.normalise_urls = true,
            "empty-inventory" => dialect.empty_inventory = true,
            "trial" => dialect.trial = true,
            "not-enabled" => dialect.not_enabled = true,
            "null-numbers" => dialect.null_numbers = true,
            "link-loop" => dialect.link_loop = true,
            "link-foreign" => dialect.link_foreign = true,
            "suspended-unreadable" => dialect.suspended_unreadable = true,
            "receive-mode" => dialect.receive_mode = true,
            "unregister-fails" => dialect.unregister_fails = true,
            "events-forbidden" => dialect.events_forbidden = true,
            "events-doubled" => dialect.events_doubled = true,
            "events-shuffled" => dialect.events_shuffled = true,
            _ => {
                return Err(if SETTINGS.iter().any(|(known, _)| *known == name) || effect(name).is_ok() {
                    format!(
                        "it needs a value, such as {name}={}",
                        if name == "owned" { "update" } else { "1" }
                    )
                } else {
                    unknown(name)
                });
            }
        }
        Ok(())
    }
}

/// SplitMix64, as a number in [0, 1).
fn unit(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    // 53 bits: what an f64 holds exactly.
    (mix(*state) >> 11) as f64 / (1_u64 << 53) as f64
}

pub(crate) fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "it takes a whole number".to_owned())
}

fn rule(name: &str, value: &str) -> Result<Rule, String> {
    if let Some((scope, turn)) = name.split_once('#') {
        let (first, last) = script(turn)
            .ok_or("after # comes which one, counted from 1: 1, or 1-3, or 1+ for all from there on")?;
        return Ok(Rule {
            when: when(scope)?,
            turn: FaultTurn::Script(first, last),
            effect: effect(value)?,
            seen: 0,
        });
    }
    let (scope, kind) = name.split_once(':').unwrap_or(("any", name));
    let effect = effect(kind)?;
    match value.parse::<f64>() {
        Ok(chance) if (0.0..=1.0).contains(&chance) => {
            Ok(Rule { when: when(scope)?, turn: FaultTurn::Chance(chance), effect, seen: 0 })
        }
        _ => Err(format!("{value:?} is not a chance between 0 and 1")),
    }
}

fn script(turn: &str) -> Option<(u64, u64)> {
    let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n > 0);
    if let Some(first) = turn.strip_suffix('+') {
        return Some((number(first)?, u64::MAX));
    }
    match turn.split_once('-') {
        Some((first, last)) => Some((number(first)?, number(last)?)),
        None => number(turn).map(|only| (only, only)),
    }
}

fn when(word: &str) -> Result<FaultWhen, String> {
    match word {
        "any" => return Ok(FaultWhen::Any),
        "read" => return Ok(FaultWhen::Read),
        "write" => return Ok(FaultWhen::Write),
        _ => {}
    }
    if let Some(method) = ["GET", "POST", "DELETE"].into_iter().find(|method| *method == word) {
        return Ok(FaultWhen::Method(method));
    }
    Operation::ALL
        .into_iter()
        .find(|operation| operation.as_str() == word)
        .map(FaultWhen::Operation)
        .ok_or_else(|| {
            format!(
                "{word:?} is not one of {}, GET, POST, DELETE, read, write, any",
                Operation::ALL.map(Operation::as_str).join(", ")
            )
        })
}

fn effect(word: &str) -> Result<Effect, String> {
    let (kind, after) = match word.strip_suffix("-after") {
        Some(kind) => (kind, true),
        None => (word, false),
    };
    let kind = match kind {
        "drop" => EffectKind::Drop,
        "hang" => EffectKind::Hang,
        "html" => EffectKind::Html,
        "truncate" => return Ok(Effect { kind: EffectKind::Truncate, after: true }),
        _ => status(kind).ok_or_else(|| unknown(word))?,
    };
    Ok(Effect { kind, after })
}

fn status(text: &str) -> Option<EffectKind> {
    let (status, code) = match text.split_once('/') {
        Some((status, code)) => (status, Some(code.parse().ok()?)),
        None => (text, None),
    };
    status.parse().ok().filter(|s| (400..600).contains(s)).map(|status| EffectKind::Status(status, code))
}

fn unknown(word: &str) -> String {
    let names = |table: &'static [(&'static str, &'static str)]| table.iter().map(|(name, _)| *name);
    let known: Vec<&str> = names(SWITCHES)
        .chain(names(SETTINGS))
        .chain(["429", "500", "503", "drop", "hang", "html", "truncate", "drop-after", "500-after"])
        .collect();
    let close = known
        .iter()
        .map(|name| (strsim::jaro_winkler(name, word), *name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8)
        .map_or_else(String::new, |(_, name)| format!("did you mean {name}? "));
    format!(
        "no such fault; {close}known are the switches {}; the settings {}=…; and the effects STATUS, drop, hang, html, truncate \
         (most also with -after), as in 429=0.1, purchase:drop-after=0.5, POST#1-2=500",
        names(SWITCHES).collect::<Vec<_>>().join(", "),
        names(SETTINGS).collect::<Vec<_>>().join("=…, "),
    )
}

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(spec: &str) -> Result<Self, FaultError> {
        let mut faults = Self::default();
        for item in spec.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            faults.add(item).map_err(|problem| FaultError { item: item.to_owned(), problem })?;
        }
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(spec: &str, operations: &[Operation]) -> Vec<String> {
        let mut faults: Faults = spec.parse().expect(spec);
        operations
            .iter()
            .map(|operation| {
                let method = if operation.is_write() { "POST" } else { "GET" };
                faults.strike(*operation, method).map_or_else(String::new, |effect| effect.to_string())
            })
            .collect()
    }

    #[test]
    fn scripts_count_the_requests_that_they_match() {
        use Operation::{List, Purchase};
        let requests = [List, Purchase, List, Purchase, Purchase];
        assert_eq!(strikes("purchase#2=drop-after", &requests), ["", "", "", "drop-after", ""]);
        assert_eq!(strikes("POST#1-2=500", &requests), ["", "500", "", "500", ""]);
        assert_eq!(strikes("read#2+=400/20007", &requests), ["", "", "400/20007", "", ""]);
    }

    #[test]
    fn chances_are_the_same_for_the_same_seed() {
        let many = vec![Operation::List; 10_000];
        let one = strikes("429=0.1,seed=7", &many);
        assert_eq!(one, strikes("seed=7,429=0.1", &many));
        assert_ne!(one, strikes("seed=8,429=0.1", &many));
        let hits = one.iter().filter(|effect| !effect.is_empty()).count();
        assert!((800..1200).contains(&hits), "{hits}");
        assert!(strikes("write:drop=1", &many).iter().all(String::is_empty));
    }

    #[test]
    fn the_whole_vocabulary_parses() {
        for (name, _) in SWITCHES {
            let faults: Faults = name.parse().expect(name);
            assert_ne!(faults.dialect, Dialect::default(), "{name}");
        }
        let spec = "429=0.1,500=0.05,503-after=0.05,drop=0.02,drop-after=0.02,html=0.01,truncate=0.01,owned=update,\
                    list-without-sid,transfer-clears,documented-only,normalise-urls,empty-inventory,trial,not-enabled,\
                    retry-after=2,seed=7,page-cap=10,register-reads=2,unregister-reads=0";
        assert!(spec.parse::<Faults>().is_ok());
        assert_eq!("".parse(), Ok(Faults::default()));
    }

    #[test]
    fn mistakes_say_what_is_known() {
        for (spec, part) in [
            ("lst-bare", "did you mean list-bare?"),
            ("owned=maybe", "refuse, update or ignore"),
            ("owned", "needs a value"),
            ("drop", "needs a value"),
            ("drop=2", "between 0 and 1"),
            ("buy:drop=1", "purchase"),
            ("purchase#0=drop", "counted from 1"),
            ("99=1", "no such fault"),
        ] {
            let message = spec.parse::<Faults>().expect_err(spec).to_string();
            assert!(message.contains(part), "{spec}: {message}");
        }
    }
}
