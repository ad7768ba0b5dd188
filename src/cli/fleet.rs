//! From arguments to clients: reads the files, finds the accounts and their credentials, and starts
//! the embedded sandbox where it is asked for.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::endpoint::Endpoint;
use crate::client::{Client, Dice, ListError, Manner};
use crate::desired::{Account, AccountIndex, Desired, EnvPrefix};
use crate::environment::{self, Source};
use crate::http::Http;
use crate::load::load;
use crate::number::AccountSid;
use crate::observe::observe;
use crate::observed::Observed;
use crate::pace::Pace;
use crate::plan::AccountRef;
use crate::render::shown::Shown;
use crate::render::words::plural;
use crate::sandbox::{self, Options, Running};
use crate::secret_url::masked;

use super::arguments::{AccountArgs, Api, Global};
use super::output;
use super::{Fatal, progress};

/// Where the embedded sandbox keeps its state.
const SANDBOX_STATE: &str = ".numctl/sandbox.json";

/// The accounts of a command and how to reach them.
pub(super) struct Fleet {
    /// The accounts, in the file's order.
    pub(super) accounts: Vec<AccountRef>,
    /// Their clients, in the same order.
    pub(super) clients: Vec<Client<Http>>,
    sandbox: Option<Running>,
}

/// Reads and checks the files. What is doubtful in them is counted here and shown by `validate`.
pub(super) fn read(files: &[PathBuf]) -> Result<Desired, Fatal> {
    let styled = output::stderr_is_terminal();
    let sources = load(files).map_err(|findings| Fatal::new(findings.render(styled)))?;
    let parsed = Desired::parse(&sources).map_err(|findings| Fatal::new(findings.render(styled)))?;
    if !parsed.warnings.is_empty() {
        let many = plural(parsed.warnings.len(), "warning");
        output::note(format_args!(
            "note: {many} on the files; `numctl validate` with the same -f shows what"
        ));
    }
    Ok(parsed.desired)
}

/// The declared accounts of commands that need no file: those of the file if one is given, else the
/// default one.
pub(super) fn accounts_of(args: &AccountArgs) -> Result<Vec<Account>, Fatal> {
    if args.files.is_empty() {
        Ok(vec![environment::default_account()])
    } else {
        Ok(read(&args.files)?.accounts)
    }
}

impl Fleet {
    /// Finds the accounts and their credentials, and makes a client for each.
    pub(super) async fn open(global: &Global, declared: &[Account]) -> Result<Self, Fatal> {
        if global.api == Api::IncomingPhoneNumbers {
            return Err(Fatal::new(
                "--api incoming-phone-numbers is not built yet: use active-numbers, the default",
            ));
        }
        let sandbox = if global.sandbox { Some(start_sandbox().await?) } else { None };
        let variables = |name: &str| std::env::var(name).ok();
        let main;
        let source = match &sandbox {
            Some(running) => {
                main = AccountSid::observed(running.account_sid())
                    .ok_or_else(|| Fatal::new("the sandbox's account has no SID"))?;
                Source::Sandbox { main, token: running.auth_token() }
            }
            None => Source::Variables(&variables),
        };
        let accounts = environment::accounts(declared, &source)?;
        if let Some(running) = &sandbox {
            for account in &accounts {
                let parent = account.parent.map(|parent| accounts[usize::from(parent.0)].sid.to_string());
                // Any file can be rehearsed: its accounts exist here too.
                running.ensure_account(&account.sid.to_string(), parent.as_deref());
            }
        }
        let credentials: Vec<Option<EnvPrefix>> =
            declared.iter().map(|account| account.credentials.clone()).collect();
        let base_url = sandbox.as_ref().map(Running::base_url).or_else(|| global.base_url.clone());
        let clients = clients(global, base_url, &accounts, &credentials, &source)?;
        Ok(Self { accounts, clients, sandbox })
    }

    /// The same for the accounts of a saved plan.
    pub(super) async fn of_plan(
        global: &Global,
        accounts: &[AccountRef],
        credentials: &[Option<EnvPrefix>],
    ) -> Result<Self, Fatal> {
        let declared: Vec<Account> = accounts
            .iter()
            .zip(credentials)
            .map(|(account, credentials)| Account {
                name: account.name.clone(),
                sid: Some(account.sid),
                parent: account.parent,
                credentials: credentials.clone(),
            })
            .collect();
        Self::open(global, &declared).await
    }

