//! Secrets and certificates that are mounted as files and renewed while the daemon runs: the way Kubernetes does
//! it, by turning a link to another directory.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::announced::strict_receiver;
use super::daemon::Daemon;
use super::harness::{Bench, Canned, MAIN, Sandbox, TOKEN};
use super::real_clients::proxy::Proxy;

/// Where it is mounted.
pub(super) const MOUNT: &str = "mnt";

/// Mounts these files, in the place of what is mounted there.
pub(super) fn mount(bench: &Bench, files: &[(&str, &str)]) {
    let mount = bench.path().join(MOUNT);
    let versions = fs::read_dir(&mount).map_or(0, |entries| entries.count());
    let version = format!("..version-{versions}");
    fs::create_dir_all(mount.join(&version)).expect("made");
    for (name, text) in files {
        fs::write(mount.join(&version).join(name), text).expect("written");
        if !mount.join(name).is_symlink() {
            symlink(format!("..data/{name}"), mount.join(name)).expect("linked");
        }
    }
    symlink(&version, mount.join("..data_tmp")).expect("linked");
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).expect("turned");
}

/// The CA certificate of a proxy or of what is in front of something.
pub(super) fn pem(of: &Proxy) -> String {
    fs::read_to_string(of.ca_file()).expect("PEM")
}

#[test]
fn a_renewed_token_of_an_account_is_used() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let bench = bench.with("TWILIO_AUTH_TOKEN", "").with("NUMCTL_CREDENTIALS_DIR", MOUNT);
    mount(&bench, &[("main", "an-old-token")]);
    bench.write(
        "fleet.yaml",
        &format!(
            "version: 1\naccounts:\n  main: {{sid: {MAIN}, credentials: {{file: main}}}}\n\
             numbers: [{{phone_number: \"+15552230000\", friendly_name: Renamed}}]\n"
        ),
    );
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "200ms", "--journal", "none"]);
    daemon.says("could not be listed", 1);
    // One that is cut off on its way is no credential, and changes nothing.
    mount(&bench, &[("main", "")]);
    daemon.says("credentials cannot be read", 1);
    assert_eq!(sandbox.writes(), 0);
    mount(&bench, &[("main", TOKEN)]);
    sandbox.wait_for("configure", 1);
    daemon.stop();
}

#[test]
fn a_renewed_credential_for_notifications_is_sent() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "list#1+=403"]);
    bench.write("fleet.yaml", "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n");
    mount(&bench, &[("hook", "first")]);
    let (url, told) = strict_receiver("200 OK");
    let hook = format!("{MOUNT}/hook");
    let notify = ["--notify", &url, "--notify-auth-file", &hook];
    let args = ["-f", "fleet.yaml", "--interval", "200ms", "--journal", "none"];
    let daemon = Daemon::start(&bench, &[&args[..], &notify].concat());
    let sent = |secret: &str| {
        let (head, body, _) = told.recv_timeout(Duration::from_secs(40)).expect("told");
        let expected = format!("authorization: bearer {secret}\r\n");
        assert!(head.to_ascii_lowercase().contains(&expected), "{head}");
        body["event"].clone()
    };
    assert_eq!(sent("first"), "failure");
    mount(&bench, &[("hook", "second")]);
    sandbox.faults("");
    assert_eq!(sent("second"), "recovery");
    daemon.stop();
}

/// A webhook behind a private CA: what `--preflight` trusts is renewed as what the API's clients trust.
#[test]
fn a_renewed_ca_counts_for_webhooks_too() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let works = Canned::body(200, "text/xml", "<?xml version=\"1.0\"?><Response/>");
    let (own, other) = (Proxy::start(&works.base_url), Proxy::start(&works.base_url));
    let number = format!("{{phone_number: \"+15552230000\", voice: {{url: \"{}/a\"}}}}", own.front());
    bench.write("fleet.yaml", &format!("version: 1\nnumbers: [{number}]\n"));
    mount(&bench, &[("ca.pem", &pem(&other))]);
    let ca = format!("{MOUNT}/ca.pem");
    let args = ["-f", "fleet.yaml", "--interval", "200ms", "--journal", "none", "--ca-file", &ca];
    let preflight = ["--preflight", "--preflight-allow", "127.0.0.0/8"];
    let daemon = Daemon::start(&bench, &[&args[..], &preflight].concat());
    daemon.says("held=1", 2);
    assert_eq!((sandbox.writes(), works.asked()), (0, 0));
    mount(&bench, &[("ca.pem", &pem(&own))]);
    sandbox.wait_for("configure", 1);
    daemon.stop();
}
