//! What is wrong with an account, and how to repair it: `numctl doctor` asks, this makes sense of the
//! answers.

use std::time::Duration;

use serde::Serialize;

use crate::client::api::account::{self, AccountStatus};
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::transport::Response;
use crate::model::provider::Api;

/// How good one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckLevel {
    /// As it should be.
    Good,
    /// Works, with something left to wish for.
    Doubtful,
    /// numctl cannot do its work like this.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub about: &'static str,
    /// How good it is.
    pub level: CheckLevel,
    #[serde(rename = "message")]
    pub says: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// An answer, or how the request was lost.
pub type DoctorAnswer = Result<Response, ApiError>;

/// What one account answered.
#[derive(Debug)]
pub struct Answers {
    pub account: DoctorAnswer,
    /// A page of ActiveNumbers.
    pub active_numbers: DoctorAnswer,
    /// A page of IncomingPhoneNumbers.
    pub incoming_phone_numbers: DoctorAnswer,
    /// The prices of a country.
    pub prices: DoctorAnswer,
}

/// Who asks, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountExam {
    /// The API that the account's numbers are reached through.
    pub api: Api,
    /// The user name of its credentials.
    pub user: String,
    pub sid: String,
    /// Whether numbers may move into it or out of it: other accounts of its parent are in the file.
    pub has_kin: bool,
    /// Whether it is a parent's own account, whose credentials make the moves.
    pub moves_numbers: bool,
}

/// More than this between the two clocks is worth a word.
const SKEW_MAX: Duration = Duration::from_secs(60);

/// Makes sense of the answers. `now` is the machine's own time since the epoch when they came.
#[must_use]
pub fn examine(patient: &AccountExam, answers: &Answers, now: Duration) -> Vec<Check> {
    let mut checks = vec![credentials(patient), account_itself(patient, &answers.account)];
    checks.extend(api(patient, Api::ActiveNumbers, &answers.active_numbers));
    checks.extend(api(patient, Api::IncomingPhoneNumbers, &answers.incoming_phone_numbers));
    checks.push(prices(&answers.prices));
    checks.extend(moves(patient));
    let all = [&answers.account, &answers.active_numbers, &answers.incoming_phone_numbers, &answers.prices];
    checks.push(clock(all.into_iter().filter_map(|answer| answer.as_ref().ok()), now));
    checks
}

/// Of an account that no one can ask about: `why` says what is missing, and what to do.
#[must_use]
pub fn without_credentials(why: &str) -> Check {
    bad("credentials", why, Some("set them, then run doctor again: nothing else was checked in this account"))
}

fn good(about: &'static str, says: impl Into<String>) -> Check {
    Check { about, level: CheckLevel::Good, says: says.into(), fix: None }
}

fn doubtful(about: &'static str, says: impl Into<String>, fix: &str) -> Check {
    Check { about, level: CheckLevel::Doubtful, says: says.into(), fix: Some(fix.to_owned()) }
}

fn bad(about: &'static str, says: impl Into<String>, fix: Option<&str>) -> Check {
    Check { about, level: CheckLevel::Bad, says: says.into(), fix: fix.map(str::to_owned) }
}

fn is_key(patient: &AccountExam) -> bool {
    patient.user.starts_with("SK")
}

fn credentials(patient: &AccountExam) -> Check {
    let user = &patient.user;
    good(
        "credentials",
        match (is_key(patient), *user == patient.sid) {
            (true, _) => format!("the API key {user}"),
            (false, true) => "its own auth token".to_owned(),
            (false, false) => format!("the auth token of {user}, its parent"),
        },
    )
}

