//! The laws, checked at every send, at every act of the server and at the end of every pass. Written
//! from what crosses the wire and what the server does, never from what the engine thinks.

use std::collections::BTreeSet;
use std::time::Duration;

use numctl::client::api::error::Operation;
use numctl::desired::{AccountIndex, DeclaredState as Wanted, Desired, Unlisted};
use numctl::model::action_kind::ActionKind;
use numctl::model::live::Live;
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::settings::{Field, Want};
use numctl::plan::outcome::{Failure, Outcome, Report, Skip};
use numctl::plan::stale;
use numctl::plan::{Action, Target};
use numctl::sandbox::HttpRequest;

use crate::budgets;
use crate::fates::Fate;
use crate::sending::{Sending, asking};
use crate::state::{Act, By, Deed, PassView, State};

/// Law 2: a release goes out so soon after the fresh read that it relies on.
const FRESH: Duration = Duration::from_secs(5);

/// Checks what must be true when a request is sent; gives the pass that it belongs to, which is a
/// new one when a process that has none begins to list, or looks at a few numbers anew after it has
/// seen everything before.
pub fn sent(state: &mut State, process: usize, asked: &HttpRequest, sending: &Sending) -> u64 {
    let is_listing = matches!(sending, Sending::List { is_first: true, .. } | Sending::Probe);
    let id = match state.processes[process].pass {
        Some(id) => id,
        None if is_listing => begin(state, process),
        None if matches!(sending, Sending::Fetch { .. }) && has_seen_everything(state, process) => {
            begin(state, process)
        }
        None => {
            state.violation(format!("process {process} sends before it lists: {sending:?}"));
            begin(state, process)
        }
    };
    let now = state.now();
    let mut wrong = Vec::new();
    let account = asking(asked);
    if state.processes[process].not_before.get(&account).is_some_and(|until| now < *until) {
        wrong.push("sent before the API wanted to hear of it again".to_owned());
    }
    if let (Some((kind, _)), Some((rung, on_disk))) = (sending.write(), state.rung)
        && kind != ActionKind::Configure
        && rung < now
        && state.processes[process].is_daemon
        && state.processes[process].file.as_ref().is_some_and(|file| file.generation != on_disk)
    {
        wrong.push(format!("sent by content that was replaced at {rung:?}"));
    }
    if sending.write().is_some() {
        wrong.extend(check_lock(state, process, id, account));
    }
    let mut doubted = None;
    if let Some(pass) = state.passes.get_mut(&id) {
        pass.requests += 1;
        match sending {
            Sending::List { .. }
            | Sending::LookUp { .. }
            | Sending::Fetch { .. }
            | Sending::Probe
            | Sending::Aside
            | Sending::Other => {}
            Sending::Purchase { account, number, fields } => {
                wrong.extend(check_purchase(pass, *account, *number, fields));
                if pass.unsettled.contains(&(ActionKind::Purchase, *number)) {
                    doubted = Some("purchase sent again after a look");
                }
                // Whatever comes of it, the next send of the same needs another look.
                pass.absent.remove(number);
                pass.unsettled.insert((ActionKind::Purchase, *number));
            }
            Sending::Configure { number, fields } => wrong.extend(check_configure(pass, *number, fields)),
            Sending::Transfer { number, sid, to } => {
                wrong.extend(check_transfer(pass, *number, *sid, to));
                if let Some(number) = number {
                    pass.unsettled.insert((ActionKind::Transfer, *number));
                }
            }
            Sending::Release { account, sid, number } => {
                wrong.extend(check_release(pass, *account, *sid, *number, now));
                // One read lets one release go out.
                pass.read.remove(sid);
            }
        }
        if let Some((kind, number)) = sending.write() {
            pass.last_write = Some(now);
            pass.writes += 1;
            if !sees_enough(pass, sending, account) {
                wrong.push("a write on a partial view".to_owned());
            }
            if let Some(number) = number {
                pass.sent.push((kind, number));
                pass.in_doubt.insert((kind, number));
            }
            wrong.extend(budgets::of_run(pass));
        }
    }
    if let Some(event) = doubted {
        state.sometimes.reached(event);
    }
    for what in wrong {
        state.violation(format!("pass {id}: {what}: {sending:?}"));
    }
    id
}

