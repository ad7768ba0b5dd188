//! The sentences: why something is done, why something is not, and what a reviewer should know.
//! Every format says the same words.

use crate::client::listing::ListingNote;
use crate::desired::AccountIndex;
use crate::desired::AccountRef;
use crate::guard::{Broken, LimitName, Over, Refusal, SetBy};
use crate::model::action_kind::ActionKind;
use crate::model::hold;
use crate::model::number::PhoneNumber;
use crate::model::number_type::NumberType;
use crate::model::secret_url::masked;
use crate::model::settings::Field;
use crate::model::traffic::Lookback;
use crate::observed::Trouble;
use crate::plan::{HeldNumber, HeldReason, LeftOut, Plan, Reason, Warning};

use super::cost;
use super::journal;
use super::names::{account, plural};
use super::routing;
use super::shown::{COLUMNS_MAX, Shown, count, quoted_within};

/// The caution under every plan with releases.
pub const RELEASE_CAUTION: &str = "A released number stops working at once and may be given to a stranger. According to Twilio's support page, you can get it back for about 10 days if no one else has taken it.";

/// The caution under every plan with purchases.
pub const PURCHASE_CAUTION: &str =
    "Purchases cost money: each number is charged when it is bought, and every month after that.";

/// That caution, and whether no one can tell if the numbers were ours before.
#[must_use]
pub fn purchase_caution(plan: &Plan) -> String {
    let no_journal = plan.warnings.contains(&Warning::NoJournal);
    let more = if no_journal { [" ", journal::NO_JOURNAL] } else { ["", ""] };
    [PURCHASE_CAUTION, more[0], more[1]].concat()
}

/// The verdict on a plan without steps.
pub const NO_CHANGES: &str = "No changes: everything is as declared.";

/// The verdict on a plan without steps in which something is held back.
pub const NO_CHANGES_BUT_HELD: &str =
    "No changes to make, but not everything is as declared: see what is held back.";

/// The verdict on a plan without steps in which a declared setting has no effect.
pub const NO_CHANGES_BUT_INERT: &str = "No changes to make, but some declared settings have no effect.";

/// The verdict on a plan without steps that could not see or do everything.
pub const NO_CHANGES_BUT_ERRORS: &str = "No changes that can be made as things are: see the errors.";

/// The verdict on a plan without steps.
#[must_use]
pub fn verdict(plan: &Plan) -> &'static str {
    if plan.has_errors() {
        NO_CHANGES_BUT_ERRORS
    } else if !plan.leaves_nothing() {
        NO_CHANGES_BUT_HELD
    } else if !plan.no_effect.is_empty() {
        NO_CHANGES_BUT_INERT
    } else {
        NO_CHANGES
    }
}

/// What is wrong with an account, fit to be shown.
#[must_use]
pub fn trouble(account: &AccountRef, trouble: &Trouble) -> String {
    format!("account {} ({}): {}", Shown(&account.name), account.sid, Shown(&trouble.why))
}

/// Counts of a plan, taken in one pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    pub purchase: usize,
    pub configure: usize,
    pub transfer: usize,
    /// Numbers to give back.
    pub release: usize,
    /// Numbers that are as declared.
    pub unchanged: usize,
    /// Numbers with a declared setting that has no effect.
    pub no_effect: usize,
    /// Numbers of which something is held back; another part of the same number may be planned.
    pub held: usize,
    /// Live numbers that the file does not name.
    pub unlisted: usize,
}

impl Summary {
    /// The counts of a plan.
    #[must_use]
    pub fn from_plan(plan: &Plan) -> Self {
        let mut summary = Self {
            unchanged: plan.unchanged,
            no_effect: plan.numbers_without_effect(),
            held: plan.numbers_held(),
            unlisted: plan.unlisted,
            ..Self::default()
        };
        for step in &plan.steps {
            *match step.action.kind() {
                ActionKind::Purchase => &mut summary.purchase,
                ActionKind::Transfer => &mut summary.transfer,
                ActionKind::Configure => &mut summary.configure,
                ActionKind::Release => &mut summary.release,
            } += 1;
        }
        summary
    }

    /// `1 to purchase, 2 to configure, 1 to transfer, 1 to release; 37 unchanged, 2 unlisted`
    #[must_use]
    pub fn sentence(&self) -> String {
        format!(
            "{} to purchase, {} to configure, {} to transfer, {} to release; {}",
            count(self.purchase),
            count(self.configure),
            count(self.transfer),
            count(self.release),
            self.rest(),
        )
    }

