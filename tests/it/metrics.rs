//! What Prometheus reads: a golden page, a strict reader of the format, and that the alert rules and
//! the dashboard in `deploy/` ask only for what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect_file;
use numctl::client::api::error::Operation;
use numctl::client::listing::{ListingBuilder, ListingPage, Progress};
use numctl::client::tally::Tally;
use numctl::client::transport::{Response, TransportError};
use numctl::daemon::metrics::{ProcessStats, exposition};
use numctl::daemon::status::json::{Changed, Whole};
use numctl::daemon::status::{CycleTiming, Finish, Role, Status, Waiting};
use numctl::desired::AccountRef;
use numctl::desired::{Desired, Format, Source};
use numctl::guard::budget::Generation;
use numctl::guard::memory::Extent;
use numctl::guard::{DayLeft, LimitName};
use numctl::model::live::Live;
use numctl::model::money::{Money, Sums};
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::settings::{Field, Settings, Value};
use numctl::observed::Observed;
use numctl::plan::outcome::{Failure, Outcome, Report, StepEnd};
use numctl::plan::{Plan, plan};

/// One family of an exposition, with its samples.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads an exposition, and accepts nothing that the format does not.
#[track_caller]
pub(crate) fn read(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut seen = BTreeSet::new();
    assert!(text.ends_with('\n'), "the last line ends too");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("a help text");
            assert!(!words.is_empty() && !families.contains_key(name), "{line}");
            families.insert(name.to_owned(), Family::default());
            current = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert_eq!(name, current, "the type follows the help");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            families.get_mut(name).expect("known").kind = kind.to_owned();
        } else {
            let (name, labels, value) = sample(line);
            assert!(seen.insert((name.clone(), labels.clone())), "twice: {line}");
            let family = families.get_mut(&current).expect("a family");
            let suffix = name.strip_prefix(current.as_str()).expect("samples stand below their family");
            let allowed: &[&str] =
                if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(allowed.contains(&suffix), "{line}");
            family.samples.push((name, labels, value));
        }
    }
    for (name, family) in &families {
        assert!(!family.kind.is_empty(), "{name} has no type");
        if family.kind == "histogram" {
            let without_bound = |labels: &BTreeMap<String, String>| {
                let mut labels = labels.clone();
                labels.remove("le");
                labels
            };
            for (_, of, count) in family.samples.iter().filter(|(n, ..)| n.ends_with("_count")) {
                let is_its = |n: &str, labels: &_| n.ends_with("_bucket") && without_bound(labels) == *of;
                let samples = family.samples.iter().filter(|(n, labels, _)| is_its(n, labels));
                let buckets: Vec<f64> = samples.map(|sample| sample.2).collect();
                assert!(buckets.is_sorted(), "{name}: {buckets:?}");
                assert_eq!(buckets.last(), Some(count), "{name}: +Inf is everything");
            }
        }
    }
    families
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).expect(line);
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").expect(line);
            assert!(is_name(label), "{line}");
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next().expect(line) {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next().expect(line).1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        other => panic!("\\{other} in {line}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = &after[end + 1..];
            match rest.split_at(1) {
                (",", more) => rest = more,
                ("}", more) => {
                    rest = more;
                    break;
                }
                _ => panic!("{line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').expect(line).parse().expect(line);
    (name.to_owned(), labels, value)
}

const AT: Duration = Duration::from_secs(1_800_000_000);

const STATS: ProcessStats = ProcessStats {
    cpu_seconds: 1.5,
    resident_bytes: 64 << 20,
    virtual_bytes: 1 << 30,
    open_files: 20,
    files_max: Some(1_024),
    threads: 5,
};

fn account() -> AccountRef {
    let sid = AccountSid::declared(&format!("AC{:032}", 1)).expect("a SID");
    AccountRef { name: "a \"quoted\" \\ name".into(), sid, parent: None }
}

fn desired(numbers: usize) -> (Desired, Generation) {
    use std::fmt::Write as _;
    let mut text =
        format!("version: 1\naccounts:\n  'a \"quoted\" \\ name': {{sid: {}}}\nnumbers:\n", account().sid);
    for at in 0..numbers {
        let number = 15_552_230_000_u64 + at as u64;
        let _ = writeln!(
            text,
            "  - {{phone_number: \"+{number}\", account: 'a \"quoted\" \\ name', friendly_name: Line {at}, voice: {{url: 'https://a.example/'}}}}"
        );
    }
    let source = Source { name: "fleet.yaml".into(), text, format: Format::Yaml };
    let generation = Generation::from_sources(std::slice::from_ref(&source));
    let parsed = Desired::parse_for(&[source], numctl::model::provider::Api::ActiveNumbers);
    (parsed.unwrap_or_else(|findings| panic!("{}", findings.render(false))).desired, generation)
}

/// The fleet, with every `drifted`th number called otherwise.
fn observed(numbers: usize, drifted: usize) -> Observed {
    let settings: Settings =
        [(Field::VoiceUrl, Value::Url("https://a.example/".into()))].into_iter().collect();
    let settings = std::sync::Arc::new(settings);
    let rows = (0..numbers).map(|at| Live {
        number: PhoneNumber::observed(&format!("+{}", 15_552_230_000_u64 + at as u64)),
        raw_number: None,
        sid: NumberSid::observed(&format!("PN{at:032x}")),
        account_sid: None,
        friendly_name: Some(if at % drifted == 1 { "Else".into() } else { format!("Line {at}").into() }),
        settings: settings.clone(),
        sms: Some(true),
        emergency_address_status: None,
        tariff: numctl::model::tariff::Tariff::default(),
    });
    let page = ListingPage { rows: rows.collect(), ..ListingPage::default() };
    match ListingBuilder::new(account().sid).push(page).expect("a listing") {
        Progress::Complete(listing) => Observed::new(vec![listing]),
        Progress::More(..) => unreachable!("there is one page"),
    }
}

fn failed(plan: Plan) -> Report {
    let ends = plan
        .steps
        .iter()
        .enumerate()
        .map(|(at, _)| StepEnd {
            outcome: if at == 0 { Outcome::Failed(Failure::DidNotMove) } else { Outcome::Succeeded },
            attempts: 1,
            instead: None,
        })
        .collect();
    Report { plan, ends, interrupted: false }
}

#[test]
fn the_exposition_is_as_it_was_and_follows_the_format() {
    let (desired, generation) = desired(7);
    let mut status = Status::new(AT);
    let tally = Tally::default();
    let ok = |status| Ok(Response { status, ..Response::default() });
    tally.request(Operation::List, &ok(200), Duration::from_millis(300));
    tally.request(Operation::List, &ok(429), Duration::from_millis(300));
    tally.request(Operation::Configure, &ok(418), Duration::from_millis(300));
    tally.request(
        Operation::Configure,
        &Err(TransportError::NotSent(String::new())),
        Duration::from_millis(300),
    );
    tally.retry();
    let started = exposition(&status, &tally, None, AT);
    read(&started);
    status.begins(&desired, generation, Role::Writer, AT);
    let plan = plan(&desired, &[account()], &observed(7, 3));
    let report = failed(plan);
    for (at, end) in report.ends.iter().enumerate() {
        status.step_began(&desired, &report.plan, Extent::Full, at, AT);
        status.step_ended(&report.plan, at, end, AT);
    }
    let times = CycleTiming { took: Duration::from_millis(1_500), next: Duration::from_secs(60) };
    status.ends(&desired, Finish::Executed(&report), Extent::Full, times, AT + Duration::from_secs(2));
    status.files_refused("error: no", AT);
    let left = |limit, account: Option<&str>, left| DayLeft { limit, account: account.map(Into::into), left };
    let limits = vec![
        left(LimitName::Purchases, None, Some(7)),
        left(LimitName::Releases, Some("a"), Some(0)),
        left(LimitName::Changes, None, None),
    ];
    let mut monthly = Sums::default();
    monthly.add(Money::parse("8.05 USD").expect("money"));
    status.allows(limits, Some(monthly));
    let text = exposition(&status, &tally, Some(STATS), AT + Duration::from_secs(30));
    let families = read(&text);
    let account = &families["numctl_listing_age_seconds"].samples[0];
    assert_eq!((account.1["account"].as_str(), account.2), ("a \"quoted\" \\ name", 29.5));
    expect_file![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/metrics.txt")].assert_eq(&text);
}

/// Prometheus tells fleets apart by it, whatever else they have in common.
#[test]
fn every_sample_bears_the_fleets_name() {
    let mut status = Status::new(AT);
    status.fleet.name = Some("EMEA \"one\"".into());
    let families = read(&exposition(&status, &Tally::default(), Some(STATS), AT));
    for (name, family) in &families {
        for (_, labels, _) in &family.samples {
            assert_eq!(labels.get("fleet").map(String::as_str), Some("EMEA \"one\""), "{name}");
        }
    }
}

/// What it saw when it wrote is old by now; its counters count on.
#[test]
fn whoever_stands_by_says_nothing_of_the_fleet() {
    let (desired, generation) = desired(7);
    let mut status = Status::new(AT);
    status.begins(&desired, generation, Role::Writer, AT);
    let plan = plan(&desired, &[account()], &observed(7, 3));
    let times = CycleTiming { took: Duration::from_secs(1), next: Duration::from_secs(60) };
    status.ends(&desired, Finish::Planned(&plan), Extent::Full, times, AT);
    let told = |status: &Status| -> BTreeSet<String> {
        let families = read(&exposition(status, &Tally::default(), None, AT));
        families.into_iter().filter(|(_, family)| !family.samples.is_empty()).map(|(name, _)| name).collect()
    };
    let before = told(&status);
    status.stands_by(Waiting::NotKnown);
    let silent: Vec<_> = before.difference(&told(&status)).cloned().collect();
    let of_the_fleet = [
        "numctl_account_in_trouble",
        "numctl_drift",
        "numctl_listing_age_seconds",
        "numctl_numbers",
        "numctl_numbers_unlisted",
    ];
    assert_eq!(silent, of_the_fleet);
}

/// The words that start with `numctl_` in a text.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| c != '_' && !c.is_ascii_lowercase())
        .filter(|word| word.starts_with("numctl_") && word.len() > "numctl_".len())
        .map(str::to_owned)
        .collect()
}

/// The rules stand in `deploy/` twice, and are written once.
#[test]
fn deploy_has_the_alerts_as_a_prometheus_rule_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let path = root.join("kubernetes/monitoring/prometheusrule.yaml");
    let alerts = std::fs::read_to_string(root.join("alerts.yaml")).expect("the alerts");
    let rule = std::fs::read_to_string(&path).expect("the rule");
    let (head, _) = rule.split_once("\nspec:\n").expect("a head");
    let (_, groups) = alerts.split_once("\ngroups:\n").expect("groups");
    let groups: String = groups.lines().map(|line| format!("  {line}\n")).collect();
    expect_file![path].assert_eq(&format!("{head}\nspec:\n  groups:\n{groups}"));
}

#[test]
fn the_alerts_and_the_dashboard_ask_for_what_is_there() {
    let text = exposition(&Status::new(AT), &Tally::default(), Some(STATS), AT);
    let served: BTreeSet<String> = read(&text)
        .into_iter()
        .flat_map(|(name, family)| {
            let parts = ["_bucket", "_sum", "_count"].map(|part| format!("{name}{part}"));
            let is_histogram = family.kind == "histogram";
            is_histogram.then_some(parts).into_iter().flatten().chain(std::iter::once(name))
        })
        .collect();
    for file in ["deploy/alerts.yaml", "deploy/grafana.json"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let asked = names(&text);
        assert!(asked.len() > 5, "{file}: {asked:?}");
        let missing: Vec<_> = asked.difference(&served).collect();
        assert!(missing.is_empty(), "{file} asks for {missing:?}");
    }
}

/// Holds of the file, an account and a number, a pause and windows: on while they are, and with their
/// ends; what a plan leaves undone is counted by the reason, and told with its diff.
#[test]
fn holds_pauses_and_windows_are_shown_with_their_ends() {
    use numctl::guard::standstill::{Holds, hold_back};
    use numctl::model::hold::shown;
    let at = |seconds: u64| shown(i64::try_from(AT.as_secs() + seconds).expect("a time")).to_string();
    // AT is a Friday, 08:00 UTC.
    let text = |policy: &str, of_account: &str, number: &str| {
        format!(
            "version: 1\naccounts: {{main: {{sid: {}{of_account}}}}}\npolicy: {{{policy}}}\nnumbers:\n  \
             - {{phone_number: \"+15552230000\", account: main, friendly_name: Line 0{number}}}\n  \
             - {{phone_number: \"+15552230001\", account: main, friendly_name: Line 1}}\n",
            account().sid
        )
    };
    let show = |text: String, signal: bool, now: Duration| {
        let source = Source { name: "fleet.yaml".into(), text, format: Format::Yaml };
        let generation = Generation::from_sources(std::slice::from_ref(&source));
        let parsed = Desired::parse_for(&[source], numctl::model::provider::Api::ActiveNumbers);
        let desired = parsed.unwrap_or_else(|findings| panic!("{}", findings.render(false))).desired;
        let mut plan = self::plan(&desired, &[account()], &observed(2, 2));
        let holds = Holds::from_plan(&desired, &plan);
        hold_back(&mut plan, &holds, signal, AT);
        let mut status = Status::new(AT);
        status.begins(&desired, generation, Role::Writer, AT);
        status.paused_by_signal(signal);
        let report = Report { plan, ends: Vec::new(), interrupted: false };
        status.ends(
            &desired,
            Finish::Executed(&report),
            Extent::Full,
            CycleTiming { took: Duration::ZERO, next: Duration::ZERO },
            AT,
        );
        let families = read(&exposition(&status, &Tally::default(), None, now));
        let value = move |name: &str, label: &str| {
            let family = families.get(name).unwrap_or_else(|| panic!("{name}"));
            let mut samples = family.samples.iter();
            let is_it = |labels: &BTreeMap<String, String>| {
                label.is_empty() || labels.values().any(|value| value == label)
            };
            samples.find(|(_, labels, _)| is_it(labels)).unwrap_or_else(|| panic!("{name} {label}")).2
        };
        let out: Vec<u8> = Whole::new(Arc::new(status), 0..2, now).flatten().collect();
        (value, serde_json::from_slice::<serde_json::Value>(&out).expect("JSON"))
    };
    let hold =
        |seconds: u64| format!("hold: {{until: {}, why: \"https://u:hunter2@a.example/\"}}", at(seconds));
    let until = "numctl_hold_until_timestamp_seconds";
    let end = |seconds: u64| AT.as_secs_f64() + Duration::from_secs(seconds).as_secs_f64();

    let three = || text(&hold(30), &format!(", {}", hold(20)), &format!(", {}", hold(10)));
    let (value, json) = show(three(), false, AT);
    assert_eq!(
        [value(until, "file"), value(until, "account"), value(until, "number")],
        [end(30), end(20), end(10)]
    );
    assert_eq!((value("numctl_numbers_on_hold", ""), value("numctl_held", "on_hold")), (2.0, 1.0));
    assert_eq!(value("numctl_held", "paused"), 0.0);
    assert_eq!(json["standstill"]["reason"], "on_hold");
    assert_eq!(json["standstill"]["hold"]["why"], "https://u:***@a.example/");
    assert_eq!(json["accounts"][0]["hold"]["until"], "2027-01-15T08:00:20.000Z");
    assert_eq!(json["numbers"][0]["hold"]["until"], "2027-01-15T08:00:10.000Z");
    assert_eq!(json["numbers"][1]["hold"], serde_json::Value::Null);
    let drift = &json["drift_held"][0];
    assert_eq!((&drift["held"], &drift["changes"][0]["after"]), (&"on_hold".into(), &"Line 1".into()));
    // They end by the clock, without a cycle.
    let (value, json) = show(three(), false, AT + Duration::from_secs(20));
    assert_eq!([value(until, "file"), value(until, "account"), value(until, "number")], [end(30), 0.0, 0.0]);
    assert_eq!(json["numbers"][0]["hold"], serde_json::Value::Null);
    let (value, json) = show(three(), false, AT + Duration::from_secs(30));
    assert_eq!((value(until, "file"), value("numctl_numbers_on_hold", "")), (0.0, 0.0));
    assert_eq!(json["standstill"]["reason"], serde_json::Value::Null);
    // Only a number's own.
    let (value, json) = show(text("", "", &format!(", {}", hold(10))), false, AT);
    assert_eq!((value("numctl_numbers_on_hold", ""), value(until, "number")), (1.0, end(10)));
    assert_eq!((&json["counts"]["on_hold"], &json["standstill"]["numbers"]["count"]), (&1.into(), &1.into()));

    let (value, json) = show(text("paused: true", "", ""), false, AT);
    assert_eq!((value("numctl_paused", "file"), value("numctl_paused", "signal")), (1.0, 0.0));
    assert_eq!(
        (&json["standstill"]["reason"], &json["drift_held"][0]["held"]),
        (&"paused".into(), &"paused".into())
    );
    let (value, json) = show(text("", "", ""), true, AT);
    assert_eq!((value("numctl_paused", "file"), value("numctl_paused", "signal")), (0.0, 1.0));
    assert_eq!(json["standstill"]["paused_by_signal"], true);
    assert_eq!(value("numctl_window_open", ""), 1.0);

    let windows = "windows: [{days: [fri], from: \"09:00\", to: \"17:00\", zone: UTC}]";
    let (value, json) = show(text(windows, "", ""), false, AT);
    assert_eq!((value("numctl_window_open", ""), value("numctl_held", "outside_windows")), (0.0, 1.0));
    assert_eq!(value("numctl_window_opens_timestamp_seconds", ""), end(3_600));
    assert_eq!(json["standstill"]["window_opens"], "2027-01-15T09:00:00.000Z");
    let (value, _) = show(text(windows, "", ""), false, AT + Duration::from_secs(3_600));
    assert_eq!(
        (value("numctl_window_open", ""), value("numctl_window_opens_timestamp_seconds", "")),
        (1.0, 0.0)
    );
}

/// One that stands by says who writes, and nothing that acts.
#[test]
fn the_one_who_writes_is_named() {
    let mut status = Status::new(AT);
    let writer = |status: &Status| {
        let out: Vec<u8> = Whole::new(Arc::new(status.clone()), 0..0, AT).flatten().collect();
        serde_json::from_slice::<serde_json::Value>(&out).expect("JSON")["writer"].clone()
    };
    status.stands_by(Waiting::for_another("the lease a/b is held by \u{202e}x"));
    assert_eq!(writer(&status), "the lease a/b is held by \\u{202e}x");
    let version = status.version;
    status.stands_by(Waiting::for_another("the lease a/b is held by \u{202e}x"));
    assert_eq!(status.version, version, "no news");
    status.stands_by(Waiting::NotKnown);
    assert_eq!((writer(&status), status.version), (serde_json::Value::Null, version + 1));
}

/// What 100,000 numbers cost is measured in the state itself: what is equal is shared.
#[test]
fn a_large_fleet_shares_what_is_equal() {
    let (desired, generation) = desired(20_000);
    let mut status = Status::new(AT);
    let plan = plan(&desired, &[account()], &observed(20_000, 2));
    assert_eq!(plan.steps.len(), 10_000);
    status.begins(&desired, generation, Role::DryRun, AT);
    let times = CycleTiming { took: Duration::from_secs(1), next: Duration::from_secs(60) };
    status.ends(&desired, Finish::Planned(&plan), Extent::Full, times, AT);
    let verdicts: BTreeSet<_> = status.rows.iter().map(|row| std::sync::Arc::as_ptr(&row.verdict)).collect();
    assert_eq!(verdicts.len(), 2, "one for those as declared, one for those that differ");
    assert!(std::mem::size_of::<numctl::daemon::status::NumberRow>() <= 72);
    // The name is the file's own text.
    let name = status.rows[3].name.as_ref().expect("a name");
    assert!(std::sync::Arc::strong_count(name) > 1, "shared with the file");
    // A version for nobody: an empty answer.
    let (status, version) = (Arc::new(status.clone()), status.version);
    let short = |process| Changed::since(status.clone(), version, process, AT).flatten().collect::<Vec<u8>>();
    let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).expect("JSON");
    let numbers = |text: &[u8]| json(text)["numbers"].as_array().expect("numbers").len();
    assert_eq!((numbers(&short(None)), numbers(&short(Some("")))), (0, 0));
    // Another process counts its versions by itself: it gets everything.
    let whole = short(Some("another"));
    assert_eq!((numbers(&whole), &json(&whole)["whole"]), (20_000, &true.into()));
    assert_eq!(json(&whole)["verdicts"].as_array().map(Vec::len), Some(2));
    // Neither text ever lies in memory as a whole.
    let parts = Whole::new(status.clone(), 0..20_000, AT).chain(Changed::since(status, 0, None, AT));
    let longest = parts.map(|part| part.len()).max().expect("parts");
    assert!(longest < 600_000, "{longest}");
}