/// Whether a pass of this life of the process has listed all of its accounts.
fn has_seen_everything(state: &State, process: usize) -> bool {
    let life = state.processes[process].lives;
    let mut earlier = state.passes.values().filter(|pass| pass.process == process && pass.life == life);
    earlier.any(|pass| pass.whole.len() == pass.file.desired.accounts.len())
}

/// Law 3: what is bought may be in any account; what is changed is in this one, or was just read by
/// itself; what moves is in one that was listed and goes to one that was.
fn sees_enough(pass: &PassView, sending: &Sending, account: AccountSid) -> bool {
    match sending {
        Sending::Purchase { .. } => pass.whole.len() == pass.file.desired.accounts.len(),
        Sending::Transfer { sid, to, .. } => {
            pass.listed.contains_key(sid) && pass.whole.iter().any(|whole| whole.to_string() == *to)
        }
        Sending::Configure { number: Some(number), .. } => {
            pass.whole.contains(&account) || read_of(pass, *number).is_some()
        }
        Sending::Configure { number: None, .. }
        | Sending::Release { .. }
        | Sending::List { .. }
        | Sending::LookUp { .. }
        | Sending::Fetch { .. }
        | Sending::Probe
        | Sending::Aside
        | Sending::Other => pass.whole.contains(&account),
    }
}

/// What this pass read of a number by itself.
fn read_of(pass: &PassView, number: PhoneNumber) -> Option<&Live> {
    pass.read.values().filter_map(|(_, live)| live.as_ref()).find(|live| live.number == Some(number))
}

fn begin(state: &mut State, process: usize) -> u64 {
    let id = state.passes.len() as u64 + 1;
    let began = state.now();
    let sender = &mut state.processes[process];
    sender.pass = Some(id);
    let file = sender.file.clone().expect("a process has read its file before it sends");
    let view = PassView {
        process,
        life: sender.lives,
        is_unsaved: false,
        is_daemon: sender.is_daemon,
        file,
        began,
        pages: Default::default(),
        whole: Default::default(),
        spoilt: Default::default(),
        unfinished: Default::default(),
        listed: Default::default(),
        listed_twice: Vec::new(),
        listed_numbers: Default::default(),
        absent: Default::default(),
        read: Default::default(),
        sent: Vec::new(),
        unsettled: Default::default(),
        in_doubt: Default::default(),
        last_write: None,
        writes: 0,
        requests: 0,
        is_partial: false,
        is_quiet: false,
        is_over: false,
    };
    state.passes.insert(id, view);
    state.note(|| format!("process {process} begins pass {id}"));
    id
}

/// Law 10: where there is a lock, its file is there, and nobody else who locks has written since
/// this pass began.
fn check_lock(state: &State, process: usize, id: u64, account: AccountSid) -> Vec<String> {
    let Some(directory) = &state.processes[process].lock_dir else { return Vec::new() };
    let mut wrong = Vec::new();
    if !directory.join(format!("{account}.lock")).exists() {
        wrong.push("a write after the lock was lost".to_owned());
    }
    let began = state.passes.get(&id).map(|pass| pass.began);
    let others = state.passes.iter().filter(|(other, pass)| {
        **other != id
            && pass.process != process
            && state.processes[pass.process].lock_dir.is_some()
            && pass.last_write.is_some_and(|at| Some(at) > began)
    });
    wrong.extend(others.map(|(other, _)| format!("a write beside pass {other}'s, which has the lock too")));
    wrong
}

fn sid_of(desired: &Desired, index: AccountIndex) -> Option<AccountSid> {
    desired.account(index).sid
}

