//! What happened between two states of the daemon that someone who looks at its Deployment wants to know.
//! Each is reported once: the same again within ten minutes is left out, and so is what comes too thick.

use std::collections::HashMap;
use std::time::Duration;

use crate::daemon::status::{Drift, Role, Status, Waiting};
use crate::model::action_kind::ActionKind;
use crate::report::shown::count;

/// The API takes 1024 bytes.
const MESSAGE_BYTES_MAX: usize = 1_000;
/// At most this many numbers are named.
const NUMBERS_MAX: usize = 5;
/// The same is not told again within this time.
const SAME: Duration = Duration::from_secs(600);
/// As many at once as client-go lets through,
const BURST: u32 = 25;
/// and then one in this time.
const REFILL: Duration = Duration::from_secs(60);

/// Whether someone should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OccasionSeverity {
    /// It went as it should.
    Normal,
    Warning,
}

impl OccasionSeverity {
    /// The word that Kubernetes has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Something that is worth a Kubernetes Event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Occasion {
    /// Whether someone should look.
    pub severity: OccasionSeverity,
    /// What, in one word for machines, in CamelCase.
    pub reason: &'static str,
    pub message: String,
}

impl Occasion {
    fn normal(reason: &'static str, message: String) -> Self {
        Self::new(OccasionSeverity::Normal, reason, message)
    }

    fn warning(reason: &'static str, message: String) -> Self {
        Self::new(OccasionSeverity::Warning, reason, message)
    }

    fn new(severity: OccasionSeverity, reason: &'static str, mut message: String) -> Self {
        let mut end = message.len().min(MESSAGE_BYTES_MAX);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        Self { severity, reason, message }
    }
}

/// What happened from one state to a later one.
#[must_use]
pub fn occasions(before: &Status, after: &Status) -> Vec<Occasion> {
    let mut found = Vec::new();
    let process = &after.process;
    match (before.role == Role::Writer, after.role == Role::Writer) {
        (false, true) => found.push(Occasion::normal("Leading", format!("{process} writes now"))),
        (true, false) => {
            let why = match &after.waits {
                Waiting::Another(who) | Waiting::Barred(_, who) => format!(": {who}"),
                Waiting::NotKnown => String::new(),
            };
            found.push(Occasion::normal("NotLeading", format!("{process} stopped writing{why}")));
        }
        (true, true) | (false, false) => {}
    }
    if let Waiting::Barred(_, why) = &after.waits
        && before.waits != after.waits
    {
        found.push(Occasion::warning("CannotWrite", why.to_string()));
    }
    let refused = |status: &Status| status.refused_files.as_ref().map(|(_, text)| text.clone());
    match (refused(before), refused(after)) {
        (then, Some(text)) if then.as_ref() != Some(&text) => {
            let message = format!("the last good files stay in force: {text}");
            found.push(Occasion::warning("FilesRefused", message));
        }
        (Some(_), None) => {
            found.push(Occasion::normal("FilesTaken", "the files on disk are in force again".to_owned()));
        }
        (_, _) => {}
    }
    if let Some(why) = after.blocked.as_ref().filter(|why| before.blocked.as_ref() != Some(why)) {
        found.push(Occasion::warning("ChangesBlocked", why.to_string()));
    }
    found.extend(writes(before, after));
    found
}

