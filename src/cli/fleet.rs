//! From arguments to clients: reads the files, finds the accounts and their credentials, and starts
//! the embedded sandbox where it is asked for.

use super::process::{fresh_seed, variable};
use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::api::endpoint::{Endpoint, Product};
use crate::client::api::routes::Routes;
use crate::client::fence::{NotOurs, fence};
use crate::client::http::{self, CA_BYTES_MAX, Http};
use crate::client::leadership::Leadership;
use crate::client::lock::{LockError, LockPlace, Locks};
use crate::client::pace::Pace;
use crate::client::webhook::WebhookCaller;
use crate::client::{Client, Dice, ListError, Manner};
use crate::daemon::Reached;
use crate::desired::AccountRef;
use crate::desired::environment::{self, Login, VariableSource as Variables};
use crate::desired::hosts::Hosts;
use crate::desired::load::{load, parse};
use crate::desired::narrowing::Narrowing;
use crate::desired::{Access, Account, AccountIndex, Desired, Findings, Parsed, SecretName, Source};
use crate::execute::ledger::{Ledger, LedgerError};
use crate::guard::budget::Generation;
use crate::guard::intents::Intents;
use crate::host::bounded_file;
use crate::model::number::AccountSid;
use crate::model::provider::{HostLabel, Site};
use crate::model::secret_url::{masked, without_tokens};
use crate::observed::Observed;
use crate::observed::list::observe;
use crate::report::names::plural;
use crate::report::shown::Shown;
use crate::sandbox::{self, Running, SandboxOptions};

use super::arguments::{AccountArgs, Global, LeaseArgs, StateArgs};
use super::content::Content;
use super::output;
use super::{Ended, Exit, Fatal, lease, progress, secrets};

/// Where the embedded sandbox keeps its state.
const SANDBOX_STATE: &str = ".numctl/sandbox.json";
/// Where a command by hand remembers what it bought for claims; the sandbox's is no other's.
const STATE: &str = ".numctl";
const STATE_OF_SANDBOX: &str = ".numctl/sandbox";
/// The largest file of credentials.
const SECRET_BYTES_MAX: usize = 64 << 10;
/// How often a lock that is taken is asked for again.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// The accounts of a command and how to reach them.
pub(super) struct Fleet {
    /// The accounts, in the file's order.
    pub(super) accounts: Vec<AccountRef>,
    /// Their clients, in the same order.
    pub(super) clients: Vec<Client<Http>>,
    sandbox: Option<Running>,
}

/// That writing is ours.
pub(super) struct HeldLocks {
    _locks: Option<Locks>,
    lease: Option<Leadership>,
}

impl HeldLocks {
    /// With the lease: it remembers what was bought for claims, for every host, or in which directory that is.
    pub(super) fn ledger(&self, args: &StateArgs) -> Option<Ledger> {
        let directory = args.state_dir.clone().map_or(Ledger::InMemory, Ledger::In);
        self.lease.as_ref().map(|lease| directory.beside(lease.clone()))
    }

    /// Lets go of it, after the last write: the lease at once, unless something may still be on its
    /// way.
    pub(super) async fn release(self, ended: &Ended) {
        if let (Some(lease), false) = (&self.lease, matches!(ended, Ok(Exit::Incomplete))) {
            lease.resign().await;
        }
    }
}

fn not_ours(error: NotOurs) -> Fatal {
    let help = match &error {
        NotOurs::Lock(LockError::Busy { .. }) => {
            "\nWait for it with --lock-timeout, stop it, or pass --lock-dir none if nothing else can write."
        }
        NotOurs::Lock(LockError::Io(..)) | NotOurs::Lease(_) => "",
    };
    Fatal::new(format!("{}; nothing was attempted{help}", Fatal::from(error).text))
}

/// The accounts of a saved plan.
pub(super) fn accounts_of_plan(accounts: &[AccountRef], access: &[Access]) -> Vec<Account> {
    accounts
        .iter()
        .zip(access)
        .map(|(account, access)| Account {
            name: account.name.clone(),
            sid: Some(account.sid),
            parent: account.parent,
            access: access.clone(),
            hold: None,
        })
        .collect()
}

/// Where a command by hand remembers things.
pub(super) fn state_directory(global: &Global, args: &StateArgs) -> PathBuf {
    let default = if global.sandbox { STATE_OF_SANDBOX } else { STATE };
    args.state_dir.clone().unwrap_or_else(|| PathBuf::from(default))
}

