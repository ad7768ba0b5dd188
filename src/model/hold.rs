//! When nothing is to be changed: a pause, the time outside the maintenance windows, a hold with an
//! end. What they do to a plan is in [`crate::guard::standstill`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// A number, an account or the whole file is left alone until a time. A hold always ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub until: Timestamp,
    pub why: Arc<str>,
}

impl Hold {
    /// Whether it is still on. `now` is the time since the epoch.
    #[must_use]
    pub fn is_on(&self, now: Duration) -> bool {
        at(now) < self.until
    }

    /// When it ends, since the epoch.
    #[must_use]
    pub fn end(&self) -> Duration {
        since_the_epoch(self.until)
    }
}

/// A stretch of the week in which changes are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The days on which it begins; none means every day.
    pub days: Vec<Weekday>,
    /// When it begins, by the clock on the wall there.
    pub from: Time,
    /// When it ends; not after `from` means on the next day.
    pub to: Time,
    pub zone: TimeZone,
}

impl Window {
    /// Whether it is open. Where the clocks are put forward, a time that does not exist is the one
    /// right after the gap.
    #[must_use]
    pub fn is_open(&self, now: Duration) -> bool {
        let now = at(now).to_zoned(self.zone.clone());
        let (date, time) = (now.date(), now.time());
        let begins = |weekday: Weekday| self.days.is_empty() || self.days.contains(&weekday);
        if self.from < self.to {
            return begins(date.weekday()) && self.from <= time && time < self.to;
        }
        let today = begins(date.weekday()) && self.from <= time;
        let yesterday = begins(date.weekday().previous()) && time < self.to;
        today || yesterday
    }

    /// When it opens after `now`; `None` where that is never, as for a time that no clock shows.
    fn opens(&self, now: Duration) -> Option<Duration> {
        let today = at(now).to_zoned(self.zone.clone()).date();
        // A week has every day, and a day may have no such time.
        let dates = (0..=14).filter_map(|days| today.checked_add(days.days()).ok());
        let begins = dates.filter(|date| self.days.is_empty() || self.days.contains(&date.weekday()));
        begins
            .flat_map(|date| self.begins(date))
            .flatten()
            .map(since_the_epoch)
            .find(|at| *at > now && self.is_open(*at))
    }

    /// When the clock on the wall shows `from`: twice where it is put back, and where it is put
    /// forward beyond that time, when it is.
    fn begins(&self, date: Date) -> [Option<Timestamp>; 2] {
        let wall = date.to_datetime(self.from);
        let shows = |offset: jiff::tz::Offset| offset.to_timestamp(wall).ok();
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => [shows(offset), None],
            AmbiguousOffset::Fold { before, after } => [shows(before), shows(after)],
            AmbiguousOffset::Gap { before, .. } => {
                let behind = shows(before).and_then(|at| at.checked_add(1.nanosecond()).ok());
                let put_forward = behind.and_then(|at| self.zone.preceding(at).next().map(|t| t.timestamp()));
                [put_forward, None]
            }
        }
    }
}

/// What the file says about all its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standstill {
    pub paused: bool,
    /// Nothing is changed outside of these, where there are any.
    pub windows: Vec<Window>,
    /// Nothing is changed until a time.
    pub hold: Option<Hold>,
}

/// Why nothing at all is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Still {
    /// The file or a signal says so.
    Paused,
    /// No maintenance window is open.
    OutsideWindows,
    /// The file is on hold until this time, in seconds since the epoch.
    OnHold(i64),
}

/// Why a run that has begun writes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brake {
    /// A pause, a window that has closed, a hold.
    Still(Still),
    /// The files are not what they were when the run was planned.
    FilesChanged,
}

impl Brake {
    /// The reason as a person reads it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Still(Still::Paused) => "numctl was paused before this was sent",
            Self::Still(Still::OutsideWindows) => "the maintenance window closed before this was sent",
            Self::Still(Still::OnHold(_)) => "a hold began before this was sent",
            Self::FilesChanged => "the files changed before this was sent; plan again",
        }
    }
}

impl Standstill {
    /// Why nothing at all is changed now; `None` where changes are made.
    #[must_use]
    pub fn still(&self, now: Duration) -> Option<Still> {
        if self.paused {
            return Some(Still::Paused);
        }
        if let Some(hold) = self.hold.as_ref().filter(|hold| hold.is_on(now)) {
            return Some(Still::OnHold(hold.until.as_second()));
        }
        self.is_shut(now).then_some(Still::OutsideWindows)
    }

    /// Whether there are windows, and none is open.
    #[must_use]
    pub fn is_shut(&self, now: Duration) -> bool {
        !self.windows.is_empty() && !self.windows.iter().any(|window| window.is_open(now))
    }

    /// When the next window opens, since the epoch; `None` while one is open or where there is none.
    #[must_use]
    pub fn opens(&self, now: Duration) -> Option<Duration> {
        let next = || self.windows.iter().filter_map(|window| window.opens(now)).min();
        if self.is_shut(now) { next() } else { None }
    }
}

fn since_the_epoch(at: Timestamp) -> Duration {
    Duration::try_from(at.as_duration()).unwrap_or_default()
}

