//! The state as Prometheus reads it: the text exposition format, version 0.0.4.
//!
//! Labels have few values, whatever the fleet and the API are like: no series is about one number.

use std::fmt::{self, Display, Write as _};
use std::sync::Arc;
use std::time::Duration;

use crate::client::tally::{REQUEST_BUCKETS, Tally};
use crate::daemon::status::json::age;
use crate::daemon::status::{CycleResult, DURATION_BUCKETS, NumberStanding, Role, Status, StatusTime};
use crate::model::action_kind::ActionKind;
use crate::model::hold::Hold;
use crate::model::money::Sums;
use crate::model::settings::Field;
use crate::plan::HeldCode;
use crate::plan::outcome::OutcomeKind;

/// The media type of the Prometheus text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the system says about this process, under the names that Prometheus' own clients use.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessStats {
    /// Of user and system together.
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    /// Open files and sockets.
    pub open_files: u64,
    /// How many may be; `None` for no limit.
    pub files_max: Option<u64>,
    /// How many threads there are.
    pub threads: u64,
}

/// Writes the metrics. Each sample has the fleet's name, where the operator gave it one.
#[must_use]
pub fn exposition(status: &Status, tally: &Tally, stats: Option<ProcessStats>, now: Duration) -> String {
    let mut page = MetricsPage { text: String::with_capacity(8 << 10), fleet: status.fleet.name.clone() };
    cycles(&mut page, status);
    fleet(&mut page, status, StatusTime::since_epoch(now));
    holds(&mut page, status, now);
    limits(&mut page, status);
    webhooks(&mut page, status);
    requests(&mut page, tally);
    process(&mut page, status, tally);
    system(&mut page, status, stats);
    page.text
}

