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
}

impl Fate {
    const ALL: [Self; 21] = [
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
            | Self::WrongAccount => is_list,
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
    pub two_writers: bool,
    pub edits: bool,
    pub cuts: bool,
    pub clock_jumps: bool,
}

impl Fates {
    pub fn draw(tape: &mut Tape) -> Self {
        let mut rates = Vec::new();
        for fate in Fate::ALL {
            if tape.chance(350) {
                let most = match fate {
                    // These end a listing, or a run: at higher rates nothing else would be reached.
                    Fate::Html | Fate::MalformedJson | Fate::CutBody | Fate::Revoke => 25,
                    Fate::PageRepeated | Fate::PageSkipped | Fate::ForeignLink | Fate::LoopLink => 60,
                    Fate::WrongAccount => 60,
                    _ => 150,
                };
                rates.push((fate, tape.between(5, most)));
            }
        }
        Self {
            rates,
            actor: if tape.chance(400) { tape.between(5, 80) } else { 0 },
            crashes: tape.chance(500),
            two_writers: tape.chance(200),
            edits: tape.chance(600),
            cuts: tape.chance(300),
            clock_jumps: tape.chance(200),
        }
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
