//! Law 10 among hosts, over a model: candidates with clocks of their own, a server that compares
//! resourceVersions, a network that delays and loses, and processes that stand still. Whatever
//! happens, no two may write at one instant; and each rule that makes it so is missed when it is
//! gone.

mod scenarios;

use std::collections::BinaryHeap;
use std::time::Duration;

use numctl::client::lease::{
    Ask, Elector, ElectorNext, LeaseAnswer, LeaseNote, LeaseRecord, Moment, SeenLease, Timing,
};

const LEASE: Duration = Duration::from_secs(15);
/// Simulated time of a run.
const LENGTH: u64 = 400_000_000;
/// Between two attempts of a candidate to write.
const WRITE_EVERY: u64 = 700_000;

/// A rule left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// The server takes an update whatever its resourceVersion.
    NoVersion,
    /// Another's lease is judged by its renewTime and our own wall clock.
    Clocks,
    /// A write takes as long as it likes.
    NoEndOfWrites,
    /// Having led once is enough.
    AsksOnce,
    /// A note that was sent counts as one that is there.
    NotedUnseen,
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.throw() % end.max(1)
    }

    fn share(&mut self) -> f64 {
        self.throw() as f64 / u64::MAX as f64
    }
}

/// What happens, in microseconds of the one true time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Wakes(usize),
    /// The question with that number has come to the server, or its answer to the candidate.
    Arrives(usize, usize),
    Returns(usize, usize),
    GivesUp(usize, usize),
    Writes(usize),
    StandsStill(usize),
    /// The machine as a whole, and its steady clock too.
    Suspends(usize),
    Jumps(usize),
    Resigns(usize),
}

struct Candidate {
    elector: Elector,
    /// The steady clock's rate, and how far the wall clock is off.
    rate: f64,
    wall_off: u64,
    /// What the steady clock has missed.
    suspended: u64,
    still_until: u64,
    asking: Option<usize>,
    answers: Vec<(usize, LeaseAnswer)>,
    wakes: u64,
    was_leading: Option<u64>,
    resigned_until: u64,
    /// The note that it wants to leave, and in which term.
    noting: Option<(u64, u64)>,
}

impl Candidate {
    fn moment(&self, now: u64) -> Moment {
        let steady = ((now - self.suspended.min(now)) as f64 * self.rate) as u64;
        // The wall clock continues while the machine sleeps.
        let wall = (now as f64 * self.rate) as u64 + self.wall_off;
        Moment { steady: Duration::from_micros(steady), wall: Duration::from_micros(wall) }
    }
}

#[derive(Default)]
struct Server {
    lease: Option<(LeaseRecord, u64, serde_json::Value)>,
    versions: u64,
}

impl Server {
    fn seen(&self) -> Option<SeenLease> {
        let (record, version, object) = self.lease.clone()?;
        Some(SeenLease { record, version: version.to_string(), object })
    }

    fn handle(&mut self, ask: &Ask, bug: Bug) -> LeaseAnswer {
        let write = |server: &mut Self, record: &LeaseRecord, object: serde_json::Value| {
            server.versions += 1;
            server.lease = Some((record.clone(), server.versions, object));
            LeaseAnswer::Written(server.seen().expect("written"))
        };
        match (ask, self.seen()) {
            (Ask::Read, Some(seen)) => LeaseAnswer::Found(seen),
            (Ask::Read, None) => LeaseAnswer::Missing,
            (Ask::Create(record), None) => write(self, record, serde_json::Value::Null),
            (Ask::Update(before, record), Some(seen))
                if before.version == seen.version || bug == Bug::NoVersion =>
            {
                write(self, record, before.object.clone())
            }
            (Ask::Create(_) | Ask::Update(..), _) => LeaseAnswer::Conflict,
        }
    }
}

#[derive(Debug, Default)]
struct Outcome {
    /// Two that wrote at one instant: when, and who.
    overlap: Option<(u64, usize, usize)>,
    /// A purchase that was noted before it was sent, and that one who leads later does not know of.
    forgotten: Option<u64>,
    /// Purchases.
    noted: u64,
    writes: usize,
    leaders: usize,
    /// From the end of one's last write to the next one's first.
    longest_gap: u64,
}

