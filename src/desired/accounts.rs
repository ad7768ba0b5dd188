//! `accounts:` and `policy:`, from all files.

use std::collections::HashMap;
use std::sync::Arc;

use super::excerpt::quoted;
use super::issue::{At, Issue, Issues};
use super::layers;
use super::place::PathStep;
use super::raw::{self, Count, Given, RawFile, Section};
use super::standstill;
use super::suggest::choices;
use super::{
    Access, Account, AccountIndex, CredentialsAt, DEFAULT_ACCOUNT, EnvPrefix, Limit, Limits, OnNoEffect,
    OnVanished, Policy, SecretName, Unlisted,
};
use crate::model::hold::Standstill;
use crate::model::money::Money;
use crate::model::provider::{Api, HostLabel, Site};
use crate::model::secret_url::without_tokens;
use crate::model::traffic::Lookback;

fn key(text: &str) -> PathStep {
    text.into()
}

/// The accounts, sorted by name.
pub(super) struct Accounts {
    pub(super) list: Vec<Account>,
    by_name: HashMap<Arc<str>, AccountIndex>,
    /// Whether any file has `accounts:`.
    pub(super) declared: bool,
    /// The API of accounts that name none.
    operators_api: Api,
}

impl Accounts {
    /// The account of a name, or an issue that lists the names.
    pub(super) fn find(
        &self,
        issues: &mut Issues,
        name: &str,
        at: impl FnOnce() -> At,
    ) -> Option<AccountIndex> {
        if let Some(index) = self.by_name.get(name) {
            return Some(*index);
        }
        let issue = Issue::error(at(), format!("there is no account {}", quoted(name)));
        issues.push_with(issue, |issues| {
            Some(match self.declared {
            true => issues.choices(name, self.names(), self.list.len()),
            false => {
                "the file declares no `accounts:`; add it, or leave `account` out to use the one from the \
                      environment"
                    .to_owned()
            }
            })
        });
        None
    }

    /// The API that an account's numbers are reached through.
    pub(super) fn api(&self, account: AccountIndex) -> Api {
        self.list[usize::from(account.0)].access.api.unwrap_or(self.operators_api)
    }

    /// Whether any account is reached through an API.
    pub(super) fn any_on(&self, api: Api) -> bool {
        self.list.iter().any(|account| account.access.api.unwrap_or(self.operators_api) == api)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.list.iter().map(|account| &*account.name)
    }
}

/// Refuses names that are no names. True where the name will do.
pub(super) fn check_name(issues: &mut Issues, name: &str, what: &str, at: At) -> bool {
    if name == "<<" {
        issues.push(
            Issue::error(at, "YAML merge keys (`<<`) are not supported")
                .help("put what several numbers share under `profiles:`, and refer to it with `profile:`"),
        );
        return false;
    }
    let problem = if name.trim().is_empty() {
        "is empty"
    } else if name != name.trim() {
        "starts or ends with white space"
    } else if name.chars().any(char::is_control) {
        "contains a control character"
    } else if name.chars().count() > 64 {
        "has more than 64 characters"
    } else if without_tokens(name) != name {
        "looks like an auth token or an API key's secret, and it would appear in plans and logs"
    } else {
        return true;
    };
    issues.push(Issue::error(at, format!("the name of {what} {problem}")));
    false
}

