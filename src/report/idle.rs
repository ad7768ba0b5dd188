//! Which numbers no one uses: those of a listing that are in no list of calls or messages.
//!
//! Every number of a listing is in exactly one place: it was used, it is idle, or it is not judged, with
//! the reason ([`Unjudged`]). Unknown is not idle.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::rfc2822;
use serde::Serialize;
use serde_json::Value;

use crate::client::api::routes::NumberType;
use crate::desired::AccountRef;
use crate::desired::{DeclaredState, Desired, Labels, Tags};
use crate::model::claim::{Mark, Slot};
use crate::model::country::country_of;
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::quarantine::unmarked;
use crate::model::tariff::is_other_area;
use crate::model::traffic::{Lookback, OwnedNumber, Use};
use crate::report::export::scalar;
use crate::report::names::plural;
use crate::report::shown::{Shown, quoted_within};

/// At most this much of a name stands beside a tombstone.
const NAME_COLUMNS: usize = 40;

/// The countries that share a calling code and Twilio's rules; those of the Caribbean and the
/// Pacific that share it too have area codes of their own.
const NORTH_AMERICA: &[&str] = &["US", "CA"];

/// A live number, as far as the report shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleRow {
    pub number: PhoneNumber,
    pub friendly_name: Option<String>,
    /// `local`, `mobile`, `tollfree`, as the API says it.
    pub kind: Option<String>,
    /// Its country, where the API says it.
    pub iso_country: Option<String>,
    /// Its SID, where the API says it.
    pub sid: Option<NumberSid>,
    /// When the account got it, where that is known.
    pub bought: Option<Timestamp>,
    /// Whether it is on a SIP trunk.
    pub on_trunk: bool,
}

impl IdleRow {
    /// Of a number in the one shape of [`normal_form`](crate::client::api::resource::normal_form), its secrets
    /// masked. `None` where it has no number.
    #[must_use]
    pub fn from_item(item: &Value) -> Option<Self> {
        let text = |pointer: &str| {
            let text = item.pointer(pointer)?.as_str().filter(|text| !text.is_empty())?;
            Some(text.to_owned())
        };
        let bought =
            text("/date_created").and_then(|text| rfc2822::DateTimeParser::new().parse_timestamp(text).ok());
        Some(Self {
            number: PhoneNumber::observed(&text("/phone_number")?)?,
            friendly_name: text("/configurations/friendly_name"),
            kind: text("/type"),
            iso_country: text("/geography/iso_country"),
            sid: text("/sid").and_then(|text| NumberSid::observed(&text)),
            bought,
            // Whatever shape it has: unknown is not unset.
            on_trunk: item
                .pointer("/configurations/voice/trunk_sid")
                .is_some_and(|trunk| !trunk.is_null() && trunk != ""),
        })
    }

    /// As its use is asked for.
    #[must_use]
    pub fn owned(&self) -> OwnedNumber {
        OwnedNumber { number: self.number, sid: self.sid }
    }

    /// Whether a claim holds it: its name ends in the claim's mark.
    fn is_claimed(&self) -> bool {
        let name = self.friendly_name.as_deref().unwrap_or_default();
        matches!(Slot::read(unmarked(name, self.number), self.number), Mark::Of(_))
    }

    /// The type that prices are by.
    #[must_use]
    pub fn number_type(&self) -> Option<NumberType> {
        self.kind.as_deref().and_then(NumberType::parse)
    }

    /// The countries that the number may be of; none where that is not known.
    #[must_use]
    pub fn countries(&self) -> Vec<String> {
        if let Some(country) = &self.iso_country {
            return vec![country.to_ascii_uppercase()];
        }
        let text = self.number.to_string();
        match (country_of(self.number), text.strip_prefix("+1")) {
            (Some(country), _) => vec![country.to_owned()],
            (None, Some(rest)) if !rest.get(..3).is_some_and(is_other_area) => {
                NORTH_AMERICA.iter().map(|country| (*country).to_owned()).collect()
            }
            (None, _) => Vec::new(),
        }
    }
}

