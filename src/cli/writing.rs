//! The commands that carry out a plan: how they lock, what they remember, and how they go through the steps
//! of a run.

use std::cell::{OnceCell, RefCell};
use std::io::{self, IsTerminal as _};
use std::path::Path;

use tokio::sync::watch;

use crate::client::webhook::WebhookCaller;
use crate::desired::narrowing::Narrowing;
use crate::desired::{Account, AccountIndex};
use crate::execute::journal::{RecordedCommand, RunHead, RunId};
use crate::execute::ledger::{Kept, Ledger, LedgerError};
use crate::execute::{Event, Stop};
use crate::guard::Approved;
use crate::guard::budget::{Budget, Generation};
use crate::guard::contents::Age;
use crate::guard::cost::Bill;
use crate::guard::intents::Intents;
use crate::guard::memory::{Extent, Memory};
use crate::host::atomic_file::create_private;
use crate::host::clock;
use crate::plan::digest::Digest;
use crate::plan::outcome::OutcomeKind;
use crate::plan::outcome::Report;
use crate::plan::stale::{Stale, StaleReason};
use crate::plan::{ContentDoubt, HeldNumber, Plan};
use crate::reconcile::{Authority, Decision, Hooks, Job, LineState, Pass, Passed, PlanSource, Pricing, pass};
use crate::report;
use crate::report::shown::Shown;

use super::arguments::{Global, TextOrJson, WriteArgs};
use super::author::author;
use super::content::Content;
use super::fleet::{self, Fleet};
use super::journal::ForWriting;
use super::signals::{Obeying, stop_by_signal};
use super::{Ended, Exit, Fatal, journal, locks, output, prices, progress, show};

/// What a command that carries out a plan goes by.
pub(super) struct Writing<'a> {
    pub(super) global: &'a Global,
    pub(super) args: &'a WriteArgs,
    journal: ForWriting,
    /// Known once the lock is held.
    ledger: OnceCell<Ledger>,
    accepted: Option<Digest>,
    head: RunHead,
    /// What calls webhooks before numbers point at them.
    pub(super) preflight: Option<WebhookCaller>,
}

/// What one run through the steps is about.
pub(super) struct Errand<'a> {
    pub(super) source: PlanSource<'a>,
    /// The content of its files.
    pub(super) content: &'a Content,
    /// The part of them that it is about.
    pub(super) narrowing: Option<&'a Narrowing>,
    /// Whether numbers are declared by need, so that what is bought for them is remembered.
    pub(super) has_claims: bool,
    /// The file that marks a saved plan as used.
    pub(super) marker: Option<&'a Path>,
}

impl<'a> Writing<'a> {
    /// Opens the journal, too, so that one that cannot be written is known before anything is
    /// looked at.
    pub(super) fn new(
        global: &'a Global,
        args: &'a WriteArgs,
        command: RecordedCommand,
    ) -> Result<Self, Fatal> {
        let accepted = match &args.accept {
            Some(text) => Some(Digest::parse(text).ok_or_else(|| {
                Fatal::new(format!(
                    "--accept {:?}: not a digest: write the 32 hexadecimal digits that a plan shows as its digest",
                    Shown(text).to_string()
                ))
            })?),
            None => None,
        };
        let journal = ForWriting::from_arguments(global, &args.journal, args.state.state_dir.as_deref())?;
        let (ledger, head) =
            (OnceCell::new(), RunHead { command, generation: None, undoes: None, by: author() });
        Ok(Self { global, args, journal, ledger, accepted, head, preflight: None })
    }

    /// Opens the fleet and holds the lock, from before the first look to after the last write.
    pub(super) async fn with_lock(
        &self,
        accounts: &[Account],
        has_claims: bool,
        work: impl AsyncFnOnce(&Fleet, Intents) -> Ended,
    ) -> Ended {
        let mut fleet = Fleet::open(self.global, accounts).await?;
        let state = fleet::state_directory(self.global, &self.args.state);
        let places = locks::places(self.global, &self.args.lock, Some(&state), has_claims);
        let held = fleet.lock(&places, &self.args.lock.lease, self.args.lock_timeout).await?;
        if let Some(ledger) = held.ledger(&self.args.state) {
            // It is set nowhere else.
            let _ = self.ledger.set(ledger);
        }
        let now = clock::since_the_epoch();
        let ended = match fleet::intents(self.global, &self.args.state, self.ledger(), now) {
            Ok(intents) => work(&fleet, intents).await,
            Err(error) => Err(error.into()),
        };
        held.release(&ended).await;
        fleet.close().await?;
        ended
    }

