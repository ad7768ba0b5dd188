//! The fields that runs of ours set, folded from the journal, and which of them are live and in no file any
//! more: to be told, and left as they are.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::record::SetRecord;
use super::{AccountsAtStart, FORMAT, Recorded, StepRecord};
use crate::desired::{AccountIndex, DeclaredState, Desired};
use crate::model::number::PhoneNumber;
use crate::model::quarantine::Parked;
use crate::model::settings::{Field, Value};
use crate::observed::Observed;
use crate::plan::{Plan, Warning};

/// Values that no field has any more are dropped once there are more of them than this, and than fields.
const UNUSED_MAX: usize = 64;

/// What runs of ours set, by world, number and field. Numbers mostly share their values: a million of them
/// are to cost little.
#[derive(Debug, Clone, Default)]
pub(super) struct SetFields {
    fields: BTreeMap<(u16, PhoneNumber, Field), Arc<Recorded>>,
    values: HashSet<Arc<Recorded>>,
}

/// What a step that is not over has replaced, to be put back if it turns out never to have been sent.
#[derive(Debug, Clone)]
pub(super) struct Replaced {
    pub(super) world: u16,
    pub(super) number: PhoneNumber,
    before: Box<[(Field, Option<Arc<Recorded>>)]>,
}

impl SetFields {
    /// Takes what a step is about to set. What it clears is nobody's, and what an undo sets is what others
    /// had there. Until its end is told it may be set: the live value decides.
    pub(super) fn step(&mut self, world: u16, step: &StepRecord, is_undo: bool) -> Replaced {
        let number = step.number;
        let before = step.after.iter().map(|(field, after)| {
            let after = after.as_ref().filter(|_| !is_undo).cloned();
            (*field, self.put((world, number, *field), after))
        });
        let before = before.collect();
        Replaced { world, number, before }
    }

    /// A step was never sent.
    pub(super) fn put_back(&mut self, replaced: &Replaced) {
        for (field, before) in &replaced.before {
            let key = (replaced.world, replaced.number, *field);
            match before {
                Some(before) => drop(self.fields.insert(key, before.clone())),
                None => drop(self.fields.remove(&key)),
            }
        }
    }

    /// Another number was bought in the place of a step's.
    pub(super) fn turn_to(&mut self, replaced: &Replaced, instead: PhoneNumber) {
        let key = |number, field| (replaced.world, number, field);
        for (field, _) in &replaced.before {
            if let Some(value) = self.fields.get(&key(replaced.number, *field)).cloned() {
                self.fields.insert(key(instead, *field), value);
            }
        }
        self.put_back(replaced);
    }

    /// A number is not ours any more.
    pub(super) fn forget(&mut self, world: u16, number: PhoneNumber) {
        let fields: Vec<_> = self.of_number(world, number).map(|(field, _)| field).collect();
        for field in fields {
            self.fields.remove(&(world, number, field));
        }
    }

    pub(super) fn take(&mut self, world: u16, record: &SetRecord) {
        for number in &record.numbers {
            self.put((world, *number, record.field), Some(record.value.clone()));
        }
    }

    fn put(&mut self, key: (u16, PhoneNumber, Field), value: Option<Recorded>) -> Option<Arc<Recorded>> {
        let Some(value) = value else { return self.fields.remove(&key) };
        if self.values.len() > self.fields.len() + UNUSED_MAX {
            self.values.retain(|value| Arc::strong_count(value) > 1);
        }
        let shared = match self.values.get(&value) {
            Some(shared) => shared.clone(),
            None => {
                let shared = Arc::new(value);
                self.values.insert(shared.clone());
                shared
            }
        };
        self.fields.insert(key, shared)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn of_number(&self, world: u16, number: PhoneNumber) -> impl Iterator<Item = (Field, &Recorded)> {
        let fields = self.fields.range((world, number, Field::FriendlyName)..);
        let own = fields.take_while(move |((at, of, _), _)| (*at, *of) == (world, number));
        own.map(|((_, _, field), value)| (*field, &**value))
    }

    /// All of it as records, those of a world with one value of one field together.
    pub(super) fn records(&self, worlds: &[AccountsAtStart], numbers_a_line: usize) -> Vec<SetRecord> {
        let mut groups: BTreeMap<(u16, Field, &Recorded), Vec<PhoneNumber>> = BTreeMap::new();
        for ((world, number, field), value) in &self.fields {
            groups.entry((*world, *field, value)).or_default().push(*number);
        }
        let mut records = Vec::new();
        for ((world, field, value), numbers) in groups {
            let Some(at) = worlds.get(usize::from(world)) else { continue };
            records.extend(numbers.chunks(numbers_a_line).map(|numbers| SetRecord {
                format: FORMAT,
                at: at.clone(),
                field,
                value: value.clone(),
                numbers: numbers.to_vec(),
            }));
        }
        records
    }

    /// Tells a plan of what is still live as a run of ours set it, and declared in no file any more. `desired`
    /// has the claims' numbers among its own. What is to be released, or waits for that, has its own words.
    pub(super) fn tell(
        &self,
        plan: &mut Plan,
        world_of: impl Fn(AccountIndex) -> Option<u16>,
        desired: &Desired,
        observed: &Observed,
    ) {
        let leaving: BTreeSet<PhoneNumber> =
            plan.steps.iter().filter(|step| step.gives_up()).map(|step| step.action.number()).collect();
        let mut warnings = Vec::new();
        for (number, found) in observed.numbers() {
            let Some(world) = world_of(found.account) else { continue };
            let mut set = self.of_number(world, number).peekable();
            if set.peek().is_none() || leaving.contains(&number) {
                continue;
            }
            let declared = desired.declared(number);
            if declared.is_some_and(|declared| declared.state == DeclaredState::Released) {
                continue;
            }
            let is_declared = |field| declared.is_some_and(|declared| declared.settings.get(field).is_some());
            let is_mark = |field, live: &Value| match live {
                Value::Text(name) if field == Field::FriendlyName => Parked::read(name, number).is_some(),
                _ => false,
            };
            let fields: Box<[Field]> = set
                .filter(|(field, _)| !is_declared(*field))
                .filter(|(field, ours)| {
                    found
                        .live
                        .get(*field)
                        .is_some_and(|live| ours.is(*field, &live) && !is_mark(*field, &live))
                })
                .map(|(field, _)| field)
                .collect();
            if !fields.is_empty() {
                warnings.push(Warning::LeftBehind { number, account: found.account, fields });
            }
        }
        plan.warnings.extend(warnings);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AccountRecord, EndedRecord, Record, RecordedAt, RecordedCommand, RunId, RunRecord};
    use super::*;
    use crate::execute::journal::KnownNumbers;
    use crate::model::action_kind::ActionKind;
    use crate::model::number::AccountSid;
    use crate::plan::outcome::OutcomeKind;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::declared(text).expect("a number")
    }

