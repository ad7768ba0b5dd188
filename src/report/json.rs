//! The plan for machines: `plan --format json`.
//!
//! One action a line, written as it is made, so that 100,000 of them need no memory and two plans
//! can be compared line by line. It is written in many small pieces: give it a `BufWriter`. Characters
//! that could act on a terminal are `\u` escapes, which JSON reads back as the same text.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};

use crate::client::listing::ListingNote;
use crate::desired::narrowing::Narrowed;
use crate::desired::{AccountIndex, Tags};
use crate::guard::cost::Bill;
use crate::guard::{Broken, Over, Refusal};
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::secret_url::masked;
use crate::model::settings::{Field, Value};
use crate::observed::Trouble;
use crate::plan::claims::Shortfall;
use crate::plan::digest::Digest;
use crate::plan::{Action, HeldNumber, HeldReason, NoEffect, Plan, Step, Warning};

use super::causes::{CauseJson, NotKnownJson};
use super::claim_words;
use super::cost::{BrokenMonthlyJson, CostJson};
use super::delta::deltas;
use super::shown::must_be_spelt_out;
use super::words::{self, Summary, WarningSubject};

/// The version of the format: raised when a reader of the last one would go wrong.
pub const FORMAT_VERSION: u32 = 1;

/// Writes a plan, why it is refused where it is, and its cost where that was asked for.
///
/// # Errors
/// Those of `out`.
pub fn plan(out: impl Write, plan: &Plan, refusal: Option<&Refusal>, bill: Option<&Bill>) -> io::Result<()> {
    document(out, plan, refusal, bill, plan.steps.iter().map(|step| ActionJson::new(plan, step)))
}

/// Writes why there is no plan.
///
/// # Errors
/// Those of `out`.
pub fn failed(mut out: impl Write, errors: &serde_json::Value) -> io::Result<()> {
    write!(out, "{{\n  \"format_version\": {FORMAT_VERSION},\n  \"errors\": ")?;
    value(&mut out, errors)?;
    writeln!(out, "\n}}")
}

/// Writes the same document around other actions: those of a report add their outcome, with
/// [`ActionJson`] flattened into them.
///
/// # Errors
/// Those of `out`.
pub fn document<A: Serialize>(
    mut out: impl Write,
    plan: &Plan,
    refusal: Option<&Refusal>,
    bill: Option<&Bill>,
    actions: impl Iterator<Item = A>,
) -> io::Result<()> {
    let digest = refusal.map_or_else(|| Digest::from_plan(plan), |refusal| refusal.digest);
    writeln!(out, "{{")?;
    writeln!(out, "  \"format_version\": {FORMAT_VERSION},")?;
    writeln!(out, "  \"digest\": \"{digest}\",")?;
    member(&mut out, "within_limits", &refusal.is_none())?;
    member(&mut out, "summary", &Summary::from_plan(plan))?;
    if let Some(narrowed) = &plan.narrowed {
        member(&mut out, "narrowed", &NarrowedJson::new(narrowed))?;
    }
    if let Some(not_known) = NotKnownJson::new(plan) {
        member(&mut out, "causes", &not_known)?;
    }
    member(&mut out, "cost", &bill.map(|bill| CostJson::new(plan, bill)))?;
    list(&mut out, "actions", actions)?;
    list(&mut out, "errors", plan.troubles.iter().map(|(at, trouble)| ErrorJson::new(plan, *at, trouble)))?;
    list(&mut out, "held", plan.held.iter().map(|held| HeldJson::new(plan, held)))?;
    list(&mut out, "short", plan.short.iter().map(|short| ShortJson::new(plan, short)))?;
    list(&mut out, "numbers", NumberJson::all_in(plan))?;
    list(&mut out, "warnings", plan.warnings.iter().map(|warning| WarningJson::new(plan, warning)))?;
    write!(out, "  \"refusal\": ")?;
    value(&mut out, &refusal.map(RefusalJson::new))?;
    writeln!(out, "\n}}")
}

/// Writes one value on one line, with nothing in it that could act on a terminal.
///
/// # Errors
/// Those of `out`.
pub fn value(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Quiet);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