    /// `37 unchanged, 2 unlisted`, with what is held back between them.
    #[must_use]
    pub fn rest(&self) -> String {
        let held = match self.held {
            0 => String::new(),
            held => format!("{} held back, ", count(held)),
        };
        let no_effect = match self.no_effect {
            0 => String::new(),
            numbers => format!("{} with settings without effect, ", count(numbers)),
        };
        format!("{} unchanged, {no_effect}{held}{} unlisted", count(self.unchanged), count(self.unlisted))
    }
}

/// Why an action is in a plan.
#[must_use]
pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Missing => "declared, but not in any listed account",
        Reason::Claimed => "a claim needs one more number",
        Reason::WrongAccount => "declared in a different account than the one it is in",
        Reason::Drifted => "live settings differ from the declared ones",
        Reason::Tombstone => "the file says state: released",
        Reason::Unlisted => "not in the file, which says unlisted: release",
        Reason::Quarantined => "to be released: it waits in quarantine first, and its name shows since when",
        Reason::Vanished => "you had it and it is gone, and the file says on_vanished: rebuy",
        Reason::Undone => "reverts what a run in the journal did",
    }
}

/// Where a number that is held back lives, if that is why.
#[must_use]
pub fn held_lives_in(why: HeldReason) -> Option<AccountIndex> {
    match why {
        HeldReason::ProtectedFromTransfer { lives_in } | HeldReason::ReleaseInOtherAccount { lives_in } => {
            Some(lives_in)
        }
        HeldReason::Paused
        | HeldReason::Doubted(_)
        | HeldReason::OutsideWindows
        | HeldReason::OnHold { .. }
        | HeldReason::InUnlistedAccount { .. }
        | HeldReason::PapersMissing { .. }
        | HeldReason::PerhapsIn { .. }
        | HeldReason::PerhapsSpeltOddly { .. }
        | HeldReason::SpeltOddly
        | HeldReason::AccountInTrouble { .. } => None,
        HeldReason::ProtectedFromRelease
        | HeldReason::ShortCodeNotBought
        | HeldReason::Ambiguous
        | HeldReason::BoughtInThisGeneration
        | HeldReason::ReplacementHeld
        | HeldReason::BackingOff { .. }
        | HeldReason::Flapping { .. }
        | HeldReason::InUse { .. }
        | HeldReason::UseUnknown
        | HeldReason::OnTrunk { .. }
        | HeldReason::WebhookFails { .. }
        | HeldReason::InQuarantine { .. }
        | HeldReason::DayUnknown
        | HeldReason::LeftOut(_)
        | HeldReason::NameUnresolved { .. }
        | HeldReason::ServiceNotThere { .. }
        | HeldReason::Vanished(_) => None,
        HeldReason::NotUndone(why) => journal::not_undone_lives_in(why),
    }
}