fn check_purchase(
    pass: &PassView,
    account: AccountSid,
    number: PhoneNumber,
    fields: &[Field],
) -> Vec<String> {
    let mut wrong = Vec::new();
    match pass.file.desired.declared(number) {
        Some(declared) if declared.state == Wanted::Present => {
            if sid_of(&pass.file.desired, declared.account) != Some(account) {
                wrong.push("a purchase for another account than the declared one".to_owned());
            }
            if let Some(field) = fields.iter().find(|field| declared.settings.get(**field).is_none()) {
                wrong.push(format!("a purchase sets {field}, which is not managed"));
            }
            // Managed clears and values all go along: a fresh number is not blank.
            let lone = |field| matches!(field, Field::VoiceFallbackUrl | Field::SmsFallbackUrl);
            if let Some((field, _)) =
                declared.settings.iter().find(|(field, _)| !fields.contains(field) && !lone(*field))
            {
                wrong.push(format!("a purchase leaves {field} out"));
            }
        }
        _ => wrong.push("a purchase beyond the file".to_owned()),
    }
    if pass.file.truth.declared(number).is_none() {
        wrong.push("a purchase that the whole file does not name".to_owned());
    }
    if pass.listed_numbers.contains(&number) {
        wrong.push("a purchase of a number that was listed".to_owned());
    }
    if !pass.absent.contains_key(&number) {
        wrong.push("a purchase without a look before it".to_owned());
    }
    wrong
}

fn check_configure(pass: &PassView, number: Option<PhoneNumber>, fields: &[Field]) -> Vec<String> {
    let Some(number) = number else { return Vec::new() };
    let Some(declared) = pass.file.desired.declared(number) else {
        return vec!["a configure of a number that the file does not name".to_owned()];
    };
    let mut wrong = Vec::new();
    if fields.is_empty() {
        wrong.push("a configure of nothing".to_owned());
    }
    if let Some(field) = fields.iter().find(|field| declared.settings.get(**field).is_none()) {
        wrong.push(format!("a configure sends {field}, which is not managed"));
    }
    let touched_before = pass.sent.iter().any(|(_, sent)| *sent == number);
    let rows = pass.listed.values().chain(&pass.listed_twice).filter(|row| row.number == Some(number));
    let mut rows: Vec<&Live> = rows.collect();
    if rows.is_empty() {
        rows.extend(read_of(pass, number));
    }
    if !touched_before && !rows.is_empty() {
        // Of two rows the plan may go by either.
        let unchanged = |field: &&Field| {
            let want = declared.settings.get(**field);
            want.is_some_and(|want| rows.iter().all(|row| numctl::plan::diff::is_met(**field, want, row)))
        };
        if let Some(field) = fields.iter().find(unchanged) {
            wrong.push(format!("a configure sends {field}, which is as declared already"));
        }
    }
    wrong
}

fn check_transfer(pass: &PassView, number: Option<PhoneNumber>, sid: NumberSid, to: &str) -> Vec<String> {
    let Some(number) = number else { return Vec::new() };
    let mut wrong = Vec::new();
    match pass.file.desired.declared(number) {
        Some(declared) if declared.state == Wanted::Present => {
            if sid_of(&pass.file.desired, declared.account).map(|sid| sid.to_string()).as_deref() != Some(to)
            {
                wrong.push("a transfer to another account than the declared one".to_owned());
            }
            if declared.protect {
                wrong.push("a protected number is moved".to_owned());
            }
        }
        _ => wrong.push("a transfer that the file does not ask for".to_owned()),
    }
    if pass.listed.get(&sid).is_some_and(|live| live.number != Some(number)) {
        wrong.push("a transfer of another number than the listed one".to_owned());
    }
    wrong
}