struct World {
    dice: Dice,
    bug: Bug,
    server: Server,
    candidates: Vec<Candidate>,
    events: BinaryHeap<std::cmp::Reverse<(u64, Happening)>>,
    asks: Vec<Ask>,
    /// Each write: from when until when it may act, and whose.
    writes: Vec<(u64, u64, usize)>,
    /// Each note reports one more purchase than the one that it was made from: this one.
    notes: Vec<u64>,
    /// The note of the last purchase that was sent.
    bought: u64,
    noted: u64,
    forgotten: Option<u64>,
    loss: u64,
    slow: u64,
}

impl World {
    fn new(seed: u64, bug: Bug) -> Self {
        let mut dice = Dice(seed);
        let many = 2 + dice.below(2) as usize;
        let timing = Timing::from_duration(LEASE).expect("good");
        let candidates = (0..many)
            .map(|at| {
                let mut elector = Elector::new(format!("candidate-{at}"), timing);
                elector.campaign();
                Candidate {
                    elector,
                    // Two may be nearly a tenth apart.
                    rate: 0.957 + 0.086 * dice.share(),
                    // Up to two minutes.
                    wall_off: 1_000_000_000 + dice.below(120_000_000),
                    suspended: 0,
                    still_until: 0,
                    asking: None,
                    answers: Vec::new(),
                    wakes: 0,
                    was_leading: None,
                    resigned_until: 0,
                    noting: None,
                }
            })
            .collect();
        let (loss, slow) = (dice.below(40), dice.below(8_000_000));
        let mut world = Self {
            dice,
            bug,
            server: Server::default(),
            candidates,
            events: BinaryHeap::new(),
            asks: Vec::new(),
            writes: Vec::new(),
            notes: vec![0],
            bought: 0,
            noted: 0,
            forgotten: None,
            loss,
            slow,
        };
        for at in 0..many {
            world.after(0, 0, Happening::Wakes(at));
            world.after(0, 0, Happening::Writes(at));
            // A machine that sleeps is found out by its wall clock: one that is set back meanwhile is
            // beyond this, but for what is irreversible, which renews first.
            let sleeps_or_jumps =
                if world.dice.below(2) == 0 { Happening::Suspends } else { Happening::Jumps };
            for kind in [Happening::StandsStill, sleeps_or_jumps, Happening::Resigns] {
                let first = world.dice.below(60_000_000);
                world.after(0, first, kind(at));
            }
        }
        world
    }

    fn after(&mut self, now: u64, wait: u64, what: Happening) {
        self.events.push(std::cmp::Reverse((now + wait, what)));
    }

    fn run(mut self) -> Outcome {
        while let Some(std::cmp::Reverse((now, what))) = self.events.pop() {
            if now > LENGTH {
                break;
            }
            self.happens(now, what);
        }
        let (forgotten, noted) = (self.forgotten, self.noted);
        let mut outcome = Outcome { writes: self.writes.len(), forgotten, noted, ..Outcome::default() };
        let mut last: Option<(u64, u64, usize)> = None;
        self.writes.sort_unstable();
        for (from, until, who) in &self.writes {
            if let Some((_, end, other)) = last {
                if *from < end && *who != other {
                    outcome.overlap.get_or_insert((*from, other, *who));
                }
                outcome.longest_gap = outcome.longest_gap.max(from.saturating_sub(end));
                outcome.leaders += usize::from(*who != other);
            }
            if last.is_none_or(|(_, end, other)| *until > end || other != *who) {
                last = Some((*from, *until, *who));
            }
        }
        outcome
    }