fn account_itself(patient: &AccountExam, answer: &DoctorAnswer) -> Check {
    let about = "account";
    let facts = match good_answer(patient.api, Operation::Account, answer) {
        Err(error) if error.kind == ErrorKind::Unauthorized && is_key(patient) => {
            return doubtful(
                about,
                "the key is not allowed to read it: a Standard key never is",
                "fine for plan and apply; with a Main key or the auth token, numctl also sees its status and its subaccounts",
            );
        }
        Err(error) => return bad(about, error.to_string(), error.advice()),
        Ok(response) => match account::read_account(&response.body) {
            Ok(facts) => facts,
            Err(why) => {
                return bad(about, format!("the answer is not the API's: {why}"), Some(NOT_THE_API));
            }
        },
    };
    if facts.sid.to_string() != patient.sid {
        let says =
            format!("the answer is about account {}: the credentials belong to that account", facts.sid);
        return bad(about, says, Some("use credentials of this account"));
    }
    let name = facts.friendly_name.as_deref().unwrap_or("without a name");
    let kind = match facts.is_trial {
        Some(true) => ", a trial account",
        Some(false) => ", a full account",
        None => "",
    };
    match facts.status {
        Some(status @ (AccountStatus::Suspended | AccountStatus::Closed)) => {
            bad(about, format!("{name}: {}{kind}", status.as_str()), status.advice())
        }
        Some(AccountStatus::Active) | None if facts.is_trial == Some(true) => doubtful(
            about,
            format!("{name}: active{kind}"),
            "a trial account cannot buy numbers by API: upgrade it in the Twilio Console",
        ),
        Some(AccountStatus::Active) => good(about, format!("{name}: active{kind}")),
        None => doubtful(about, format!("{name}: unknown status{kind}"), "look in the Twilio Console"),
    }
}

const NOT_THE_API: &str = "another server answered in place of the API: check the proxy and --base-url";

fn good_answer(api: Api, operation: Operation, answer: &DoctorAnswer) -> Result<&Response, ApiError> {
    match answer {
        Ok(response) if response.status == 200 => Ok(response),
        Ok(response) if (200..300).contains(&response.status) => {
            Err(ApiError::undocumented(operation, response))
        }
        Ok(response) => Err(ApiError::from_response(api, operation, response)),
        Err(error) => Err(error.clone()),
    }
}

fn api(patient: &AccountExam, api: Api, answer: &DoctorAnswer) -> Option<Check> {
    let about = api.name();
    let is_used = patient.api == api;
    let Err(error) = good_answer(api, Operation::List, answer) else {
        let used = if is_used { ", and used" } else { "" };
        return Some(good(about, format!("reached{used}")));
    };
    let is_absent = error.kind == ErrorKind::NotEnabled;
    Some(match (is_used, is_absent) {
        // A parent's credentials are not the subaccount's own there.
        (false, _) if api == Api::ActiveNumbers && patient.user != patient.sid && !is_key(patient) => {
            return None;
        }
        (true, _) => bad(about, error.to_string(), error.advice()),
        (false, true) => good(about, "not enabled for this account (it is a closed preview), and not used"),
        (false, false) => doubtful(
            about,
            format!("not reached, and not used: {error}"),
            "nothing to do: numctl does not need it here",
        ),
    })
}

fn prices(answer: &DoctorAnswer) -> Check {
    match good_answer(Api::IncomingPhoneNumbers, Operation::Price, answer) {
        Ok(_) => good("prices", "reached"),
        Err(error) => doubtful("prices", format!("not reached: {error}"), "`numctl search` shows no prices"),
    }
}

fn moves(patient: &AccountExam) -> Option<Check> {
    let may = "permissions";
    let writes = "the first apply shows whether it may buy, change or release: the API has no dry run";
    if patient.moves_numbers && patient.has_kin && is_key(patient) {
        return Some(doubtful(
            may,
            "an API key cannot move numbers between accounts",
            "use the parent's auth token for moves; the key is enough for everything else",
        ));
    }
    is_key(patient).then(|| good(may, writes))
}