fn check_release(
    pass: &PassView,
    account: AccountSid,
    sid: NumberSid,
    number: Option<PhoneNumber>,
    now: Duration,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some((at, Some(read))) = pass.read.get(&sid).cloned() else {
        return vec!["a release without a fresh read".to_owned()];
    };
    if now.saturating_sub(at) > FRESH {
        wrong.push(format!("a release {:?} after its fresh read", now.saturating_sub(at)));
    }
    let truth = &pass.file.truth;
    let number = number.or(read.number);
    match number.and_then(|number| truth.declared(number)) {
        Some(declared) => {
            if declared.state != Wanted::Released {
                wrong.push("a release that the file does not ask for".to_owned());
            }
            if declared.protect {
                wrong.push("a protected number is released".to_owned());
            }
            if sid_of(truth, declared.account) != Some(account) {
                wrong.push("a release in another account than the declared one".to_owned());
            }
        }
        None if truth.policy.unlisted == Unlisted::Release => {}
        None => wrong.push("a release of a number that the file does not name".to_owned()),
    }
    match pass.listed.get(&sid) {
        Some(listed) => {
            if listed.number != read.number || read.account_sid.is_some_and(|owner| owner != account) {
                wrong.push("a release of another number than the listed one".to_owned());
            }
            if !same(listed, &read) {
                wrong.push("a release of a number that has changed since it was listed".to_owned());
            }
        }
        // A bare listing has no SIDs: the number must have been listed.
        None if number.is_some_and(|number| pass.listed_numbers.contains(&number)) => {}
        None => wrong.push("a release of a number that was not listed".to_owned()),
    }
    if let Some((kind, number)) = pass.unsettled.iter().next() {
        wrong.push(format!("a release before the {} of {number} has ended well", kind.as_str()));
    }
    wrong
}

fn same(listed: &Live, read: &Live) -> bool {
    let target = Target {
        number: listed.number.unwrap_or_else(|| PhoneNumber::declared("+15552230000").expect("a number")),
        sid: listed.sid,
        account: AccountIndex(0),
        before: listed.all_settings(),
    };
    stale::changed_fields(&target, read)
        .into_iter()
        // A bare listing has no names either.
        .all(|field| field == Field::FriendlyName && listed.friendly_name.is_none())
}

/// What must be true of what the server did.
pub fn acted(state: &mut State, act: &Act) {
    let By::Pass(id) = act.by else { return };
    let Some(pass) = state.passes.get(&id).cloned() else { return };
    match &act.deed {
        Deed::Bought { .. } => {
            // The act itself is not on the list yet.
            let times = |test: &dyn Fn(&Deed) -> bool| {
                state.acts.iter().filter(|old| old.number == act.number && test(&old.deed)).count()
            };
            let bought = times(&|deed| matches!(deed, Deed::Bought { .. })) + 1;
            let released = times(&|deed| matches!(deed, Deed::Released { .. }));
            if bought > released + 1 {
                state.violation(format!("pass {id}: {} is bought twice", act.number));
            }
        }
        Deed::Configured { account, fields } => {
            let Some(declared) = pass.file.desired.declared(act.number) else {
                return state
                    .violation(format!("pass {id}: {} is not in the file and was configured", act.number));
            };
            let allowed = |field: &Field| {
                declared.settings.get(*field).is_some()
                    || field
                        .clears_at_api()
                        .is_some_and(|other| matches!(declared.settings.get(other), Some(Want::Set(_))))
            };
            if let Some(field) = fields.iter().find(|field| !allowed(field)) {
                state.violation(format!("pass {id}: {} of {} changed and is not managed", field, act.number));
            }
            if sid_of(&pass.file.desired, declared.account) != Some(*account) {
                state.violation(format!(
                    "pass {id}: {} is configured in an account that it is not declared in",
                    act.number
                ));
            }
        }
        Deed::Released { sid } => {
            let of_foreign = pass.listed.get(sid).is_some_and(|live| live.number != Some(act.number));
            if of_foreign {
                state.violation(format!("pass {id}: {} is released under another's SID", act.number));
            }
        }
        Deed::Moved { to } => {
            let declared = pass.file.desired.declared(act.number);
            if declared.and_then(|declared| sid_of(&pass.file.desired, declared.account)) != Some(*to) {
                state.violation(format!("pass {id}: {} is moved to {to}", act.number));
            }
        }
    }
    state.acts.push(act.clone());
    let over = budgets::over_time(state);
    state.acts.pop();
    let counts = pass.is_daemon && state.budget_lasts && !act.is_late;
    for what in over.into_iter().filter(|_| counts) {
        state.violation(format!("pass {id}: {what}"));
    }
}