/// Why something is held back.
#[must_use]
pub fn held(plan: &Plan, held: &HeldNumber) -> String {
    let declared = account(plan, held.account);
    match held.why {
        HeldReason::ProtectedFromTransfer { lives_in } => format!(
            "not transferred from {} to {declared}: it is protected (remove `protect` to move it)",
            account(plan, lives_in)
        ),
        HeldReason::ProtectedFromRelease => {
            "not released: it is protected (remove `protect` to release it)".into()
        }
        HeldReason::ShortCodeNotBought => {
            format!(
                "not bought for {declared}: short codes are leased from Twilio, never bought. Over incoming-phone-numbers numctl does not see them: configure them in the Twilio Console"
            )
        }
        HeldReason::ReleaseInOtherAccount { lives_in } => format!(
            "not released: the file releases it in {declared}, but it is in {}",
            account(plan, lives_in)
        ),
        HeldReason::Ambiguous => {
            "left alone: the API shows it more than once, with different SIDs or in different accounts".into()
        }
        HeldReason::PerhapsSpeltOddly { account: seen_in } => format!(
            "not bought for {declared}: {} shows a number that is not in E.164 and ends in the same digits, so the account may already have it: check it in the Twilio Console",
            account(plan, seen_in)
        ),
        HeldReason::NameUnresolved { field } => {
            format!("left as it is: the name given for {field} does not identify exactly one resource in {declared}")
        }
        HeldReason::ServiceNotThere { service } => format!(
            "left as it is: {declared} has no Messaging Service {service}; it may belong to another account, or have been \
             deleted"
        ),
        HeldReason::SpeltOddly => {
            "not released: the API does not spell it in E.164, so it may be another number: release it in the Twilio Console"
                .into()
        }
        HeldReason::BoughtInThisGeneration => format!(
            "not bought again for {declared}: it was bought for the same content of the files, and is gone: edit the files (a comment is enough) to buy it again"
        ),
        HeldReason::InUnlistedAccount { sid } if is_by_account(plan) => format!(
            "not bought for {declared}: account {sid} has it, which --account leaves out: without --account, numctl moves the number"
        ),
        HeldReason::InUnlistedAccount { sid } => format!(
            "not bought for {declared}: account {sid} has it, which has the same parent and is not in the file: add that account to the file, and numctl moves the number"
        ),
        HeldReason::PapersMissing { papers } => {
            let (what, fields) = match (papers.address, papers.bundle) {
                (true, true) => ("an address and a regulatory bundle", "`address_sid` and `bundle_sid`"),
                (true, false) => ("an address", "`address_sid`"),
                (false, _) => ("a regulatory bundle", "`bundle_sid`"),
            };
            format!(
                "not bought for {declared}: its country requires {what}: add {fields} to the number or its profile"
            )
        }
        HeldReason::PerhapsIn { account: index } => format!(
            "not bought for {declared}: it may be in {}, which could not be listed",
            account(plan, index)
        ),
        HeldReason::AccountInTrouble { account: index } => {
            format!("left alone: nothing can be changed in {} (see above)", account(plan, index))
        }
        HeldReason::Paused => "left as it is: numctl is paused".into(),
        HeldReason::Doubted(doubt) => format!("left as it is: {}", doubt.words()),
        HeldReason::OutsideWindows => "left as it is: no maintenance window is open".into(),
        HeldReason::OnHold { until } => format!("left as it is: on hold until {}", hold::shown(until)),
        HeldReason::BackingOff { until, times: 1 } => {
            format!("it failed, and numctl tries again at {}", hold::shown(until))
        }
        HeldReason::BackingOff { until, times } => {
            format!("it failed {times} times in a row, and numctl tries again at {}", hold::shown(until))
        }
        HeldReason::Flapping { field } => format!(
            "left as it is: something else keeps changing it. {} was set as declared and changed again ten times: find out what changes it, or remove it from the file",
            field.json_name()
        ),
        HeldReason::Vanished(vanished) => journal::vanished(plan, held.account, vanished),
        HeldReason::NotUndone(why) => journal::not_undone(plan, why),
        HeldReason::LeftOut(why) => left_out(why),
        HeldReason::InUse { last, guard } => format!(
            "not released: a {} {} it on {}, and the release guard is {guard}",
            last.medium.as_str(),
            last.side.as_str(),
            last.day()
        ),
        HeldReason::UseUnknown => {
            "not released: calls and messages could not be read, and the release guard needs them"
                .into()
        }
        HeldReason::OnTrunk { guard } => format!(
            "not released: it is on a SIP trunk, and the lists of calls and messages may not include calls over a trunk, so the release guard ({guard}) cannot tell whether it is in use. Take it off the trunk first \
             (`voice: {{trunk_sid: null}}`)"
        ),
        HeldReason::WebhookFails { field, fault } => format!("not changed: its declared {field} {fault}"),
        HeldReason::InQuarantine { since, until } => format!(
            "in quarantine since {since}: it will be released on {until} or later; until then, `state: present` brings it back"
        ),
        HeldReason::DayUnknown => {
            "not released: the current day is unknown, and a quarantine counts days".into()
        }
        HeldReason::ReplacementHeld => {
            "not released: a purchase is held back, and nothing is released before its replacement exists"
                .into()
        }
    }
}

/// That a country has no numbers of a type, and what else there is.
#[must_use]
pub fn not_sold(country: &str, kind: NumberType) -> String {
    let instead = match (country, kind) {
        ("US" | "CA" | "PR", NumberType::Mobile) => {
            ": North American mobile numbers are sold as local ones (type local)"
        }
        _ => "",
    };
    format!("Twilio sells no {} numbers in {}{instead}", kind.as_str(), Shown(country))
}

fn account_words(plan: &Plan, index: AccountIndex) -> String {
    let account = plan.account(index);
    format!("account {} ({})", Shown(&account.name), account.sid)
}