fn cycles(page: &mut MetricsPage, status: &Status) {
    let durations = &status.totals.durations;
    page.family("numctl_cycle_duration_seconds", "histogram", "How long reconcile cycles took.");
    for (bound, count) in DURATION_BUCKETS.iter().zip(durations.at_most) {
        page.sample("numctl_cycle_duration_seconds_bucket", &[("le", bound)], count);
    }
    page.sample("numctl_cycle_duration_seconds_bucket", &[("le", &"+Inf")], durations.count);
    page.sample("numctl_cycle_duration_seconds_sum", &[], durations.sum.as_secs_f64());
    page.sample("numctl_cycle_duration_seconds_count", &[], durations.count);
    page.family("numctl_cycles_total", "counter", "Reconcile cycles by outcome.");
    for result in CycleResult::ALL {
        let count = status.totals.cycles.get(&result).copied().unwrap_or_default();
        page.sample("numctl_cycles_total", &[("result", &result.as_str())], count);
    }
    page.family("numctl_actions_total", "counter", "Actions by kind and outcome.");
    for kind in ActionKind::ALL {
        for ended in OutcomeKind::ALL {
            let count = status.totals.actions.get(&(kind, ended)).copied().unwrap_or_default();
            let labels: [Label<'_>; 2] = [("kind", &kind.as_str()), ("outcome", &ended.as_str())];
            page.sample("numctl_actions_total", &labels, count);
        }
    }
    page.family(
        "numctl_last_success_timestamp_seconds",
        "gauge",
        "When a cycle last read every account and had no failure; 0 if never.",
    );
    let last = status.last_success.unwrap_or_default().since_the_epoch().as_secs_f64();
    page.sample("numctl_last_success_timestamp_seconds", &[], last);
}

fn fleet(page: &mut MetricsPage, status: &Status, now: StatusTime) {
    // A process on standby saw the fleet long ago, if ever: beside the one that writes, that would be a
    // second and older truth, and an alert over both would never end.
    let sees = status.role != Role::StandingBy;
    let accounts = || status.accounts.iter().filter(|_| sees);
    page.family("numctl_numbers", "gauge", "Declared numbers by condition; each number is in exactly one.");
    for standing in NumberStanding::ALL.into_iter().filter(|_| sees) {
        page.sample("numctl_numbers", &[("condition", &standing.as_str())], status.count(standing));
    }
    page.family(
        "numctl_numbers_by_tag",
        "gauge",
        "Declared numbers by tag and condition, for the tags of the most numbers (at most 25).",
    );
    for tagged in status.by_tag().iter().filter(|_| sees) {
        for (standing, count) in NumberStanding::ALL.into_iter().zip(tagged.standings) {
            let labels: [Label<'_>; 3] =
                [("tag", &tagged.name), ("value", &tagged.value), ("condition", &standing.as_str())];
            page.sample("numctl_numbers_by_tag", &labels, count);
        }
    }
    page.family("numctl_held", "gauge", "What the last plan holds back, by reason.");
    for code in HeldCode::ALL {
        let count = status.held.get(code).copied().unwrap_or_default();
        page.sample("numctl_held", &[("reason", &code.as_str())], count);
    }
    page.family("numctl_numbers_unlisted", "gauge", "Live numbers that the files do not name.");
    if sees {
        page.sample("numctl_numbers_unlisted", &[], status.unlisted);
    }
    page.family("numctl_drift", "gauge", "Numbers with drift in the last plan, by field.");
    let fields = Field::all().map(Field::json_name).chain(["account", "phone_number"]);
    for field in fields.filter(|_| sees) {
        let count = status.drifts.by_field.get(field).copied().unwrap_or_default();
        page.sample("numctl_drift", &[("field", &field)], count);
    }
    page.family(
        "numctl_listing_age_seconds",
        "gauge",
        "Seconds since an account was last listed completely; since the start if it never was.",
    );
    for account in accounts() {
        let seconds = age(account.listed.unwrap_or(status.started), now);
        page.sample("numctl_listing_age_seconds", &[("account", &account.name)], seconds);
    }
    page.family(
        "numctl_account_in_trouble",
        "gauge",
        "1 if nothing is planned in an account because it has errors.",
    );
    for account in accounts() {
        let flag = u8::from(account.trouble.is_some());
        page.sample("numctl_account_in_trouble", &[("account", &account.name)], flag);
    }
    page.family("numctl_desired_generation_info", "gauge", "The content of the files in force.");
    if let Some(generation) = status.generation {
        page.sample("numctl_desired_generation_info", &[("generation", &generation)], 1);
    }
    page.family(
        "numctl_files_refused",
        "gauge",
        "1 while the files on disk are not valid and the last good ones are in force.",
    );
    page.sample("numctl_files_refused", &[], u8::from(status.refused_files.is_some()));
}

fn holds(page: &mut MetricsPage, status: &Status, now: Duration) {
    let (holds, policy) = (&status.holds, &status.holds.policy);
    page.family("numctl_paused", "gauge", "1 while numctl is paused by the file or a signal.");
    page.sample("numctl_paused", &[("by", &"file")], u8::from(policy.paused));
    page.sample("numctl_paused", &[("by", &"signal")], u8::from(holds.paused_by_signal));
    page.family(
        "numctl_hold_until_timestamp_seconds",
        "gauge",
        "When the hold of the policy or of an account ends, or the last hold of a number; 0 if there is none.",
    );
    let name = "numctl_hold_until_timestamp_seconds";
    let end = |end: Option<Duration>| end.unwrap_or_default().as_secs_f64();
    let labels = |scope, account| [("scope", scope), ("account", account)] as [Label<'_>; 2];
    page.sample(name, &labels(&"file", &""), end(holds.of_file(now).map(Hold::end)));
    for account in status.accounts.iter() {
        page.sample(name, &labels(&"account", &account.name), end(account.of_hold(now).map(Hold::end)));
    }
    let last = holds.on(now).map(|(_, hold)| hold.end()).max();
    page.sample(name, &labels(&"number", &""), end(last));
    page.family(
        "numctl_numbers_on_hold",
        "gauge",
        "Declared numbers on hold, through their own hold, their account's or the policy's, drifted or not.",
    );
    page.sample("numctl_numbers_on_hold", &[], holds.count(&status.accounts, now));
    page.family(
        "numctl_window_open",
        "gauge",
        "0 while no maintenance window is open; 1 while one is, or there are none.",
    );
    page.sample("numctl_window_open", &[], u8::from(!policy.is_shut(now)));
    page.family(
        "numctl_window_opens_timestamp_seconds",
        "gauge",
        "When the next maintenance window opens; 0 while one is open or there are none.",
    );
    page.sample("numctl_window_opens_timestamp_seconds", &[], end(policy.opens(now)));
}

fn webhooks(page: &mut MetricsPage, status: &Status) {
    page.family("numctl_webhooks", "gauge", "Declared webhooks by how they answered last (run --preflight).");
    let Some((_, health)) = &status.webhooks else { return };
    let failing = health.failing.len();
    for (state, count) in [("working", health.called - failing), ("failing", failing)] {
        page.sample("numctl_webhooks", &[("state", &state)], count);
    }
}

fn requests(page: &mut MetricsPage, tally: &Tally) {
    page.family("numctl_requests_total", "counter", "Requests to the API by operation and status.");
    for (operation, status, count) in tally.requests() {
        let labels: [Label<'_>; 2] = [("operation", &operation.as_str()), ("status", &status)];
        page.sample("numctl_requests_total", &labels, count);
    }
    let name = "numctl_request_duration_seconds";
    page.family(name, "histogram", "How long requests to the API took, until the answer or the failure.");
    let (bucket, sum, count) = (format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count"));
    for times in tally.request_times() {
        let word = times.operation.as_str();
        for (bound, at_most) in REQUEST_BUCKETS.iter().zip(times.at_most) {
            page.sample(&bucket, &[("operation", &word), ("le", bound)], at_most);
        }
        page.sample(&bucket, &[("operation", &word), ("le", &"+Inf")], times.count);
        page.sample(&sum, &[("operation", &word)], times.sum);
        page.sample(&count, &[("operation", &word)], times.count);
    }
    page.family("numctl_throttled_total", "counter", "Requests that the API answered with 429.");
    page.sample("numctl_throttled_total", &[], tally.throttled());
    page.family("numctl_retries_total", "counter", "Requests that were sent again.");
    page.sample("numctl_retries_total", &[], tally.retries());
}

/// Only whoever writes knows what was spent.
fn limits(page: &mut MetricsPage, status: &Status) {
    let sees = status.role != Role::StandingBy;
    page.family(
        "numctl_limit_left",
        "gauge",
        "What is left of a limit over 24 hours: a count for all accounts together, a share for each.",
    );
    for left in status.allowance.left.iter().filter(|_| sees) {
        let account: &str = left.account.as_deref().unwrap_or_default();
        if let Some(count) = left.left {
            page.sample(
                "numctl_limit_left",
                &[("limit", &left.limit.as_str()), ("account", &account)],
                count,
            );
        }
    }
    page.family(
        "numctl_monthly_cost",
        "gauge",
        "Monthly cost of the live numbers by currency, as far as prices are known; only if a limit on money is set.",
    );
    for money in status.allowance.monthly.iter().filter(|_| sees).flat_map(Sums::iter) {
        page.sample("numctl_monthly_cost", &[("currency", &money.currency())], money.decimal());
    }
}

fn process(page: &mut MetricsPage, status: &Status, tally: &Tally) {
    page.family(
        "numctl_lease_failures_total",
        "counter",
        "Requests to acquire or renew the Lease that failed.",
    );
    page.sample("numctl_lease_failures_total", &[], tally.lease_failures());
    page.family(
        "numctl_notification_failures_total",
        "counter",
        "Attempts to deliver a notification that failed.",
    );
    page.sample("numctl_notification_failures_total", &[], tally.notification_failures());
    page.family(
        "numctl_log_lines_dropped_total",
        "counter",
        "Log lines that were dropped because stderr was not read in time.",
    );
    page.sample("numctl_log_lines_dropped_total", &[], tally.dropped_lines());
    page.family("numctl_lease_held", "gauge", "1 while this process is the one that writes.");
    page.sample("numctl_lease_held", &[], u8::from(status.role == Role::Writer));
    page.family("numctl_start_time_seconds", "gauge", "When the process started.");
    page.sample("numctl_start_time_seconds", &[], status.started.since_the_epoch().as_secs_f64());
    page.family("numctl_build_info", "gauge", "The version of numctl.");
    page.sample("numctl_build_info", &[("version", &env!("CARGO_PKG_VERSION"))], 1);
}

fn system(page: &mut MetricsPage, status: &Status, stats: Option<ProcessStats>) {
    let started = status.started.since_the_epoch().as_secs_f64();
    page.family("process_start_time_seconds", "gauge", "When the process started.");
    page.sample("process_start_time_seconds", &[], started);
    let Some(stats) = stats else { return };
    page.family("process_cpu_seconds_total", "counter", "User and system time that the process took.");
    page.sample("process_cpu_seconds_total", &[], stats.cpu_seconds);
    let gauges = [
        ("process_resident_memory_bytes", "Memory in use.", Some(stats.resident_bytes)),
        ("process_virtual_memory_bytes", "Address space.", Some(stats.virtual_bytes)),
        ("process_open_fds", "Open files and sockets.", Some(stats.open_files)),
        ("process_max_fds", "Maximum number of open files and sockets.", stats.files_max),
        ("process_threads", "Threads of the process.", Some(stats.threads)),
    ];
    for (name, help, value) in gauges {
        page.family(name, "gauge", help);
        if let Some(value) = value {
            page.sample(name, &[], value);
        }
    }
}

type Label<'a> = (&'a str, &'a dyn Display);

struct MetricsPage {
    text: String,
    /// Told by every sample.
    fleet: Option<Arc<str>>,
}

impl MetricsPage {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // A String takes everything.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[Label<'_>], value: impl Display) {
        self.text.push_str(name);
        let fleet = self.fleet.clone();
        let fleet = fleet.iter().map(|fleet| ("fleet", fleet as &dyn Display));
        let mut open = '{';
        for (label, content) in fleet.chain(labels.iter().copied()) {
            let _ = write!(self.text, "{open}{label}=\"{}\"", Escaped(&content.to_string()));
            open = ',';
        }
        if open == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// A label's value: backslashes, quotes and line breaks are escaped.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}