/// What must be true of a report.
pub fn ended(state: &mut State, id: u64, report: &Report) {
    let acts: Vec<Act> = state.acts.iter().filter(|act| act.by == By::Pass(id)).cloned().collect();
    let did =
        |number, test: &dyn Fn(&Deed) -> bool| acts.iter().any(|act| act.number == number && test(&act.deed));
    let mut wrong = Vec::new();
    let mut events = Vec::new();
    let writes = state.passes.get(&id).map_or(0, |pass| pass.writes);
    let attempts: u64 = report.ends.iter().map(|end| u64::from(end.attempts)).sum();
    if attempts != writes {
        wrong.push(format!("the report says {attempts} writes and the wire saw {writes}"));
    }
    if report.ends.len() != report.plan.steps.len() {
        wrong.push("an action without an end".to_owned());
    }
    let mut settled = BTreeSet::new();
    for (step, end) in report.plan.steps.iter().zip(&report.ends) {
        let (number, kind) = (step.action.number(), step.action.kind());
        let failed_to = |operation: Operation| match &end.outcome {
            Outcome::Failed(Failure::Api(error)) => error.operation == operation,
            _ => false,
        };
        if !matches!(end.outcome, Outcome::Unknown(_)) {
            settled.insert((kind, number));
        }
        let skipped = matches!(end.outcome, Outcome::Skipped(_));
        match &step.action {
            Action::Purchase { .. } => {
                let bought = did(number, &|deed| matches!(deed, Deed::Bought { .. }));
                let is_ours = state.holdings.contains_key(&number);
                // Delivered twice, refused the second time, and not yet listed, or looked up in an empty
                // page of another account: nobody could know.
                let unseen = state.fates.has(Fate::Stale) || state.fates.has(Fate::WrongAccount);
                let excused = state.fates.has(Fate::Duplicate) && unseen;
                if bought && is_ours && !excused && (skipped || failed_to(Operation::Purchase)) {
                    wrong.push(format!("{number} was bought and the report says {:?}", end.outcome));
                }
                let ever = state
                    .acts
                    .iter()
                    .any(|act| act.number == number && matches!(act.deed, Deed::Bought { .. }));
                // A look-up that is minutes old shows a number that was ours until then.
                let was_ours = state.acts.iter().any(|act| {
                    act.number == number && matches!(act.deed, Deed::Released { .. } | Deed::Moved { .. })
                });
                let excused = was_ours && state.fates.has(Fate::Stale);
                let gone = !ever && !state.holdings.contains_key(&number);
                if end.outcome == Outcome::Succeeded && gone && !excused {
                    wrong.push(format!("{number} was not bought and the report says that it was"));
                }
            }
            Action::Release { target } => {
                let released = did(number, &|deed| matches!(deed, Deed::Released { .. }));
                if released
                    && (skipped || matches!(end.outcome, Outcome::Failed(_)))
                    && end.outcome != Outcome::Skipped(Skip::AlreadyGone)
                {
                    wrong.push(format!("{number} was released and the report says {:?}", end.outcome));
                }
                let is_there =
                    state.holdings.get(&number).is_some_and(|holding| Some(holding.sid) == target.sid);
                // An empty answer does not say whose listing it is.
                let excused = state.fates.has(Fate::WrongAccount);
                if end.outcome == Outcome::Succeeded && is_there && !excused {
                    wrong.push(format!("{number} is still there and the report says that it was released"));
                }
            }
            Action::Configure { account, changes, .. } => {
                let others = report.plan.steps.iter().filter(|other| other.action.number() == number).count();
                if skipped
                    && did(number, &|deed| matches!(deed, Deed::Configured { .. }))
                    && end.attempts == 0
                    && others == 1
                {
                    wrong.push(format!("{number} was configured and the report says {:?}", end.outcome));
                }
                // Law 6: what is reported as done has been done, or somebody undid it since.
                let meddled = state.acts.iter().any(|act| act.number == number && act.by != By::Pass(id));
                let is_met = state.holdings.get(&number).is_some_and(|holding| {
                    holding.account == report.plan.account(*account).sid
                        && changes.iter().all(|change| met(change.field, &change.want, holding))
                });
                if end.outcome == Outcome::Succeeded && others == 1 && !is_met && !meddled {
                    wrong.push(format!("{number} is not as the report says"));
                }
            }
            Action::Transfer { settings, to, .. } => {
                let alone =
                    report.plan.steps.iter().filter(|other| other.action.number() == number).count() == 1;
                let meddled = state.acts.iter().any(|act| act.number == number && act.by != By::Pass(id));
                let is_met = state.holdings.get(&number).is_some_and(|holding| {
                    holding.account == report.plan.account(*to).sid
                        && settings.iter().all(|(field, want)| met(field, want, holding))
                });
                if end.outcome == Outcome::Succeeded && alone && !is_met && !meddled {
                    wrong.push(format!("{number} is not there as it was, and the report says that it is"));
                }
                if skipped && did(number, &|deed| matches!(deed, Deed::Moved { .. })) {
                    wrong.push(format!("{number} was moved and the report says {:?}", end.outcome));
                }
                if end.outcome == Outcome::Succeeded && end.attempts > 1 {
                    events.push("moved number was configured again");
                }
            }
        }
        events.extend(event(&end.outcome, kind));
    }
    if let Some(pass) = state.passes.get_mut(&id) {
        // Neither the report nor any answer showed it to be bought or moved.
        let unsettled = &pass.unsettled;
        pass.in_doubt.retain(|write| !settled.contains(write) || unsettled.contains(write));
    }
    for event in events {
        state.sometimes.reached(event);
    }
    for what in wrong {
        state.violation(format!("pass {id}: {what}"));
    }
}

