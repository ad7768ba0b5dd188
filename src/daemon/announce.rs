//! When to notify of the fleet's state, and with what: once for each change that lasts.
//!
//! Pure: the state and the time come in.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use url::Url;

use crate::daemon::status::{NumberRow, NumberStanding, Overall, Role, Status, StatusTime, Truth, Waiting};
use crate::model::inert;
use crate::report::shown::count;

/// A change is reported once it has held for this many cycles,
const CYCLES: u64 = 2;
/// or for this long.
const HOLDS: Duration = Duration::from_secs(30);

/// At most this many accounts in trouble are named.
const ACCOUNTS_MAX: usize = 5;
/// At most this many numbers are named.
const NUMBERS_MAX: usize = 5;
/// At most this much of what is said about a number is told.
const ERROR_MAX: usize = 300;
/// At most this much Slack takes in one block.
const SLACK_TEXT_MAX: usize = 2_900;

/// Where a message goes. Its URL may be the secret, so that only its host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookTarget {
    /// Where it is sent.
    pub url: Url,
    /// How it is written.
    pub form: MessageForm,
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageForm {
    Generic,
    /// `{"text": …, "blocks": […]}`, as Slack and what is compatible with it read it.
    Slack,
}

impl std::fmt::Debug for WebhookTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.host()).field(&self.form).finish()
    }
}

impl WebhookTarget {
    /// Parses `https://…`, `http://…` or `slack+https://…`; `hooks.slack.com` is Slack by itself.
    ///
    /// # Errors
    /// Never shows the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (form, text) = match text.trim().strip_prefix("slack+") {
            Some(rest) => (MessageForm::Slack, rest),
            None => (MessageForm::Generic, text.trim()),
        };
        let url =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or("a notification URL starts with https://, http:// or slack+https://")?;
        let form = if url.host_str() == Some("hooks.slack.com") { MessageForm::Slack } else { form };
        Ok(Self { url, form })
    }

    /// The host, for logs.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or("")
    }

    /// The body of a message to it.
    #[must_use]
    pub fn body(&self, message: &Message) -> String {
        match self.form {
            MessageForm::Generic => serde_json::to_string(message).unwrap_or_default(),
            MessageForm::Slack => slack(message).to_string(),
        }
    }

    /// Whether a credential may be sent to it: over TLS, or without leaving this machine.
    #[must_use]
    pub fn keeps_secrets(&self) -> bool {
        let is_here = match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.url.scheme() == "https" || is_here
    }
}

/// A message as Slack shows it. Foreign text appears only as plain text, in which no markup takes effect.
fn slack(message: &Message) -> serde_json::Value {
    let plain = |text: &str| {
        let text: String = text.chars().take(SLACK_TEXT_MAX).collect();
        serde_json::json!({ "type": "plain_text", "text": escaped(&text), "emoji": false })
    };
    let mut blocks = vec![serde_json::json!({ "type": "section", "text": plain(&message.summary) })];
    if !message.numbers.is_empty() {
        let mut lines: Vec<String> = message.numbers.iter().map(ToString::to_string).collect();
        if message.more > 0 {
            lines.push(format!("and {} more", count(message.more)));
        }
        blocks.push(serde_json::json!({ "type": "section", "text": plain(&lines.join("\n")) }));
    }
    let mut context = vec![plain(&message.next)];
    if let Some(url) = &message.url {
        // A parsed URL has no character that ends the link.
        let link = format!("<{}|Open the page>", escaped(url));
        context.push(serde_json::json!({ "type": "mrkdwn", "text": link }));
    }
    blocks.push(serde_json::json!({ "type": "context", "elements": context }));
    serde_json::json!({ "text": escaped(&message.summary), "blocks": blocks })
}

/// What Slack reads as a link or a mention, spelt out.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A number that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumberTold {
    pub phone_number: String,
    /// Its account, as the files name it.
    pub account: String,
    pub standing: &'static str,
    /// Why, in one word.
    pub reason: String,
    /// The error, or what differs.
    pub message: String,
}