/// What a command by hand remembers from run to run.
pub(super) fn ledger(global: &Global, args: &StateArgs) -> Ledger {
    Ledger::In(state_directory(global, args))
}

/// What is remembered of purchases for claims. In a CI job that names no directory, a record that is new is
/// new in every run.
pub(super) fn intents(
    global: &Global,
    args: &StateArgs,
    ledger: &Ledger,
    now: Duration,
) -> Result<Intents, LedgerError> {
    let is_ci = !global.sandbox && variable("CI").is_some_and(|text| text != "false" && text != "0");
    let intents = ledger.intents(now)?;
    Ok(if is_ci && args.state_dir.is_none() { intents.in_ci() } else { intents })
}

/// The same with the secrets that webhooks name, as they are now: for whatever compares or sends them.
pub(super) fn read_with_secrets(global: &Global, files: &[PathBuf]) -> Result<(Desired, Content), Fatal> {
    let (mut desired, content) = read(global, files)?;
    secrets::fill(&secrets::provider(global), &mut desired)?;
    Ok((desired, content))
}

/// Reads and checks the files, and names their content. What is doubtful in them is counted here and
/// shown by `validate`.
pub(super) fn read(global: &Global, files: &[PathBuf]) -> Result<(Desired, Content), Fatal> {
    let (paths, stamp) = Content::stamp(files);
    let sources = sources(files)?;
    let content = Content::new(paths, stamp, Generation::from_sources(&sources));
    Ok((checked(parse(&sources, global.api()))?, content))
}

/// The texts of the files.
pub(super) fn sources(files: &[PathBuf]) -> Result<Vec<Source>, Fatal> {
    load(files).map_err(|findings| Fatal::findings(&findings))
}

/// What the files declare, with a word on what is doubtful in them.
pub(super) fn checked(parsed: Result<Parsed, Findings>) -> Result<Desired, Fatal> {
    let parsed = parsed.map_err(|findings| Fatal::findings(&findings))?;
    if !parsed.warnings.is_empty() {
        let many = plural(parsed.warnings.len(), "warning");
        output::note(format_args!(
            "note: {many} in the files: run `numctl validate` with the same -f to see it"
        ));
    }
    Ok(parsed.desired)
}

/// The declared accounts of commands that need no file: those of the file if one is given, else the
/// default one.
pub(super) fn accounts_of(global: &Global, args: &AccountArgs) -> Result<Vec<Account>, Fatal> {
    if args.files.is_empty() {
        Ok(vec![environment::default_account()])
    } else {
        Ok(read(global, &args.files)?.0.accounts)
    }
}

impl Fleet {
    /// Finds the accounts and their credentials, and makes a client for each.
    pub(super) async fn open(global: &Global, declared: &[Account]) -> Result<Self, Fatal> {
        let sandbox = sandbox_of(global).await?;
        let Reached { accounts, clients } = reach(global, declared, sandbox.as_ref())?;
        Ok(Self { accounts, clients, sandbox })
    }

    /// The same without the accounts that have no credentials, and why each of these has none.
    pub(super) async fn open_what_can_be(
        global: &Global,
        declared: &[Account],
    ) -> Result<(Self, Vec<(AccountRef, Fatal)>), Fatal> {
        let sandbox = sandbox_of(global).await?;
        let (kept, shut) = with_credentials(global, declared, sandbox.as_ref())?;
        let Reached { accounts, clients } = match kept.is_empty() {
            true => Reached { accounts: Vec::new(), clients: Vec::new() },
            false => reach(global, &kept, sandbox.as_ref())?,
        };
        Ok((Self { accounts, clients, sandbox }, shut))
    }

    /// Clients of the declared accounts that `--account` leaves out, as far as there are credentials for them.
    pub(super) fn left_out_clients(
        &self,
        global: &Global,
        narrowing: Option<&Narrowing>,
    ) -> Vec<Client<Http>> {
        let all = narrowing.map(Narrowing::all_accounts).unwrap_or_default();
        let running = self.sandbox.as_ref();
        // Whoever cannot be asked is not: Twilio sells no number that someone has.
        let reached = with_credentials(global, all, running).and_then(|(kept, _)| match kept.is_empty() {
            true => Ok(Vec::new()),
            false => reach(global, &kept, running).map(|reached| reached.clients),
        });
        let is_left_out =
            |client: &Client<Http>| self.accounts.iter().all(|account| account.sid != client.account);
        reached.unwrap_or_default().into_iter().filter(is_left_out).collect()
    }

