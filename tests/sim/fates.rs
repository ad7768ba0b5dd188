//! What may happen to a request, and how often in a seed: each seed enables some of it (swarm).

use crate::tape::Tape;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    ConnectRefused,
    RequestLost,
    ResponseLost,
    ActsLate,
    Duplicate,
    SlowAnswer,
    Throttled,
    ThrottledFor,
    ErrorBefore,
    ErrorAfter,
    Html,
    MalformedJson,
    CutBody,
    PageRepeated,
    PageSkipped,
    ForeignLink,
    LoopLink,
    Reordered,
    Stale,
    WrongAccount,
    Revoke,
    SlowBody,
    NotFound,
    Conflict,
    NoItems,
}

impl Fate {
    const ALL: [Self; 25] = [
        Self::ConnectRefused,
        Self::RequestLost,
        Self::ResponseLost,
        Self::ActsLate,
        Self::Duplicate,
        Self::SlowAnswer,
        Self::Throttled,
        Self::ThrottledFor,
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::Html,
        Self::MalformedJson,
        Self::CutBody,
        Self::PageRepeated,
        Self::PageSkipped,
        Self::ForeignLink,
        Self::LoopLink,
        Self::Reordered,
        Self::Stale,
        Self::WrongAccount,
        Self::Revoke,
        Self::SlowBody,
        Self::NotFound,
        Self::Conflict,
        Self::NoItems,
    ];

    /// Whether it can happen to this kind of request.
    fn strikes(self, is_list: bool) -> bool {
        match self {
            Self::PageRepeated
            | Self::PageSkipped
            | Self::ForeignLink
            | Self::LoopLink
            | Self::Reordered
            | Self::Stale
            | Self::WrongAccount
            | Self::NoItems => is_list,
            _ => true,
        }
    }
}

/// The fates that a seed enables, each with its permille, and the hands besides ours.
#[derive(Debug, Clone, Default)]
pub struct Fates {
    rates: Vec<(Fate, usize)>,
    /// How often another actor does something, per request.
    pub actor: usize,
    pub crashes: bool,
    /// A second `apply` or daemon without a lock.
    pub two_writers: bool,
    pub edits: bool,
    /// Saves that are cut short, files that are missing or no YAML.
    pub bad_files: bool,
    pub clock_jumps: bool,
    /// The state directory cannot be written for a while.
    pub full_disk: bool,
    /// SIGTERM, and a second one.
    pub signals: bool,
    /// A lock's file is removed.
    pub lock_thief: bool,
    /// A saved plan is applied after a while.
    pub saved_plans: bool,
    /// The file's limits are tight, and what is bought is taken away again.
    pub tight: bool,
}

impl Fates {
    pub fn draw(tape: &mut Tape) -> Self {
        let mut rates = Vec::new();
        for fate in Fate::ALL {
            if tape.chance(300) {
                let most = match fate {
                    // These end a listing, or a run: at higher rates nothing else would be reached.
                    Fate::Html | Fate::MalformedJson | Fate::Revoke => 25,
                    Fate::PageRepeated | Fate::PageSkipped | Fate::ForeignLink | Fate::LoopLink => 60,
                    Fate::WrongAccount | Fate::NoItems | Fate::NotFound => 60,
                    _ => 150,
                };
                rates.push((fate, tape.between(5, most)));
            }
        }
        let tight = tape.chance(200);
        let full_disk = tape.chance(if tight { 300 } else { 80 });
        Self {
            rates,
            actor: if tape.chance(if tight { 700 } else { 400 }) { tape.between(5, 80) } else { 0 },
            crashes: tape.chance(500),
            two_writers: tape.chance(150),
            edits: tape.chance(600),
            bad_files: tape.chance(300),
            clock_jumps: tape.chance(150),
            full_disk,
            signals: tape.chance(250),
            lock_thief: tape.chance(if full_disk { 700 } else { 300 }),
            saved_plans: tape.chance(250),
            tight,
        }
    }

    /// Whether a seed has a fate at all.
    pub fn has(&self, fate: Fate) -> bool {
        self.rates.iter().any(|(enabled, _)| *enabled == fate)
    }

    /// What happens to the next request.
    pub fn next(&self, tape: &mut Tape, is_list: bool) -> Option<Fate> {
        let mut struck = None;
        for (fate, permille) in &self.rates {
            // Every fate draws, so that a rate does not shift what the others draw.
            if tape.chance(*permille) && fate.strikes(is_list) && struck.is_none() {
                struck = Some(*fate);
            }
        }
        struck
    }
}