/// Why a number that was not seen in use is not called idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unjudged {
    /// Its account has had it for less than the time asked for.
    New,
    /// When its account got it is not known.
    AgeUnknown,
    /// A claim holds it: the claim's `count` says whether it is wanted.
    Claimed,
    /// It is on a SIP trunk, whose calls the lists may not show.
    OnTrunk,
}

impl Unjudged {
    /// What is said after the count of such numbers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "bought since then",
            Self::AgeUnknown => "of unknown age",
            Self::Claimed => "held by a claim",
            Self::OnTrunk => "on a SIP trunk",
        }
    }
}

/// What became of the numbers of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// No one used these, in order.
    pub idle: Vec<IdleRow>,
    /// How many were used.
    pub used: usize,
    /// How many are not judged, by the reason.
    pub unjudged: BTreeMap<Unjudged, usize>,
}

/// Finds the idle numbers of a listing, by the uses that were seen since `since`: the whole time that a
/// number must have been there, and unused.
#[must_use]
pub fn judge(
    rows: BTreeMap<PhoneNumber, IdleRow>,
    used: &BTreeMap<PhoneNumber, Use>,
    since: Timestamp,
) -> Judged {
    let mut judged = Judged::default();
    for (number, row) in rows {
        if used.contains_key(&number) {
            judged.used += 1;
            continue;
        }
        let why = match row.bought {
            _ if row.is_claimed() => Some(Unjudged::Claimed),
            _ if row.on_trunk => Some(Unjudged::OnTrunk),
            None => Some(Unjudged::AgeUnknown),
            Some(bought) => (bought > since).then_some(Unjudged::New),
        };
        match why {
            Some(why) => *judged.unjudged.entry(why).or_default() += 1,
            None => judged.idle.push(row),
        }
    }
    judged
}

/// What the file says about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdleDeclared {
    /// It is to be there.
    Present,
    /// It is to be there, and never released.
    Protected,
    /// It is to be released.
    Released,
}

impl IdleDeclared {
    /// What a file says about a number; `None` where it does not name it.
    #[must_use]
    pub fn find(desired: &Desired, number: PhoneNumber) -> Option<Self> {
        let declared = desired.declared(number)?;
        Some(match (declared.state, declared.protect) {
            (DeclaredState::Released, _) => Self::Released,
            (DeclaredState::Present, true) => Self::Protected,
            (DeclaredState::Present, false) => Self::Present,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Present => "declared",
            Self::Protected => "protected",
            Self::Released => "released",
        }
    }
}

/// One idle number of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    pub row: IdleRow,
    pub account: Arc<str>,
    pub account_sid: AccountSid,
    /// What it costs a month, and the currency, as the API writes them; `None` where that is not known.
    pub monthly: Option<(Box<str>, Box<str>)>,
    /// What the file says about it.
    pub declared: Option<IdleDeclared>,
    /// Its tags in the file.
    pub labels: Option<Arc<Labels>>,
}

impl Idle {
    /// An idle number of an account.
    #[must_use]
    pub fn new(
        row: IdleRow,
        account: &AccountRef,
        monthly: Option<(Box<str>, Box<str>)>,
        declared: Option<IdleDeclared>,
    ) -> Self {
        Self { row, account: account.name.clone(), account_sid: account.sid, monthly, declared, labels: None }
    }

    fn tags(&self) -> Option<&Tags> {
        self.labels.as_ref().map(|labels| &labels.tags).filter(|tags| !tags.is_empty())
    }

    fn cost(&self) -> String {
        match &self.monthly {
            Some((price, unit)) => Shown(&format!("{price} {unit}")).to_string(),
            None => "unknown".to_owned(),
        }
    }
}

/// The report: idle numbers by account and number, and what idle means.
#[derive(Debug)]
pub struct IdleReport<'a> {
    pub numbers: &'a [Idle],
    pub time: Lookback,
    pub since: Date,
    /// Whether they were held against a file, so that accounts have names there.
    pub has_file: bool,
}