impl std::fmt::Display for NumberTold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { phone_number, account, standing, reason, message } = self;
        let why = if message.is_empty() { reason } else { message };
        write!(f, "{phone_number} ({account}) {standing}: {why}")
    }
}

/// What a notification says, before it has a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Which fleet, where it has a name.
    pub fleet: Option<String>,
    /// `drift`, `failure` or `recovery`.
    pub event: &'static str,
    /// The state that is reported.
    pub state: &'static str,
    /// The one that was reported before.
    pub before: &'static str,
    pub summary: String,
    /// What went wrong first.
    pub error: Option<String>,
    /// What numctl does next.
    pub next: String,
    /// Numbers that are not as they should be: the worst first, and a few of many.
    pub numbers: Vec<NumberTold>,
    /// How many more there are.
    pub more: usize,
    /// Where the page shows this.
    pub url: Option<String>,
    pub declared: usize,
    pub synced: usize,
    pub drifted: usize,
    /// Left so on purpose.
    pub held: usize,
    pub degraded: usize,
    pub unknown: usize,
    /// As declared, with settings that have no effect.
    pub no_effect: usize,
    /// The files in force.
    pub generation: Option<String>,
    /// Since when it is so.
    pub since: StatusTime,
}

/// What a state is to the reader of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    Drifted,
    Failing,
    /// It could not write though no one else did.
    Barred,
}

impl Mood {
    /// `None` where no one knows, or another one tells.
    fn from_status(status: &Status) -> Option<Self> {
        match (status.overall(), &status.waits) {
            (Overall::InSync | Overall::Held | Overall::NoEffect, _) => Some(Self::Well),
            (Overall::Drifted, _) => Some(Self::Drifted),
            (Overall::Degraded, Waiting::Barred(..)) => Some(Self::Barred),
            (Overall::Degraded, Waiting::NotKnown | Waiting::Another(_)) => Some(Self::Failing),
            (Overall::Starting | Overall::StandingBy, _) => None,
        }
    }

    /// The state in one word.
    fn as_str(self) -> &'static str {
        match self {
            Self::Well => Overall::InSync.as_str(),
            Self::Drifted => Overall::Drifted.as_str(),
            Self::Failing | Self::Barred => Overall::Degraded.as_str(),
        }
    }

    fn is_failure(self) -> bool {
        matches!(self, Self::Failing | Self::Barred)
    }
}

/// Decides when to tell.
#[derive(Debug)]
pub struct Announcer {
    /// What was reported last; at the start, that all is well.
    told: Mood,
    pending: Option<PendingMessage>,
}

#[derive(Debug, Clone, Copy)]
struct PendingMessage {
    mood: Mood,
    since: Duration,
    /// The cycles that had ended before.
    cycles: u64,
}

impl Default for Announcer {
    fn default() -> Self {
        Self { told: Mood::Well, pending: None }
    }
}

impl Announcer {
    /// Takes a look; says what to report now.
    pub fn look(&mut self, status: &Status, now: Duration) -> Option<Message> {
        let mood = Mood::from_status(status).unwrap_or(match self.told {
            // That, at least, is over.
            Mood::Barred => Mood::Well,
            told => told,
        });
        if mood == self.told {
            self.pending = None;
            return None;
        }
        // What a cycle is about to repair is not yet drift.
        if mood == Mood::Drifted && status.progress.is_some() && self.pending.is_none() {
            return None;
        }
        let cycles = status.totals.durations.count;
        let fresh = PendingMessage { mood, since: now, cycles };
        let pending = self.pending.filter(|pending| pending.mood == mood).unwrap_or(fresh);
        let holds = cycles >= pending.cycles + CYCLES - 1 && cycles > pending.cycles
            || now.saturating_sub(pending.since) >= HOLDS;
        if !holds {
            self.pending = Some(pending);
            return None;
        }
        let before = std::mem::replace(&mut self.told, mood);
        self.pending = None;
        Some(message(status, before, mood, StatusTime::since_epoch(pending.since)))
    }

