//! When somebody is told of the fleet's state, and what: once for each change that lasts.
//!
//! Pure: the state and the time come in.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use url::Url;

use crate::daemon::status::{Moment, Overall, Standing, Status, Waiting};
use crate::report::shown::count;

/// A change is told once it has held for so many cycles,
const CYCLES: u64 = 2;
/// or for so long.
const HOLDS: Duration = Duration::from_secs(30);

/// So many accounts in trouble are named.
const ACCOUNTS_MAX: usize = 5;

/// Where a message goes. Its URL may be the secret, so that only its host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is sent.
    pub url: Url,
    /// How it is written.
    pub form: Form,
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The whole [`Message`].
    Generic,
    /// `{"text": …}`, as Slack and what is compatible with it read it.
    Slack,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.host()).field(&self.form).finish()
    }
}

impl Target {
    /// Parses `https://…`, `http://…` or `slack+https://…`; `hooks.slack.com` is Slack by itself.
    ///
    /// # Errors
    /// Never shows the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (form, text) = match text.trim().strip_prefix("slack+") {
            Some(rest) => (Form::Slack, rest),
            None => (Form::Generic, text.trim()),
        };
        let url =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or("a URL for notifications is https://…, http://… or slack+https://…")?;
        let form = if url.host_str() == Some("hooks.slack.com") { Form::Slack } else { form };
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
            Form::Generic => serde_json::to_string(message).unwrap_or_default(),
            Form::Slack => {
                // What its markup reads as a link or a mention is spelt out.
                let text = message.summary.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                serde_json::json!({ "text": text }).to_string()
            }
        }
    }
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `drift`, `failure` or `recovery`.
    pub event: &'static str,
    /// The state that is told.
    pub state: &'static str,
    /// The one that was told before.
    pub before: &'static str,
    /// For people.
    pub summary: String,
    /// Declared numbers.
    pub declared: usize,
    /// As declared.
    pub synced: usize,
    /// Not as declared.
    pub drifted: usize,
    /// Left so on purpose.
    pub held: usize,
    /// With something wrong.
    pub degraded: usize,
    /// Not looked at.
    pub unknown: usize,
    /// The files in force.
    pub generation: Option<String>,
    /// Since when it is so.
    pub since: Moment,
}

/// What a state is to whoever is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    Drifted,
    Failing,
    /// It could not write though nobody else did.
    Barred,
}

impl Mood {
    /// `None` where nobody knows, or another one tells.
    fn of(status: &Status) -> Option<Self> {
        match (status.overall(), &status.waits) {
            (Overall::InSync | Overall::Held, _) => Some(Self::Well),
            (Overall::Drifted, _) => Some(Self::Drifted),
            (Overall::Degraded, Waiting::Barred(..)) => Some(Self::Barred),
            (Overall::Degraded, Waiting::NotKnown | Waiting::Another(_)) => Some(Self::Failing),
            (Overall::Starting | Overall::StandingBy, _) => None,
        }
    }

    /// The state in a word.
    fn word(self) -> &'static str {
        match self {
            Self::Well => Overall::InSync.word(),
            Self::Drifted => Overall::Drifted.word(),
            Self::Failing | Self::Barred => Overall::Degraded.word(),
        }
    }

    fn is_failure(self) -> bool {
        matches!(self, Self::Failing | Self::Barred)
    }
}

/// Decides when to tell.
#[derive(Debug)]
pub struct Announcer {
    /// What was told last; at the start, that all is well.
    told: Mood,
    pending: Option<Pending>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
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
    /// Takes a look; says what is to be told now.
    pub fn look(&mut self, status: &Status, now: Duration) -> Option<Message> {
        let mood = Mood::of(status).unwrap_or(match self.told {
            // That, at least, is over.
            Mood::Barred => Mood::Well,
            told => told,
        });
        if mood == self.told {
            self.pending = None;
            return None;
        }
        // What a cycle is about to mend is not yet drift.
        if mood == Mood::Drifted && status.progress.is_some() && self.pending.is_none() {
            return None;
        }
        let cycles = status.totals.durations.count;
        let fresh = Pending { mood, since: now, cycles };
        let pending = self.pending.filter(|pending| pending.mood == mood).unwrap_or(fresh);
        let holds = cycles >= pending.cycles + CYCLES - 1 && cycles > pending.cycles
            || now.saturating_sub(pending.since) >= HOLDS;
        if !holds {
            self.pending = Some(pending);
            return None;
        }
        let before = std::mem::replace(&mut self.told, mood);
        self.pending = None;
        Some(message(status, before, mood, Moment::of(pending.since)))
    }