    fn happens(&mut self, now: u64, what: Happening) {
        match what {
            Happening::Wakes(at) => self.wakes(now, at),
            Happening::Arrives(at, number) => {
                // Given up or not: the server does not know that.
                let ask = self.asks[number].clone();
                let answer = self.server.handle(&ask, self.bug);
                if self.dice.below(100) >= self.loss {
                    self.candidates[at].answers.push((number, answer));
                    let back = self.delay();
                    self.after(now, back, Happening::Returns(at, number));
                }
            }
            Happening::Returns(at, number) => {
                let until = self.candidates[at].still_until;
                if now < until {
                    return self.after(until, 0, Happening::Returns(at, number));
                }
                let place = self.candidates[at].answers.iter().position(|(n, _)| *n == number);
                let Some((_, answer)) = place.map(|place| self.candidates[at].answers.remove(place)) else {
                    return;
                };
                if self.candidates[at].asking == Some(number) {
                    self.answer(now, at, answer);
                }
            }
            Happening::GivesUp(at, number) => {
                let until = self.candidates[at].still_until;
                if now < until {
                    return self.after(until, 0, Happening::GivesUp(at, number));
                }
                if self.candidates[at].asking == Some(number) {
                    self.answer(now, at, LeaseAnswer::Lost);
                }
            }
            Happening::Writes(at) => {
                let wait = self.dice.below(WRITE_EVERY);
                self.after(now, wait, Happening::Writes(at));
                if now >= self.candidates[at].still_until {
                    self.writes(now, at);
                }
            }
            Happening::StandsStill(at) => {
                let long = self.dice.below(40_000_000);
                self.candidates[at].still_until = self.candidates[at].still_until.max(now + long);
                let wait = long + self.dice.below(90_000_000);
                self.after(now, wait, Happening::StandsStill(at));
            }
            Happening::Suspends(at) => {
                let long = self.dice.below(40_000_000);
                let candidate = &mut self.candidates[at];
                if now >= candidate.still_until {
                    candidate.still_until = now + long;
                    candidate.suspended += long;
                }
                let wait = long + self.dice.below(120_000_000);
                self.after(now, wait, Happening::Suspends(at));
            }
            Happening::Jumps(at) => {
                self.candidates[at].wall_off = 1_000_000_000 + self.dice.below(120_000_000);
                let wait = self.dice.below(90_000_000);
                self.after(now, wait, Happening::Jumps(at));
            }
            Happening::Resigns(at) => {
                // Never while a write is in flight, as the daemon has it.
                let is_idle = self.writes.iter().all(|(_, until, who)| *who != at || *until <= now);
                let candidate = &mut self.candidates[at];
                if is_idle && now >= candidate.still_until {
                    match candidate.resigned_until {
                        0 => {
                            candidate.elector.stand_down();
                            candidate.resigned_until = now;
                        }
                        _ => {
                            candidate.elector.campaign();
                            candidate.resigned_until = 0;
                        }
                    }
                    candidate.wakes = now;
                    self.after(now, 0, Happening::Wakes(at));
                }
                let wait = self.dice.below(60_000_000);
                self.after(now, wait, Happening::Resigns(at));
            }
        }
    }

    fn delay(&mut self) -> u64 {
        match self.dice.below(8) {
            0 => self.dice.below(self.slow.max(1)),
            _ => self.dice.below(50_000),
        }
    }

    fn wakes(&mut self, now: u64, at: usize) {
        let candidate = &mut self.candidates[at];
        if now < candidate.still_until {
            let until = candidate.still_until;
            return self.after(until, 0, Happening::Wakes(at));
        }
        if candidate.asking.is_some() || now < candidate.wakes {
            return;
        }
        let moment = candidate.moment(now);
        match candidate.elector.next(moment) {
            ElectorNext::Rest => {}
            ElectorNext::Wait(until) => {
                let wait = until.saturating_sub(moment.steady).as_micros() as f64 / candidate.rate;
                candidate.wakes = now + wait as u64 + 1;
                self.after(now, wait as u64 + 1, Happening::Wakes(at));
            }
            ElectorNext::Ask(ask) => {
                let number = self.asks.len();
                self.asks.push(ask);
                let timeout =
                    candidate.elector.timing().request_timeout().as_micros() as f64 / candidate.rate;
                candidate.asking = Some(number);
                self.after(now, timeout as u64, Happening::GivesUp(at, number));
                let there = self.delay();
                if self.dice.below(100) >= self.loss {
                    self.after(now, there, Happening::Arrives(at, number));
                }
            }
        }
    }