/// Purchases and releases, in one line each.
fn writes(before: &Status, after: &Status) -> Vec<Occasion> {
    let last = before.drifts.mended.front();
    let done: Vec<&Drift> = after.drifts.mended.iter().take_while(|drift| Some(*drift) != last).collect();
    let failed: Vec<&Drift> = after
        .drifts
        .now
        .iter()
        .filter(|drift| drift.ended.is_some() && !before.drifts.now.contains(drift))
        .collect();
    let named = |drifts: &[&Drift], kind: ActionKind| {
        let of_kind: Vec<_> = drifts.iter().filter(|drift| drift.kind == kind).collect();
        let mut names: Vec<String> =
            of_kind.iter().take(NUMBERS_MAX).map(|drift| drift.number.to_string()).collect();
        if let Some(more) = of_kind.len().checked_sub(NUMBERS_MAX).filter(|more| *more > 0) {
            names.push(format!("and {} more", count(more)));
        }
        let error = of_kind.first().and_then(|drift| drift.ended.as_ref()?.2.clone());
        (!names.is_empty()).then(|| (names.join(", "), error))
    };
    let mut found = Vec::new();
    for (kind, well, badly) in [
        (ActionKind::Purchase, "Purchased", "PurchaseFailed"),
        (ActionKind::Release, "Released", "ReleaseFailed"),
    ] {
        if let Some((names, _)) = named(&done, kind) {
            found.push(Occasion::normal(well, names));
        }
        if let Some((names, error)) = named(&failed, kind) {
            let why = error.map(|error| format!(": {error}")).unwrap_or_default();
            found.push(Occasion::warning(badly, format!("{names}{why}")));
        }
    }
    found
}

/// Lets through what is new, and not too much of it.
#[derive(Debug, Default)]
pub struct Sieve {
    told: HashMap<Occasion, Duration>,
    /// What is used of the burst, and when that was so.
    used: (u32, Duration),
}

impl Sieve {
    /// Whether this one is told at this time.
    pub fn passes(&mut self, occasion: &Occasion, now: Duration) -> bool {
        self.told.retain(|_, at| now.saturating_sub(*at) < SAME);
        if self.told.contains_key(occasion) {
            return false;
        }
        let (used, since) = self.used;
        let refilled =
            u32::try_from(now.saturating_sub(since).as_secs() / REFILL.as_secs()).unwrap_or(u32::MAX);
        let used = used.saturating_sub(refilled);
        if used >= BURST {
            return false;
        }
        self.used = (used + 1, if refilled > 0 || since.is_zero() { now } else { since });
        self.told.insert(occasion.clone(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_in_ten_minutes_and_a_flood_is_cut() {
        let at = |seconds: u64| Duration::from_secs(1_000 + seconds);
        let (mut sieve, one) = (Sieve::default(), Occasion::normal("Leading", "a".to_owned()));
        assert!(sieve.passes(&one, at(0)));
        assert!(!sieve.passes(&one, at(599)));
        assert!(sieve.passes(&one, at(600)));
        let other = |n: u32| Occasion::normal("Purchased", n.to_string());
        let passed = (0..100).filter(|n| sieve.passes(&other(*n), at(600))).count();
        assert!(passed < 25, "{passed}");
        assert!(!sieve.passes(&other(200), at(630)));
        assert!(sieve.passes(&other(201), at(661)));
    }

    #[test]
    fn what_changes_is_told_and_what_stays_is_not() {
        let reasons = |before: &Status, after: &Status| -> Vec<_> {
            occasions(before, after).into_iter().map(|occasion| occasion.reason).collect()
        };
        let before = Status::new(Duration::from_secs(1));
        let mut after = before.clone();
        after.role = Role::Writer;
        after.files_refused(&"x".repeat(3_000), Duration::from_secs(2));
        assert_eq!(reasons(&before, &after), ["Leading", "FilesRefused"]);
        assert!(occasions(&before, &after)[1].message.len() <= MESSAGE_BYTES_MAX);
        let before = after.clone();
        after.files_taken();
        after.blocked = Some("refused by a limit: 2 releases".into());
        assert_eq!(reasons(&before, &after), ["FilesTaken", "ChangesBlocked"]);
        let before = after.clone();
        assert!(occasions(&before, &after).is_empty());
        after.stands_by(Waiting::barred("lease_missing", "the lease a/b does not exist"));
        assert_eq!(reasons(&before, &after), ["NotLeading", "CannotWrite"]);
    }
}