    /// When to look again though nothing happens.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<Duration> {
        self.pending.map(|pending| (pending.since + HOLDS).saturating_sub(now))
    }
}

fn message(status: &Status, before: Mood, mood: Mood, since: Moment) -> Message {
    let of = |standing| status.count(standing);
    Message {
        event: match mood {
            Mood::Well => "recovery",
            // What failed is cured, though something still differs.
            Mood::Drifted if before.is_failure() => "recovery",
            Mood::Drifted => "drift",
            Mood::Failing | Mood::Barred => "failure",
        },
        // Whoever only stands by does not know how the fleet is.
        state: Mood::of(status).map_or_else(|| status.overall().word(), Mood::word),
        before: before.word(),
        summary: summary(status, before, mood),
        declared: status.rows.len(),
        synced: of(Standing::Synced),
        drifted: of(Standing::Drifted),
        held: of(Standing::Held),
        degraded: of(Standing::Degraded),
        unknown: of(Standing::Unknown),
        generation: status.generation.map(|generation| generation.to_string()),
        since,
    }
}

fn summary(status: &Status, before: Mood, mood: Mood) -> String {
    let declared = count(status.rows.len());
    let is_known = Mood::of(status).is_some();
    let mut text = match mood {
        Mood::Well if !is_known => return "numctl: recovered. This process can do its job again.".to_owned(),
        Mood::Well if status.count(Standing::Synced) == status.rows.len() => {
            return format!("numctl: recovered. All {declared} declared numbers are as declared.");
        }
        Mood::Well => "numctl: recovered.".to_owned(),
        Mood::Drifted if before.is_failure() => "numctl: recovered, with drift.".to_owned(),
        Mood::Drifted => "numctl: drift.".to_owned(),
        Mood::Failing | Mood::Barred => "numctl: degraded.".to_owned(),
    };
    let others = Standing::ALL.iter().filter(|standing| **standing != Standing::Synced);
    let parts: Vec<String> = others
        .filter(|standing| status.count(**standing) > 0)
        .map(|standing| format!("{} {}", count(status.count(*standing)), standing.word()))
        .collect();
    // A String takes everything.
    if !parts.is_empty() {
        let _ = write!(text, " Of {declared} declared numbers: {}.", parts.join(", "));
    }
    if status.refused_files.is_some() {
        text.push_str(" The files on disk are not taken; the last good ones are in force.");
    }
    if let Waiting::Barred(_, why) = &status.waits {
        let _ = write!(text, " Nothing can be written: {why}.");
    } else if let Some(why) = &status.blocked {
        let _ = write!(text, " Nothing is changed: {why}.");
    }
    let troubled = status.accounts.iter().filter_map(|account| Some((account, account.trouble.as_ref()?)));
    for (account, trouble) in troubled.take(ACCOUNTS_MAX) {
        let name = crate::model::inert::spelt_out(&account.name);
        let _ = write!(text, " Account {name}: {}.", trouble.why);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_show_nothing_but_their_host() {
        let target = Target::parse("https://hooks.slack.com/services/T0/B0/secret").expect("a target");
        assert_eq!(target.form, Form::Slack);
        assert!(!format!("{target:?}").contains("secret"));
        assert_eq!(Target::parse("slack+https://chat.example/x").map(|target| target.form), Ok(Form::Slack));
        assert_eq!(Target::parse("http://a.example/x").map(|target| target.form), Ok(Form::Generic));
        for text in ["", "secret", "ftp://secret/", "slack+secret"] {
            assert!(!Target::parse(text).expect_err(text).contains("secret"));
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
        let slack = Target::parse("slack+https://chat.example/x").expect("a target");
        let told = Message { summary: "<!channel> & all".to_owned(), ..told };
        assert_eq!(slack.body(&told), r#"{"text":"&lt;!channel&gt; &amp; all"}"#);
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
