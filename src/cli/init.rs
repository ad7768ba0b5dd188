//! `numctl init`: a first file, and what belongs beside it.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use crate::desired::schema::schema;
use crate::desired::{Account, CredentialsAt};
use crate::model::number::AccountSid;
use crate::model::provider::Api;
use crate::observed::Observed;
use crate::report::export::export;
use crate::report::names::plural;

use super::arguments::{Global, InitArgs};
use super::fleet::Fleet;
use super::listing::keep_what_is_there;
use super::process::variable;
use super::{Ended, Exit, Fatal, output, secrets};

/// Beside the file, for editors; the file's first line names it.
const SCHEMA: &str = "numctl.schema.json";
const GITIGNORE: &str = ".gitignore";
const IGNORED: &str = ".numctl/";

pub(super) async fn run(global: &Global, args: &InitArgs) -> Ended {
    keep_what_is_there(&args.out)?;
    let sid = account_sid(global, args)?;
    let found = find(global, sid).await;
    let text = match (found, args.from_live) {
        (Ok(found), true) => {
            let live = export(&[found.account], &Observed::new(vec![found.listing]));
            secrets::tell(&live.secrets);
            format!("{}{}", editors_line(), live.yaml)
        }
        (Err(error), true) => return Err(error),
        (Ok(found), false) => {
            let many = found.listing.rows().len();
            output::note(format_args!(
                "The account {} has {} over {}.",
                found.sid,
                plural(many, "number"),
                found.api
            ));
            first_file(Some(found.sid), found.api, many)
        }
        (Err(error), false) => {
            let api = if global.sandbox { Api::default() } else { Api::IncomingPhoneNumbers };
            output::note(format_args!(
                "note: the account was not asked ({}); `api:` is {api}, which every account has",
                error.text.lines().next().unwrap_or_default()
            ));
            first_file(sid, api, 0)
        }
    };
    let has_passwords = text.contains("CAUTION: webhook URLs");
    output::write_over(&args.out, &text, has_passwords)?;
    let folder = args.out.parent().unwrap_or(Path::new(""));
    output::write_over(&folder.join(SCHEMA), &format!("{:#}\n", schema()), false)?;
    ignore(&folder.join(GITIGNORE))?;
    let path = args.out.display();
    let option = if args.out == Path::new("numctl.yaml") { String::new() } else { format!(" -f {path}") };
    output::note(format_args!(
        "Written: {path}, {SCHEMA} for editors, {GITIGNORE}.\nNext: edit {path}, then run `numctl plan{option}`."
    ));
    Ok(Exit::Done)
}

/// The account: as an option says, the environment, or a person.
fn account_sid(global: &Global, args: &InitArgs) -> Result<Option<AccountSid>, Fatal> {
    let read = |text: &str| {
        AccountSid::observed(text.trim()).map(Some).ok_or_else(|| {
            Fatal::new("an account SID is AC and 32 hexadecimal digits, as Twilio's console shows it")
        })
    };
    if let Some(text) = &args.account_sid {
        return read(text);
    }
    if let Some(text) = variable("TWILIO_ACCOUNT_SID") {
        return read(&text);
    }
    if global.sandbox || !io::stdin().is_terminal() || !output::stderr_is_terminal() {
        return Ok(None);
    }
    output::ask("Account SID (AC…; empty: the file takes it from TWILIO_ACCOUNT_SID):")?;
    let mut answer = String::new();
    io::BufRead::read_line(&mut io::stdin().lock(), &mut answer)?;
    if answer.trim().is_empty() { Ok(None) } else { read(&answer) }
}

/// What an account turned out to be.
struct ProbedAccount {
    sid: AccountSid,
    api: Api,
    account: Account,
    listing: crate::client::listing::Listing,
}

/// Asks the account for its numbers, over the preview first where nothing else was said: whoever has that has
/// both.
async fn find(global: &Global, sid: Option<AccountSid>) -> Result<ProbedAccount, Fatal> {
    let apis = match global.api() {
        Api::ActiveNumbers => vec![Api::ActiveNumbers, Api::IncomingPhoneNumbers],
        Api::IncomingPhoneNumbers => vec![Api::IncomingPhoneNumbers],
    };
    let mut first = None;
    for api in apis {
        let mut account =
            Account { name: "main".into(), sid, ..crate::desired::environment::default_account() };
        if sid.is_none() {
            account.name = crate::desired::DEFAULT_ACCOUNT.into();
        }
        account.access.api = Some(api);
        let fleet = Fleet::open(global, std::slice::from_ref(&account)).await?;
        let listed = fleet.clients[0].list(|_| {}).await;
        let (found, failed) = match listed {
            Ok(listing) => (Some(listing), None),
            Err(error) => (None, Some(fleet.describe(crate::desired::AccountIndex(0), &error))),
        };
        let opened = fleet.accounts[0].sid;
        fleet.close().await?;
        if let Some(listing) = found {
            let credentials = Some(CredentialsAt::default());
            let access = crate::desired::Access { credentials, ..account.access };
            let account = Account { name: "main".into(), sid: Some(opened), access, ..account };
            return Ok(ProbedAccount { sid: opened, api, account, listing });
        }
        first = first.or(failed);
    }
    Err(Fatal::new(first.unwrap_or_default()))
}

fn editors_line() -> String {
    format!("# yaml-language-server: $schema=./{SCHEMA}\n")
}

/// A file that changes nothing yet, and shows how to continue.
fn first_file(sid: Option<AccountSid>, api: Api, live: usize) -> String {
    let accounts = match sid {
        Some(sid) => format!(
            "accounts:\n  main:\n    sid: {sid}\n    api: {api}\n    \
             credentials: {{ env: TWILIO }} # TWILIO_API_KEY and TWILIO_API_SECRET, else TWILIO_AUTH_TOKEN\n"
        ),
        None => format!(
            "# Without this, the account is that of TWILIO_ACCOUNT_SID.\n# accounts:\n#   main:\n#     \
             sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n#     api: {api}\n#     credentials: {{ env: TWILIO }}\n"
        ),
    };
    let live = match live {
        0 => String::new(),
        _ => "# `numctl export` writes the numbers that are live, in this form.\n".to_owned(),
    };
    format!(
        "{}version: 1\n\n{accounts}\n\
         # What one apply may do at most. The operator's own limits can only be stricter.\n\
         policy:\n  unlisted: ignore # live numbers that this file does not name are left alone\n  \
         max_purchases: 5\n  max_releases: 0 # raise it to release numbers\n  max_changes: 50%\n\n\
         # What numbers have in common. A field that is left out is left as it is; null clears it.\n\
         # profiles:\n#   support:\n#     status_callback: https://voice.example.com/status\n#     \
         voice: {{ url: https://voice.example.com/answer, method: POST }}\n#     \
         sms: {{ url: https://voice.example.com/sms }}\n\n\
         # A number that is declared and not live is bought; `state: released` releases one.\n{live}\
         # numbers:\n#   - phone_number: \"+15552230000\"\n#     profile: support\n#     \
         friendly_name: Support line\nnumbers: []\n...\n",
        editors_line()
    )
}

/// Names what is remembered between runs to git, where nothing does so yet.
fn ignore(path: &Path) -> Result<(), Fatal> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Fatal::new(format!("{}: {error}", path.display()))),
    };
    let is_there =
        text.lines().any(|line| line.trim().trim_end_matches('/') == IGNORED.trim_end_matches('/'));
    if is_there {
        return Ok(());
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    output::write_over(path, &format!("{text}{gap}{IGNORED}\n"), false)
}
