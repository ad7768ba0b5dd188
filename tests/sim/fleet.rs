//! What a seed starts from: the live fleet, and the file with its edits, as text.

use numctl::desired::{Desired, Format, Source};
use numctl::model::number::PhoneNumber;
use numctl::model::settings::Field;

use crate::tape::Tape;

pub const MAIN: &str = "AC00000000000000000000000000000001";
pub const SUB: &str = "AC00000000000000000000000000000002";
/// Somebody else's.
pub const FOREIGN: &str = "AC00000000000000000000000000000003";

/// The numbers that a seed plays with. The last two have no SMS.
pub fn pool() -> Vec<PhoneNumber> {
    let local = (0..14).map(|at| format!("+1555223{at:04}"));
    let without_sms = (0..2).map(|at| format!("+44207946{at:04}"));
    local.chain(without_sms).map(|text| PhoneNumber::declared(&text).expect("a number")).collect()
}

const URLS: &[&str] = &[
    "https://a.example.com/answer",
    "https://b.example.com",
    "https://B.example.com:443/x y?z=1",
    "http://u:hunter2@c.example.com/hook",
];
const NAMES: &[&str] = &["Support", "Büro ☎", "line two", "x"];

/// A value for a field, as the file and the API write it; `None` clears.
fn value(tape: &mut Tape, field: Field) -> Option<String> {
    let hex =
        |tape: &mut Tape| "0123456789abcdef".chars().nth(tape.below(3)).unwrap_or('0').to_string().repeat(32);
    let text = match field {
        Field::FriendlyName => return Some((*tape.pick(NAMES)).to_owned()),
        Field::StatusCallback
        | Field::VoiceUrl
        | Field::VoiceFallbackUrl
        | Field::SmsUrl
        | Field::SmsFallbackUrl => {
            // White space is legal only where a server normalises; a file refuses it.
            tape.pick(URLS).replace(' ', "%20")
        }
        Field::StatusCallbackMethod
        | Field::VoiceMethod
        | Field::VoiceFallbackMethod
        | Field::SmsMethod
        | Field::SmsFallbackMethod => (*tape.pick(&["GET", "POST"])).to_owned(),
        Field::VoiceApplicationSid | Field::SmsApplicationSid => format!("AP{}", hex(tape)),
        Field::VoiceTrunkSid => format!("TK{}", hex(tape)),
        Field::VoiceEmergencyAddressSid
        | Field::AddressSid
        | Field::IdentitySid
        | Field::BundleSid
        | Field::SmsServiceSid => {
            return None;
        }
        Field::VoiceReceiveMode => "voice".to_owned(),
        Field::VoiceCallerIdLookup => (*tape.pick(&["true", "false"])).to_owned(),
    };
    (!tape.chance(120)).then_some(text)
}

/// Settings that do not contradict each other: `None` clears.
pub fn settings(tape: &mut Tape, has_sms: bool) -> Vec<(Field, Option<String>)> {
    let mut chosen: Vec<(Field, Option<String>)> = Vec::new();
    for field in Field::all() {
        if field == Field::VoiceEmergencyAddressSid
            || field.is_paper()
            // The simulated accounts have no Messaging Services.
            || field == Field::SmsServiceSid
            || (field.is_sms() && !has_sms)
            || !tape.chance(300)
        {
            continue;
        }
        chosen.push((field, value(tape, field)));
    }
    let get = |chosen: &[(Field, Option<String>)], field| {
        chosen.iter().find(|(f, _)| *f == field).map(|(_, v)| v.clone())
    };
    for (fallback, primary) in
        [(Field::VoiceFallbackUrl, Field::VoiceUrl), (Field::SmsFallbackUrl, Field::SmsUrl)]
    {
        match (get(&chosen, primary), get(&chosen, fallback)) {
            (Some(None), _) => {
                chosen.retain(|(field, _)| *field != fallback);
                chosen.push((fallback, None));
            }
            (None, Some(Some(_))) => chosen.push((primary, Some(URLS[0].to_owned()))),
            _ => {}
        }
    }
    if matches!(get(&chosen, Field::VoiceApplicationSid), Some(Some(_))) {
        chosen.retain(|(field, _)| *field != Field::VoiceTrunkSid);
    }
    chosen
}

/// One number of the file.
#[derive(Debug, Clone)]
pub struct Entry {
    pub number: PhoneNumber,
    pub in_sub: bool,
    pub released: bool,
    pub protect: bool,
    pub settings: Vec<(Field, Option<String>)>,
}

/// A file, before it is text.
#[derive(Debug, Clone)]
pub struct File {
    pub entries: Vec<Entry>,
    pub unlisted_release: bool,
    /// It ends with YAML's document end marker, so that a cut shows.
    pub marked: bool,
    /// Said in a comment, so that equal files are different generations.
    pub edition: usize,
    pub max_purchases: usize,
    pub max_releases: usize,
    /// `max_releases` is a percentage.
    pub is_share: bool,
    pub max_changes: usize,
}

