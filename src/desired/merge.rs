//! The files together: defaults < profile < number, field by field, and the rules that only the
//! whole can break.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::accounts::{self, Accounts};
use super::claims::{self, Spot};
use super::excerpt::{message, quoted};
use super::issue::{At, Issue, Issues};
use super::labels::{Labels, Tags};
use super::layers;
use super::place::{Path, PathStep};
use super::quarantine;
use super::raw::{self, RawClaim, RawEntry as NumberEntry, RawFile, Section};
use super::source::{Format, Source};
use super::suggest;
use super::tags;
use super::whole::{check_complete, claims_of, numbers_of};
use super::{AccountIndex, Claim, Declared, DeclaredState, Desired, Place, Unlisted};
use crate::model::claim::ClaimName;
use crate::model::number::{NumberError, PhoneNumber};
use crate::model::provider::Api;
use crate::model::settings::{Field, Managed, Parameter, Want};

/// `defaults:` or a profile, checked.
struct Layer {
    name: Box<str>,
    file: usize,
    path: Path,
    settings: Managed,
    account: Option<AccountIndex>,
    protect: Option<bool>,
    tags: Tags,
    used: bool,
}

struct Merger<'a> {
    issues: &'a mut Issues,
    accounts: Accounts,
    defaults: Option<Layer>,
    profiles: Vec<Layer>,
    /// defaults + profile, by profile: what numbers without settings of their own share.
    bases: HashMap<Option<usize>, Managed>,
    /// What numbers without tags of their own share, by profile.
    labels: HashMap<Option<usize>, Option<Arc<Labels>>>,
    /// Contradictions within such a base, which are reported once and not per number.
    told: HashSet<(Option<usize>, Field)>,
    /// Bases that were checked for a number without settings of its own, by API.
    checked: HashSet<(Option<usize>, Api)>,
    /// What a number is that says no more than its profile and its account, by where these names stand in
    /// memory: equal names of a file are one text. There may be a million such numbers.
    plain: HashMap<[Option<*const u8>; 2], Declared, RandomState>,
}

/// The fleet; `None` only where an issue says why.
pub(super) fn merge(
    sources: &[&Source],
    files: &[(usize, RawFile)],
    operators_api: Api,
    issues: &mut Issues,
) -> Option<Desired> {
    for (file, raw) in files {
        if raw.version.is_none() {
            issues.push(
                Issue::error(At::File(*file), "`version` is missing")
                    .help("start the file with `version: 1`"),
            );
        }
    }
    let (mut policy, standstill, policy_file) = accounts::policy(files, issues);
    let accounts = accounts::accounts(files, operators_api, issues);
    policy.quarantine = quarantine::quarantine(files, policy_file, &accounts, issues);
    if policy.unlisted == Unlisted::Release {
        check_complete(sources, files, policy_file, issues);
    }
    let mut merger = Merger {
        issues,
        accounts,
        defaults: None,
        profiles: Vec::new(),
        bases: HashMap::new(),
        labels: HashMap::new(),
        told: HashSet::new(),
        checked: HashSet::new(),
        plain: HashMap::default(),
    };
    merger.read_defaults(files);
    merger.read_profiles(files);
    let numbers = merger.numbers(sources, files);
    let claims = merger.claims(files);
    if numbers.is_empty() && claims.is_empty() {
        merger.issues.no_number(files.iter().any(|(_, file)| matches!(file.numbers, Section::Is(_))));
    } else {
        merger.check_unused();
    }
    let accounts = merger.accounts.list;
    if issues.any_errors() {
        return None;
    }
    Some(Desired {
        accounts,
        policy,
        standstill,
        numbers,
        claims,
        files: sources.iter().map(|s| s.name.clone()).collect(),
        secrets: Vec::new(),
    })
}