/// Why a declared setting is not set.
fn left_out(why: LeftOut) -> String {
    match why {
        LeftOut::NoSms => {
            "sms is not set: this number has no SMS, and the API refuses the whole request (21407); \
                           set its `sms` settings to null"
                .into()
        }
        LeftOut::ServiceUnknown => {
            "sms.messaging_service_sid is left as it is: which Messaging Service the number is in could not be read".into()
        }
        LeftOut::FallbackWithoutPrimary { field } => {
            let (primary, code) = match field {
                Field::SmsFallbackUrl => (Field::SmsUrl, "21406"),
                _ => (Field::VoiceUrl, "21405"),
            };
            format!("{field} is not set: the API refuses it without a {primary} ({code}); declare that too")
        }
        LeftOut::FallbackInTheWay { field } => {
            let (fallback, code) = match field {
                Field::SmsUrl => (Field::SmsFallbackUrl, "21406"),
                _ => (Field::VoiceFallbackUrl, "21405"),
            };
            format!(
                "{field} is not cleared: its {fallback} is set and not in the file, and the API refuses a fallback \
                 alone ({code}); declare both cleared"
            )
        }
    }
}

/// What was looked up before numbers are released.
#[must_use]
pub fn unused(guard: Lookback) -> String {
    format!("no calls or messages in {guard}")
}

/// What a warning is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarningSubject {
    Number(PhoneNumber),
    /// Something without one, fit to be shown.
    Other(String),
}

/// The parts of a warning, for every format.
#[derive(Debug, Clone)]
pub struct WarningParts {
    /// The code, for machines.
    pub kind: &'static str,
    /// What it is about.
    pub subject: WarningSubject,
    /// The account, where that is part of it.
    pub account: Option<AccountIndex>,
    /// The field, where that is part of it.
    pub field: Option<Field>,
    /// What to know, the same for every subject.
    pub message: String,
}

/// Takes a warning apart.
#[must_use]
pub fn warning(plan: &Plan, warning: &Warning) -> WarningParts {
    let parts = |kind, number: &PhoneNumber, field, message| WarningParts {
        kind,
        subject: WarningSubject::Number(*number),
        account: None,
        field,
        message,
    };
    match warning {
        Warning::Inert { number, overridden_by } => {
            let part = if overridden_by.is_sms() { "sms" } else { "voice" };
            let message = format!("the declared {part} URLs have no effect: {overridden_by} overrides them");
            parts("inert", number, Some(*overridden_by), message)
        }
        Warning::ClearsUnmanaged { number, sets, clears } => {
            let message = format!("setting {sets} clears {clears}, which is set now but not in the file");
            parts("clears_unmanaged", number, Some(*clears), message)
        }
        Warning::Unlisted { number, account: index } => {
            let message = format!("live in {}, and not in the file", account(plan, *index));
            WarningParts { account: Some(*index), ..parts("unlisted", number, None, message) }
        }
        Warning::BrokenMark { number, account: index } => {
            let message = format!(
                "its name in {} ends in a claim's mark that is not its own (copied, edited or cut), so it counts for no claim; `numctl adopt` binds it to one",
                account(plan, *index)
            );
            WarningParts { account: Some(*index), ..parts("broken_mark", number, None, message) }
        }
        Warning::NoJournal => WarningParts {
            kind: "no_journal",
            subject: WarningSubject::Other("purchases".into()),
            account: None,
            field: None,
            message: journal::NO_JOURNAL.into(),
        },
        Warning::BoughtBack { number, was } => {
            parts("bought_back", number, None, journal::bought_back(plan, *was))
        }
        Warning::LeftBehind { number, account: index, fields } => {
            let names = fields.iter().map(|field| field.json_name()).collect::<Vec<_>>().join(", ");
            let (as_is, them) = if fields.len() == 1 { ("it is", "it") } else { ("they are", "them") };
            let message = format!(
                "numctl set {names}, which no file declares now: left as {as_is} (declare {them} as null to clear \
                 {them})"
            );
            WarningParts { account: Some(*index), ..parts("no_longer_declared", number, None, message) }
        }
        Warning::DeclaredOtherwise { number } => {
            parts("declared_otherwise", number, None, journal::DECLARED_OTHERWISE.into())
        }
        Warning::LeftInQuarantine { number, account: index, since } => WarningParts {
            account: Some(*index),
            ..parts(
                "left_in_quarantine",
                number,
                None,
                format!(
                    "it has waited in {} since {since} to be released, and the file no longer releases it: declare it \
                     as present or as released",
                    account(plan, *index)
                ),
            )
        },
        Warning::NameUnresolved { account: index, field, name, why } => {
            let (message, account) = (routing::unresolved(*field, name, why), Some(*index));
            let subject = WarningSubject::Other(account_words(plan, *index));
            WarningParts { kind: "name_unresolved", subject, account, field: Some(*field), message }
        }
        Warning::RoutingUnknown { account: index, why } => WarningParts {
            kind: "routing_unknown",
            subject: WarningSubject::Other(account_words(plan, *index)),
            account: Some(*index),
            field: None,
            message: format!("numctl cannot tell where all of its calls and messages go: {}", Shown(why)),
        },
        Warning::ServiceOverfull { account: index, service, numbers } => WarningParts {
            kind: "messaging_service_overfull",
            subject: WarningSubject::Other(service.to_string()),
            account: Some(*index),
            field: Some(Field::SmsServiceSid),
            message: format!(
                "it would have {} numbers, and the limit is 400 unless Twilio raised it",
                count(*numbers)
            ),
        },
        Warning::UseUnread { account: index, why } => {
            let message = format!(
                "the calls and messages of {} could not be read: {}",
                account(plan, *index),
                Shown(why)
            );
            WarningParts {
                kind: "use_unread",
                subject: WarningSubject::Other(plan.account(*index).sid.to_string()),
                account: Some(*index),
                field: None,
                message,
            }
        }
        Warning::Listing { account: index, note } => {
            let name = account(plan, *index);
            let (kind, subject, message) = match note {
                ListingNote::Repeated(sid) => (
                    "listed_twice",
                    WarningSubject::Other(sid.to_string()),
                    format!(
                        "listed more than once in {name}, because numbers changed meanwhile: counted once"
                    ),
                ),
                ListingNote::NoNumber(sid) => (
                    "no_number",
                    WarningSubject::Other(
                        sid.map_or_else(|| "a row without a SID".into(), |sid| sid.to_string()),
                    ),
                    format!("listed in {name} without a phone number: left alone"),
                ),
                ListingNote::NotANumber(raw) => (
                    "not_a_number",
                    WarningSubject::Other(quoted_within(&masked(raw), COLUMNS_MAX)),
                    format!("listed in {name} with something that is not a phone number: left alone"),
                ),
                ListingNote::OddSpelling(number, raw) => (
                    "odd_spelling",
                    WarningSubject::Number(*number),
                    format!(
                        "listed in {name} as {}, which is not E.164: neither bought nor released",
                        quoted_within(&masked(raw), COLUMNS_MAX)
                    ),
                ),
                ListingNote::OddField(field, rows) => (
                    "odd_field",
                    WarningSubject::Other((*field).to_owned()),
                    format!(
                        "{} in {name} have this field in an unexpected form: its value is unknown",
                        plural(*rows, "row")
                    ),
                ),
                ListingNote::NoSid(number) => (
                    "no_sid",
                    WarningSubject::Number(*number),
                    format!("listed in {name} without a SID: numctl looks it up before it changes it"),
                ),
            };
            WarningParts { kind, subject, account: Some(*index), field: None, message }
        }
    }
}

