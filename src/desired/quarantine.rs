//! `policy.quarantine`: where a number waits before it is released, and for how long.

use super::accounts::Accounts;
use super::excerpt::quoted;
use super::issue::{At, Issue, Issues};
use super::raw::{self, RawFile};
use super::{AccountIndex, Quarantine};
use crate::model::quarantine::Term;

/// The quarantine that the policy asks for; `None` where there is none, or an issue says what is wrong
/// with it. `policy` is the file that has the policy.
pub(super) fn quarantine(
    files: &[(usize, RawFile)],
    policy: Option<usize>,
    accounts: &Accounts,
    issues: &mut Issues,
) -> Option<Quarantine> {
    let (file, raw) = files.iter().find(|(file, _)| Some(*file) == policy)?;
    let raw = raw.policy.is()?.quarantine.filled(issues, "quarantine", || key(*file))?;
    let (account, term) = (account(*file, raw, accounts, issues), term(*file, raw, issues));
    Some(Quarantine { account: account?, term: term? })
}

fn key(file: usize) -> At {
    At::key(file, ["policy".into(), "quarantine".into()])
}

fn value(file: usize, field: &str) -> At {
    At::value(file, ["policy".into(), "quarantine".into(), field.into()])
}

fn account(
    file: usize,
    raw: &raw::RawQuarantine,
    accounts: &Accounts,
    issues: &mut Issues,
) -> Option<AccountIndex> {
    let Some(name) = raw.account.text() else {
        issues.push(
            Issue::error(key(file), "`quarantine` has no `account`")
                .help("add `account:` with the name of a subaccount where numbers wait"),
        );
        return None;
    };
    let account = accounts.find(issues, name, || value(file, "account"))?;
    let root = |index: AccountIndex| accounts.list[usize::from(index.0)].parent.unwrap_or(index);
    let mut all = (0..accounts.list.len()).map(|at| AccountIndex(at as u16));
    if let Some(stranger) = all.find(|index| root(*index) != root(account)) {
        let stranger = quoted(&accounts.list[usize::from(stranger.0)].name);
        issues.push(
            Issue::error(
                value(file, "account"),
                format!(
                    "numbers cannot move from {stranger} to {}: the accounts have no common parent",
                    quoted(name)
                ),
            )
            .help("give both the same `parent`, or put accounts of another parent into separate files"),
        );
        return None;
    }
    Some(account)
}

fn term(file: usize, raw: &raw::RawQuarantine, issues: &mut Issues) -> Option<Term> {
    let Some(text) = raw.r#for.text() else {
        issues.push(
            Issue::error(key(file), "`quarantine` has no `for`")
                .help("add `for:` with whole days, such as 30d"),
        );
        return None;
    };
    let term = Term::parse(text);
    if term.is_none() {
        issues.push(
            Issue::error(value(file, "for"), format!("{} is not a number of whole days", quoted(text)))
                .help("write days from 1d to 400d, such as 30d"),
        );
    }
    term
}
