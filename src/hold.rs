//! When nothing is to be changed: a pause, the time outside the maintenance windows, a hold with an
//! end. What they do to a plan is in [`crate::standstill`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A number, an account or the whole file is left alone until a time. A hold always ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Until then.
    pub until: Timestamp,
    /// Why, for people.
    pub why: Arc<str>,
}

impl Hold {
    /// Whether it is still on. `now` is the time since the epoch.
    #[must_use]
    pub fn is_on(&self, now: Duration) -> bool {
        at(now) < self.until
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
    /// Where.
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
}

/// What the file says of all its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standstill {
    /// Nothing is changed.
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
        let is_shut = !self.windows.is_empty() && !self.windows.iter().any(|window| window.is_open(now));
        is_shut.then_some(Still::OutsideWindows)
    }
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
    fn a_hold_ends() {
        let hold = Hold { until: "2026-12-01T09:00:00Z".parse().expect("a time"), why: "audit".into() };
        assert!(hold.is_on(since_epoch("2026-12-01T08:59:59Z")));
        assert!(!hold.is_on(since_epoch("2026-12-01T09:00:00Z")));
        let still = Standstill { hold: Some(hold), ..Standstill::default() };
        assert_eq!(still.still(since_epoch("2026-12-01T09:00:00Z")), None);
    }
}