    /// When to look again though nothing happens.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<Duration> {
        self.pending.map(|pending| (pending.since + HOLDS).saturating_sub(now))
    }
}

fn message(status: &Status, before: Mood, mood: Mood, since: StatusTime) -> Message {
    let of = |standing| status.count(standing);
    let numbers = numbers(status);
    let wrong = [NumberStanding::Degraded, NumberStanding::Drifted, NumberStanding::Unknown]
        .map(of)
        .iter()
        .sum::<usize>();
    Message {
        fleet: status.fleet.name.as_deref().map(str::to_owned),
        event: match mood {
            Mood::Well => "recovery",
            // What failed is cured, though something still differs.
            Mood::Drifted if before.is_failure() => "recovery",
            Mood::Drifted => "drift",
            Mood::Failing | Mood::Barred => "failure",
        },
        // A process on standby does not know how the fleet is.
        state: Mood::from_status(status).map_or_else(|| status.overall().as_str(), Mood::as_str),
        before: before.as_str(),
        summary: summary(status, before, mood),
        error: error(status),
        next: next(status, mood),
        more: wrong.saturating_sub(numbers.len()),
        numbers,
        url: status.fleet.page.as_deref().map(|page| link(page, status)),
        declared: status.rows.len(),
        synced: of(NumberStanding::Synced),
        drifted: of(NumberStanding::Drifted),
        held: of(NumberStanding::Held),
        degraded: of(NumberStanding::Degraded),
        unknown: of(NumberStanding::Unknown),
        no_effect: of(NumberStanding::NoEffect),
        generation: status.generation.map(|generation| generation.to_string()),
        since,
    }
}

/// The worst numbers first.
fn numbers(status: &Status) -> Vec<NumberTold> {
    let of = |wanted: NumberStanding| status.rows.iter().filter(move |row| row.verdict.standing == wanted);
    // A fleet without such a number is not searched for one.
    let worst = [NumberStanding::Degraded, NumberStanding::Drifted, NumberStanding::Unknown];
    let rows = worst.into_iter().filter(|standing| status.count(*standing) > 0).flat_map(of);
    let told = |row: &NumberRow| {
        let condition = match row.verdict.degraded.status {
            Truth::True => &row.verdict.degraded,
            Truth::False | Truth::Unknown => &row.verdict.synced,
        };
        let account = status.accounts.get(usize::from(row.account.0));
        NumberTold {
            phone_number: row.number.to_string(),
            account: inert::spelt_out(account.map_or("", |account| &account.name)),
            standing: row.verdict.standing.as_str(),
            reason: condition.reason.to_string(),
            message: condition.message.chars().take(ERROR_MAX).collect(),
        }
    };
    rows.take(NUMBERS_MAX).map(told).collect()
}

/// What is wrong with the fleet as a whole, else with the first number or in the last cycle.
fn error(status: &Status) -> Option<String> {
    let of_a_number = || {
        let is_it = |row: &&NumberRow| row.verdict.standing == NumberStanding::Degraded;
        let degraded = status.count(NumberStanding::Degraded) > 0;
        status.rows.iter().filter(|_| degraded).find(is_it).map(|row| row.verdict.degraded.message.clone())
    };
    let of_an_account = || {
        let trouble = status.accounts.iter().find_map(|account| account.trouble.as_ref());
        trouble.map(|trouble| Arc::from(trouble.why.as_str()))
    };
    let whole = match &status.waits {
        Waiting::Barred(_, why) => Some(why.clone()),
        Waiting::NotKnown | Waiting::Another(_) => None,
    };
    let files = status.refused_files.as_ref().map(|(_, text)| text.clone());
    let found = whole.or(files).or(status.blocked.clone()).or_else(of_an_account).or_else(of_a_number);
    found.map(|text| text.chars().take(ERROR_MAX).collect())
}