impl IdleReport<'_> {
    /// For a terminal; without numbers, nothing.
    #[must_use]
    pub fn table(&self) -> String {
        if self.numbers.is_empty() {
            return String::new();
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let has_tags = self.numbers.iter().any(|idle| idle.tags().is_some());
        let head = ["ACCOUNT", "NUMBER", "NAME", "TYPE", "COUNTRY", "MONTHLY", "IN THE FILE"];
        table.set_header(head.into_iter().chain(has_tags.then_some("TAGS")));
        let or_none =
            |text: Option<&str>| text.map_or_else(|| "-".to_owned(), |text| Shown(text).to_string());
        for idle in self.numbers {
            let countries = idle.row.countries();
            let tags = idle.tags().into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
            let tags = has_tags.then(|| match tags.collect::<Vec<_>>().join(",") {
                none if none.is_empty() => "-".to_owned(),
                tags => Shown(&tags).to_string(),
            });
            let cells = [
                Shown(&idle.account).to_string(),
                idle.row.number.to_string(),
                or_none(idle.row.friendly_name.as_deref()),
                or_none(idle.row.kind.as_deref()),
                if countries.is_empty() {
                    "-".to_owned()
                } else {
                    Shown(&countries.join(" or ")).to_string()
                },
                idle.cost(),
                or_none(idle.declared.map(IdleDeclared::as_str)),
            ];
            table.add_row(cells.into_iter().chain(tags));
        }
        table.to_string().lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
    }

    /// For machines: one object for each number.
    pub fn objects(&self) -> impl Iterator<Item = impl Serialize + '_> {
        #[derive(Serialize)]
        struct IdleObject<'a> {
            phone_number: PhoneNumber,
            account: &'a str,
            account_sid: AccountSid,
            friendly_name: Option<&'a str>,
            r#type: Option<&'a str>,
            iso_country: Option<String>,
            monthly_price: Option<&'a str>,
            price_unit: Option<&'a str>,
            idle_since: String,
            declared: Option<IdleDeclared>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tags: Option<&'a Tags>,
        }
        self.numbers.iter().map(|idle| {
            let mut countries = idle.row.countries();
            IdleObject {
                phone_number: idle.row.number,
                account: &idle.account,
                account_sid: idle.account_sid,
                friendly_name: idle.row.friendly_name.as_deref(),
                r#type: idle.row.kind.as_deref(),
                iso_country: countries.pop().filter(|_| countries.is_empty()),
                monthly_price: idle.monthly.as_ref().map(|(price, _)| &**price),
                price_unit: idle.monthly.as_ref().map(|(_, unit)| &**unit),
                idle_since: self.since.to_string(),
                declared: idle.declared,
                tags: idle.tags(),
            }
        })
    }

    /// A file of tombstones. A number has one entry in a fleet's files: one that has it already is
    /// named in a comment.
    #[must_use]
    pub fn tombstones(&self) -> String {
        let mut text = format!(
            "# {}: no calls and no messages since {} ({}).\n",
            plural(self.numbers.len(), "idle number"),
            self.since,
            self.time
        );
        text.push_str(match self.has_file {
            true => {
                "# Give this file with a further -f, or paste the entries below `numbers:`. Nothing is released\n\
                 # beyond `max_releases`.\n"
            }
            false => {
                "# Paste the entries below `numbers:` of your file. Nothing is released beyond `max_releases`.\n"
            }
        });
        text.push_str("version: 1\n");
        let is_new = |idle: &&Idle| idle.declared.is_none();
        text.push_str(if self.numbers.iter().any(|idle| is_new(&idle)) {
            "numbers:\n"
        } else {
            "numbers: []\n"
        });
        for idle in self.numbers {
            let name = idle.row.friendly_name.as_deref().map(|name| quoted_within(name, NAME_COLUMNS));
            let beside = name.map_or_else(String::new, |name| format!("{name}, "));
            let (number, cost) = (idle.row.number, idle.cost());
            // Writing to a `String` cannot fail.
            let _ = match idle.declared {
                Some(declared) => writeln!(
                    text,
                    "  # {number} is {} in the file: edit it there ({beside}monthly: {cost})",
                    declared.as_str()
                ),
                None => {
                    let account = match self.has_file {
                        true => format!("    account: {}\n", scalar(&idle.account)),
                        false => String::new(),
                    };
                    write!(
                        text,
                        "  - phone_number: \"{number}\"  # {beside}monthly: {cost}\n{account}    state: released\n"
                    )
                }
            };
        }
        // What says that the file is whole, where `unlisted: release` asks for it.
        text.push_str("...\n");
        text
    }
}