fn member(out: &mut impl Write, name: &str, content: &impl Serialize) -> io::Result<()> {
    write!(out, "  \"{name}\": ")?;
    value(&mut *out, content)?;
    writeln!(out, ",")
}

fn list<T: Serialize>(out: &mut impl Write, name: &str, items: impl Iterator<Item = T>) -> io::Result<()> {
    write!(out, "  \"{name}\": [")?;
    let mut any = false;
    for item in items {
        write!(out, "{}    ", if any { ",\n" } else { "\n" })?;
        value(&mut *out, &item)?;
        any = true;
    }
    writeln!(out, "{}],", if any { "\n  " } else { "" })
}

/// Compact JSON with `\u` escapes for what a terminal could act on.
struct Quiet;

impl serde_json::ser::Formatter for Quiet {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // serde_json escapes the controls below the space itself.
        if fragment.bytes().all(|b| b.is_ascii() && b != 0x7f) {
            return out.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| must_be_spelt_out(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

/// What a plan is about, where that is not all.
#[derive(Serialize)]
struct NarrowedJson<'a> {
    only: &'a [String],
    account: Option<&'a str>,
    left_out: usize,
}

impl<'a> NarrowedJson<'a> {
    fn new(narrowed: &'a Narrowed) -> Self {
        let Narrowed { only, account, left_out } = narrowed;
        Self { only, account: account.as_deref(), left_out: *left_out }
    }
}

/// One action. `account` is where the number is afterwards, or was, for a release.
#[derive(Debug, Serialize)]
pub struct ActionJson<'a> {
    /// `purchase`, `transfer`, `configure`, `release`.
    pub kind: &'static str,
    pub phone_number: PhoneNumber,
    pub account: &'a str,
    pub account_sid: AccountSid,
    /// The number's SID; null for a purchase, and where the listing gave none.
    pub sid: Option<NumberSid>,
    /// Where a transfer takes the number from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_account_sid: Option<AccountSid>,
    /// The tags of the number, where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<&'a Tags>,
    /// The code of the reason.
    pub reason: &'static str,
    /// Of a release, or the move to quarantine before it: for how long the number had no calls and no
    /// messages, where that was looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_for: Option<String>,
    pub changes: Changes<'a>,
    /// The slot of a claim that a purchase fills: `nyc-support/2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// What is bought in its place, in this order, should it be sold meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<&'a [PhoneNumber]>,
    /// The declared settings that have no effect afterwards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_effect: Vec<NoEffectJson>,
}

impl<'a> ActionJson<'a> {
    /// The action of a step of `plan`.
    #[must_use]
    pub fn new(plan: &'a Plan, step: &'a Step) -> Self {
        let action = &step.action;
        let account = plan.account(action.account());
        let from = match action {
            Action::Transfer { target, .. } => Some(plan.account(target.account)),
            Action::Purchase { .. } | Action::Configure { .. } | Action::Release { .. } => None,
        };
        let claimed = action.claimed();
        Self {
            kind: action.kind().as_str(),
            phone_number: action.number(),
            account: &account.name,
            account_sid: account.sid,
            sid: action.target().and_then(|target| target.sid),
            from_account: from.map(|from| &*from.name),
            from_account_sid: from.map(|from| from.sid),
            tags: plan.tags.get(&action.number()).map(|labels| &labels.tags),
            reason: step.reason.as_str(),
            unused_for: plan.unused.filter(|_| step.gives_up()).map(|guard| guard.to_string()),
            changes: match from {
                Some(from) => Changes::Account { before: &from.name, after: &account.name },
                None => Changes::Fields(plan, action),
            },
            claim: claimed.map(|claimed| claimed.slot.to_string()),
            instead: claimed.map(|claimed| claimed.instead.as_slice()),
            no_effect: NoEffectJson::for_number(plan, action.number()),
        }
    }
}

/// What an action changes.
#[derive(Debug)]
pub enum Changes<'a> {
    Account {
        before: &'a str,
        after: &'a str,
    },
    /// The fields that this action changes. Their values are written without their secrets.
    Fields(&'a Plan, &'a Action),
}

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct FieldChangeJson<'a, T> {
            field: &'a str,
            before: Option<T>,
            after: Option<T>,
            // Where only a secret changed, the two values look the same.
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            secret_changed: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            changed_by: Option<CauseJson<'a>>,
        }
        match self {
            Self::Account { before, after } => {
                let (before, after) = (Some(*before), Some(*after));
                [FieldChangeJson { field: "account", before, after, secret_changed: false, changed_by: None }]
                    .serialize(serializer)
            }
            Self::Fields(plan, action) => {
                let mut list = serializer.serialize_seq(None)?;
                for delta in deltas(action) {
                    list.serialize_element(&FieldChangeJson {
                        field: delta.field.json_name(),
                        before: delta.before.as_deref().map(MaskedValue),
                        after: delta.after.as_deref().map(MaskedValue),
                        secret_changed: delta.is_secret_only(),
                        changed_by: CauseJson::find(plan, action.number(), delta.field),
                    })?;
                }
                list.end()
            }
        }
    }
}

