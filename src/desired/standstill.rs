//! `hold:`, `policy.paused` and `policy.windows`: when nothing is to be changed.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use super::excerpt::quoted;
use super::issue::{At, Issue, Issues};
use super::place::{Path, PathStep};
use super::raw::{self, Given, Section};
use super::suggest::choices;
use crate::model::hold::{Hold, Standstill, Window};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A hold; `None` where there is none, or an issue says what is wrong with it.
pub(super) fn hold(
    issues: &mut Issues,
    file: usize,
    owner: impl Fn() -> Path,
    hold: &Section<Box<raw::RawHold>>,
) -> Option<Hold> {
    let at = |field: &str, key: bool| {
        let path = owner().into_iter().chain([PathStep::from("hold")]);
        let path = path.chain((!key).then(|| PathStep::from(field))).collect();
        At::Path { file, path, key }
    };
    let hold = hold.filled(issues, "hold", || at("", true))?;
    let Some(text) = hold.until.text() else {
        issues.push(
            Issue::error(at("until", true), "the `hold` has no end")
                .help("add `until:` with a time, such as 2026-12-01T09:00:00Z: every hold has an end"),
        );
        return None;
    };
    let Ok(until) = text.parse::<Timestamp>() else {
        issues.push(Issue::error(at("until", false), format!("{} is not a time", quoted(text))).help(
            "write a date, a time and an offset, such as 2026-12-01T09:00:00Z or 2026-12-01T10:00:00+01:00",
        ));
        return None;
    };
    Some(Hold { until, why: hold.why.text().unwrap_or_default().into() })
}

/// What the policy says about all numbers.
pub(super) fn standstill(issues: &mut Issues, file: usize, policy: &raw::RawPolicy) -> Standstill {
    let windows = policy
        .windows
        .filled(issues, "windows", || At::key(file, ["policy".into(), "windows".into()]))
        .map_or(&[][..], Vec::as_slice);
    if policy.windows.is().is_some() && windows.is_empty() {
        issues.push(
            Issue::error(
                At::key(file, ["policy".into(), "windows".into()]),
                "`windows` is empty, so nothing would ever be changed",
            )
            .help("add one, or remove `windows`; to pause numctl, write `paused: true`"),
        );
    }
    Standstill {
        paused: policy.paused.0.unwrap_or(false),
        windows: windows
            .iter()
            .enumerate()
            .filter_map(|(entry, raw)| window(issues, file, entry, raw))
            .collect(),
        hold: hold(issues, file, || vec!["policy".into()], &policy.hold),
    }
}

fn window(issues: &mut Issues, file: usize, entry: usize, raw: &raw::RawWindow) -> Option<Window> {
    let path = |field: &str| -> Path {
        vec!["policy".into(), "windows".into(), PathStep::Index(entry), field.into()]
    };
    let mut given = |field: &str, given: &Given| -> Option<String> {
        let text = given.text().map(str::to_owned);
        if text.is_none() {
            let path = vec!["policy".into(), "windows".into(), PathStep::Index(entry)];
            issues.push(
                Issue::error(At::Path { file, path, key: false }, format!("the window has no `{field}`"))
                    .help("a window is such as { days: [mon, tue], from: \"09:00\", to: \"17:00\", zone: Europe/Berlin }"),
            );
        }
        text
    };
    let (from, to, zone) = (given("from", &raw.from), given("to", &raw.to), given("zone", &raw.zone));
    let mut time = |field: &str, text: Option<String>| {
        let text = text?;
        let is_plain = text.len() == 5 && text.as_bytes().get(2) == Some(&b':');
        let time = text.parse::<Time>().ok().filter(|_| is_plain);
        if time.is_none() {
            issues.push(
                Issue::error(
                    At::Path { file, path: path(field), key: false },
                    format!("{} is not a time of day", quoted(&text)),
                )
                .help("write hours and minutes in quotes, such as \"09:00\""),
            );
        }
        time
    };
    let (from, to) = (time("from", from), time("to", to));
    let zone = zone.and_then(|text| {
        let zone = TimeZone::get(&text).ok();
        if zone.is_none() {
            issues.push(
                Issue::error(
                    At::Path { file, path: path("zone"), key: false },
                    format!("there is no time zone {}", quoted(&text)),
                )
                .help("write a name of the IANA time zone database, such as Europe/Berlin or UTC"),
            );
        }
        zone
    });
    let at = At::Path { file, path: path("days"), key: true };
    let named = raw.days.filled(issues, "days", || at.clone());
    if named.is_some_and(Vec::is_empty) {
        issues.push(
            Issue::error(at, "`days` names no day")
                .help("name one, such as mon, or remove `days` for every day"),
        );
    }
    let mut days = Vec::new();
    for (at, day) in named.into_iter().flatten().enumerate() {
        let text = day.text().unwrap_or_default();
        match DAYS.iter().find(|(name, _)| *name == text) {
            Some((_, day)) => days.push(*day),
            None => {
                let path = path("days").into_iter().chain([PathStep::Index(at)]).collect();
                issues.push(
                    Issue::error(At::Path { file, path, key: false }, format!("{} is no day", quoted(text)))
                        .help(choices(text, DAYS.iter().map(|(name, _)| *name))),
                );
            }
        }
    }
    Some(Window { days, from: from?, to: to?, zone: zone? })
}
