//! The sandbox's model: accounts, and who owns which number. Pure: no clock, no chance, no I/O.
//!
//! A million numbers cost about a hundred megabytes: what the numbers of a range have in common is
//! in the catalogue, and equal configurations are shared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::number::PhoneNumber;

use super::audit::{AuditLog, AuditedSettings, Property, differences};
use super::catalogue;
use super::config::{Config, ConfigSlot, sid_value};
use super::emergency::Emergency;
use super::event::SandboxEvent;
use super::faults::mix;
use super::filters::SandboxFilters;
use super::owned::Owned;
use super::resources::Resources;

/// The main account of the default world.
pub const MAIN_SID: &str = "AC00000000000000000000000000000001";
/// The subaccount of the default world's main account.
pub const SUBACCOUNT_SID: &str = "AC00000000000000000000000000000002";
/// The auth token of every account. It opens nothing but a sandbox.
pub const AUTH_TOKEN: &str = "sandboxtoken00000000000000000000";
/// The first live number of the default world.
const FIRST_NUMBER: u64 = 15_552_230_000;
/// How many live numbers the default world can have.
pub const MOST_NUMBERS: usize = 7_770_000;

/// Whether an account is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum SandboxStatus {
    #[default]
    Active,
    /// Refused with 403 and 20005.
    Suspended,
    Closed,
}

/// An account of the sandbox, with its keys and numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SandboxAccount {
    /// Of a subaccount, the account above it.
    #[serde(default)]
    pub parent: Option<String>,
    /// Active, suspended or closed.
    #[serde(default)]
    pub status: SandboxStatus,
    /// Trial accounts cannot buy (21404).
    #[serde(default)]
    pub trial: bool,
    /// Its name; without one it goes by its SID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<String>,
    /// The secret that goes with the SID.
    pub auth_token: String,
    /// API keys (`SK…`) and their secrets.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// Its numbers, in order. Kept in a vector so that page N starts at once.
    #[serde(skip)]
    numbers: Vec<PhoneNumber>,
}

/// Everything that the sandbox knows.
#[derive(Debug, Clone, Default)]
pub struct World {
    accounts: BTreeMap<Arc<str>, SandboxAccount>,
    numbers: BTreeMap<PhoneNumber, Owned>,
    by_sid: BTreeMap<u128, PhoneNumber>,
    configs: BTreeSet<Arc<Config>>,
    /// Calls and messages, in the order in which they were put in.
    pub(crate) traffic: Vec<SandboxEvent>,
    pub(crate) resources: Resources,
    /// Unused configurations are dropped when there are this many.
    configs_limit: usize,
    /// What was changed, by whom.
    pub(crate) audit: AuditLog,
    /// Counts the SIDs handed out.
    pub(crate) minted: u64,
    /// What time it is, in seconds since the epoch, for those who serve it in real time; 0 is no time.
    pub(crate) now: u32,
}

impl World {
    /// The default world: [`MAIN_SID`] with its subaccount [`SUBACCOUNT_SID`], both with
    /// [`AUTH_TOKEN`], and `numbers` live numbers in the main account: +15552230000,
    /// +15552230001, … All are US local numbers with voice, SMS and MMS, as fresh as after a
    /// purchase: a friendly name such as `(555) 223-0000`, and Twilio's demo URLs.
    #[must_use]
    pub fn demo(numbers: usize) -> Self {
        let mut world = Self::default();
        world.ensure_account(MAIN_SID, None);
        world.ensure_account(SUBACCOUNT_SID, Some(MAIN_SID));
        let main: Arc<str> = MAIN_SID.into();
        for at in 0..numbers.min(MOST_NUMBERS) as u64 {
            if let Some(number) = catalogue::number(FIRST_NUMBER + at) {
                world.add(number, &main, None, Config::fresh(true), None);
            }
        }
        world
    }

    /// Says what time it is, in seconds since the epoch.
    #[cfg(feature = "testing")]
    pub fn set_now(&mut self, now: u32) {
        self.now = now;
    }