    /// Holds the lock of every account, and the lease, where that is asked for, until the result is let go;
    /// waits this long for them. From then on nothing is written without them (law 10).
    pub(super) async fn lock(
        &mut self,
        places: &[LockPlace],
        args: &LeaseArgs,
        timeout: Duration,
    ) -> Result<HeldLocks, Fatal> {
        let began = Instant::now();
        let mut locks = None;
        if !places.is_empty() {
            locks = Some(self.locks(places, timeout).await.map_err(|error| not_ours(NotOurs::Lock(error)))?);
        }
        let mut lease = None;
        if let Some(candidate) = lease::candidate(args, &lease::identity())? {
            match candidate.acquire(timeout.saturating_sub(began.elapsed())).await {
                Ok(term) => lease = Some((candidate, term)),
                Err(error) => {
                    candidate.resign().await;
                    return Err(not_ours(NotOurs::Lease(error)));
                }
            }
        }
        fence(&mut self.clients, locks.as_ref(), lease.as_ref().map(|(lease, term)| (lease, *term)));
        Ok(HeldLocks { _locks: locks, lease: lease.map(|(lease, _)| lease) })
    }

    /// The lock of every account in these places, waited for this long.
    async fn locks(&self, places: &[LockPlace], timeout: Duration) -> Result<Locks, LockError> {
        let clients = self.clients.iter();
        let accounts: Vec<_> = clients.map(|client| (client.account, client.routes.world())).collect();
        let (began, mut locks) = (Instant::now(), Locks::default());
        while let Err(error) = locks.hold_in(places, &accounts) {
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() || !matches!(error, LockError::Busy { .. }) {
                return Err(error);
            }
            tokio::time::sleep(left.min(LOCK_POLL)).await;
        }
        if locks.leaves_any_open() {
            output::note(
                "note: no lock is held, so another numctl could write at the same time: name a directory with --lock-dir, or pass --lock-dir none to silence this",
            );
        }
        Ok(locks)
    }

    /// Lists every account, with progress.
    pub(super) async fn list(&self) -> Result<Observed, Fatal> {
        let listing = progress::ListingProgress::start(self.clients.len());
        let on_page = |account: AccountIndex, numbers| listing.page(usize::from(account.0), numbers);
        let observed = observe(&self.clients, &self.accounts, on_page).await;
        listing.done();
        observed.map_err(|failed| self.not_listed(&failed))
    }

