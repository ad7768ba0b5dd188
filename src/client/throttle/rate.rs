//! How many requests a second: fast growth until the first refusal, then a long plateau around the
//! limit that two refusals bracket, with a cubic probe at its end.
//!
//! A limit of R a second is a bucket that is empty when a 429 comes. Between two 429s it was emptied twice,
//! so what was taken in between amounts to R a second, whatever its size: the lower bracket. The upper one is
//! the rate that was refused. The next plateau lies half-way between the two, so each probe is a refusal or
//! two, once in 20 seconds or more.

use std::time::Duration;

/// These go out at once at the start, as TCP's first window does: a small plan waits for nothing.
const FIRST: u32 = 10;
/// The rate after those, before anything is known.
const START: f64 = 10.0;
/// What an answer adds at the start: half a request more in each round trip, so that the rate grows
/// by half in one.
const GROWTH: f64 = 0.5;
/// A round trip is not taken to be shorter.
const ROUND_TRIP_MIN: Duration = Duration::from_millis(100);
/// How long the rate stays level once the limit is known closely.
const PLATEAU: Duration = Duration::from_secs(20);
/// How long it stays level while the limit is not.
const PLATEAU_SHORT: Duration = Duration::from_secs(6);
/// The limit is known closely when its brackets are no further apart.
const CLOSE: f64 = 1.25;
/// After the plateau the rate has doubled in this, and is nine times as high in twice this.
const PROBE: f64 = 15.0;
/// The lower bracket is exact where the limit has some burst; so the plateau stays near it.
const ABOVE_LOWER: f64 = 1.04;
/// A refusal of what is sent slower than this is no word about the rate, unless many are refused:
/// a proxy that refuses one in ten at any rate must not bring the rate down to nothing.
const SLOW: f64 = 2.0;
/// What counts as many.
const MANY: f64 = 0.2;
/// No limit is taken to be lower.
const MIN: f64 = 0.2;
/// Timers are late by a millisecond or so; so much may be made up for.
const LATE: Duration = Duration::from_millis(10);
/// How much one answer tells about the share that is refused.
const SHARE_WEIGHT: f64 = 1.0 / 100.0;

/// The rate of one account.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    cap: f64,
    allowed: f64,
    phase: RatePhase,
    /// When the next request is due by the rate alone.
    next: Duration,
    /// Nothing goes before: a 429 said so.
    held_until: Duration,
    last_sent: Duration,
    /// The last request went as soon as the rate let it: the rate is what bounds us.
    is_binding: bool,
    /// The share of answers that are refusals, those with one cause as one, smoothed.
    refused: f64,
    epoch: Epoch,
}

#[derive(Debug, Clone)]
enum RatePhase {
    /// Nothing was refused yet.
    Start { free: u32 },
    /// The plateau's rate and length, and for how long the rate has bounded us since it began.
    Cruise { level: f64, plateau: Duration, busy: Duration },
}

/// Since the last refusal.
#[derive(Debug, Clone, Default)]
struct Epoch {
    began: Duration,
    accepted: u32,
    /// When there was less to send than was allowed.
    idle: Duration,
}

impl Rate {
    pub(super) fn new(cap: f64) -> Self {
        Self {
            cap,
            allowed: START.min(cap),
            phase: RatePhase::Start { free: if cap.is_finite() { 0 } else { FIRST } },
            next: Duration::ZERO,
            held_until: Duration::ZERO,
            last_sent: Duration::ZERO,
            is_binding: true,
            refused: 0.0,
            epoch: Epoch::default(),
        }
    }

    pub(super) fn allowed(&self) -> f64 {
        self.allowed
    }

    /// When the next request is due.
    pub(super) fn due(&self, now: Duration) -> Duration {
        match self.phase {
            RatePhase::Start { free } if free > 0 => now.max(self.held_until),
            RatePhase::Start { .. } | RatePhase::Cruise { .. } => self.next.max(self.held_until),
        }
    }

    /// The same for a request that is alone: whoever sends one after the other, and was never refused,
    /// is slowed down by the answers alone. (Waiting made the listing of 100,000 numbers a third slower.)
    pub(super) fn due_alone(&self, now: Duration) -> Duration {
        match self.phase {
            RatePhase::Start { .. } if self.cap.is_infinite() => now.max(self.held_until),
            RatePhase::Start { .. } | RatePhase::Cruise { .. } => self.due(now),
        }
    }

    pub(super) fn sent(&mut self, now: Duration) {
        if let RatePhase::Start { free } = &mut self.phase
            && *free > 0
        {
            *free -= 1;
            (self.next, self.last_sent) = (now, now);
            return;
        }
        let due = self.due(now);
        self.is_binding = now.saturating_sub(due) <= LATE;
        let gap = now.saturating_sub(self.last_sent.max(self.held_until));
        if !self.is_binding {
            self.epoch.idle += gap.saturating_sub(self.step());
        } else if let RatePhase::Cruise { level, plateau, busy } = &mut self.phase {
            *busy += gap;
            let over = busy.saturating_sub(*plateau).as_secs_f64() / PROBE;
            self.allowed = (*level * (1.0 + over.powi(3))).min(self.cap);
        }
        // One that was alone went before it was due: that is no debt.
        self.next = due.min(now).max(now.saturating_sub(LATE)) + self.step();
        self.last_sent = now;
    }

    fn step(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.allowed)
    }

    pub(super) fn accepted(&mut self, took: Duration) {
        self.epoch.accepted += 1;
        self.refused -= self.refused * SHARE_WEIGHT;
        if let RatePhase::Start { .. } = self.phase
            && self.is_binding
        {
            let more = GROWTH / took.max(ROUND_TRIP_MIN).as_secs_f64();
            self.allowed = (self.allowed + more).min(self.cap);
        }
    }

    /// Nothing goes before then.
    pub(super) fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// Lowers the rate, if the refusal is about it: it named a wait, or many are refused. Call it for one of
    /// the refusals that have one cause.
    pub(super) fn lower(&mut self, asked: bool, now: Duration) {
        self.refused += (1.0 - self.refused) * SHARE_WEIGHT;
        let many = self.refused >= MANY;
        if !asked && !many {
            return;
        }
        let epoch = std::mem::replace(&mut self.epoch, Epoch { began: now, ..Epoch::default() });
        let while_busy = now.saturating_sub(epoch.began + epoch.idle).as_secs_f64().max(1e-3);
        let upper = self.allowed;
        // What is left of one more is in the bucket.
        let taken = (f64::from(epoch.accepted + 1) / while_busy).min(upper);
        let mut plateau = PLATEAU_SHORT;
        let level = match self.phase {
            // It was not emptied before, so that this bracket is too high.
            RatePhase::Start { .. } => taken.min(upper / 2.0),
            RatePhase::Cruise { level, plateau: lasted, busy } => {
                let mut lower = taken;
                if busy > lasted {
                    // It was not refused at the plateau, so that the limit is no lower.
                    lower = lower.max(level);
                }
                if upper > level * CLOSE {
                    // A probe that went far was let go far.
                    lower = lower.max(upper / 2.0);
                }
                if upper <= lower * CLOSE {
                    plateau = PLATEAU;
                }
                f64::midpoint(lower, upper).min(lower * ABOVE_LOWER)
            }
        };
        let level = level.max(if many { MIN } else { SLOW.min(upper) });
        self.allowed = level.max(MIN).min(self.cap);
        self.phase = RatePhase::Cruise { level: self.allowed, plateau, busy: Duration::ZERO };
    }
}
