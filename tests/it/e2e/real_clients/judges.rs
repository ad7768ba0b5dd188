//! Each client goes through the whole life of a number. What it saw is its golden file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use expect_test::expect_file;
use serde_json::Value;
use tempfile::TempDir;

use crate::openapi::Spec;

use super::super::harness::{MAIN, SUB, Sandbox, TOKEN};
use super::install::{Client, Done, run};
use super::proxy::Proxy;

/// Nothing here takes that long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// Enough for several pages.
const FLEET: &[&str] = &["--numbers", "103"];

/// Runs a program with nothing of this process's environment but its `PATH`.
pub(super) fn outside(mut command: Command, env: &[(&str, &str)]) -> Done {
    let home = TempDir::new().expect("a directory");
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", home.path()).env("TZ", "UTC").envs(env.iter().copied());
    command.current_dir(home.path());
    run(command, &home.path().join("log"), Instant::now() + PATIENCE).expect("it runs")
}

/// A command for a script of the Python SDK.
pub(super) fn python(installed: &Path, script: &str) -> Command {
    let mut command = Command::new(installed.join("venv/bin/python"));
    command.arg(Client::Python.scripts().join(script));
    command
}

/// Where a script finds the sandbox.
pub(super) fn place(sandbox: &Sandbox) -> [(&'static str, &str); 4] {
    [("BASE_URL", &sandbox.base_url), ("MAIN", MAIN), ("SUB", SUB), ("TOKEN", TOKEN)]
}

#[track_caller]
fn golden(name: &str, transcript: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/clients").join(name);
    expect_file![path].assert_eq(&normalised(transcript));
}

/// SIDs by their order: which they are is the sandbox's affair. The two accounts by their names. What was
/// bought just now is from `NOW`.
fn normalised(text: &str) -> String {
    const SID: usize = 34;
    let today = jiff::Timestamp::now().strftime("%Y-%m-%dT").to_string();
    let text = &text.replace(TOKEN, "TOKEN");
    let text = &text.split(&today).enumerate().fold(String::new(), |text, (at, part)| match at {
        0 => part.to_owned(),
        _ => text + "NOW" + part.split_once('Z').map_or(part, |(_, rest)| rest),
    });
    let mut shown = String::new();
    let mut seen: Vec<&str> = Vec::new();
    let mut rest = text.as_str();
    while let Some(letter) = rest.chars().next() {
        let is_sid = rest.len() >= SID
            && rest.is_char_boundary(SID)
            && ["PN", "AC"].iter().any(|prefix| rest.starts_with(prefix))
            && rest[2..SID].bytes().all(|b| b.is_ascii_hexdigit())
            // What a script made up is the same letter over and over.
            && rest[2..SID].bytes().any(|b| b != rest.as_bytes()[2]);
        let taken = if is_sid { SID } else { letter.len_utf8() };
        match &rest[..taken] {
            MAIN => shown.push_str("MAIN"),
            SUB => shown.push_str("SUB"),
            sid if is_sid => {
                let at = seen.iter().position(|known| *known == sid).unwrap_or_else(|| {
                    seen.push(sid);
                    seen.len() - 1
                });
                shown.push_str(&format!("{}#{}", &sid[..2], at + 1));
            }
            other => shown.push_str(other),
        }
        rest = &rest[taken..];
    }
    shown
}

/// Every request that was not refused is one that Twilio describes.
pub(super) fn described(sandbox: &Sandbox) {
    let Some(spec) = Spec::load() else { return };
    let requests = sandbox.requests();
    let log = requests["log"].as_array().expect("a log");
    let text = |entry: &Value, key: &str| entry[key].as_str().expect("a text").to_owned();
    let asked = log.iter().filter(|entry| entry["status"].as_u64().is_some_and(|status| status < 300));
    let found: Vec<String> = asked
        .filter(|entry| text(entry, "path").starts_with("/2010-04-01/"))
        .flat_map(|entry| {
            let [method, path, query, form] = ["method", "path", "query", "form"].map(|key| text(entry, key));
            spec.request(&method, &path, &query, &form)
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[track_caller]
fn well(done: Done) -> String {
    assert_eq!(done.code, Some(0), "\nstdout: {}\nstderr: {}", done.out, done.err);
    done.out
}

#[test]
fn the_python_sdk_finds_the_sandbox_as_the_vendor() {
    let Some(installed) = Client::Python.installed() else { return };
    let (sandbox, _bench) = Sandbox::start(FLEET);
    golden("python.txt", &well(outside(python(&installed, "judge.py"), &place(&sandbox))));
    described(&sandbox);
}

/// Nothing at all is set in the client: region and edge in its environment, and a proxy.
#[test]
fn the_python_sdk_finds_the_sandbox_in_a_region() {
    let Some(installed) = Client::Python.installed() else { return };
    let (sandbox, _bench) = Sandbox::start(&[]);
    let proxy = Proxy::start(&sandbox.base_url);
    let ca = proxy.ca_file();
    let env = [
        ("MAIN", MAIN),
        ("SUB", SUB),
        ("TOKEN", TOKEN),
        ("TWILIO_REGION", "ie1"),
        ("TWILIO_EDGE", "dublin"),
        ("HTTPS_PROXY", &proxy.url),
        ("REQUESTS_CA_BUNDLE", ca.to_str().expect("UTF-8")),
    ];
    let mut command = python(&installed, "hand.py");
    command.args(["set", "+15552230000", "friendly_name=Dublin", "voice_url="]);
    let row: Value = serde_json::from_str(&well(outside(command, &env))).expect("JSON");
    assert_eq!((&row["friendly_name"], &row["voice_url"]), (&"Dublin".into(), &"".into()));
    assert_eq!(proxy.hosts(), ["api.dublin.ie1.twilio.com"]);
}

#[test]
fn the_node_sdk_finds_the_sandbox_as_the_vendor() {
    let Some(installed) = Client::Node.installed() else { return };
    let (sandbox, _bench) = Sandbox::start(FLEET);
    let modules = installed.join("node_modules");
    let mut command = Command::new("node");
    command.arg(Client::Node.scripts().join("judge.mjs"));
    let env = [&place(&sandbox)[..], &[("MODULES", modules.to_str().expect("UTF-8"))]].concat();
    golden("node.txt", &well(outside(command, &env)));
    described(&sandbox);
}

/// The CLI, which knows Twilio's host names only: through the proxy.
struct Cli<'a> {
    installed: PathBuf,
    proxy: &'a Proxy,
}

impl Cli<'_> {
    fn run(&self, args: &[&str]) -> Done {
        let mut command = Command::new("node");
        command.arg(self.installed.join("node_modules/twilio-cli/bin/run")).args(args);
        let ca = self.proxy.ca_file();
        let env = [
            ("HTTP_PROXY", self.proxy.url.as_str()),
            ("NODE_EXTRA_CA_CERTS", ca.to_str().expect("UTF-8")),
            ("TWILIO_ACCOUNT_SID", MAIN),
            ("TWILIO_AUTH_TOKEN", TOKEN),
            // It would update itself.
            ("TWILIO_DISABLE_AUTOUPDATE", "1"),
            ("TWILIO_SKIP_NEW_VERSION_CHECK", "1"),
        ];
        outside(command, &env)
    }

    /// The lines of a command, without its header.
    fn table(&self, command: &str, properties: &str) -> Vec<String> {
        let args: Vec<&str> = command.split(' ').collect();
        let rows = well(self.run(&[&args, &["-o", "tsv", "--properties", properties][..]].concat()));
        rows.lines().skip(1).map(|line| line.replace('\t', " | ")).collect()
    }

    /// The one object of a command.
    fn object(&self, args: &[&str]) -> Value {
        let text = well(self.run(&[args, &["-o", "json"]].concat()));
        let rows: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{text}");
        rows[0].clone()
    }
}

fn picked(row: &Value, names: &str) -> String {
    names.split(' ').map(|name| format!("{name}={}", row[name])).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_cli_finds_the_sandbox_as_the_vendor() {
    let Some(installed) = Client::Cli.installed() else { return };
    let (sandbox, _bench) = Sandbox::start(FLEET);
    let proxy = Proxy::start(&sandbox.base_url);
    let cli = &Cli { installed, proxy: &proxy };
    let mut transcript = String::new();
    let mut say = |asked: &str, came: &str| transcript.push_str(&format!("{asked} -> {came}\n"));
    let ends = |rows: &[String]| match rows {
        [first, .., last] => format!("{} rows, {first} to {last}", rows.len()),
        _ => format!("{rows:?}"),
    };

    // It starts slowly: what only reads runs side by side.
    let reads = [
        ("phone-numbers:list", "phoneNumber,friendlyName"),
        ("api:core:incoming-phone-numbers:list --page-size 20 --limit 45", "phoneNumber,dateCreated,beta"),
        ("api:core:accounts:list", "sid,status,dateCreated"),
        (
            "api:core:available-phone-numbers:local:list --country-code US --area-code 415 --limit 2",
            "phoneNumber,region",
        ),
    ];
    let (rows, price) = std::thread::scope(|scope| {
        let rows = reads.map(|(command, properties)| scope.spawn(move || cli.table(command, properties)));
        let args = ["api:pricing:v1:phone-numbers:countries:fetch", "--iso-country", "US"];
        let price = scope.spawn(move || cli.object(&args));
        (rows.map(|rows| rows.join().expect("rows")), price.join().expect("a price"))
    });
    for ((command, _), rows) in reads.iter().zip(&rows) {
        say(command, &ends(rows));
    }
    say("api:pricing:v1:phone-numbers:countries:fetch --iso-country US", &price.to_string());
    assert_eq!((rows[0].len(), rows[1].len()), (103, 45));

    let numbers = "api:core:incoming-phone-numbers";
    let (create, update) = (format!("{numbers}:create"), format!("{numbers}:update"));
    let (create, update) = (create.as_str(), update.as_str());
    let voice = ["--voice-url", "https://example.com/voice?a=1&b=two%20words", "--voice-method", "GET"];
    let number = ["--phone-number", "+14155550000", "--friendly-name", "Front desk & more"];
    let row = cli.object(&[&[create], &number[..], &voice[..]].concat());
    say(
        "create +14155550000",
        &picked(&row, "sid phoneNumber friendlyName voiceUrl voiceMethod dateCreated"),
    );
    let sid = row["sid"].as_str().expect("a SID").to_owned();
    let sms = ["--sms-url", "https://example.com/sms", "--sms-method", "GET"];
    let row = cli.object(&[&["phone-numbers:update", "+14155550000"], &sms[..]].concat());
    say("phone-numbers:update +14155550000", &row.to_string());
    let row =
        cli.object(&[update, "--sid", &sid, "--voice-url", "", "--status-callback", "https://example.com/"]);
    say("update to clear", &picked(&row, "voiceUrl voiceMethod smsUrl statusCallback"));
    let row = cli.object(&[update, "--sid", &sid, "--target-account-sid", SUB]);
    say("update --target-account-sid SUB", &picked(&row, "sid accountSid"));
    let row = cli.object(&[&format!("{numbers}:fetch"), "--sid", &sid, "--account-sid", SUB]);
    say("fetch --account-sid SUB", &row.to_string());
    let row = cli.object(&[update, "--sid", &sid, "--account-sid", SUB, "--target-account-sid", MAIN]);
    say("update --account-sid SUB --target-account-sid MAIN", &picked(&row, "sid accountSid"));
    let remove = &format!("{numbers}:remove");
    let [taken, removed] = std::thread::scope(|scope| {
        let taken = scope.spawn(|| cli.run(&[create, "--phone-number", "+4930999999"]));
        let removed = scope.spawn(|| cli.run(&[remove, "--sid", &sid]));
        [taken.join().expect("an end"), removed.join().expect("an end")]
    });
    assert_ne!(taken.code, Some(0), "{taken:?}");
    say("create +4930999999", &format!("exit {:?}: {}{}", taken.code, taken.out.trim(), taken.err.trim()));
    say("remove", &format!("exit {:?}: {}{}", removed.code, removed.out.trim(), removed.err.trim()));
    assert!(sandbox.number("+14155550000").is_none());
    golden("cli.txt", &transcript);
    described(&sandbox);
    let mut hosts = proxy.hosts();
    hosts.sort();
    assert_eq!(hosts, ["api.twilio.com", "pricing.twilio.com"]);
}

#[test]
fn sids_are_shown_by_their_order() {
    let (one, two) = (format!("PN{:032x}", 17), format!("AC{:032x}", 18));
    let text = format!("{one} /{MAIN}/ {two} {SUB}! {one} PN{} ü", "f".repeat(32));
    let expected = format!("PN#1 /MAIN/ AC#2 SUB! PN#1 PN{} ü", "f".repeat(32));
    assert_eq!(normalised(&text), expected);
}