pub(super) fn accounts(files: &[(usize, RawFile)], operators_api: Api, issues: &mut Issues) -> Accounts {
    let mut declared = false;
    let mut raw: Vec<(&str, usize, &raw::RawAccount)> = Vec::new();
    for (index, file) in files {
        match &file.accounts {
            Section::Absent => continue,
            Section::Is(map) if !map.0.is_empty() => {
                raw.extend(map.0.iter().map(|(name, account)| (&**name, *index, account)));
            }
            Section::Null | Section::Is(_) => issues.push(
                Issue::error(At::key(*index, [key("accounts")]), "`accounts:` names no account")
                    .help("name one, or leave `accounts:` out to use the account from the environment"),
            ),
        }
        declared = true;
    }
    if !declared {
        let name: Arc<str> = DEFAULT_ACCOUNT.into();
        let only =
            Account { name: name.clone(), sid: None, parent: None, access: Access::default(), hold: None };
        return Accounts {
            list: vec![only],
            by_name: [(name, AccountIndex(0))].into(),
            declared,
            operators_api,
        };
    }
    raw.sort_by_key(|(name, file, _)| (*name, *file));
    raw.dedup_by(|second, first| {
        let twice = second.0 == first.0;
        if twice {
            issues.push(
                Issue::error(
                    At::key(second.1, [key("accounts"), key(second.0)]),
                    format!("the account {} is declared twice", quoted(second.0)),
                )
                .also(At::key(first.1, [key("accounts"), key(first.0)]), "first here")
                .help("keep one of them"),
            );
        }
        twice
    });
    if raw.len() > usize::from(u16::MAX) {
        issues.push(Issue::error(
            At::Nowhere,
            format!("there are {} accounts; the maximum is 65535", raw.len()),
        ));
        raw.truncate(usize::from(u16::MAX));
    }
    let by_name: HashMap<Arc<str>, AccountIndex> =
        raw.iter().enumerate().map(|(at, (name, ..))| (Arc::from(*name), AccountIndex(at as u16))).collect();
    let mut list = Vec::with_capacity(raw.len());
    let mut by_sid = HashMap::new();
    for (name, file, account) in &raw {
        let at = |field: &str| At::value(*file, [key("accounts"), key(name), key(field)]);
        let named = At::key(*file, [key("accounts"), key(name)]);
        check_name(issues, name, "an account", named.clone());
        let sid = match account.sid.text() {
            Some(text) => layers::account_sid(issues, at("sid"), text),
            None => {
                issues.push(
                    Issue::error(named, format!("the account {} has no `sid`", quoted(name)))
                        .help("add `sid: AC…`, which the Twilio Console shows"),
                );
                None
            }
        };
        if let Some(sid) = sid
            && let Some((other, other_at)) = by_sid.insert(sid, (*name, at("sid")))
        {
            issues.push(
                Issue::error(
                    at("sid"),
                    format!("{} and {} are the same account", quoted(other), quoted(name)),
                )
                .also(other_at, "this SID appears here first")
                .help("keep one of the two names"),
            );
        }
        let access = Access {
            api: account.api.text().and_then(|text| api(issues, at("api"), text)),
            site: Site {
                region: account.region.text().and_then(|text| region(issues, at("region"), text)),
                edge: account.edge.text().and_then(|text| edge(issues, at("edge"), text)),
            },
            credentials: credentials(issues, *file, name, &account.credentials),
        };
        check_site(issues, access.api.unwrap_or(operators_api), &access.site, || at("region"));
        list.push(Account {
            name: (*name).into(),
            sid,
            parent: parent(&raw, &by_name, issues, name, &account.parent, at("parent")),
            access,
            hold: standstill::hold(issues, *file, || vec![key("accounts"), key(name)], &account.hold),
        });
    }
    Accounts { list, by_name, declared, operators_api }
}

fn parent(
    raw: &[(&str, usize, &raw::RawAccount)],
    by_name: &HashMap<Arc<str>, AccountIndex>,
    issues: &mut Issues,
    name: &str,
    parent: &Given,
    at: At,
) -> Option<AccountIndex> {
    let parent = parent.text()?;
    if parent == name {
        issues.push(
            Issue::error(at, format!("the account {} is its own parent", quoted(name)))
                .help("a main account has no `parent`"),
        );
        return None;
    }
    let Some(index) = by_name.get(parent) else {
        let names = raw.iter().map(|(other, ..)| *other).filter(|other| *other != name);
        let issue = Issue::error(at, format!("the parent {} is not an account in the file", quoted(parent)));
        issues.push_with(issue, |issues| Some(issues.choices(parent, names, raw.len() - 1)));
        return None;
    };
    let (_, file, account) = raw[usize::from(index.0)];
    if let Some(grand) = account.parent.text() {
        let message = if grand == name {
            format!("{} and {} are each other's parent", quoted(name), quoted(parent))
        } else {
            format!("the parent {} has a parent itself", quoted(parent))
        };
        issues.push(
            Issue::error(at, message)
                .also(At::value(file, [key("accounts"), key(parent), key("parent")]), "its parent")
                .help("Twilio has one level of subaccounts: name the main account"),
        );
        return None;
    }
    Some(*index)
}

fn api(issues: &mut Issues, at: At, text: &str) -> Option<Api> {
    let api = Api::parse(text);
    if api.is_none() {
        issues.push(
            Issue::error(at, format!("{} is not a valid value for `api`", quoted(text)))
                .help(choices(text, Api::ALL.map(Api::as_str).into_iter())),
        );
    }
    api
}