/// Every limit that keeps a plan from being carried out.
#[must_use]
pub fn refused(refusal: &Refusal) -> Vec<String> {
    let monthly = refusal.monthly.iter().map(cost::broken);
    refusal.broken.iter().map(broken).chain(monthly).collect()
}

/// One broken limit, with both figures and who set it.
#[must_use]
pub fn broken(broken: &Broken) -> String {
    let what = match broken.limit {
        LimitName::Purchases => plural(broken.wanted, "purchase"),
        LimitName::Releases => plural(broken.wanted, "release"),
        LimitName::Changes => format!("changes to {}", plural(broken.wanted, "number")),
    };
    let (name, by) = match broken.set_by {
        SetBy::File => (broken.limit.as_str().to_owned(), "set by the file's policy, or its default"),
        SetBy::Operator => (format!("--{}", broken.limit.as_str().replace('_', "-")), "set by the operator"),
    };
    let share = broken.share_of.as_ref().map_or_else(String::new, |of| {
        let live = if of.live == 1 { "live number".to_owned() } else { "live numbers".to_owned() };
        format!("{} of the {} {live} in {}; ", broken.written, count(of.live), Shown(&of.account))
    });
    let in_all = match broken.over {
        Over::Plan => String::new(),
        Over::Generation => format!(", {} in total since the files last changed", count(broken.total)),
        Over::Day => format!(", {} in total within 24 hours", count(broken.total)),
    };
    format!("{what} planned{in_all}, {name} allows {} ({share}{by})", count(broken.allowed))
}

/// Whether a plan leaves accounts out.
fn is_by_account(plan: &Plan) -> bool {
    plan.narrowed.as_ref().is_some_and(|narrowed| narrowed.account.is_some())
}