    /// Where it is remembered what was bought for claims.
    fn ledger(&self) -> &Ledger {
        self.ledger.get_or_init(|| fleet::ledger(self.global, &self.args.state))
    }

    /// Tells a daemon that keeps its contents there which files were in force after its own.
    async fn note_content(&self, content: Generation) -> Result<(), LedgerError> {
        let contents = self.ledger().contents()?;
        match contents.latest() {
            Some(latest) if latest != content && content != Generation::of_no_files() => {
                self.ledger().note_contents(&contents.followed_by(content)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// From now on what is carried out takes back this run.
    pub(super) fn undoing(&mut self, run: RunId) {
        self.head.undoes = Some(run);
    }

    /// Walks the line: plans, shows, asks, carries out.
    pub(super) async fn walk(&self, fleet: &Fleet, errand: Errand<'_>, intents: Intents) -> Ended {
        if errand.has_claims {
            self.ledger().begin(&intents).await?;
        }
        let operator = self.args.limits.limits();
        // A daemon that writes down its contents there has had newer files in force.
        let is_older = self.ledger().contents()?.age(errand.content.generation) == Age::Older;
        let doubt = (is_older && self.accepted.is_none()).then_some(ContentDoubt::OtherContentInForce);
        let (stop, stopped) = watch::channel(Stop::Run);
        let left_out_clients = fleet.left_out_clients(self.global, errand.narrowing);
        let job = Job {
            source: errand.source,
            generation: errand.content.generation,
            accounts: &fleet.accounts,
            clients: &fleet.clients,
            operator: &operator,
            accepted: self.accepted,
            pricing: Pricing::WhereTouched,
            // Each account keeps its own pace; this only bounds how many numbers are in progress.
            asks_who: true,
            preflight: self.preflight.as_ref(),
            narrowing: errand.narrowing,
            left_out_clients: &left_out_clients,
            numbers_at_once: usize::from(self.global.max_concurrency) * fleet.clients.len().max(1),
            extent: Extent::Full,
            authority: Authority {
                clock: &clock::since_the_epoch,
                paused: watch::channel(false).1,
                is_in_force: &|| errand.content.is_in_force(),
                doubt,
            },
            journal: Some(self.journal.access()),
            head: &self.head,
            dry_run: false,
            stop: stopped,
            now: clock::since_the_epoch(),
        };
        let mut kept = Kept { budget: Budget::default(), intents };
        let mut memory = Memory::of_one_look();
        let mut known_prices = prices::KnownPrices::from_arguments(self.global, &mut memory);
        let state = LineState { memory: &mut memory, kept: &mut kept, listed: None };
        let before = state.kept.intents.clone();
        let at = Terminal::new(self, fleet, (errand.content.generation, errand.marker), stop);
        let passed = pass(&job, state, &at).await;
        known_prices.keep(&mut memory);
        let stopped_short = at.over();
        if errand.has_claims
            && kept.intents != before
            && let Err(error) = self.ledger().save_intents(&kept.intents).await
        {
            // What is kept says too much, never too little.
            output::note(format_args!(
                "note: {error}: nothing more is bought for these claims for 15 minutes"
            ));
        }
        match stopped_short {
            Some(fatal) => Err(fatal),
            None => self.end(fleet, passed, errand.marker),
        }
    }

    /// Shows what a pass came to, and says how the command ends.
    fn end(&self, fleet: &Fleet, Passed { pass, bill, .. }: Passed, marker: Option<&Path>) -> Ended {
        let (bill, format) = (bill.as_ref(), self.args.format);
        let refuse = |plan: &Plan, notes: &[String], why: &str| {
            let error = format!("{why}; nothing was changed: plan again");
            match format {
                TextOrJson::Text => show::plan(plan, None, bill, format.into())?,
                TextOrJson::Json => show::failed(&Fatal::new(lines(&error, notes)), format.into())?,
            }
            notes.iter().for_each(output::note);
            output::error(&error);
            Ok(Exit::Refused)
        };
        match pass {
            Pass::Stopped => Err(Fatal::new("stopped; nothing was changed")),
            Pass::NotObserved(failed) => Err(fleet.not_listed(&failed)),
            Pass::Impossible(rejected) => Err(Fatal::new(Shown(&rejected.to_string()).to_string())),
            Pass::Stale(plan, moved_on) => {
                let note = |stale: &Stale| format!("  {}: {}", stale.number, describe(stale));
                let notes: Vec<String> = moved_on.iter().map(note).collect();
                let many = report::names::plural(moved_on.len(), "number");
                refuse(&plan, &notes, &format!("the plan is stale: {many} changed since it was made"))
            }
            Pass::HeldSince(plan) => {
                let note =
                    |held: &HeldNumber| format!("  {}: {}", held.number, report::words::held(&plan, held));
                let notes: Vec<String> = plan.held.iter().map(note).collect();
                let why = "part of the plan is held back now, and numctl applies a saved plan as a whole or not at all";
                refuse(&plan, &notes, why)
            }
            Pass::OtherAccepted(plan, digest) => {
                let why = format!("--accept names another plan: the digest of this one is {digest}");
                refuse(&plan, &[], &why)
            }
            Pass::Refused(plan, refusal) => {
                show::plan(&plan, Some(&refusal), bill, format.into())?;
                output::error("refused by a limit; nothing was changed");
                Ok(Exit::Refused)
            }
            Pass::Planned(plan) if plan.is_empty() => {
                show::plan(&plan, None, bill, format.into())?;
                Ok(if plan.has_errors() { Exit::Error } else { Exit::Done })
            }
            Pass::Planned(_) => {
                output::note("Not applied.");
                Ok(Exit::Error)
            }
            Pass::NotRecorded(_, error) => self.not_recorded(error, marker),
            Pass::Executed(report) => self.executed(&report, bill),
        }
    }

    fn not_recorded(&self, error: LedgerError, marker: Option<&Path>) -> Ended {
        match error {
            LedgerError::Io(path, error) if marker == Some(&*path) => {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    output::error(&format!(
                        "the plan was applied meanwhile (see {}); nothing was changed: plan again",
                        path.display()
                    ));
                    return Ok(Exit::Refused);
                }
                Err(Fatal::new(format!(
                    "{}: {error}: a saved plan is applied only once, and numctl cannot record that; nothing was changed",
                    path.display()
                )))
            }
            LedgerError::Journal(error) => {
                if let Some(marker) = marker {
                    // Nothing was sent, so that it was not used.
                    let _ = std::fs::remove_file(marker);
                }
                let Fatal { text, .. } = journal::unusable(error);
                Err(Fatal::new(format!("{text}\nnothing was changed")))
            }
            error => Err(Fatal::new(format!(
                "{error}: this must be recorded before anything is changed, and it cannot be; nothing was changed: name a directory with --state-dir"
            ))),
        }
    }

    fn executed(&self, report: &Report, bill: Option<&Bill>) -> Ended {
        let is_done = report.is_settled() && !report.plan.has_errors();
        let exit = if is_done { Exit::Done } else { Exit::Incomplete };
        match show::report(report, bill, self.args.format) {
            Ok(()) => Ok(exit),
            // 1 would say that nothing was attempted, and 0 that someone was told.
            Err(Fatal { text: error, .. }) => {
                let done = report::names::plural(report.count(OutcomeKind::Succeeded), "action");
                let all = report.ends.len();
                output::error(&format!("{error}: the report is lost; {done} of {all} succeeded"));
                Ok(Exit::Incomplete)
            }
        }
    }
}

/// What happened, and to which numbers.
fn lines(error: &str, notes: &[String]) -> String {
    notes.iter().fold(error.to_owned(), |text, note| text + "\n" + note)
}

fn describe(stale: &Stale) -> String {
    match &stale.why {
        StaleReason::AlreadyThere => "it was to be bought, and the account already has it".to_owned(),
        StaleReason::SlotTaken(slot) => format!("{slot} already has a number, or one that may be on its way"),
        StaleReason::Gone => "it is no longer in any of the accounts".to_owned(),
        StaleReason::NotSeen => "its account, or one that it may be in, cannot be read now".to_owned(),
        StaleReason::Elsewhere => "it is in another account now".to_owned(),
        StaleReason::OtherSid => "it has another SID now".to_owned(),
        StaleReason::AnotherDay => {
            "the plan was made for another day, and its quarantine would count from that day".to_owned()
        }
        StaleReason::Changed(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.json_name()).collect();
            format!("{} changed", names.join(", "))
        }
    }
}

/// The person at the terminal, or the script before the pipe: sees the plan, is asked, sees progress.
struct Terminal<'a> {
    writing: &'a Writing<'a>,
    content: Generation,
    marker: Option<&'a Path>,
    stop: watch::Sender<Stop>,
    listing: RefCell<Option<progress::ListingProgress>>,
    applying: RefCell<Option<(progress::Applying, Option<Obeying>)>>,
    /// Why it went no further.
    failed: RefCell<Option<Fatal>>,
}

impl<'a> Terminal<'a> {
    fn new(
        writing: &'a Writing<'a>,
        fleet: &Fleet,
        (content, marker): (Generation, Option<&'a Path>),
        stop: watch::Sender<Stop>,
    ) -> Self {
        let listing = RefCell::new(Some(progress::ListingProgress::start(fleet.clients.len())));
        let (applying, failed) = (RefCell::default(), RefCell::default());
        Self { writing, content, marker, stop, listing, applying, failed }
    }

    fn listed_all(&self) {
        if let Some(listing) = self.listing.take() {
            listing.done();
        }
    }

    /// Ends all progress, and says why the line was left where that was not the plan's doing.
    fn over(self) -> Option<Fatal> {
        self.listed_all();
        if let Some((progress, _obeying)) = self.applying.take() {
            progress.done();
        }
        self.failed.take()
    }

    fn answer(&self, approved: &Approved, bill: Option<&Bill>) -> Result<Decision, Fatal> {
        let args = self.writing.args;
        if approved.plan().is_empty() {
            return Ok(Decision::No);
        }
        if args.format == TextOrJson::Text {
            show::plan(approved.plan(), None, bill, args.format.into())?;
        }
        if args.yes {
            return Ok(Decision::Yes);
        }
        if !io::stdin().is_terminal() || !output::stderr_is_terminal() {
            return Err(Fatal::new("stdin is not a terminal, so nobody can confirm: pass --yes"));
        }
        if args.format == TextOrJson::Json {
            let mut text = String::new();
            report::text::plan(&mut text, approved.plan(), None, bill, output::style())?;
            output::tell(text);
        }
        Ok(if show::ask()? { Decision::YesAfterAWhile } else { Decision::No })
    }
}

impl Hooks for Terminal<'_> {
    fn listed(&self, account: AccountIndex, numbers: usize) {
        if let Some(listing) = &*self.listing.borrow() {
            listing.page(usize::from(account.0), numbers);
        }
    }