fn has_sms(number: PhoneNumber) -> bool {
    number.to_string().starts_with("+1")
}

fn entry(tape: &mut Tape, number: PhoneNumber) -> Entry {
    let released = tape.chance(200);
    Entry {
        number,
        in_sub: tape.chance(400),
        released,
        protect: !released && tape.chance(200),
        settings: if released { Vec::new() } else { settings(tape, has_sms(number)) },
    }
}

impl File {
    pub fn draw(tape: &mut Tape, tight: bool) -> Self {
        let mut entries = Vec::new();
        for number in pool() {
            if tape.chance(550) {
                entries.push(entry(tape, number));
            }
        }
        let limit = |tape: &mut Tape| if tight { tape.below(5) } else { 100 };
        Self {
            unlisted_release: !entries.is_empty() && tape.chance(150),
            marked: tape.chance(500),
            edition: 0,
            entries,
            max_purchases: limit(tape),
            max_releases: limit(tape),
            max_changes: if tight { tape.between(2, 16) } else { 100 },
            is_share: false,
        }
        .with_a_share(tape, tight)
    }

    /// Some limits are a share of what is live, which no entry of the file makes larger.
    fn with_a_share(self, tape: &mut Tape, tight: bool) -> Self {
        if !tight || !tape.chance(400) {
            return self;
        }
        Self { max_releases: tape.between(5, 60), is_share: true, ..self }
    }

    /// What people do to files: change, add, remove, move, release.
    pub fn edit(&mut self, tape: &mut Tape) {
        // Some edits are undone later, others are another edition for good.
        self.edition = tape.below(3);
        for _ in 0..tape.between(1, 4) {
            let number = *tape.pick(&pool());
            match self.entries.iter().position(|known| known.number == number) {
                Some(at) if tape.chance(250) => {
                    self.entries.remove(at);
                }
                Some(at) => self.entries[at] = entry(tape, number),
                None => self.entries.push(entry(tape, number)),
            }
        }
        if self.entries.is_empty() {
            self.unlisted_release = false;
        }
    }

    /// Lifts what would keep the file from being reached.
    pub fn make_satisfiable(&mut self) {
        (self.max_purchases, self.max_releases, self.max_changes) = (1000, 1000, 1000);
        self.is_share = false;
        self.edition += 1000;
    }

    pub fn text(&self) -> String {
        let mut out = format!(
            "# edition {}\nversion: 1\naccounts:\n  main: {{sid: {MAIN}, credentials: {{env: TWILIO}}}}\n  sub: {{sid: {SUB}, parent: main, credentials: {{env: SUB}}}}\n\
             policy:\n  unlisted: {}\n  max_purchases: {}\n  max_releases: {}{}\n  max_changes: {}\ndefaults: {{account: main}}\nnumbers:\n",
            self.edition,
            if self.unlisted_release { "release" } else { "ignore" },
            self.max_purchases,
            self.max_releases,
            if self.is_share { "%" } else { "" },
            self.max_changes,
        );
        if self.entries.is_empty() {
            out.truncate(out.len() - 1);
            out.push_str(" []\n");
        }
        for entry in &self.entries {
            out.push_str(&format!("  - phone_number: {}\n", entry.number));
            if entry.in_sub {
                out.push_str("    account: sub\n");
            }
            if entry.released {
                out.push_str("    state: released\n");
            }
            if entry.protect {
                out.push_str("    protect: true\n");
            }
            for section in ["", "voice", "sms"] {
                let fields: Vec<_> = entry
                    .settings
                    .iter()
                    .filter_map(|(field, value)| {
                        let name = field.json_name();
                        match name.split_once('.') {
                            Some((group, rest)) if group == section => Some((rest, value)),
                            None if section.is_empty() => Some((name, value)),
                            _ => None,
                        }
                    })
                    .collect();
                if fields.is_empty() {
                    continue;
                }
                let indent = if section.is_empty() { "    " } else { "      " };
                if !section.is_empty() {
                    out.push_str(&format!("    {section}:\n"));
                }
                for (name, value) in fields {
                    let text = match (name, value) {
                        (_, None) => "null".to_owned(),
                        ("caller_id_lookup", Some(flag)) => flag.clone(),
                        (_, Some(text)) => format!("{text:?}"),
                    };
                    out.push_str(&format!("{indent}{name}: {text}\n"));
                }
            }
        }
        if self.unlisted_release || self.marked {
            out.push_str("...\n");
        }
        out
    }
}

/// Reads a text as numctl does; `None` where it refuses it.
pub fn parse(text: &str) -> Option<Desired> {
    let source = Source { name: "fleet.yaml".into(), text: text.to_owned(), format: Format::Yaml };
    Desired::parse(&[source]).ok().map(|parsed| parsed.desired)
}