    /// A run that sets the voice URL of one number, and how that ended.
    fn run(
        name: &str,
        url: Option<&str>,
        undoes: Option<&str>,
        end: Option<(OutcomeKind, Option<&str>)>,
    ) -> Vec<Record> {
        let sid = AccountSid::observed(&format!("AC{:032}", 1)).expect("a SID");
        let account =
            AccountRecord { name: "main".to_owned(), sid, at: AccountsAtStart::named("here".to_owned()) };
        let id = |text: &str| RunId::parse(text).expect("an id");
        let begins = RunRecord {
            format: FORMAT,
            run: id(name),
            at: RecordedAt(1),
            command: RecordedCommand::Apply,
            numctl: String::new(),
            digest: String::new(),
            generation: None,
            undoes: undoes.map(id),
            by: None,
            accounts: vec![account],
            steps: 1,
        };
        let step = StepRecord {
            run: id(name),
            step: 0,
            action: ActionKind::Configure,
            number: number("+15552230000"),
            sid: None,
            account: sid,
            from: Some(sid),
            before: BTreeMap::new(),
            after: [(Field::VoiceUrl, url.map(|url| Recorded::Whole(url.to_owned())))].into(),
        };
        let ended = end.map(|(outcome, instead)| {
            let instead = instead.map(number);
            let (run, at, attempts, error) = (id(name), RecordedAt(2), 1, None);
            Record::Ended(EndedRecord { run, step: 0, at, outcome, attempts, instead, error })
        });
        [Record::Run(begins), Record::Step(step)].into_iter().chain(ended).collect()
    }

    fn told(known: &KnownNumbers, of: &str) -> Option<String> {
        let all: Vec<_> = known.records().collect();
        all.iter().find_map(|record| match record {
            Record::Set(set) if set.numbers.contains(&number(of)) => Some(set.value.text().to_owned()),
            _ => None,
        })
    }

    #[test]
    fn what_was_set_last_is_known_and_what_was_never_sent_is_not() {
        let first = run("aaaa", Some("https://a.example/"), None, Some((OutcomeKind::Succeeded, None)));
        for (url, undoes, end, after) in [
            (Some("https://b.example/"), None, Some(OutcomeKind::Succeeded), Some("https://b.example/")),
            (Some("https://b.example/"), None, Some(OutcomeKind::Skipped), Some("https://a.example/")),
            // Perhaps sent: the live value tells.
            (Some("https://b.example/"), None, Some(OutcomeKind::Unknown), Some("https://b.example/")),
            (Some("https://b.example/"), None, None, Some("https://b.example/")),
            (None, None, Some(OutcomeKind::Succeeded), None),
            (Some("https://theirs.example/"), Some("aaaa"), Some(OutcomeKind::Succeeded), None),
        ] {
            let second = run("bbbb", url, undoes, end.map(|end| (end, None)));
            let known = KnownNumbers::from_records(first.iter().chain(&second));
            assert_eq!(told(&known, "+15552230000").as_deref(), after, "{end:?} {url:?}");
            let again = KnownNumbers::from_records(&known.records().collect::<Vec<_>>());
            assert_eq!(told(&again, "+15552230000").as_deref(), after, "a new file begins with it");
        }
    }

    #[test]
    fn what_was_bought_instead_has_the_settings() {
        let records = run(
            "aaaa",
            Some("https://a.example/"),
            None,
            Some((OutcomeKind::Succeeded, Some("+15552230009"))),
        );
        let known = KnownNumbers::from_records(&records);
        assert_eq!(told(&known, "+15552230009").as_deref(), Some("https://a.example/"));
        assert_eq!(told(&known, "+15552230000"), None);
    }

    #[test]
    fn values_that_nobody_has_any_more_take_no_room() {
        let mut set = SetFields::default();
        for at in 0..1_000 {
            let key = (0, number("+15552230000"), Field::VoiceUrl);
            set.put(key, Some(Recorded::Whole(format!("https://a.example/{at}"))));
        }
        assert!(set.values.len() <= UNUSED_MAX + 2, "{}", set.values.len());
    }
}