/// A value as JSON: its secrets masked; true and false as such.
struct MaskedValue<'a>(&'a Value);

impl Serialize for MaskedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            value => serializer.serialize_str(&value.masked()),
        }
    }
}

/// A declared number of which there is something to say whether or not it changes.
#[derive(Serialize)]
struct NumberJson<'a> {
    phone_number: PhoneNumber,
    account: &'a str,
    no_effect: Vec<NoEffectJson>,
}

impl<'a> NumberJson<'a> {
    fn all_in(plan: &'a Plan) -> impl Iterator<Item = Self> {
        plan.no_effect.chunk_by(|a, b| a.number == b.number).filter_map(|found| {
            let first = found.first()?;
            Some(Self {
                phone_number: first.number,
                account: &plan.account(first.account).name,
                no_effect: found.iter().map(NoEffectJson::new).collect(),
            })
        })
    }
}

/// A declared setting that has no effect.
#[derive(Debug, Serialize)]
pub struct NoEffectJson {
    field: Field,
    because: String,
    /// Where calls or messages end instead; null where that is no URL, or not known.
    effective_url: Option<String>,
}

impl NoEffectJson {
    fn new(found: &NoEffect) -> Self {
        Self {
            field: found.field,
            because: found.because.to_string(),
            effective_url: found.effective_url.as_deref().map(masked),
        }
    }

    /// Those of a number. They are in the order of the numbers.
    fn for_number(plan: &Plan, number: PhoneNumber) -> Vec<Self> {
        let from = plan.no_effect.partition_point(|found| found.number < number);
        let own = plan.no_effect[from..].iter().take_while(|found| found.number == number);
        own.map(Self::new).collect()
    }
}