    /// Makes sure that an account exists, active and with [`AUTH_TOKEN`]; the account above it as
    /// well. An account that exists is left as it is.
    pub fn ensure_account(&mut self, sid: &str, parent: Option<&str>) {
        if let Some(parent) = parent.filter(|parent| !self.accounts.contains_key(*parent)) {
            self.ensure_account(parent, None);
        }
        if !self.accounts.contains_key(sid) {
            let account = SandboxAccount {
                parent: parent.map(str::to_owned),
                status: SandboxStatus::Active,
                trial: false,
                friendly_name: None,
                auth_token: AUTH_TOKEN.to_owned(),
                keys: BTreeMap::new(),
                numbers: Vec::new(),
            };
            self.accounts.insert(sid.into(), account);
        }
    }

    /// Opens a subaccount: its SID and its token are the same in every run.
    pub(crate) fn create_subaccount(&mut self, parent: &str, friendly_name: Option<String>) -> Arc<str> {
        let sid = loop {
            self.minted += 1;
            let sid: Arc<str> = format!("AC{:032x}", spread(self.minted)).into();
            if !self.accounts.contains_key(&sid) {
                break sid;
            }
        };
        let account = SandboxAccount {
            parent: Some(parent.to_owned()),
            status: SandboxStatus::Active,
            trial: self.account(parent).is_some_and(|parent| parent.trial),
            friendly_name,
            auth_token: format!("{:032x}", spread(self.minted ^ (u64::MAX / 3))),
            keys: BTreeMap::new(),
            numbers: Vec::new(),
        };
        self.accounts.insert(sid.clone(), account);
        sid
    }

    /// The account of a SID, whatever its status.
    #[must_use]
    pub fn account(&self, sid: &str) -> Option<&SandboxAccount> {
        self.accounts.get(sid)
    }

