//! What a file names by its friendly name, as each account knows it.

use std::collections::BTreeMap;

use super::held::{HeldReason, Warning};
use crate::desired::{AccountIndex, Declared, DeclaredState, Desired};
use crate::model::number::PhoneNumber;
use crate::model::routing;
use crate::model::settings::{Field, Managed, Value, Want};
use crate::observed::Observed;

/// The files with SIDs in the place of names.
pub(super) struct Resolved {
    pub(super) desired: Desired,
    /// The numbers of which a name matches none, or several: nothing is done to them.
    pub(super) held: BTreeMap<PhoneNumber, HeldReason>,
    /// What is wrong with the names, each once an account.
    pub(super) warnings: Vec<Warning>,
}

fn names(settings: &Managed) -> bool {
    settings.iter().any(|(_, want)| matches!(want, Want::Set(Value::Named(_))))
}

/// Looks the names up that the declared numbers use, those of claims included; `None` where there are none.
pub(super) fn resolved(desired: &Desired, observed: &Observed) -> Option<Resolved> {
    let mut last: Option<&Managed> = None;
    let is_named = desired.numbers.iter().any(|Declared { settings, .. }| {
        let is_known = last.is_some_and(|last| last.is_same(settings));
        last = Some(settings);
        !is_known && names(settings)
    });
    if !is_named {
        return None;
    }
    let mut lookup = Lookup { observed, known: BTreeMap::new(), warnings: Vec::new() };
    let mut held = BTreeMap::new();
    let mut desired = desired.clone();
    for declared in &mut desired.numbers {
        let Declared { number, account, state, settings, .. } = declared;
        if *state != DeclaredState::Present {
            continue;
        }
        if let Some(field) = lookup.replace(*account, settings) {
            held.insert(*number, HeldReason::NameUnresolved { field });
        }
    }
    Some(Resolved { desired, held, warnings: lookup.warnings })
}

struct Lookup<'a> {
    observed: &'a Observed,
    /// What became of settings that many numbers share, by account.
    known: BTreeMap<(AccountIndex, Managed), (Managed, Option<Field>)>,
    warnings: Vec<Warning>,
}

impl Lookup<'_> {
    /// Puts SIDs in the place of names; the first field whose name matches none is left as it was.
    fn replace(&mut self, account: AccountIndex, settings: &mut Managed) -> Option<Field> {
        if !names(settings) {
            return None;
        }
        let key = (account, settings.clone());
        if let Some((replaced, unresolved)) = self.known.get(&key) {
            settings.clone_from(replaced);
            return *unresolved;
        }
        let mut unresolved = None;
        let around = self.observed.around(account);
        let replaced: Managed = settings
            .iter()
            .map(|(field, want)| {
                let Want::Set(Value::Named(name)) = want else { return (field, want.clone()) };
                match routing::resolve(field, name, around) {
                    Ok(value) => (field, Want::Set(value)),
                    Err(why) => {
                        unresolved = unresolved.or(Some(field));
                        let name = name.clone();
                        self.warnings.push(Warning::NameUnresolved { account, field, name, why });
                        (field, want.clone())
                    }
                }
            })
            .collect();
        settings.clone_from(&replaced);
        self.known.insert(key, (replaced, unresolved));
        unresolved
    }
}