    /// No account could be listed.
    pub(super) fn not_listed(&self, failed: &[(AccountIndex, ListError)]) -> Fatal {
        let lines: Vec<String> =
            failed.iter().map(|(account, error)| self.describe(*account, error)).collect();
        let all =
            "nothing was planned and nothing was changed: a number that numctl does not see may be in it";
        Fatal::new(format!("{}\n{all}", lines.join("\n")))
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
                "no account {:?}: there is {} (accounts come from -f FILE, or from the environment)",
                Shown(&without_tokens(&masked(name))).to_string(),
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

/// The accounts that have credentials, and why each of the others has none.
fn with_credentials(
    global: &Global,
    declared: &[Account],
    running: Option<&Running>,
) -> Result<WithCredentials, Fatal> {
    let accounts =
        with_source(global, running, |source| environment::accounts(declared, source).map_err(Fatal::from))?;
    let (mut kept, mut shut): (Vec<Account>, _) = (Vec::new(), Vec::new());
    let mut place = vec![None; declared.len()];
    // Parents first, as they may be named later.
    let mut order: Vec<usize> = (0..declared.len()).collect();
    order.sort_by_key(|at| declared[*at].parent.is_some());
    for at in order {
        match login(global, declared, &accounts, at, running) {
            Ok(_) => {
                place[at] = u16::try_from(kept.len()).ok().map(AccountIndex);
                let parent = declared[at].parent.and_then(|parent| place[usize::from(parent.0)]);
                kept.push(Account { parent, ..declared[at].clone() });
            }
            Err(fatal) => shut.push((accounts[at].clone(), fatal)),
        }
    }
    Ok((kept, shut))
}

/// Accounts with credentials, and those without, each with the reason.
type WithCredentials = (Vec<Account>, Vec<(AccountRef, Fatal)>);

/// The embedded sandbox, where it is asked for.
pub(super) async fn sandbox_of(global: &Global) -> Result<Option<Running>, Fatal> {
    Ok(if global.sandbox { Some(start_sandbox().await?) } else { None })
}

/// Finds the accounts and their credentials, and makes a client for each.
pub(super) fn reach(
    global: &Global,
    declared: &[Account],
    sandbox: Option<&Running>,
) -> Result<Reached<Http>, Fatal> {
    let accounts =
        with_source(global, sandbox, |source| environment::accounts(declared, source).map_err(Fatal::from))?;
    if let Some(running) = sandbox {
        for account in &accounts {
            let parent = account.parent.map(|parent| accounts[usize::from(parent.0)].sid.to_string());
            // Any file can be rehearsed: its accounts exist here too.
            running.ensure_account(&account.sid.to_string(), parent.as_deref());
        }
    }
    let logins = logins(global, declared, &accounts, sandbox)?;
    let endpoints = endpoints(global, declared, &accounts, &logins, sandbox)?;
    let transport = Arc::new(transport(global, sandbox.is_some(), &endpoints)?);
    let manner = Manner {
        page_size: global.page_size,
        timeout: global.timeout,
        dice: Arc::new(Dice::seeded(fresh_seed())),
    };
    let clients = accounts
        .iter()
        .zip(declared)
        .zip(logins.into_iter().zip(endpoints))
        .map(|((account, declared), (login, endpoint))| {
            let api = declared.access.api.unwrap_or(global.api());
            let routes = Routes::new(endpoint, api, account.sid);
            let pace = Pace::new(usize::from(global.max_concurrency), global.rate_limit);
            Client::new(routes, transport.clone(), login.credentials, manner.clone(), pace)
                .named(&account.name)
        })
        .collect();
    Ok(Reached { accounts, clients })
}

/// Looks again where the credentials are: a mounted secret may have been renewed.
pub(super) fn renew(
    global: &Global,
    declared: &[Account],
    reached: &mut Reached<Http>,
    sandbox: Option<&Running>,
) -> Result<(), Fatal> {
    let logins = logins(global, declared, &reached.accounts, sandbox)?;
    let endpoints = endpoints(global, declared, &reached.accounts, &logins, sandbox)?;
    for ((client, login), endpoint) in reached.clients.iter_mut().zip(logins).zip(endpoints) {
        // Whose the credentials are may have changed with them.
        client.renew(login.credentials, endpoint);
    }
    Ok(())
}

fn logins(
    global: &Global,
    declared: &[Account],
    accounts: &[AccountRef],
    sandbox: Option<&Running>,
) -> Result<Vec<Login>, Fatal> {
    (0..accounts.len()).map(|at| login(global, declared, accounts, at, sandbox)).collect()
}

fn login(
    global: &Global,
    declared: &[Account],
    accounts: &[AccountRef],
    at: usize,
    sandbox: Option<&Running>,
) -> Result<Login, Fatal> {
    let access: Vec<Access> = declared.iter().map(|account| account.access.clone()).collect();
    let api = access[at].api.unwrap_or(global.api());
    let index = AccountIndex(u16::try_from(at).unwrap_or(u16::MAX));
    with_source(global, sandbox, |source| {
        environment::credentials(accounts, &access, index, api, source).map_err(Fatal::from)
    })
}

fn with_source<V>(
    global: &Global,
    sandbox: Option<&Running>,
    work: impl FnOnce(&Variables<'_>) -> Result<V, Fatal>,
) -> Result<V, Fatal> {
    if let Some(running) = sandbox {
        let main = AccountSid::observed(running.account_sid())
            .ok_or_else(|| Fatal::new("the sandbox's account has no SID"))?;
        return work(&Variables::Sandbox { main, token: running.auth_token() });
    }
    let secrets = |name: &SecretName| {
        let directory = global
            .credentials_dir
            .as_ref()
            .ok_or("name its directory with --credentials-dir or NUMCTL_CREDENTIALS_DIR")?;
        let path = directory.join(name.to_string());
        bounded_file::text(&path, SECRET_BYTES_MAX).map_err(|error| format!("{}: {error}", path.display()))
    };
    work(&Variables::Outside { variables: &variable, secrets: &secrets })
}

/// Where each account is asked: the operator's host for its credentials, else its API's host at Twilio, in
/// the file's region or the operator's.
fn endpoints(
    global: &Global,
    declared: &[Account],
    accounts: &[AccountRef],
    logins: &[Login],
    sandbox: Option<&Running>,
) -> Result<Vec<Endpoint>, Fatal> {
    if let Some(running) = sandbox {
        let embedded = Endpoint::at(&running.base_url())?;
        return Ok(vec![embedded; accounts.len()]);
    }
    let hosts = Hosts::parse(global.base_url.iter().map(String::as_str))?;
    for url in hosts.urls() {
        Endpoint::at(url)?;
    }
    let label = |name: &str| match variable(name) {
        None => Ok(None),
        Some(text) => HostLabel::parse(&text).map(Some).ok_or_else(|| {
            let shown = Shown(&masked(&text)).to_string();
            Fatal::new(format!("{name}: {shown:?} is not a region or edge name such as us1 or ashburn"))
        }),
    };
    let operators = Site { region: label("TWILIO_REGION")?, edge: label("TWILIO_EDGE")? };
    let asked: Vec<_> = accounts.iter().zip(logins).collect();
    let assigned = hosts.assign(&asked)?;
    accounts
        .iter()
        .zip(declared)
        .zip(assigned)
        .map(|((account, declared), host)| match host {
            Some(url) => Ok(Endpoint::at(url)?),
            None => Endpoint::vendor(&declared.access.site.over(&operators))
                .map_err(|error| Fatal::new(format!("account {}: {error}", Shown(&account.name)))),
        })
        .collect()
}

fn transport(global: &Global, is_embedded: bool, endpoints: &[Endpoint]) -> Result<Http, Fatal> {
    if is_embedded {
        return Ok(Http::direct());
    }
    let http = Http::new(trusted(global)?).map_err(Fatal::new)?;
    for endpoint in endpoints {
        http.prepare(&endpoint.url(Product::Api, "/")).map_err(Fatal::new)?;
    }
    Ok(http)
}

/// The certificates of `--ca-file`, which are trusted beside the machine's.
pub(super) fn trusted(global: &Global) -> Result<Vec<reqwest::Certificate>, Fatal> {
    match &global.ca_file {
        None => Ok(Vec::new()),
        Some(path) => http::certificates_in(path)
            .map_err(|error| Fatal::new(format!("--ca-file {}: {error}", path.display()))),
    }
}

/// The file of `--ca-file`, which may be renewed while a daemon runs.
pub(super) struct CaFile {
    path: Option<PathBuf>,
    /// What was in it when it was last good.
    seen: RefCell<Option<String>>,
}

impl CaFile {
    /// As it is before the first client is made.
    pub(super) fn from_arguments(global: &Global) -> Self {
        let path = global.ca_file.clone().filter(|_| !global.sandbox);
        let seen = path.as_deref().and_then(|path| bounded_file::text(path, CA_BYTES_MAX).ok());
        Self { path, seen: RefCell::new(seen) }
    }

    /// Has every client, and what calls webhooks, trust what is in it now, where that has changed. Where it
    /// is not good, those of before stay trusted.
    pub(super) fn follow(
        &self,
        global: &Global,
        reached: &mut Reached<Http>,
        caller: Option<&WebhookCaller>,
    ) -> Result<(), Fatal> {
        let Some(path) = &self.path else { return Ok(()) };
        let text = bounded_file::text(path, CA_BYTES_MAX)
            .map_err(|error| Fatal::new(format!("--ca-file {}: {error}", path.display())))?;
        if self.seen.borrow().as_ref() == Some(&text) {
            return Ok(());
        }
        let renewed = Arc::new(transport(global, false, &[])?);
        for client in &reached.clients {
            renewed.prepare(&client.routes.numbers()).map_err(Fatal::new)?;
        }
        if let Some(caller) = caller {
            caller.trust(trusted(global)?).map_err(Fatal::new)?;
        }
        for client in &mut reached.clients {
            client.carry_by(renewed.clone());
        }
        self.seen.replace(Some(text));
        Ok(())
    }
}

async fn start_sandbox() -> Result<Running, Fatal> {
    let path = Path::new(SANDBOX_STATE);
    if let Some(folder) = path.parent() {
        crate::host::own_file::directory(folder)
            .map_err(|error| Fatal::new(format!("{}: {error}", folder.display())))?;
    }
    let options = SandboxOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        state: Some(path.to_owned()),
        ..SandboxOptions::default()
    };
    Ok(sandbox::start(options).await?)
}
