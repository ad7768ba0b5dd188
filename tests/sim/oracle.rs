//! The laws, checked at every send, at every act of the server, at every answer and at the end of
//! every pass. Written from what crosses the wire and what the server does, never from what the
//! engine thinks.

use numctl::desired::{Desired, State as Wanted, Unlisted};
use numctl::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::observed::Live;
use numctl::plan::{Action, ActionKind};
use numctl::report::{Failure, Outcome, Report, Skip};
use numctl::sandbox::HttpRequest;
use numctl::settings::{Field, Want};
use numctl::stale;
use numctl::transport::{Response, TransportError};
use url::form_urlencoded;

use crate::state::{Act, By, Deed, PassView, State};
use crate::wire::{account_of, row, rows};

/// A request, by what it means.
#[derive(Debug, Clone)]
pub enum Sending {
    List { account: AccountSid, first: bool },
    LookUp { number: PhoneNumber },
    Fetch { sid: NumberSid },
    Purchase { account: AccountSid, number: PhoneNumber, fields: Vec<Field> },
    Configure { number: Option<PhoneNumber>, fields: Vec<Field> },
    Transfer { number: Option<PhoneNumber>, to: String },
    Release { account: AccountSid, sid: NumberSid, number: Option<PhoneNumber> },
    Other,
}

impl Sending {
    pub fn read(state: &State, request: &HttpRequest) -> Self {
        let account = account_of(request);
        let query: Vec<(String, String)> =
            form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();
        let form: Vec<(String, String)> =
            form_urlencoded::parse(request.form.as_bytes()).into_owned().collect();
        let value = |pairs: &[(String, String)], key: &str| {
            pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone())
        };
        let fields = Field::all().filter(|field| value(&form, field.parameter()).is_some()).collect();
        let last = request.path.rsplit('/').next().unwrap_or_default();
        let sid = NumberSid::observed(last.strip_suffix(".json").unwrap_or(last));
        let number_of = |sid| {
            let held =
                state.holdings.iter().find(|(_, holding)| holding.sid == sid).map(|(number, _)| *number);
            held.or_else(|| state.passes.values().find_map(|pass| pass.listed.get(&sid)?.number))
        };
        match (request.method.as_str(), sid) {
            ("GET", None) => match value(&query, "PhoneNumber").and_then(|text| PhoneNumber::observed(&text))
            {
                Some(number) => Self::LookUp { number },
                None => Self::List { account, first: value(&query, "Page").is_none() },
            },
            ("GET", Some(sid)) => Self::Fetch { sid },
            ("POST", None) => match value(&form, "PhoneNumber").and_then(|text| PhoneNumber::observed(&text))
            {
                Some(number) => Self::Purchase { account, number, fields },
                None => Self::Other,
            },
            ("POST", Some(sid)) => match value(&form, "AccountSid") {
                Some(to) => Self::Transfer { number: number_of(sid), to },
                None => Self::Configure { number: number_of(sid), fields },
            },
            ("DELETE", Some(sid)) => Self::Release { account, sid, number: number_of(sid) },
            _ => Self::Other,
        }
    }

    fn write(&self) -> Option<(ActionKind, Option<PhoneNumber>)> {
        match self {
            Self::Purchase { number, .. } => Some((ActionKind::Purchase, Some(*number))),
            Self::Configure { number, .. } => Some((ActionKind::Configure, *number)),
            Self::Transfer { number, .. } => Some((ActionKind::Transfer, *number)),
            Self::Release { number, .. } => Some((ActionKind::Release, *number)),
            Self::List { .. } | Self::LookUp { .. } | Self::Fetch { .. } | Self::Other => None,
        }
    }
}

/// What must be true when a request is sent.
pub fn sent(state: &mut State, id: u64, sending: &Sending) {
    let mut wrong = Vec::new();
    if let Some(pass) = state.passes.get_mut(&id) {
        match sending {
            Sending::List { account, first: true } => {
                pass.whole.remove(account);
                pass.spoilt.remove(account);
            }
            Sending::List { .. } | Sending::LookUp { .. } | Sending::Fetch { .. } | Sending::Other => {}
            Sending::Purchase { account, number, fields } => {
                wrong.extend(check_purchase(pass, *account, *number, fields));
                // Whatever comes of it, the next send of the same needs another look.
                pass.absent.remove(number);
                pass.unsettled.insert((ActionKind::Purchase, *number));
            }
            Sending::Configure { number, fields, .. } => wrong.extend(check_configure(pass, *number, fields)),
            Sending::Transfer { number, to } => {
                wrong.extend(check_transfer(pass, *number, to));
                if let Some(number) = number {
                    pass.unsettled.insert((ActionKind::Transfer, *number));
                }
            }
            Sending::Release { account, sid, number } => {
                wrong.extend(check_release(pass, *account, *sid, *number));
            }
        }
        if let Some((kind, number)) = sending.write() {
            if pass.whole.len() < pass.desired.accounts.len() {
                wrong.push("a write on a partial view".to_owned());
            }
            if let Some(number) = number {
                pass.sent.push((kind, number));
            }
            wrong.extend(check_limits(pass));
        }
    }
    for what in wrong {
        state.violation(format!("pass {id}: {what}: {sending:?}"));
    }
}