    fn confirm(&self, approved: &Approved, bill: Option<&Bill>) -> Decision {
        self.listed_all();
        self.answer(approved, bill).unwrap_or_else(|fatal| {
            self.failed.replace(Some(fatal));
            Decision::No
        })
    }

    /// Says which files were in force, and marks a saved plan as used: whoever comes second is refused.
    async fn record(&self, _: &Plan, _: &Kept) -> Result<(), LedgerError> {
        self.writing.note_content(self.content).await?;
        match self.marker {
            Some(marker) => {
                create_private(marker).map(drop).map_err(|error| LedgerError::Io(marker.to_owned(), error))
            }
            None => Ok(()),
        }
    }

    async fn note(&self, intents: &Intents) -> Result<(), LedgerError> {
        self.writing.ledger().save_record(intents).await
    }

    fn begins(&self, plan: &Plan) {
        // Heard from here on: before the first write, and also between two of them.
        let obeying = stop_by_signal(self.stop.clone());
        if let Err(error) = &obeying {
            output::note(format_args!("warning: a signal will end this run immediately: {error}"));
        }
        self.applying.replace(Some((progress::Applying::start(plan.steps.len()), obeying.ok())));
    }

    fn event(&self, plan: &Plan, _: Extent, event: &Event<'_>) {
        if let Some((progress, _)) = &*self.applying.borrow() {
            progress.event(plan, event);
        }
    }
}