/// What numctl does next, for whoever has to decide whether to get up.
fn next(status: &Status, mood: Mood) -> String {
    let at = match status.next {
        Some(at) => format!("at {at}"),
        None => "in the next cycle".to_owned(),
    };
    let is_dry = status.role == Role::DryRun;
    match mood {
        Mood::Barred => {
            "Next: numctl tries again every few seconds, and continues once it can write.".to_owned()
        }
        Mood::Well if status.role == Role::StandingBy => {
            "Next: this process takes over when the one that writes stops.".to_owned()
        }
        Mood::Well => format!("Next: numctl checks again {at}."),
        Mood::Drifted if is_dry => {
            format!("Next: nothing is changed in a dry run. numctl checks again {at}.")
        }
        Mood::Drifted => format!("Next: numctl repairs the drift {at}."),
        Mood::Failing if status.refused_files.is_some() => {
            "Next: numctl uses the last good files, and reads the files again when they change.".to_owned()
        }
        Mood::Failing if status.blocked.is_some() => {
            format!("Next: numctl plans again {at}, and changes nothing until this is fixed.")
        }
        Mood::Failing if is_dry => format!("Next: numctl checks again {at}. It is a dry run."),
        Mood::Failing => format!("Next: numctl tries again {at}."),
    }
}

/// The page, with the numbers that this is about.
fn link(page: &Url, status: &Status) -> String {
    let mut page = page.clone();
    let worst = [NumberStanding::Degraded, NumberStanding::Drifted, NumberStanding::Unknown];
    if let Some(standing) = worst.into_iter().find(|standing| status.count(*standing) > 0) {
        page.set_fragment(Some(&format!("standing={}", standing.as_str())));
    }
    page.into()
}