/// An account in which nothing is planned.
#[derive(Serialize)]
struct ErrorJson<'a> {
    account: &'a str,
    account_sid: AccountSid,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl<'a> ErrorJson<'a> {
    fn new(plan: &'a Plan, at: AccountIndex, trouble: &'a Trouble) -> Self {
        let account = plan.account(at);
        Self {
            account: &account.name,
            account_sid: account.sid,
            message: &trouble.why,
            help: trouble.help.as_deref(),
            request_id: trouble.request_id.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct HeldJson<'a> {
    phone_number: PhoneNumber,
    account: &'a str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lives_in: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use: Option<UseJson>,
    /// The field that is not set, where only that is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Field>,
    message: String,
}

/// Why a release is held.
#[derive(Serialize)]
struct UseJson {
    at: String,
    medium: &'static str,
    side: &'static str,
}

impl<'a> HeldJson<'a> {
    fn new(plan: &'a Plan, held: &HeldNumber) -> Self {
        Self {
            phone_number: held.number,
            account: &plan.account(held.account).name,
            reason: held.why.code().as_str(),
            lives_in: words::held_lives_in(held.why).map(|index| &*plan.account(index).name),
            last_use: match held.why {
                HeldReason::InUse { last, .. } => Some(UseJson {
                    at: last.at.to_string(),
                    medium: last.medium.as_str(),
                    side: last.side.as_str(),
                }),
                _ => None,
            },
            field: match held.why {
                HeldReason::LeftOut(why) => why.field(),
                HeldReason::WebhookFails { field, .. } => Some(field),
                HeldReason::NameUnresolved { field } => Some(field),
                HeldReason::ServiceNotThere { .. } => Some(Field::SmsServiceSid),
                _ => None,
            },
            message: words::held(plan, held),
        }
    }
}

/// What a claim wants and does not get.
#[derive(Serialize)]
struct ShortJson<'a> {
    claim: String,
    account: &'a str,
    reason: &'static str,
    message: String,
}

impl<'a> ShortJson<'a> {
    fn new(plan: &'a Plan, short: &Shortfall) -> Self {
        Self {
            claim: short.claim.to_string(),
            account: &plan.account(short.account).name,
            reason: claim_words::shortfall_code(&short.why),
            message: claim_words::shortfall(plan, short),
        }
    }
}

#[derive(Serialize)]
struct WarningJson<'a> {
    kind: &'static str,
    /// Null where the warning is about a row without a number.
    phone_number: Option<PhoneNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Field>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<NumberSid>,
    /// The fields that numctl set and no file declares any more.
    #[serde(skip_serializing_if = "<[Field]>::is_empty")]
    fields: &'a [Field],
    /// What the API gave as a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    given: Option<String>,
    message: String,
}

impl<'a> WarningJson<'a> {
    fn new(plan: &'a Plan, warning: &'a Warning) -> Self {
        let parts = words::warning(plan, warning);
        let (sid, given) = match warning {
            Warning::Listing { note: ListingNote::Repeated(sid), .. } => (Some(*sid), None),
            Warning::Listing { note: ListingNote::NoNumber(sid), .. } => (*sid, None),
            Warning::Listing {
                note: ListingNote::NotANumber(raw) | ListingNote::OddSpelling(_, raw),
                ..
            } => (None, Some(masked(raw))),
            _ => (None, None),
        };
        Self {
            kind: parts.kind,
            phone_number: match parts.subject {
                WarningSubject::Number(number) => Some(number),
                WarningSubject::Other(_) => None,
            },
            account: parts.account.map(|index| &*plan.account(index).name),
            field: parts.field,
            fields: match warning {
                Warning::LeftBehind { fields, .. } => fields,
                _ => &[],
            },
            sid,
            given,
            message: parts.message,
        }
    }
}

#[derive(Serialize)]
struct RefusalJson {
    broken: Vec<AnyBrokenJson>,
    accept: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnyBrokenJson {
    Count(BrokenJson),
    Monthly(BrokenMonthlyJson),
}

#[derive(Serialize)]
struct BrokenJson {
    limit: &'static str,
    wanted: usize,
    /// Absent where the plan by itself goes beyond the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    allowed: usize,
    /// The account in whose live numbers a share is counted, and how many those are.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<usize>,
    written: String,
    set_by: &'static str,
    message: String,
}

impl RefusalJson {
    fn new(refusal: &Refusal) -> Self {
        let counts = refusal.broken.iter().map(|broken| AnyBrokenJson::Count(BrokenJson::new(broken)));
        let monthly = refusal.monthly.iter();
        let monthly = monthly.map(|broken| AnyBrokenJson::Monthly(BrokenMonthlyJson::new(broken)));
        Self { broken: counts.chain(monthly).collect(), accept: refusal.digest.to_string() }
    }
}

impl BrokenJson {
    fn new(broken: &Broken) -> Self {
        Self {
            limit: broken.limit.as_str(),
            wanted: broken.wanted,
            over: broken.over.as_str(),
            total: (broken.over != Over::Plan).then_some(broken.total),
            allowed: broken.allowed,
            account: broken.share_of.as_ref().map(|of| of.account.to_string()),
            live: broken.share_of.as_ref().map(|of| of.live),
            written: broken.written.to_string(),
            set_by: broken.set_by.as_str(),
            message: words::broken(broken),
        }
    }
}