fn clock<'a>(mut answers: impl Iterator<Item = &'a Response>, now: Duration) -> Check {
    let about = "clock";
    let theirs = answers.find_map(|answer| {
        let date = httpdate::parse_http_date(answer.date.as_deref()?.trim()).ok()?;
        date.duration_since(std::time::UNIX_EPOCH).ok()
    });
    let Some(theirs) = theirs else {
        return doubtful(about, "no answer had a Date header", "check this machine's clock yourself");
    };
    let (skew, which) = match now.checked_sub(theirs) {
        Some(ahead) => (ahead, "ahead of"),
        None => (theirs.saturating_sub(now), "behind"),
    };
    let says = format!("{} s {which} the API's", skew.as_secs());
    match skew > SKEW_MAX {
        true => doubtful(about, says, "synchronize it (NTP): limits over 24 hours and the logs use it"),
        false => good(about, says),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "AC00000000000000000000000000000001";
    const NOON: Duration = Duration::from_secs(1_795_608_000);

    fn patient(api: Api, user: &str) -> AccountExam {
        AccountExam { api, user: user.to_owned(), sid: SID.to_owned(), has_kin: true, moves_numbers: true }
    }

    fn answer(status: u16, body: &str) -> DoctorAnswer {
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + NOON);
        Ok(Response { status, body: body.as_bytes().to_vec(), date: Some(date), ..Response::default() })
    }

    fn account(status: &str, kind: &str) -> DoctorAnswer {
        answer(
            200,
            &format!(r#"{{"sid":"{SID}","friendly_name":"Ours","status":"{status}","type":"{kind}"}}"#),
        )
    }

    fn answers(account: DoctorAnswer, active_numbers: DoctorAnswer) -> Answers {
        let fine = || answer(200, "{}");
        Answers { account, active_numbers, incoming_phone_numbers: fine(), prices: fine() }
    }

    fn worst(patient: &AccountExam, answers: &Answers) -> (CheckLevel, Vec<&'static str>) {
        let checks = examine(patient, answers, NOON);
        let worst = checks.iter().map(|check| check.level).max().expect("checks");
        assert!(
            checks.iter().all(|check| check.level == CheckLevel::Good || check.fix.is_some()),
            "{checks:?}"
        );
        (worst, checks.iter().filter(|check| check.level == worst).map(|check| check.about).collect())
    }

    #[test]
    fn each_ill_is_named_with_its_cure() {
        let not_enabled = || answer(404, r#"{"code":20404}"#);
        let refused = || answer(401, r#"{"code":20003,"message":"Authenticate"}"#);
        let v2010 = patient(Api::IncomingPhoneNumbers, SID);
        let preview = patient(Api::ActiveNumbers, SID);
        let key = patient(Api::IncomingPhoneNumbers, "SK00000000000000000000000000000001");
        let fine = || account("active", "Full");
        assert_eq!(worst(&v2010, &answers(fine(), not_enabled())).0, CheckLevel::Good);
        for (patient, answers, level, about) in [
            (&preview, answers(fine(), not_enabled()), CheckLevel::Bad, vec!["ActiveNumbers"]),
            (&v2010, answers(account("suspended", "Full"), not_enabled()), CheckLevel::Bad, vec!["account"]),
            (&v2010, answers(account("closed", "Full"), not_enabled()), CheckLevel::Bad, vec!["account"]),
            (
                &v2010,
                answers(account("active", "Trial"), not_enabled()),
                CheckLevel::Doubtful,
                vec!["account"],
            ),
            (&key, answers(refused(), not_enabled()), CheckLevel::Doubtful, vec!["account", "permissions"]),
            (&v2010, answers(refused(), not_enabled()), CheckLevel::Bad, vec!["account"]),
            (&v2010, answers(answer(200, "<html>"), not_enabled()), CheckLevel::Bad, vec!["account"]),
        ] {
            assert_eq!(worst(patient, &answers), (level, about));
        }
    }

    #[test]
    fn a_clock_that_is_off_is_noticed_both_ways() {
        let skew = |now| {
            let checks = examine(
                &patient(Api::IncomingPhoneNumbers, SID),
                &answers(account("active", "Full"), answer(404, "{}")),
                now,
            );
            checks.into_iter().find(|check| check.about == "clock").map(|check| (check.level, check.says))
        };
        assert_eq!(skew(NOON), Some((CheckLevel::Good, "0 s ahead of the API's".to_owned())));
        let hour = Duration::from_secs(3600);
        assert_eq!(skew(NOON + hour), Some((CheckLevel::Doubtful, "3600 s ahead of the API's".to_owned())));
        assert_eq!(skew(NOON - hour), Some((CheckLevel::Doubtful, "3600 s behind the API's".to_owned())));
    }
}
