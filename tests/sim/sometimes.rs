//! Rare events that the simulation must have reached: a simulation that never gets there proves
//! nothing about it.

use std::collections::BTreeMap;
use std::sync::Mutex;

static REACHED: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// Events collected by one seed, handed in at its end.
#[derive(Debug, Default, Clone)]
pub struct Sometimes(BTreeMap<&'static str, u64>);

impl Sometimes {
    pub fn reached(&mut self, event: &'static str) {
        assert!(EVENTS.contains(&event), "{event} is not on the list");
        *self.0.entry(event).or_default() += 1;
    }

    pub fn hand_in(&self) {
        let mut all = REACHED.lock().expect("no seed panics while it holds this");
        for (event, count) in &self.0 {
            *all.entry(event).or_default() += count;
        }
    }
}

/// How often each event of the list was reached so far, by every seed of this process.
pub fn histogram() -> Vec<(&'static str, u64)> {
    let all = REACHED.lock().expect("no seed panics while it holds this");
    EVENTS.iter().map(|event| (*event, all.get(event).copied().unwrap_or_default())).collect()
}

/// The list. CI fails when one was never reached.
pub const EVENTS: &[&str] = &[
    // Faults that struck.
    "events told of a change",
    "events could not be read",
    "connect refused",
    "request lost",
    "response lost after the server acted",
    "request acted late",
    "late request acted after its pass was over",
    "delivered twice",
    "answered after the time-out",
    "slow body",
    "429 without Retry-After",
    "429 with Retry-After",
    "5xx before acting",
    "5xx after acting",
    "404 for what is there",
    "409",
    "HTML with 200",
    "malformed JSON",
    "body cut short",
    "page repeated",
    "page skipped",
    "page without its rows",
    "page link to another host",
    "page link to itself",
    "page reordered",
    "stale listing",
    "answered for the wrong account",
    "credentials revoked",
    "server normalised a URL",
    "purchase of an owned number refused",
    "purchase of an owned number updated it",
    "purchase of an owned number ignored",
    "transfer cleared URLs",
    "list without SIDs",
    // Other hands.
    "another actor bought a declared number",
    "another actor released a declared number",
    "another actor took away what was just bought",
    "another actor edited a managed field",
    "another actor moved a number",
    "fleet changed between two pages",
    "two writers at once",
    "lock files removed",
    // The process, the machine and the file.
    "crashed before a send",
    "crashed with a request that was lost",
    "crashed after the server acted",
    "crashed after the answer came",
    "daemon started again after a crash",
    "daemon drained and ended",
    "daemon did not start",
    "signal to stop",
    "clock jumped",
    "state directory not writable",
    "file cut short",
    "file emptied",
    "file missing",
    "file no longer YAML",
    "cut file taken",
    "file edited",
    "file rolled back",
    // What the engine made of it.
    "purchase in doubt was found bought",
    "purchase in doubt was not found",
    "purchase sent again after a look",
    "purchase ended unknown",
    "release ended unknown",
    "transfer ended unknown",
    "configure ended unknown",
    "purchase averted: already owned",
    "release averted: changed since it was listed",
    "release averted: already gone",
    "release held back: a replacement was missing",
    "release held: a replacement is held",
    "release in doubt was found done",
    "transfer in doubt was found done",
    "fields were not taken",
    "moved number was configured again",
    "listing refused",
    "plan refused by a limit",
    "plan refused by a limit over time",
    "number held: ambiguous",
    "number held: protected",
    "number held: bought in this generation and gone",
    "purchase held: an account was not listed",
    "account refused mid-run",
    "nothing written: the budget could not be kept",
    "a signal stopped a listing",
    "a signal left actions undone",
    "a second signal left a write in doubt",
    "lock lost before a write",
    "lock lost with a write in doubt",
    "written after a look at a few numbers",
    "saved plan applied",
    "saved plan refused: stale",
    "converged",
];