    /// An account, to change what tests and rehearsals need changed: its status, trial flag, keys.
    pub fn account_mut(&mut self, sid: &str) -> Option<&mut SandboxAccount> {
        self.accounts.get_mut(sid)
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = (&str, &SandboxAccount)> {
        self.accounts.iter().map(|(sid, account)| (sid.as_ref(), account))
    }

    pub(crate) fn insert_account(&mut self, sid: &str, account: SandboxAccount) {
        self.accounts.insert(sid.into(), SandboxAccount { numbers: Vec::new(), ..account });
    }

    /// Whom credentials stand for: an account's SID with its token, or one of its API keys.
    pub(crate) fn authenticate(&self, user: &str, secret: &str) -> Option<(Arc<str>, &SandboxAccount)> {
        if let Some((sid, account)) = self.accounts.get_key_value(user) {
            return (account.auth_token == secret).then(|| (sid.clone(), account));
        }
        self.accounts
            .iter()
            .find(|(_, account)| account.keys.get(user).is_some_and(|known| known == secret))
            .map(|(sid, account)| (sid.clone(), account))
    }

    /// An account and its SID.
    pub(crate) fn account_entry(&self, sid: &str) -> Option<(Arc<str>, &SandboxAccount)> {
        self.accounts.get_key_value(sid).map(|(sid, account)| (sid.clone(), account))
    }

    /// An account's numbers, in order.
    pub(crate) fn numbers_of(&self, account: &str) -> &[PhoneNumber] {
        self.accounts.get(account).map_or(&[], |account| &account.numbers)
    }

    /// How many numbers are owned, by all accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether no one owns a number.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Gives an account a number as if it had just bought it; the number may be outside every
    /// range available. The account is made if there is none. Does nothing when the number is
    /// owned already.
    #[cfg(feature = "testing")]
    pub fn give(&mut self, number: PhoneNumber, account: &str) {
        self.ensure_account(account, None);
        let has_sms = catalogue::kind_of(number).has_sms;
        if let Some((sid, _)) = self.accounts.get_key_value(account) {
            let sid = sid.clone();
            self.add(number, &sid, None, Config::fresh(has_sms), None);
        }
    }

    /// Who owns a number: the account's SID, and the number's own.
    #[must_use]
    pub fn owner(&self, number: PhoneNumber) -> Option<(&str, String)> {
        self.numbers.get(&number).map(|owned| (&*owned.account, owned.sid()))
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = (PhoneNumber, &Owned)> {
        self.numbers.iter().map(|(number, owned)| (*number, owned))
    }

    /// A number that someone owns.
    pub(crate) fn owned(&self, number: PhoneNumber) -> Option<&Owned> {
        self.numbers.get(&number)
    }

    /// The number of a SID.
    pub(crate) fn find(&self, sid: &str) -> Option<(PhoneNumber, &Owned)> {
        let number = *self.by_sid.get(&sid_value(sid)?)?;
        Some((number, self.numbers.get(&number)?))
    }

    /// Rows `page * size ..` of an account's numbers that pass the filters, and whether there are
    /// more.
    pub(crate) fn list(
        &self,
        account: &str,
        filters: &SandboxFilters,
        page: usize,
        size: usize,
    ) -> (Vec<PhoneNumber>, bool) {
        let all = self.numbers_of(account);
        let skip = page.saturating_mul(size);
        if filters.is_empty() {
            let rest = all.get(skip..).unwrap_or_default();
            return (rest.iter().take(size).copied().collect(), rest.len() > size);
        }
        let one;
        let candidates = match filters.exact() {
            Some(exact) => {
                one = PhoneNumber::observed(exact)
                    .filter(|number| all.binary_search(number).is_ok())
                    .map(|number| [number]);
                one.as_ref().map_or(&[][..], |one| one)
            }
            None => all,
        };
        let mut rows: Vec<_> = candidates
            .iter()
            .copied()
            .filter(|number| filters.pass(*number))
            .skip(skip)
            .take(size.saturating_add(1))
            .collect();
        let more = rows.len() > size;
        rows.truncate(size);
        (rows, more)
    }

    /// The first number from `at` on that no one owns.
    pub(crate) fn free_from(&self, at: u64) -> u64 {
        let Some(first) = catalogue::number(at) else { return at };
        let mut owned = self.numbers.range(first..).map(|(number, _)| *number);
        let Some(mut last) = owned.next().filter(|number| *number == first) else { return at };
        let mut free = at + 1;
        for number in owned {
            if !number.follows(last) {
                break;
            }
            last = number;
            free += 1;
        }
        free
    }

    /// A page of the available numbers that pass the filters, and whether there are more.
    pub(crate) fn search(
        &self,
        filters: &SandboxFilters,
        page: usize,
        size: usize,
    ) -> (Vec<PhoneNumber>, bool) {
        let mut skip = page.saturating_mul(size) as u64;
        let wanted = size.saturating_add(1);
        let mut rows = Vec::new();
        for range in catalogue::ranges().iter().filter(|range| filters.pass_kind(&range.kind)) {
            let Some((first, last, all_pass)) = narrowed(filters, range.first, range.last) else { continue };
            let (Some(from), Some(to)) = (catalogue::number(first), catalogue::number(last)) else {
                continue;
            };
            let taken = self.numbers.range(from..=to).filter_map(|(number, _)| catalogue::digits(*number));
            let mut next = first;
            // The available numbers are the gaps between the owned ones.
            for stop in taken.chain([last + 1]) {
                if all_pass {
                    // Whole gaps are skipped by arithmetic: a late page is as fast as the first.
                    let jump = skip.min(stop - next);
                    skip -= jump;
                    next += jump;
                }
                while next < stop && rows.len() < wanted {
                    if let Some(number) = catalogue::number(next)
                        && (all_pass || filters.pass_number(number))
                    {
                        if skip == 0 { rows.push(number) } else { skip -= 1 }
                    }
                    next += 1;
                }
                if rows.len() == wanted {
                    rows.truncate(size);
                    return (rows, true);
                }
                next = stop + 1;
            }
        }
        (rows, false)
    }

    /// Gives a number to an account. The caller has made sure that no one owns it.
    pub(crate) fn add(
        &mut self,
        number: PhoneNumber,
        account: &Arc<str>,
        friendly_name: Option<Arc<str>>,
        config: Config,
        sid: Option<u128>,
    ) {
        if self.numbers.contains_key(&number) {
            return;
        }
        let sid = sid.unwrap_or_else(|| self.mint());
        let emergency = Emergency::from_address(config.get(ConfigSlot::VoiceEmergencyAddressSid));
        let config = self.shared(config);
        let account = match self.accounts.get_key_value(account) {
            Some((sid, _)) => sid.clone(),
            None => account.clone(),
        };
        self.list_insert(&account, number);
        self.by_sid.insert(sid, number);
        let since = self.now;
        let owned = Owned { sid, account, friendly_name, config, emergency, since };
        if self.audit.actor.is_some() {
            let none = Config::default();
            let before = AuditedSettings { name: None, config: &none };
            let mut properties = differences(before, owned.audited());
            let updated = Some(number.to_string().into());
            properties.insert("phone_number".to_owned(), Property { previous: None, updated });
            self.audit.log(since, &owned.account, "phone-number.created", &owned.sid(), properties);
        }
        self.numbers.insert(number, owned);
    }

    /// Changes the settings of an owned number.
    pub(crate) fn configure(&mut self, number: PhoneNumber, name: Option<Arc<str>>, config: Config) {
        let config = self.shared(config);
        if let Some(owned) = self.numbers.get_mut(&number) {
            if self.audit.actor.is_some() {
                let after = AuditedSettings { name: name.as_ref(), config: config.as_ref() };
                let properties = differences(owned.audited(), after);
                if !properties.is_empty() {
                    let (event, sid) = ("phone-number.updated", owned.sid());
                    self.audit.log(self.now, &owned.account, event, &sid, properties);
                }
            }
            owned.friendly_name = name;
            owned.config = config;
        }
    }

    /// Says how far a number's emergency address is.
    pub(crate) fn set_emergency(&mut self, number: PhoneNumber, emergency: Emergency) {
        if let Some(owned) = self.numbers.get_mut(&number) {
            owned.emergency = emergency;
        }
    }

    /// Moves an owned number to another account. It keeps its SID.
    pub(crate) fn transfer(&mut self, number: PhoneNumber, target: &str, clear_urls: bool) {
        let Some((target, _)) = self.accounts.get_key_value(target) else { return };
        let target = target.clone();
        let Some(owned) = self.numbers.get(&number) else { return };
        if owned.account == target {
            return;
        }
        let (source, config) = (owned.account.clone(), owned.config.transferred(clear_urls));
        if self.audit.actor.is_some() {
            let before = owned.audited();
            let mut properties = differences(before, AuditedSettings { config: &config, ..before });
            let moved = Property { previous: Some(source.clone()), updated: Some(target.clone()) };
            properties.insert("account_sid".to_owned(), moved);
            let sid = owned.sid();
            for account in [&source, &target] {
                self.audit.log(self.now, account, "phone-number.updated", &sid, properties.clone());
            }
        }
        let config = self.shared(config);
        if let Some(owned) = self.numbers.get_mut(&number) {
            owned.account = target.clone();
            owned.config = config;
            owned.emergency = Emergency::Unregistered;
        }
        self.resources.forget(number);
        self.list_remove(&source, number);
        self.list_insert(&target, number);
    }

    /// Takes a number from its owner. If it is in a range, it is available again.
    pub(crate) fn release(&mut self, number: PhoneNumber) {
        if let Some(owned) = self.numbers.remove(&number) {
            self.by_sid.remove(&owned.sid);
            self.resources.forget(number);
            self.list_remove(&owned.account, number);
            if self.audit.actor.is_some() {
                let gone = Property { previous: Some(number.to_string().into()), updated: None };
                let properties = BTreeMap::from([("phone_number".to_owned(), gone)]);
                let sid = owned.sid();
                self.audit.log(self.now, &owned.account, "phone-number.deleted", &sid, properties);
            }
        }
    }

    /// Takes all numbers from an account, as closing it does.
    pub(crate) fn release_all(&mut self, account: &str) {
        for number in self.numbers_of(account).to_vec().into_iter().rev() {
            self.release(number);
        }
    }

    fn list_insert(&mut self, account: &str, number: PhoneNumber) {
        if let Some(account) = self.accounts.get_mut(account)
            && let Err(at) = account.numbers.binary_search(&number)
        {
            account.numbers.insert(at, number);
        }
    }

    fn list_remove(&mut self, account: &str, number: PhoneNumber) {
        if let Some(account) = self.accounts.get_mut(account)
            && let Ok(at) = account.numbers.binary_search(&number)
        {
            account.numbers.remove(at);
        }
    }

    /// The next SID: hexadecimal digits without a pattern, the same in every run.
    fn mint(&mut self) -> u128 {
        loop {
            self.minted += 1;
            let sid = spread(self.minted);
            if !self.by_sid.contains_key(&sid) {
                return sid;
            }
        }
    }

    fn shared(&mut self, config: Config) -> Arc<Config> {
        if let Some(known) = self.configs.get(&config) {
            return known.clone();
        }
        if self.configs.len() >= self.configs_limit.max(1024) {
            self.configs.retain(|config| Arc::strong_count(config) > 1);
            self.configs_limit = self.configs.len() * 2;
        }
        let config = Arc::new(config);
        self.configs.insert(config.clone());
        config
    }
}

/// A count as 128 bits without a pattern.
pub(super) fn spread(count: u64) -> u128 {
    u128::from(mix(count)) << 64 | u128::from(mix(!count))
}

/// The part of a range that a `PhoneNumber` filter leaves, and whether all of it passes.
fn narrowed(filters: &SandboxFilters, first: u64, last: u64) -> Option<(u64, u64, bool)> {
    let Some(pattern) = filters.phone_number() else { return Some((first, last, true)) };
    let Some((head, tail)) = pattern.split_once('*') else {
        let exact = pattern.strip_prefix('+')?.parse().ok()?;
        return (first..=last).contains(&exact).then_some((exact, exact, true));
    };
    let Some(head) = head.strip_prefix('+').filter(|head| !head.is_empty()) else {
        return Some((first, last, false));
    };
    let missing = first.to_string().len().checked_sub(head.len())?;
    let size = 10_u64.checked_pow(u32::try_from(missing).ok()?)?;
    let from = head.parse::<u64>().ok()?.checked_mul(size)?;
    let (low, high) = (from.max(first), (from + size - 1).min(last));
    (low <= high).then_some((low, high, tail.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::observed(text).expect(text)
    }

    fn filters(pairs: &[(&str, &str)]) -> SandboxFilters {
        let pairs = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        SandboxFilters::new(&pairs.collect::<Vec<_>>())
    }

    #[test]
    fn pages_hold_every_number_once() {
        let world = World::demo(103);
        for size in [1, 7, 50, 1000] {
            let (mut seen, mut page) = (Vec::new(), 0);
            loop {
                let (rows, more) = world.list(MAIN_SID, &SandboxFilters::default(), page, size);
                seen.extend(rows);
                page += 1;
                if !more {
                    break;
                }
            }
            assert_eq!(seen, world.numbers().map(|(number, _)| number).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_search_offers_what_nobody_owns() {
        let mut world = World::demo(4);
        let offered =
            |world: &World, pattern: &str| world.search(&filters(&[("PhoneNumber", pattern)]), 0, 5);
        assert_eq!(offered(&world, "+15552230003"), (vec![], false));
        assert_eq!(offered(&world, "+1555223000*").0.first(), Some(&number("+15552230004")));
        assert_eq!(offered(&world, "+14155551234"), (vec![number("+14155551234")], false));
        assert_eq!(offered(&world, "+44*555000"), (vec![], false));
        world.release(number("+15552230003"));
        assert_eq!(offered(&world, "+15552230003"), (vec![number("+15552230003")], false));
    }

    #[test]
    fn late_search_pages_go_on_where_the_last_one_ended() {
        let mut world = World::demo(4);
        world.give(number("+15552230007"), MAIN_SID);
        let all = filters(&[("Geography.Region", "NY")]);
        let long = world.search(&all, 0, 60_000).0;
        let short: Vec<_> = (0..6).flat_map(|page| world.search(&all, page, 10_000).0).collect();
        assert_eq!(long, short);
    }

    #[test]
    fn equal_configurations_are_shared() {
        let world = World::demo(5000);
        assert_eq!(world.configs.len(), 1);
    }

    #[test]
    fn sids_are_the_same_in_every_run_and_survive_a_transfer() {
        let (mut world, again) = (World::demo(3), World::demo(3));
        let sid = world.owned(number("+15552230001")).map(Owned::sid).expect("owned");
        assert_eq!(again.owned(number("+15552230001")).map(Owned::sid), Some(sid.clone()));
        world.transfer(number("+15552230001"), SUBACCOUNT_SID, false);
        assert_eq!(world.find(&sid).map(|(_, owned)| owned.account.to_string()), Some(SUBACCOUNT_SID.into()));
        assert_eq!(world.list(SUBACCOUNT_SID, &SandboxFilters::default(), 0, 50).0, [number("+15552230001")]);
        assert_eq!(world.list(MAIN_SID, &SandboxFilters::default(), 0, 50).0.len(), 2);
    }
}
