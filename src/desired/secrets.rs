//! Fills in the secrets that webhooks name, and says where one that cannot be filled in is named.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::Desired;
use super::finding::{Finding, Findings, Location};
use crate::model::named_secret::{Provide, SecretId, SecretProblem, SecretUrl};
use crate::model::settings::{Managed, Value, Want};

impl Desired {
    /// The secrets that what is declared names.
    #[must_use]
    pub fn secret_ids(&self) -> BTreeSet<SecretId> {
        let mut seen = BTreeSet::new();
        let mut ids = BTreeSet::new();
        if self.secrets.is_empty() {
            return ids;
        }
        for settings in self.all_settings() {
            if seen.insert(settings.address()) {
                ids.extend(secret_urls(settings).flat_map(SecretUrl::secrets));
            }
        }
        ids
    }

    /// Gives every webhook that names secrets their values, as they are now; those of before are forgotten.
    ///
    /// # Errors
    /// Every URL whose secrets are not provided or may not go there, at its first place in the files. Nothing
    /// is filled in then.
    pub fn fill_secrets(&mut self, provide: &Provide<'_>) -> Result<(), Findings> {
        if self.secrets.is_empty() {
            return Ok(());
        }
        let mut filled: HashMap<Arc<str>, SecretUrl> = HashMap::new();
        let mut problems: BTreeMap<Arc<str>, SecretProblem> = BTreeMap::new();
        // Numbers of one profile share their settings, before and after.
        let mut by_address: HashMap<usize, Managed> = HashMap::new();
        for settings in self.all_settings() {
            if by_address.contains_key(&settings.address()) {
                continue;
            }
            for url in secret_urls(settings) {
                if filled.contains_key(url.written()) || problems.contains_key(url.written()) {
                    continue;
                }
                match url.fill(provide) {
                    Ok(full) => drop(filled.insert(url.written().clone(), full)),
                    Err(problem) => drop(problems.insert(url.written().clone(), problem)),
                }
            }
            by_address.insert(settings.address(), with(settings, &filled));
        }
        let findings = problems.iter().map(|(written, problem)| self.finding(written, problem));
        if let Some(errors) = Findings::new(findings.collect(), 0) {
            return Err(errors);
        }
        let settings = self.numbers.iter_mut().map(|declared| &mut declared.settings);
        for settings in settings.chain(self.claims.iter_mut().map(|claim| &mut claim.settings)) {
            if let Some(full) = by_address.get(&settings.address()) {
                *settings = full.clone();
            }
        }
        Ok(())
    }

    fn all_settings(&self) -> impl Iterator<Item = &Managed> {
        let numbers = self.numbers.iter().map(|declared| &declared.settings);
        numbers.chain(self.claims.iter().map(|claim| &claim.settings))
    }

    fn finding(&self, written: &str, problem: &SecretProblem) -> Finding {
        let finding = Finding::error(problem.to_string(), Some(problem.help()));
        match self.secrets.iter().find(|named| *named.url == *written) {
            Some(named) => finding.at(Location::at(named)),
            None => finding,
        }
    }
}

fn secret_urls(settings: &Managed) -> impl Iterator<Item = &SecretUrl> {
    settings.iter().filter_map(|(_, want)| match want {
        Want::Set(Value::SecretUrl(url)) => Some(url),
        Want::Set(_) | Want::Clear => None,
    })
}

fn with(settings: &Managed, filled: &HashMap<Arc<str>, SecretUrl>) -> Managed {
    let names_any = secret_urls(settings).next().is_some();
    if !names_any {
        return settings.clone();
    }
    let full = settings.iter().map(|(field, want)| match want {
        Want::Set(Value::SecretUrl(url)) => {
            let full = filled.get(url.written()).unwrap_or(url).clone();
            (field, Want::Set(Value::SecretUrl(full)))
        }
        other => (field, other.clone()),
    });
    full.collect()
}