fn sid_of(desired: &Desired, index: numctl::desired::AccountIndex) -> Option<AccountSid> {
    desired.account(index).sid
}

fn check_purchase(
    pass: &PassView,
    account: AccountSid,
    number: PhoneNumber,
    fields: &[Field],
) -> Vec<String> {
    let mut wrong = Vec::new();
    match pass.desired.declared(number) {
        Some(declared) if declared.state == Wanted::Present => {
            if sid_of(&pass.truth, declared.account) != Some(account) {
                wrong.push("a purchase for another account than the declared one".to_owned());
            }
            // A file cut short may still parse: the engine sends what it read.
            let read = pass.desired.declared(number).unwrap_or(declared);
            if let Some(field) = fields.iter().find(|field| read.settings.get(**field).is_none()) {
                wrong.push(format!("a purchase sets {field}, which is not managed"));
            }
            // Managed clears and values all go along: a fresh number is not blank.
            let lone = |field| matches!(field, Field::VoiceFallbackUrl | Field::SmsFallbackUrl);
            if let Some((field, _)) =
                read.settings.iter().find(|(field, _)| !fields.contains(field) && !lone(*field))
            {
                wrong.push(format!("a purchase leaves {field} out"));
            }
        }
        _ => wrong.push("a purchase beyond the file".to_owned()),
    }
    if pass.listed_numbers.contains(&number) {
        wrong.push("a purchase of a number that was listed".to_owned());
    }
    if !pass.absent.contains(&number) {
        wrong.push("a purchase without a look before it".to_owned());
    }
    wrong
}

fn check_configure(pass: &PassView, number: Option<PhoneNumber>, fields: &[Field]) -> Vec<String> {
    let Some(number) = number else { return Vec::new() };
    let Some(declared) = pass.desired.declared(number) else {
        return vec!["a configure of a number that the file does not name".to_owned()];
    };
    let mut wrong = Vec::new();
    if let Some(field) = fields.iter().find(|field| declared.settings.get(**field).is_none()) {
        wrong.push(format!("a configure sends {field}, which is not managed"));
    }
    let touched_before = pass.sent.iter().any(|(_, sent)| *sent == number);
    let listed = pass.listed.values().find(|row| row.number == Some(number));
    if let (false, Some(listed)) = (touched_before, listed) {
        let unchanged = |field: &&Field| {
            declared.settings.get(**field).is_some_and(|want| numctl::diff::is_met(**field, want, listed))
        };
        if let Some(field) = fields.iter().find(unchanged) {
            wrong.push(format!("a configure sends {field}, which is as declared already"));
        }
    }
    wrong
}

fn check_transfer(pass: &PassView, number: Option<PhoneNumber>, to: &str) -> Vec<String> {
    let Some(number) = number else { return Vec::new() };
    match pass.desired.declared(number) {
        Some(declared) if declared.state == Wanted::Present => {
            let mut wrong = Vec::new();
            if sid_of(&pass.truth, declared.account).map(|sid| sid.to_string()).as_deref() != Some(to) {
                wrong.push("a transfer to another account than the declared one".to_owned());
            }
            if declared.protect {
                wrong.push("a protected number is moved".to_owned());
            }
            wrong
        }
        _ => vec!["a transfer that the file does not ask for".to_owned()],
    }
}

fn check_release(
    pass: &PassView,
    account: AccountSid,
    sid: NumberSid,
    number: Option<PhoneNumber>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(read) = pass.read.get(&sid).cloned().flatten() else {
        return vec!["a release without a fresh read".to_owned()];
    };
    let number = number.or(read.number);
    let word = number.and_then(|number| pass.truth.declared(number));
    match word {
        Some(declared) => {
            if declared.state != Wanted::Released {
                wrong.push("a release that the file does not ask for".to_owned());
            }
            if declared.protect {
                wrong.push("a protected number is released".to_owned());
            }
            if sid_of(&pass.truth, declared.account) != Some(account) {
                wrong.push("a release in another account than the declared one".to_owned());
            }
        }
        None if pass.truth.policy.unlisted == Unlisted::Release => {}
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
        wrong.push(format!("a release before the {} of {number} has ended well", kind.word()));
    }
    wrong
}