impl Merger<'_> {
    fn layer(&mut self, file: usize, path: Path, name: &str, raw: &raw::RawLayer) -> Layer {
        let settings = layers::managed(
            self.issues,
            file,
            || path.clone(),
            &raw.said(),
            self.accounts.any_on(Api::ActiveNumbers),
        );
        let account = raw.account.text().and_then(|name| {
            let at = || At::Path { file, path: layers::below(&path, "account"), key: false };
            self.accounts.find(self.issues, name, at)
        });
        let tags = tags::tags(self.issues, file, || path.clone(), &raw.tags);
        Layer { name: name.into(), file, path, settings, account, protect: raw.protect.0, tags, used: false }
    }

    fn read_defaults(&mut self, files: &[(usize, RawFile)]) {
        for (file, raw) in files {
            let file = *file;
            let at = At::key(file, ["defaults".into()]);
            let Some(raw) = raw.defaults.filled(self.issues, "defaults", || at.clone()) else { continue };
            if let Some(first) = &self.defaults {
                self.issues.push(
                    Issue::error(at, "`defaults:` appears in two files")
                        .also(At::key(first.file, ["defaults".into()]), "first here")
                        .help("keep one of them; put what only some numbers share into a profile"),
                );
                continue;
            }
            self.defaults = Some(self.layer(file, vec!["defaults".into()], "defaults", raw));
        }
    }

    fn read_profiles(&mut self, files: &[(usize, RawFile)]) {
        let mut raw = Vec::new();
        for (file, of) in files {
            let profiles =
                of.profiles.filled(self.issues, "profiles", || At::key(*file, ["profiles".into()]));
            raw.extend(profiles.into_iter().flat_map(|map| &map.0).map(|(name, layer)| (name, *file, layer)));
        }
        raw.sort_by_key(|(name, file, _)| (*name, *file));
        for (name, file, layer) in raw {
            let path: Path = vec!["profiles".into(), (&**name).into()];
            let at = At::Path { file, path: path.clone(), key: true };
            if let Some(first) = self.profiles.last().filter(|last| last.name == *name) {
                self.issues.push(
                    Issue::error(at, format!("the profile {} is declared twice", quoted(name)))
                        .also(At::Path { file: first.file, path, key: true }, "first here")
                        .help("keep one of them"),
                );
                continue;
            }
            accounts::check_name(self.issues, name, "a profile", at.clone());
            let empty = raw::RawLayer::default();
            let layer = layer.filled(self.issues, name, || at).unwrap_or(&empty);
            let layer = self.layer(file, path, name, layer);
            self.profiles.push(layer);
        }
    }

    fn numbers(&mut self, sources: &[&Source], files: &[(usize, RawFile)]) -> Vec<Declared> {
        let total = files.iter().map(|(_, file)| numbers_of(file).len()).sum();
        let mut numbers: Vec<Declared> = Vec::with_capacity(total);
        for (file, raw) in files {
            for (entry, number) in numbers_of(raw).iter().enumerate() {
                numbers.extend(self.entry(*file, entry, number));
            }
            self.check_cut(*file, sources[*file], numbers_of(raw));
        }
        numbers.sort_by_key(|declared| (declared.number, declared.place.file, declared.place.entry));
        numbers.dedup_by(|second, first| {
            let twice = second.number == first.number;
            if twice {
                let at = |place: Place| {
                    let entry = PathStep::Index(place.entry as usize);
                    At::value(place.file as usize, ["numbers".into(), entry, "phone_number".into()])
                };
                self.issues.push(
                    Issue::error(at(second.place), format!("{} is declared twice", second.number))
                        .also(at(first.place), "first here")
                        .help("keep one of them"),
                );
            }
            twice
        });
        numbers
    }

    /// A number that is the last thing in its file may be another one cut short: to buy that cannot
    /// be taken back, nor can its release.
    fn check_cut(&mut self, file: usize, source: &Source, numbers: &[NumberEntry]) {
        let Some(last) = numbers.last() else { return };
        let digits = last.digits().unwrap_or_default();
        if source.format == Format::Yaml && !digits.is_empty() && source.body().ends_with(&*digits) {
            let at = At::value(
                file,
                ["numbers".into(), PathStep::Index(numbers.len() - 1), "phone_number".into()],
            );
            self.issues.push(
                Issue::error(at, "the file ends right after a phone number: was it cut short?")
                    .help("end the line with a line break, or put the number in quotes"),
            );
        }
    }

    /// One entry of `numbers:`.
    fn entry(&mut self, file: usize, entry: usize, number: &NumberEntry) -> Option<Declared> {
        let names = match number {
            NumberEntry::Plain { number, profile, account, friendly_name: None } => {
                let names = [profile, account].map(|name| name.as_deref().map(str::as_ptr));
                if let Some(like) = self.plain.get(&names) {
                    let place = Place::new(file, entry)?;
                    return Some(Declared { number: *number, place, ..like.clone() });
                }
                Some(names)
            }
            NumberEntry::Plain { .. } | NumberEntry::Full(_) => None,
        };
        let phone_number = number.phone_number();
        let declared = number.with(|raw| self.number(file, entry, phone_number, raw))?;
        // What is wrong with one of them is said of each.
        if let Some(names) = names
            && !self.issues.any_errors()
        {
            self.plain.insert(names, declared.clone());
        }
        Some(declared)
    }

    fn number(
        &mut self,
        file: usize,
        entry: usize,
        phone_number: Option<Result<PhoneNumber, NumberError>>,
        raw: &raw::RawNumber,
    ) -> Option<Declared> {
        let path = || -> Path { vec!["numbers".into(), PathStep::Index(entry)] };
        let at = |field: &str| At::Path { file, path: layers::below(&path(), field), key: false };
        let number = match phone_number {
            None => {
                let at = At::Path { file, path: path(), key: false };
                self.issues.push(Issue::error(at, "this entry has no `phone_number`").help(
                    "add `phone_number: \"+15552230000\"`, or indent the line to belong to the entry above",
                ));
                None
            }
            Some(Ok(number)) => Some(number),
            Some(Err(error)) => {
                self.issues.push(Issue::error(at("phone_number"), message(&error.to_string())));
                None
            }
        };
        let profile = raw.profile.text().and_then(|name| self.profile(name, || at("profile")));
        let account = match raw.account.text() {
            Some(name) => self.accounts.find(self.issues, name, || at("account")),
            None => self.inherited_account(profile, || at("phone_number"), raw.profile.text().is_some()),
        };
        let own =
            layers::managed(self.issues, file, path, &raw.said(), self.accounts.any_on(Api::ActiveNumbers));
        let state = match raw.state.text() {
            None | Some("present") => DeclaredState::Present,
            Some("released") => DeclaredState::Released,
            Some(text) => {
                self.issues.push(
                    Issue::error(at("state"), format!("{} is not a valid `state`", quoted(text)))
                        .help(suggest::choices(text, ["present", "released"].into_iter())),
                );
                DeclaredState::Present
            }
        };
        let protect =
            raw.protect.0.or_else(|| self.inherited_protect(profile).map(|by| by.0)).unwrap_or(false);
        let settings = match state {
            DeclaredState::Present => {
                let merged = self.merged(profile, &own);
                let api = account.map_or_else(Api::default, |account| self.accounts.api(account));
                self.check_merged(file, path, profile, api, &own, &merged);
                merged
            }
            DeclaredState::Released => {
                self.check_tombstone(file, entry, raw, profile, protect, !own.is_empty());
                Managed::default()
            }
        };
        let place = Place::new(file, entry)?;
        let tags = tags::tags(self.issues, file, path, &raw.tags);
        let labels = self.labels(profile, tags);
        let hold = super::standstill::hold(self.issues, file, path, &raw.hold).map(Box::new);
        let on_vanished = accounts::on_vanished(self.issues, at("on_vanished"), &raw.on_vanished);
        Some(Declared {
            number: number?,
            account: account?,
            state,
            protect,
            on_vanished,
            hold,
            settings,
            labels,
            place,
        })
    }

    fn claims(&mut self, files: &[(usize, RawFile)]) -> Vec<Claim> {
        let mut all: Vec<Claim> = Vec::new();
        let mut named: HashMap<ClaimName, Spot> = HashMap::new();
        for (file, raw) in files {
            if matches!(&raw.claims, Section::Null) {
                let at = At::key(*file, ["claims".into()]);
                self.issues
                    .push(Issue::error(at, "`claims:` names no claim").help("name one, or remove the line"));
            }
            for (entry, raw) in claims_of(raw).iter().enumerate() {
                let spot = Spot { file: *file, entry };
                let claim = self.claim(spot, raw);
                let first = claim.as_ref().and_then(|claim| match named.entry(claim.name.clone()) {
                    Entry::Occupied(first) => Some(*first.get()),
                    Entry::Vacant(free) => {
                        free.insert(spot);
                        None
                    }
                });
                if let Some(first) = first {
                    let message = format!(
                        "the claim {} is declared twice",
                        quoted(raw.name.text().unwrap_or_default())
                    );
                    self.issues.push(
                        Issue::error(spot.at("name"), message)
                            .also(first.at("name"), "first here")
                            .help("keep one of them: numctl finds a claim's numbers by its name"),
                    );
                    continue;
                }
                all.extend(claim);
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn claim(&mut self, spot: Spot, raw: &RawClaim) -> Option<Claim> {
        let name = claims::name(self.issues, spot, raw);
        let count = claims::count(self.issues, spot, raw);
        let need = claims::need(self.issues, spot, raw);
        let profile = raw.profile.text().and_then(|name| self.profile(name, || spot.at("profile")));
        let account = match raw.account.text() {
            Some(name) => self.accounts.find(self.issues, name, || spot.at("account")),
            None => self.inherited_account(profile, || spot.at("name"), raw.profile.text().is_some()),
        };
        let protect =
            raw.protect.0.or_else(|| self.inherited_protect(profile).map(|by| by.0)).unwrap_or(false);
        let incoming = self.accounts.any_on(Api::ActiveNumbers);
        let own = layers::managed(self.issues, spot.file, || spot.path(), &raw.said(), incoming);
        let merged = self.merged(profile, &own);
        let api = account.map_or_else(Api::default, |account| self.accounts.api(account));
        self.check_merged(spot.file, || spot.path(), profile, api, &own, &merged);
        let label = match merged.get(Field::FriendlyName) {
            Some(Want::Set(value)) => Some(value.wire().into_boxed_str()),
            Some(Want::Clear) | None => None,
        };
        let (name, count) = (name?, count?);
        if let Some(label) = &label {
            let field = if raw.friendly_name.0.is_some() { "friendly_name" } else { "name" };
            claims::check_label(self.issues, || spot.at(field), &name, label);
        }
        let settings = merged.filtered(|field| field != Field::FriendlyName);
        let place = Place::new(spot.file, spot.entry)?;
        let tags = tags::tags(self.issues, spot.file, || spot.path(), &raw.tags);
        let labels = Labels { claim: Some(name.clone()), ..self.merged_labels(profile, tags) }.into();
        Some(Claim { name, count, need: need?, account: account?, protect, label, settings, labels, place })
    }

    fn profile(&mut self, name: &str, at: impl FnOnce() -> At) -> Option<usize> {
        if let Ok(index) = self.profiles.binary_search_by(|profile| (*profile.name).cmp(name)) {
            self.profiles[index].used = true;
            return Some(index);
        }
        let issue = Issue::error(at(), format!("there is no profile {}", quoted(name)));
        let names = self.profiles.iter().map(|profile| &*profile.name);
        self.issues.push_with(issue, |issues| {
            Some(match self.profiles.len() {
                0 => "the file declares no `profiles:`".to_owned(),
                total => issues.choices(name, names, total),
            })
        });
        None
    }

    fn inherited_account(
        &mut self,
        profile: Option<usize>,
        at: impl FnOnce() -> At,
        names_profile: bool,
    ) -> Option<AccountIndex> {
        let of_profile = profile.and_then(|index| self.profiles[index].account);
        let of_defaults = self.defaults.as_ref().and_then(|defaults| defaults.account);
        let only = (self.accounts.list.len() == 1).then_some(AccountIndex(0));
        let found = of_profile.or(of_defaults).or(only);
        // An unknown profile was reported, and might have named the account.
        if found.is_none() && (profile.is_some() || !names_profile) {
            self.issues.push(Issue::error(at(), "the number has no account").help(format!(
                "add `account:` to it, to its profile or to `defaults:`; there are: {}",
                super::suggest::list(self.accounts.names(), self.accounts.list.len())
            )));
        }
        found
    }

    /// `protect` as the profile or the defaults have it, and where.
    fn inherited_protect(&self, profile: Option<usize>) -> Option<(bool, At)> {
        let of = |layer: &Layer| {
            let at = At::Path { file: layer.file, path: layers::below(&layer.path, "protect"), key: false };
            Some((layer.protect?, at))
        };
        profile.and_then(|index| of(&self.profiles[index])).or_else(|| of(self.defaults.as_ref()?))
    }

    /// What a number is known by. Those without tags of their own share it: there may be a million.
    fn labels(&mut self, profile: Option<usize>, own: Tags) -> Option<Arc<Labels>> {
        let is_shared = own.is_empty();
        if let Some(shared) = self.labels.get(&profile).filter(|_| is_shared) {
            return shared.clone();
        }
        let labels = self.merged_labels(profile, own);
        let labels = (!labels.is_empty()).then(|| Arc::new(labels));
        if is_shared {
            self.labels.insert(profile, labels.clone());
        }
        labels
    }

    fn merged_labels(&self, profile: Option<usize>, own: Tags) -> Labels {
        let layer = profile.map(|index| &self.profiles[index]);
        let layers = [self.defaults.as_ref(), layer].map(|layer| layer.map(|layer| &layer.tags));
        Labels::merged(layer.map(|layer| &*layer.name), layers, own)
    }

    fn merged(&mut self, profile: Option<usize>, own: &Managed) -> Managed {
        let base = self.bases.entry(profile).or_insert_with(|| {
            let defaults = self.defaults.as_ref().map(|layer| layer.settings.clone()).unwrap_or_default();
            match profile {
                Some(index) => defaults.overlaid(&self.profiles[index].settings),
                None => defaults,
            }
        });
        base.overlaid(own)
    }

    fn check_tombstone(
        &mut self,
        file: usize,
        entry: usize,
        raw: &raw::RawNumber,
        profile: Option<usize>,
        protect: bool,
        has_settings: bool,
    ) {
        let at = |field: &str| At::value(file, ["numbers".into(), PathStep::Index(entry), field.into()]);
        if protect {
            let issue = Issue::error(at("state"), "the number is marked for release and is also protected");
            let (by, help) = match self.inherited_protect(profile) {
                Some((_, by)) if raw.protect.0.is_none() => {
                    (by, "to release it, add `protect: false` to the number; to keep it, remove `state`")
                }
                _ => (at("protect"), "to release it, remove `protect`; to keep it, remove `state`"),
            };
            self.issues.push(issue.also(by, "protected here").help(help));
        }
        if has_settings {
            self.issues.repeat(
                file,
                "settings have no effect on a number with `state: released`",
                "remove them",
                || at("state"),
            );
        }
    }

    /// The rules on settings that hold after the merge.
    fn check_merged(
        &mut self,
        file: usize,
        entry: impl Fn() -> Path,
        profile: Option<usize>,
        api: Api,
        own: &Managed,
        merged: &Managed,
    ) {
        if own.is_empty() && !self.checked.insert((profile, api)) {
            return;
        }
        let place = |merger: &Self, field: Field| -> (At, String) {
            let mut layer = entry();
            let mut of = file;
            let mut name = "the number itself".to_owned();
            if own.get(field).is_none() {
                let profile = profile.map(|index| &merger.profiles[index]);
                let has = |layer: &&Layer| layer.settings.get(field).is_some();
                if let Some(found) = profile.filter(has).or(merger.defaults.as_ref().filter(has)) {
                    layer.clone_from(&found.path);
                    of = found.file;
                    name = match found.path.len() {
                        1 => "`defaults`".to_owned(),
                        _ => format!("the profile {}", quoted(&found.name)),
                    };
                }
            }
            (At::Path { file: of, path: layers::below(&layer, field.json_name()), key: false }, name)
        };
        // What only the base says is reported once, at the base.
        let first_time = |merger: &mut Self, one: Field, other: Field| {
            let only_base = own.get(one).is_none() && own.get(other).is_none();
            !only_base || merger.told.insert((profile, one))
        };
        for field in merged.iter().map(|(field, _)| field).filter(|f| f.parameter(api) == Parameter::None) {
            if first_time(self, field, field) {
                let (at, _) = place(self, field);
                self.issues.push(Issue::error(at, format!("{} cannot set `{field}`", api.name())).help(
                    format!(
                        "{} can: write `api: {}` on the account, or pass --api {1}; or remove `{field}`",
                        api.other().name(),
                        api.other(),
                    ),
                ));
            }
        }
        let is_set = |field: Field| matches!(merged.get(field), Some(Want::Set(_)));
        let (application, trunk) = (Field::VoiceApplicationSid, Field::VoiceTrunkSid);
        if is_set(application) && is_set(trunk) && first_time(self, application, trunk) {
            let (at, by) = place(self, application);
            let (other_at, other_by) = place(self, trunk);
            self.issues.push(
                Issue::error(at, format!("`{application}` and `{trunk}` cannot both be set"))
                    .also(other_at, format!("`{trunk}` is set here, by {other_by}"))
                    .help(format!(
                        "`{application}` is set by {by}; remove one of them, or clear one on the number with null"
                    )),
            );
        }
        for (fallback, url, code) in
            [(Field::VoiceFallbackUrl, Field::VoiceUrl, 21405), (Field::SmsFallbackUrl, Field::SmsUrl, 21406)]
        {
            let cleared = matches!(merged.get(url), Some(Want::Clear));
            if is_set(fallback) && cleared && first_time(self, fallback, url) {
                let (at, _) = place(self, fallback);
                let (url_at, url_by) = place(self, url);
                self.issues.push(
                    Issue::error(at, format!("`{fallback}` is set, and `{url}` is cleared"))
                        .also(url_at, format!("`{url}` is cleared here, by {url_by}"))
                        .help(format!(
                            "a fallback URL needs a primary URL (Twilio's error {code}): set `{url}`, or clear `{fallback}` as well"
                        )),
                );
            }
        }
        let inert = [
            (trunk, [Field::VoiceUrl, Field::VoiceFallbackUrl].as_slice()),
            (application, &[Field::VoiceUrl, Field::VoiceFallbackUrl]),
            (Field::SmsApplicationSid, &[Field::SmsUrl, Field::SmsFallbackUrl]),
        ];
        for (over, urls) in inert {
            for url in urls.iter().copied().filter(|url| is_set(over) && is_set(*url)) {
                if first_time(self, url, over) {
                    let (at, _) = place(self, url);
                    self.issues.repeat_note(
                        file,
                        &format!("`{url}` has no effect beside `{over}`"),
                        "it takes effect only when the other is cleared; remove it if you do not want that",
                        || at,
                    );
                }
            }
        }
    }

    fn check_unused(&mut self) {
        for profile in self.profiles.iter().filter(|profile| !profile.used) {
            let at = At::Path { file: profile.file, path: profile.path.clone(), key: true };
            let issue = Issue::warning(at, format!("no number uses the profile {}", quoted(&profile.name)));
            self.issues.push(issue.help("use it with `profile:` on a number, or remove it"));
        }
    }
}