/// Each region keeps its own settings of a number, and ActiveNumbers shows only those of us1.
fn check_site(issues: &mut Issues, api: Api, site: &Site, at: impl Fn() -> At) {
    let Some(region) = &site.region else { return };
    if site.labels().is_err() {
        issues.push(
            Issue::warning(
                at(),
                format!(
                    "numctl does not know the edge of region {region}, which is part of Twilio's host names"
                ),
            )
            .help("add `edge:` next to it, unless the operator sets TWILIO_EDGE"),
        );
    }
    if api == Api::ActiveNumbers && !region.is_default() {
        issues.push(
            Issue::warning(at(), "`region` has no effect over ActiveNumbers: Twilio serves it from us1 only")
                .help("write `api: incoming-phone-numbers` on the account, or remove `region`"),
        );
    }
}

fn edge(issues: &mut Issues, at: At, text: &str) -> Option<HostLabel> {
    let edge = HostLabel::parse(text);
    if edge.is_none() {
        issues.push(
            Issue::error(at, format!("{} is not an edge", quoted(text)))
                .help("write Twilio's short name, such as ashburn, dublin or sydney"),
        );
    }
    edge
}

fn region(issues: &mut Issues, at: At, text: &str) -> Option<HostLabel> {
    let region = HostLabel::parse(text);
    if region.is_none() {
        issues.push(
            Issue::error(at, format!("{} is not a region", quoted(text)))
                .help("write Twilio's short name, such as us1, ie1 or au1"),
        );
    }
    region
}

fn credentials(
    issues: &mut Issues,
    file: usize,
    name: &str,
    credentials: &Section<raw::RawCredentials>,
) -> Option<CredentialsAt> {
    let at = || At::key(file, [key("accounts"), key(name), key("credentials")]);
    let credentials = credentials.filled(issues, "credentials", at)?;
    let path = |field: &str| [key("accounts"), key(name), key("credentials"), key(field)];
    if let Some(text) = credentials.file.text() {
        if credentials.env.text().is_some() {
            issues.push(
                Issue::error(At::key(file, path("file")), "`credentials` names two places")
                    .also(At::key(file, path("env")), "the other one")
                    .help("keep one of them"),
            );
        }
        let secret = SecretName::parse(text);
        if secret.is_none() {
            // The text is not quoted: it may be the credential itself.
            let at = At::value(file, path("file"));
            issues.push(Issue::error(at, "`file` is not the name of a file").secret().help(
                "write a bare file name, such as emea: numctl looks for it in the directory that the operator names with --credentials-dir or NUMCTL_CREDENTIALS_DIR",
            ));
        }
        return secret.map(CredentialsAt::File);
    }
    let Some(text) = credentials.env.text() else {
        issues.push(
            Issue::error(
                At::key(file, [key("accounts"), key(name), key("credentials")]),
                "`credentials` names neither `env` nor `file`",
            )
            .help("write `credentials: { env: TWILIO }` to read TWILIO_API_KEY and TWILIO_API_SECRET, or TWILIO_AUTH_TOKEN"),
        );
        return None;
    };
    let at = At::value(file, path("env"));
    let Some(prefix) = EnvPrefix::parse(text) else {
        let help = if text.contains('$') {
            "numctl does not expand variables: write only the prefix, such as TWILIO, and set TWILIO_AUTH_TOKEN"
        } else {
            "write a prefix of capital letters, digits and underscores: TWILIO reads TWILIO_API_KEY and TWILIO_API_SECRET, or TWILIO_AUTH_TOKEN"
        };
        // The text is not quoted: it may be the credential itself.
        issues.push(Issue::error(at, "`env` is not a prefix of environment variables").help(help));
        return None;
    };
    for suffix in ["_AUTH_TOKEN", "_API_KEY", "_API_SECRET"] {
        if let Some(meant) = text.strip_suffix(suffix) {
            issues.push(
                Issue::warning(
                    at.clone(),
                    format!("`env` is a prefix: this reads {}", prefix.variable("AUTH_TOKEN")),
                )
                .help(format!("did you mean `env: {meant}`?")),
            );
        }
    }
    Some(CredentialsAt::Env(prefix))
}