fn same(listed: &Live, read: &Live) -> bool {
    let target = numctl::plan::Target {
        number: PhoneNumber::declared("+15552230000").expect("a number"),
        sid: listed.sid,
        account: numctl::desired::AccountIndex(0),
        before: listed.all_settings(),
    };
    stale::changed_fields(&target, read)
        .into_iter()
        // A bare listing has no names either.
        .all(|field| field == Field::FriendlyName && listed.friendly_name.is_none())
}

fn check_limits(pass: &PassView) -> Vec<String> {
    let fleet = pass.listed.len().max(pass.listed_numbers.len()).max(pass.desired.numbers.len());
    let limits = &pass.truth.policy.limits;
    let distinct = |wanted: Option<ActionKind>| {
        let mut numbers: Vec<PhoneNumber> = pass
            .sent
            .iter()
            .filter(|(kind, _)| wanted.is_none_or(|wanted| wanted == *kind))
            .map(|(_, n)| *n)
            .collect();
        numbers.sort();
        numbers.dedup();
        numbers.len()
    };
    let mut wrong = Vec::new();
    for (name, count, limit) in [
        ("max_purchases", distinct(Some(ActionKind::Purchase)), limits.purchases),
        ("max_releases", distinct(Some(ActionKind::Release)), limits.releases),
        ("max_changes", distinct(None), limits.changes),
    ] {
        if count > limit.count(fleet) {
            wrong.push(format!("{name} is {limit} and this is number {count}"));
        }
    }
    wrong
}

/// What the engine learns from a request that was lost.
pub fn lost(state: &mut State, id: u64, sending: &Sending, error: &TransportError) {
    let certainly_not_sent = matches!(error, TransportError::NotSent(_));
    if let (Some(pass), Sending::Purchase { number, .. }, true) =
        (state.passes.get_mut(&id), sending, certainly_not_sent)
    {
        pass.absent.insert(*number);
    }
}

/// What the engine learns from an answer.
pub fn answered(state: &mut State, id: u64, sending: &Sending, response: &Response, spoilt: bool) {
    let Some(pass) = state.passes.get_mut(&id) else { return };
    let good = (200..300).contains(&response.status);
    let mut reached = None;
    match sending {
        Sending::List { account, .. } => match rows(response) {
            Some((rows, is_last)) if good => {
                if spoilt {
                    pass.spoilt.insert(*account);
                }
                // Rows of another account are there to be noticed.
                if rows.iter().any(|row| row.account_sid.is_some_and(|sid| sid != *account)) {
                    pass.spoilt.insert(*account);
                }
                for row in rows {
                    pass.listed_numbers.extend(row.number);
                    if let Some(sid) = row.sid {
                        pass.listed.insert(sid, row);
                    }
                }
                if is_last && !pass.spoilt.contains(account) {
                    pass.whole.insert(*account);
                }
            }
            // A page that failed is asked for again, or the listing never becomes whole.
            _ => {}
        },
        Sending::LookUp { number, .. } => {
            if let (true, Some((rows, true))) = (good && !spoilt, rows(response)) {
                match rows.iter().any(|row| row.number == Some(*number)) {
                    true => {
                        pass.absent.remove(number);
                        if pass.unsettled.remove(&(ActionKind::Purchase, *number)) {
                            reached = Some("purchase in doubt was found bought");
                        }
                    }
                    false => {
                        pass.absent.insert(*number);
                        if pass.unsettled.contains(&(ActionKind::Purchase, *number)) {
                            reached = Some("purchase in doubt was found not bought and sent again");
                        }
                    }
                }
            }
        }
        Sending::Fetch { sid } => {
            let read = if good { row(response) } else { None };
            if let Some(live) = &read
                && let Some(number) = live.number
                && pass.truth.declared(number).is_some_and(|declared| {
                    live.account_sid.is_some() && sid_of(&pass.truth, declared.account) == live.account_sid
                })
            {
                pass.unsettled.remove(&(ActionKind::Transfer, number));
            }
            pass.read.insert(*sid, read);
        }
        Sending::Purchase { number, .. } => {
            if good && row(response).is_some_and(|live| live.number == Some(*number)) {
                pass.unsettled.remove(&(ActionKind::Purchase, *number));
            }
            // 429: the vendor says that it was not processed.
            if response.status == 429 {
                pass.absent.insert(*number);
            }
        }
        Sending::Transfer { number: Some(number), to } => {
            let arrived =
                row(response).is_some_and(|live| live.account_sid.is_some_and(|sid| sid.to_string() == *to));
            if good && arrived {
                pass.unsettled.remove(&(ActionKind::Transfer, *number));
            }
        }
        Sending::Configure { .. } | Sending::Transfer { .. } | Sending::Release { .. } | Sending::Other => {}
    }
    if let Some(event) = reached {
        state.sometimes.reached(event);
    }
}