fn met(field: Field, want: &Want, holding: &crate::state::Holding) -> bool {
    let text = |value: Option<numctl::model::settings::Value>| value.map(|value| normal(&value.wire()));
    text(want.effective(field)) == text(holding.settings.effective(field))
}

/// URLs as a URL parser prints them, since a server may store them so.
pub fn normal(text: &str) -> String {
    url::Url::parse(text).map_or_else(|_| text.to_owned(), String::from)
}

fn event(outcome: &Outcome, kind: ActionKind) -> Option<&'static str> {
    Some(match (outcome, kind) {
        (Outcome::Unknown(Failure::Abandoned), _) => "a second signal left a write in doubt",
        (Outcome::Unknown(Failure::LostLock), _) => "lock lost with a write in doubt",
        (Outcome::Unknown(_), ActionKind::Purchase) => "purchase ended unknown",
        (Outcome::Unknown(_), ActionKind::Release) => "release ended unknown",
        (Outcome::Unknown(_), ActionKind::Transfer) => "transfer ended unknown",
        (Outcome::Unknown(_), ActionKind::Configure) => "configure ended unknown",
        (Outcome::Skipped(Skip::AlreadyOwned), _) => "purchase averted: already owned",
        (Outcome::Skipped(Skip::Changed), ActionKind::Release) => {
            "release averted: changed since it was listed"
        }
        (Outcome::Skipped(Skip::AlreadyGone), _) => "release averted: already gone",
        (Outcome::Skipped(Skip::ReplacementMissing), _) => "release held back: a replacement was missing",
        (Outcome::Skipped(Skip::AccountRefused), _) => "account refused mid-run",
        (Outcome::Skipped(Skip::Interrupted), _) => "a signal left actions undone",
        (Outcome::Skipped(Skip::LostLock), _) => "lock lost before a write",
        (Outcome::Failed(Failure::NotTaken(_)), _) => "fields were not taken",
        _ => return None,
    })
}