fn at(now: Duration) -> Timestamp {
    SignedDuration::try_from(now)
        .ok()
        .and_then(|now| Timestamp::UNIX_EPOCH.checked_add(now).ok())
        .unwrap_or(Timestamp::MAX)
}

/// A time for people: `2026-12-01T09:00:00Z`.
#[must_use]
pub fn shown(seconds: i64) -> impl fmt::Display {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since_epoch(text: &str) -> Duration {
        let at: Timestamp = text.parse().expect(text);
        Duration::from_secs(u64::try_from(at.as_second()).expect("after 1970"))
    }

    fn window(days: &[Weekday], from: &str, to: &str, zone: &str) -> Window {
        Window {
            days: days.to_vec(),
            from: from.parse().expect(from),
            to: to.parse().expect(to),
            zone: TimeZone::get(zone).expect(zone),
        }
    }

    #[test]
    fn a_window_is_open_by_the_clock_on_the_wall_there() {
        let berlin = window(&[Weekday::Tuesday], "09:00", "17:00", "Europe/Berlin");
        // 2026-12-01 is a Tuesday; Berlin is an hour ahead then, and two in summer.
        assert!(!berlin.is_open(since_epoch("2026-12-01T07:59:59Z")));
        assert!(berlin.is_open(since_epoch("2026-12-01T08:00:00Z")));
        assert!(!berlin.is_open(since_epoch("2026-12-01T16:00:00Z")));
        assert!(!berlin.is_open(since_epoch("2026-12-02T08:00:00Z")));
        assert!(berlin.is_open(since_epoch("2026-07-07T07:00:00Z")));
    }

    #[test]
    fn a_window_may_go_past_midnight() {
        let night = window(&[Weekday::Friday], "22:00", "06:00", "UTC");
        assert!(night.is_open(since_epoch("2026-12-04T23:00:00Z")));
        assert!(night.is_open(since_epoch("2026-12-05T05:59:59Z")));
        assert!(!night.is_open(since_epoch("2026-12-05T06:00:00Z")));
        assert!(!night.is_open(since_epoch("2026-12-04T05:00:00Z")), "Thursday's night");
        let always = window(&[], "00:00", "00:00", "UTC");
        assert!(always.is_open(since_epoch("2026-12-05T06:00:00Z")));
    }

    #[test]
    fn the_next_window_is_the_first_that_opens() {
        let opens = |window: &Window, now: &str| {
            let still = Standstill { windows: vec![window.clone()], ..Standstill::default() };
            still.opens(since_epoch(now)).map(|at| shown(at.as_secs().cast_signed()).to_string())
        };
        let berlin = window(&[Weekday::Tuesday], "09:00", "17:00", "Europe/Berlin");
        // 2026-12-01 is a Tuesday.
        for (now, next) in [
            ("2026-12-01T07:00:00Z", Some("2026-12-01T08:00:00Z")),
            ("2026-12-01T08:00:00Z", None),
            ("2026-12-01T16:00:00Z", Some("2026-12-08T08:00:00Z")),
            ("2026-10-21T00:00:00Z", Some("2026-10-27T08:00:00Z")),
        ] {
            assert_eq!(opens(&berlin, now).as_deref(), next, "{now}");
        }
        // The clocks are put forward over its begin, and back over it.
        let night = window(&[], "02:30", "04:00", "Europe/Berlin");
        assert_eq!(opens(&night, "2026-03-28T23:30:00Z").as_deref(), Some("2026-03-29T01:00:00Z"));
        assert_eq!(opens(&night, "2026-10-25T00:00:00Z").as_deref(), Some("2026-10-25T00:30:00Z"));
        assert_eq!(opens(&night, "2026-10-25T01:00:00Z").as_deref(), Some("2026-10-25T01:30:00Z"));
        let gap = window(&[], "02:00", "04:00", "Europe/Berlin");
        assert_eq!(opens(&gap, "2026-03-28T23:30:00Z").as_deref(), Some("2026-03-29T01:00:00Z"));
        // Wherever it opens, it was shut the second before.
        for zone in ["America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"] {
            let window = window(&[Weekday::Sunday, Weekday::Wednesday], "02:15", "01:00", zone);
            let mut now = since_epoch("2026-01-01T12:00:00Z");
            for _ in 0..120 {
                let Some(next) = window.opens(now) else { panic!("{zone}: never after {now:?}") };
                assert!(next > now && window.is_open(next), "{zone}: {next:?}");
                assert!(!window.is_open(next - Duration::from_secs(1)), "{zone}: {next:?}");
                now = next;
            }
        }
    }

    #[test]
    fn a_hold_ends() {
        let hold = Hold { until: "2026-12-01T09:00:00Z".parse().expect("a time"), why: "audit".into() };
        assert!(hold.is_on(since_epoch("2026-12-01T08:59:59Z")));
        assert!(!hold.is_on(since_epoch("2026-12-01T09:00:00Z")));
        let still = Standstill { hold: Some(hold), ..Standstill::default() };
        assert_eq!(still.still(since_epoch("2026-12-01T09:00:00Z")), None);
    }
}