/// What must be true of what the server did.
pub fn acted(state: &mut State, act: &Act) {
    let By::Pass(id) = act.by else { return };
    let Some(pass) = state.passes.get(&id).cloned() else { return };
    match &act.deed {
        Deed::Bought { .. } => {
            let bought = state
                .acts
                .iter()
                .filter(|old| old.number == act.number && matches!(old.deed, Deed::Bought { .. }));
            let released = state
                .acts
                .iter()
                .filter(|old| old.number == act.number && matches!(old.deed, Deed::Released { .. }));
            if bought.count() > released.count() {
                state.violation(format!("pass {id}: {} is bought twice", act.number));
            }
        }
        Deed::Configured { account, fields } => {
            let Some(declared) = pass.desired.declared(act.number) else {
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
            if sid_of(&pass.desired, declared.account) != Some(*account) {
                state.violation(format!(
                    "pass {id}: {} is configured in an account that it is not declared in",
                    act.number
                ));
            }
        }
        Deed::Released { .. } | Deed::Moved { .. } => {}
    }
}

/// What must be true of a report.
pub fn ended(state: &mut State, id: u64, report: &Report, writes: u64) {
    let acts: Vec<Act> = state.acts.iter().filter(|act| act.by == By::Pass(id)).cloned().collect();
    let did =
        |number, test: &dyn Fn(&Deed) -> bool| acts.iter().any(|act| act.number == number && test(&act.deed));
    let mut wrong = Vec::new();
    let mut events = Vec::new();
    let attempts: u64 = report.ends.iter().map(|end| u64::from(end.attempts)).sum();
    if attempts != writes {
        wrong.push(format!("the report says {attempts} writes and the wire saw {writes}"));
    }
    if report.ends.len() != report.plan.steps.len() {
        wrong.push("an action without an end".to_owned());
    }
    for (step, end) in report.plan.steps.iter().zip(&report.ends) {
        let number = step.action.number();
        let failed_to = |operation: numctl::api::error::Operation| match &end.outcome {
            Outcome::Failed(Failure::Api(error)) => error.operation == operation,
            _ => false,
        };
        let skipped = matches!(end.outcome, Outcome::Skipped(_));
        match &step.action {
            Action::Purchase { .. } => {
                let bought = did(number, &|deed| matches!(deed, Deed::Bought { .. }));
                if bought && (skipped || failed_to(numctl::api::error::Operation::Purchase)) {
                    wrong.push(format!("{number} was bought and the report says {:?}", end.outcome));
                }
                let ever = state
                    .acts
                    .iter()
                    .any(|act| act.number == number && matches!(act.deed, Deed::Bought { .. }));
                if end.outcome == Outcome::Succeeded && !ever && !state.holdings.contains_key(&number) {
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
                if end.outcome == Outcome::Succeeded && is_there {
                    wrong.push(format!("{number} is still there and the report says that it was released"));
                }
            }
            Action::Configure { .. } => {
                if skipped
                    && did(number, &|deed| matches!(deed, Deed::Configured { .. }))
                    && end.attempts == 0
                {
                    let others =
                        report.plan.steps.iter().filter(|other| other.action.number() == number).count();
                    if others == 1 {
                        wrong.push(format!("{number} was configured and the report says {:?}", end.outcome));
                    }
                }
            }
            Action::Transfer { .. } => {
                if skipped && did(number, &|deed| matches!(deed, Deed::Moved { .. })) {
                    wrong.push(format!("{number} was moved and the report says {:?}", end.outcome));
                }
                if end.outcome == Outcome::Succeeded && end.attempts > 1 {
                    events.push("moved number was configured again");
                }
            }
        }
        match (&end.outcome, step.action.kind()) {
            (Outcome::Unknown(_), ActionKind::Purchase) => events.push("purchase ended unknown"),
            (Outcome::Skipped(Skip::AlreadyOwned), _) => events.push("purchase averted: already owned"),
            (Outcome::Skipped(Skip::Changed), ActionKind::Release) => {
                events.push("release averted: changed since it was listed");
            }
            (Outcome::Skipped(Skip::AlreadyGone), _) => events.push("release averted: already gone"),
            (Outcome::Skipped(Skip::ReplacementMissing), _) => {
                events.push("release held back: a replacement was missing")
            }
            (Outcome::Skipped(Skip::AccountRefused), _) => events.push("account refused mid-run"),
            (Outcome::Failed(Failure::NotTaken(_)), _) => events.push("fields were not taken"),
            _ => {}
        }
    }
    for event in events {
        state.sometimes.reached(event);
    }
    for what in wrong {
        state.violation(format!("pass {id}: {what}"));
    }
}