    fn answer(&mut self, now: u64, at: usize, answer: LeaseAnswer) {
        let candidate = &mut self.candidates[at];
        let moment = candidate.moment(now);
        let answer = match answer {
            LeaseAnswer::Found(mut seen) if self.bug == Bug::Clocks => {
                let renewed = seen.record.renewed.as_deref().map(|text| {
                    let time = humantime::parse_rfc3339(text).expect("a time");
                    time.duration_since(std::time::SystemTime::UNIX_EPOCH).expect("after 1970")
                });
                if renewed.is_some_and(|renewed| renewed + LEASE < moment.wall) {
                    seen.record.holder = None;
                }
                LeaseAnswer::Found(seen)
            }
            answer => answer,
        };
        candidate.asking = None;
        candidate.elector.answered(answer, moment);
        candidate.wakes = now;
        self.after(now, 0, Happening::Wakes(at));
    }

    /// Notes one more purchase, and sends it once that is there. Whoever leads knows of all that were
    /// sent.
    fn buys(&mut self, at: usize, term: u64, moment: Moment) {
        let candidate = &mut self.candidates[at];
        let Some(note) = candidate.elector.kept(term, moment) else { return };
        let standing: u64 = note.intents.map_or(0, |text| text.parse().expect("a note"));
        let may_write = candidate.elector.grant(term, moment).is_some();
        // Later notes have higher numbers.
        let mut known = standing;
        while known > self.bought {
            known = self.notes[known as usize];
        }
        if may_write && known != self.bought {
            self.forgotten.get_or_insert(self.bought);
        }
        match candidate.noting.filter(|(of, _)| *of == term && !candidate.elector.has_given_up_note()) {
            Some((_, next)) if next == standing || self.bug == Bug::NotedUnseen => {
                if may_write {
                    (self.bought, candidate.noting) = (next, None);
                    self.noted += 1;
                }
            }
            Some(_) => {}
            None => {
                let next = self.notes.len() as u64;
                self.notes.push(standing);
                candidate.noting = Some((term, next));
                candidate
                    .elector
                    .keep(term, LeaseNote { intents: Some(next.to_string()), ..LeaseNote::default() });
            }
        }
    }

    fn writes(&mut self, now: u64, at: usize) {
        let candidate = &mut self.candidates[at];
        let moment = candidate.moment(now);
        let once = candidate.was_leading.filter(|_| self.bug == Bug::AsksOnce);
        let Some(term) = once.or_else(|| candidate.elector.term(moment)) else { return };
        candidate.was_leading = Some(term);
        if self.bug == Bug::None || self.bug == Bug::NotedUnseen {
            self.buys(at, term, moment);
        }
        let candidate = &mut self.candidates[at];
        let rate = candidate.rate;
        let local = |long: Duration| (long.as_micros() as f64 / rate) as u64;
        let long = match (candidate.elector.grant(term, moment), self.bug) {
            (None, Bug::AsksOnce) => 1_000_000,
            (None, _) => return,
            (Some(_), Bug::NoEndOfWrites) => 30_000_000,
            (Some(left), _) => local(left),
        };
        let takes = if self.dice.below(4) == 0 { long } else { self.dice.below(long.min(400_000)) };
        self.writes.push((now, now + takes, at));
    }
}

fn run(seed: u64, bug: Bug) -> Outcome {
    World::new(seed, bug).run()
}

#[test]
fn never_do_two_write_at_one_instant_and_none_forgets_what_was_noted_whatever_happens() {
    let (mut writes, mut changes, mut noted) = (0, 0, 0);
    for seed in 0..3000 {
        let outcome = run(seed, Bug::None);
        assert_eq!((outcome.overlap, outcome.forgotten), (None, None), "seed {seed}: {outcome:?}");
        writes += outcome.writes;
        noted += outcome.noted;
        changes += outcome.leaders;
    }
    // The model is not so hostile that nothing happens.
    assert!(
        writes > 500_000 && changes > 5_000 && noted > 50_000,
        "{writes} writes, {changes} changes of hands, {noted} purchases"
    );
}

#[test]
fn each_rule_left_out_is_found() {
    for bug in [Bug::NoVersion, Bug::Clocks, Bug::NoEndOfWrites, Bug::AsksOnce] {
        let found = (0..300).filter(|seed| run(*seed, bug).overlap.is_some()).count();
        assert!(found > 0, "{bug:?}");
    }
    let found = (0..300).filter(|seed| run(*seed, Bug::NotedUnseen).forgotten.is_some()).count();
    assert!(found > 0, "a note that was sent is not one that is there");
}