fn summary(status: &Status, before: Mood, mood: Mood) -> String {
    let declared = count(status.rows.len());
    let is_known = Mood::from_status(status).is_some();
    let who = match &status.fleet.name {
        Some(name) => format!("numctl, {name}"),
        None => "numctl".to_owned(),
    };
    let mut text = match mood {
        Mood::Well if !is_known => return format!("{who}: recovered. This process can do its job again."),
        Mood::Well if status.count(NumberStanding::Synced) == status.rows.len() => {
            return format!("{who}: recovered. All {declared} declared numbers are as declared.");
        }
        Mood::Well => format!("{who}: recovered."),
        Mood::Drifted if before.is_failure() => format!("{who}: recovered, with drift."),
        Mood::Drifted => format!("{who}: drift."),
        Mood::Failing | Mood::Barred => format!("{who}: degraded."),
    };
    let others = NumberStanding::ALL.iter().filter(|standing| **standing != NumberStanding::Synced);
    let parts: Vec<String> = others
        .filter(|standing| status.count(**standing) > 0)
        .map(|standing| format!("{} {}", count(status.count(*standing)), standing.as_str()))
        .collect();
    // A String takes everything.
    if !parts.is_empty() {
        let _ = write!(text, " Of {declared} declared numbers: {}.", parts.join(", "));
    }
    if status.refused_files.is_some() {
        text.push_str(" The files on disk are not used; the last good ones are in force.");
    }
    if let Waiting::Barred(_, why) = &status.waits {
        let _ = write!(text, " Nothing can be written: {why}.");
    } else if let Some(why) = &status.blocked {
        let _ = write!(text, " Nothing is changed: {why}.");
    }
    let troubled = status.accounts.iter().filter_map(|account| Some((account, account.trouble.as_ref()?)));
    for (account, trouble) in troubled.take(ACCOUNTS_MAX) {
        let name = inert::spelt_out(&account.name);
        let _ = write!(text, " Account {name}: {}.", trouble.why);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_show_nothing_but_their_host() {
        let target = WebhookTarget::parse("https://hooks.slack.com/services/T0/B0/secret").expect("a target");
        assert_eq!(target.form, MessageForm::Slack);
        assert!(!format!("{target:?}").contains("secret"));
        assert_eq!(
            WebhookTarget::parse("slack+https://chat.example/x").map(|target| target.form),
            Ok(MessageForm::Slack)
        );
        assert_eq!(
            WebhookTarget::parse("http://a.example/x").map(|target| target.form),
            Ok(MessageForm::Generic)
        );
        for text in ["", "secret", "ftp://secret/", "slack+secret"] {
            assert!(!WebhookTarget::parse(text).expect_err(text).contains("secret"));
        }
    }

    #[test]
    fn a_change_is_told_once_and_only_when_it_lasts() {
        let at = |seconds: u64| Duration::from_secs(1_000 + seconds);
        let mut status = Status::new(at(0));
        let mut announcer = Announcer::default();
        assert_eq!(announcer.look(&status, at(0)), None);
        status.files_refused("error: no", at(1));
        assert_eq!(announcer.look(&status, at(1)), None);
        assert_eq!(announcer.due(at(11)), Some(Duration::from_secs(20)));
        // It comes and goes.
        status.files_taken();
        assert_eq!(announcer.look(&status, at(2)), None);
        assert_eq!(announcer.due(at(2)), None);
        status.files_refused("error: no", at(3));
        assert_eq!(announcer.look(&status, at(3)), None);
        let told = announcer.look(&status, at(33)).expect("it has lasted");
        assert_eq!((told.event, told.state, told.before), ("failure", "degraded", "in_sync"));
        assert_eq!(announcer.look(&status, at(90)), None);
        status.files_taken();
        // Another one writes: how the fleet is, that one tells.
        status.stands_by(Waiting::for_another("b"));
        assert_eq!((announcer.look(&status, at(91)), announcer.look(&status, at(130))), (None, None));
        let slack = WebhookTarget::parse("slack+https://chat.example/x").expect("a target");
        let number = NumberTold {
            phone_number: "+15552230000".to_owned(),
            account: "main".to_owned(),
            standing: "degraded",
            reason: "ActionFailed".to_owned(),
            message: "*bold* <!here>".to_owned(),
        };
        let url = Some("https://numctl.example/#standing=degraded".to_owned());
        let told =
            Message { summary: "<!channel> & all".to_owned(), numbers: vec![number], more: 471, url, ..told };
        let body: serde_json::Value = serde_json::from_str(&slack.body(&told)).expect("JSON");
        assert_eq!(body["text"], "&lt;!channel&gt; &amp; all");
        let lines = &body["blocks"][1]["text"];
        assert_eq!(lines["type"], "plain_text");
        assert_eq!(lines["text"], "+15552230000 (main) degraded: *bold* &lt;!here&gt;\nand 471 more");
        let link = &body["blocks"][2]["elements"][1]["text"];
        assert_eq!(link, "<https://numctl.example/#standing=degraded|Open the page>");
    }

    #[test]
    fn a_process_that_was_barred_tells_when_that_is_over() {
        let at = |seconds: u64| Duration::from_secs(1_000 + seconds);
        let mut status = Status::new(at(0));
        let mut announcer = Announcer::default();
        status.stands_by(Waiting::barred("lease_missing", "the lease a/b does not exist"));
        assert_eq!(announcer.look(&status, at(1)), None);
        let told = announcer.look(&status, at(40)).expect("it has lasted");
        assert_eq!((told.event, told.state), ("failure", "degraded"));
        assert!(told.summary.contains("the lease a/b does not exist"), "{}", told.summary);
        status.stands_by(Waiting::for_another("c"));
        assert_eq!(announcer.look(&status, at(50)), None);
        let told = announcer.look(&status, at(90)).expect("it has lasted");
        assert_eq!((told.event, told.state, told.before), ("recovery", "standing_by", "degraded"));
    }
}