    /// Lists every account, with progress.
    pub(super) async fn observe(&self) -> Result<Observed, Fatal> {
        let listing = progress::Listing::start(self.clients.len());
        let observed =
            observe(&self.clients, |account, numbers| listing.page(usize::from(account.0), numbers)).await;
        listing.done();
        observed.map_err(|failed| {
            let lines: Vec<String> =
                failed.iter().map(|(account, error)| self.describe(*account, error)).collect();
            let all =
                "nothing was planned and nothing was changed: a number that is not seen may be in there";
            Fatal::new(format!("{}\n{all}", lines.join("\n")))
        })
    }

    /// Why an account could not be listed, and what to do about it.
    pub(super) fn describe(&self, account: AccountIndex, error: &ListError) -> String {
        let account = &self.accounts[usize::from(account.0)];
        let mut text = format!(
            "account {} ({}) could not be listed: {}",
            Shown(&account.name),
            account.sid,
            Shown(&error.to_string())
        );
        if let ListError::Api(error) = error {
            if let Some(advice) = error.advice() {
                text.push_str(&format!("\n  help: {advice}"));
            }
            if let Some(request_id) = &error.request_id {
                text.push_str(&format!("\n  request id: {}", Shown(request_id)));
            }
        }
        text
    }

    /// The accounts that `--account` leaves: all of them, or the one it names.
    pub(super) fn only(&self, name: Option<&str>) -> Result<Vec<AccountIndex>, Fatal> {
        let Some(name) = name else {
            return Ok((0..self.accounts.len())
                .filter_map(|at| u16::try_from(at).ok())
                .map(AccountIndex)
                .collect());
        };
        environment::find(&self.accounts, name).map(|index| vec![index]).ok_or_else(|| {
            let known: Vec<String> =
                self.accounts.iter().map(|account| Shown(&account.name).to_string()).collect();
            Fatal::new(format!(
                "no account {:?}: there is {} (accounts come from -f FILE, else from the environment)",
                Shown(&masked(name)).to_string(),
                known.join(", ")
            ))
        })
    }

    /// Saves the embedded sandbox, where there is one.
    pub(super) async fn close(self) -> Result<(), Fatal> {
        if let Some(running) = self.sandbox {
            running.stop().await?;
        }
        Ok(())
    }
}

fn clients(
    global: &Global,
    base_url: Option<String>,
    accounts: &[AccountRef],
    credentials: &[Option<EnvPrefix>],
    source: &Source<'_>,
) -> Result<Vec<Client<Http>>, Fatal> {
    let variable = |name: &str| std::env::var(name).ok();
    let endpoint = match base_url {
        Some(base_url) => Endpoint::at(&base_url)?,
        None => Endpoint::vendor(variable("TWILIO_REGION").as_deref(), variable("TWILIO_EDGE").as_deref())?,
    };
    let transport = Arc::new(Http::new().map_err(Fatal::new)?);
    let manner = Manner {
        page_size: global.page_size,
        timeout: global.timeout,
        dice: Arc::new(Dice::seeded(fresh_seed())),
    };
    accounts
        .iter()
        .zip(credentials)
        .map(|(account, prefix)| {
            let credentials = environment::credentials(account, prefix.as_ref(), source)?;
            let pace = Pace::new(usize::from(global.max_concurrency), global.rate_limit);
            Ok(Client::new(
                account.sid,
                transport.clone(),
                endpoint.clone(),
                credentials,
                manner.clone(),
                pace,
            ))
        })
        .collect()
}

async fn start_sandbox() -> Result<Running, Fatal> {
    let path = Path::new(SANDBOX_STATE);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Fatal::new(format!("{}: {error}", folder.display())))?;
    }
    let options = Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        state: Some(path.to_owned()),
        ..Options::default()
    };
    Ok(sandbox::start(options).await?)
}

/// Jitter must differ between processes, and need not be secret.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