/// The policy, and the file that has it.
pub(super) fn policy(files: &[(usize, RawFile)], issues: &mut Issues) -> (Policy, Standstill, Option<usize>) {
    let mut policy = Policy::default();
    let mut still = Standstill::default();
    let mut first = None;
    for (file, raw) in files {
        let file = *file;
        let Some(raw) = raw.policy.filled(issues, "policy", || At::key(file, [key("policy")])) else {
            continue;
        };
        if let Some(first) = first {
            issues.push(
                Issue::error(At::key(file, [key("policy")]), "`policy:` appears in two files")
                    .also(At::key(first, [key("policy")]), "first here")
                    .help("a fleet has one policy: keep one of them"),
            );
            continue;
        }
        first = Some(file);
        still = standstill::standstill(issues, file, raw);
        let at = |field: &str| At::value(file, [key("policy"), key(field)]);
        if let Some(text) = raw.unlisted.text() {
            policy.unlisted = match text {
                "ignore" => Unlisted::Ignore,
                "report" => Unlisted::Report,
                "release" => Unlisted::Release,
                _ => {
                    issues.push(
                        Issue::error(
                            at("unlisted"),
                            format!("{} is not a valid value for `unlisted`", quoted(text)),
                        )
                        .help(choices(text, ["ignore", "report", "release"].into_iter())),
                    );
                    Unlisted::Ignore
                }
            };
        }
        if let Some(chosen) = on_vanished(issues, at("on_vanished"), &raw.on_vanished) {
            policy.on_vanished = chosen;
        }
        if let Some(text) = raw.no_effect.text() {
            policy.no_effect = OnNoEffect::parse(text).unwrap_or_else(|| {
                issues.push(
                    Issue::error(
                        at("no_effect"),
                        format!("{} is not a choice for `no_effect`", quoted(text)),
                    )
                    .help(choices(text, ["warn", "error"].into_iter())),
                );
                OnNoEffect::Warn
            });
        }
        let mut limit = |field: &str, given: &Count, limit: &mut Limit| {
            let Some(text) = given.0.as_deref() else { return };
            match parse_limit(text) {
                Some(parsed) => *limit = parsed,
                None => {
                    issues.push(Issue::error(at(field), format!("{} is not a limit", quoted(text))).help(
                        "write a count such as 10, or a share of the live numbers such as 5% (up to 100%)",
                    ))
                }
            }
        };
        let Limits { purchases, releases, changes, release_guard, monthly } = &mut policy.limits;
        limit("max_purchases", &raw.max_purchases, purchases);
        limit("max_releases", &raw.max_releases, releases);
        limit("max_changes", &raw.max_changes, changes);
        let mut amount = |field: &str, given: &Count, limit: &mut Option<Money>| {
            let Some(text) = given.0.as_deref() else { return };
            *limit = Money::parse(text);
            if limit.is_none() {
                issues.push(
                    Issue::error(at(field), format!("{} is not an amount of money", quoted(text)))
                        .help("write an amount and its currency, such as 25 USD or 9.50 EUR"),
                );
            }
        };
        amount("max_monthly_increase", &raw.max_monthly_increase, &mut monthly.increase);
        amount("max_monthly_total", &raw.max_monthly_total, &mut monthly.total);
        if let Some(text) = raw.release_guard.text() {
            *release_guard = Lookback::parse(text);
            if release_guard.is_none() {
                issues.push(
                    Issue::error(
                        at("release_guard"),
                        format!("{} is not a valid time to look back", quoted(text)),
                    )
                    .help("write a time from 1h to 400d, such as 30d"),
                );
            }
        }
    }
    (policy, still, first)
}

/// What `on_vanished:` says, of the policy or of a number.
pub(super) fn on_vanished(issues: &mut Issues, at: At, given: &Given) -> Option<OnVanished> {
    match given.text()? {
        "report" => Some(OnVanished::Report),
        "rebuy" => Some(OnVanished::Rebuy),
        text => {
            issues.push(
                Issue::error(at, format!("{} is not a valid value for `on_vanished`", quoted(text)))
                    .help(choices(text, ["report", "rebuy"].into_iter())),
            );
            None
        }
    }
}

/// [`Limit::parse`], and no signs, spaces or leading zeros, which YAML's versions read differently.
fn parse_limit(text: &str) -> Option<Limit> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    Limit::parse(text).filter(|_| plain)
}
