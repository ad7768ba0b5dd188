//! `export` writes a file that plans to nothing, for whichever API, and never over somebody's edits.

use serde_json::json;

use super::harness::{Bench, MAIN, Sandbox, owned, world};

const V2010: &str = "incoming-phone-numbers";
const FLEET: &str = "version: 1\nnumbers: [{phone_number: \"+15552230000\"}]\n";

#[test]
fn an_account_without_active_numbers_is_told_the_line_to_add() {
    let (_sandbox, bench) = Sandbox::start(&["--faults", "not-enabled"]);
    bench.write("fleet.yaml", FLEET);
    let commands: [&[&str]; 8] = [
        &["export"],
        &["get"],
        &["search", "--country", "US"],
        &["plan", "-f", "fleet.yaml"],
        &["plan", "-f", "fleet.yaml", "--format", "json"],
        &["apply", "--yes", "-f", "fleet.yaml"],
        &["run", "--once", "-f", "fleet.yaml"],
        &["doctor", "-f", "fleet.yaml"],
    ];
    for command in commands {
        // The sandbox has ActiveNumbers' search in any case.
        if command[0] != "search" {
            bench
                .run(command)
                .exits(1)
                .says("accounts: { default: { sid: AC..., api: incoming-phone-numbers } }");
        }
    }
    // That line is all it takes.
    let line = format!("accounts: {{ default: {{ sid: {MAIN}, api: incoming-phone-numbers }} }}\n");
    bench.plan(&FLEET.replace("numbers:", &format!("{line}numbers:"))).exits(0);
}

#[test]
fn an_export_names_the_api_that_it_used() {
    let (_sandbox, bench) = Sandbox::start(&["--faults", "not-enabled"]);
    bench.run(&["export", "--api", V2010, "-o", "fleet.yaml"]).exits(0);
    assert!(
        bench.read("fleet.yaml").contains("api: incoming-phone-numbers\n"),
        "{}",
        bench.read("fleet.yaml")
    );
    bench
        .run(&["plan", "-f", "fleet.yaml", "--detailed-exitcode"])
        .exits(0)
        .says("No changes: everything is as declared.");
    // With accounts of a file, and one of them alone.
    let accounts = super::harness::two_accounts();
    bench.write("accounts.yaml", &format!("{accounts}numbers: []\n"));
    for only in [&[][..], &["--account", "emea"]] {
        let args = [&["export", "-f", "accounts.yaml", "--api", V2010], only].concat();
        let text = bench.run(&args).exits(0).out;
        assert!(text.contains("api: incoming-phone-numbers\n"), "{text}");
        assert_eq!(bench.plan(&text).exits(0).json()["actions"], json!([]), "{text}");
    }
    // What is the default anyway is not written.
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.run(&["export"]).exits(0).never_says("api:");
}

#[test]
fn a_live_url_with_blanks_is_exported_as_the_api_calls_it() {
    let urls = [
        "http://twimlets.com/forward?FailUrl=http://twimlets.com/voicemail?Email=desk@clinic.example&\
         Message=Thanks for ringing us. Please leave word and%we will ring back soon.&Transcribe=true&",
        "https://a.example/a b\u{a0}c#d e",
        "https://a.example/ends in a blank ",
    ];
    let numbers: Vec<_> = urls
        .iter()
        .enumerate()
        .map(|(at, url)| {
            let config = json!({"voice.url": url, "status_callback": url, "sms.url": url});
            owned(&format!("+1555223000{at}"), MAIN, None, config)
        })
        .collect();
    let (sandbox, bench) = Sandbox::with_state(&world(&numbers), &[]);
    for api in ["active-numbers", V2010] {
        bench
            .run(&["export", "--api", api, "--overwrite", "-o", "fleet.yaml"])
            .exits(0)
            .never_says("left out");
        assert!(bench.read("fleet.yaml").contains("Thanks%20for%20ringing"), "{}", bench.read("fleet.yaml"));
        bench
            .run(&["plan", "-f", "fleet.yaml", "--detailed-exitcode"])
            .exits(0)
            .says("No changes: everything is as declared.");
    }
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn what_cannot_be_exported_says_why_before_what() {
    let long = format!("ftp://files.example/{}", "x".repeat(300));
    let answer = json!({"incoming_phone_numbers": [{
        "sid": "PN00000000000000000000000000000001", "account_sid": MAIN, "phone_number": "+15552230000",
        "friendly_name": "One", "voice_url": long, "capabilities": {"voice": true, "sms": true},
    }], "next_page_uri": null, "page": 0, "page_size": 50, "uri": "/x"})
    .to_string();
    let canned = super::harness::Canned::serve(move |_, _| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
            answer.len()
        )
    });
    let bench = Bench::at(&canned.base_url);
    bench
        .run(&["export", "--api", V2010])
        .exits(0)
        .says("+15552230000 voice.url: its scheme is neither https nor http: \"ftp://files.example/xx");
}

#[test]
fn an_edited_file_is_replaced_only_on_the_word() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", "# Ours, edited.\n");
    sandbox.forget_requests();
    bench.run(&["export", "-o", "fleet.yaml"]).exits(1).says("fleet.yaml").says("--overwrite");
    assert_eq!(bench.read("fleet.yaml"), "# Ours, edited.\n");
    assert_eq!(sandbox.requests()["total"], 0, "it is said before anything is asked");
    bench.run(&["export", "-o", "fleet.yaml", "--overwrite"]).exits(0).says("Written to fleet.yaml.");
    assert!(bench.read("fleet.yaml").contains("version: 1"));
    // A dash is stdout.
    let out = bench.run(&["export", "-o", "-"]).exits(0).out;
    assert!(out.contains("version: 1") && !bench.path().join("-").exists(), "{out}");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_its_links() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (_sandbox, bench) = Sandbox::start(&[]);
    let mode =
        |name: &str| std::fs::metadata(bench.path().join(name)).expect(name).permissions().mode() & 0o777;
    let chmod = |name: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(bench.path().join(name), permissions).expect(name);
    };
    // Empty, as `install` makes it: nothing would be lost.
    bench.write("fleet.yaml", "");
    chmod("fleet.yaml", 0o644);
    bench.run(&["export", "-o", "fleet.yaml"]).exits(0);
    assert_eq!(mode("fleet.yaml"), 0o644);
    bench.write("target.yaml", "old");
    chmod("target.yaml", 0o640);
    symlink("target.yaml", bench.path().join("link.yaml")).expect("a link");
    bench.run(&["export", "-o", "link.yaml", "--overwrite"]).exits(0);
    assert!(bench.path().join("link.yaml").is_symlink());
    assert!(bench.read("target.yaml").contains("version: 1"));
    assert_eq!(mode("target.yaml"), 0o640);
    // A new one is its owner's only.
    bench.run(&["export", "-o", "new.yaml"]).exits(0);
    assert_eq!(mode("new.yaml"), 0o600);
}

#[cfg(unix)]
#[test]
fn passwords_are_never_left_readable_by_others() {
    use std::os::unix::fs::PermissionsExt as _;
    // A URL within a URL: its password has no name, and stays.
    let config = json!({"voice.url": "https://u:hunter2@a.example/?next=https://v:hunter2@b.example/"});
    let (_sandbox, bench) = Sandbox::with_state(&world(&[owned("+15552230000", MAIN, None, config)]), &[]);
    let path = bench.write("fleet.yaml", "old");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    bench.run(&["export", "-o", "fleet.yaml", "--overwrite"]).exits(0).says("passwords of webhook URLs");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
}

/// Whatever is live, its export is right as it is: no command keeps warning of it.
#[test]
fn an_export_has_no_warnings() {
    let left_over = json!({
        "voice.url": "https://a.example/v", "voice.trunk_sid": "TKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "sms.url": "https://a.example/s", "sms.application_sid": "APaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    });
    let worlds =
        [None, Some(world(&[])), Some(world(&[owned("+15552230000", MAIN, Some("Desk"), left_over)]))];
    for state in worlds {
        let (_sandbox, bench) = match &state {
            None => Sandbox::start(&[]),
            Some(state) => Sandbox::with_state(state, &[]),
        };
        for api in ["active-numbers", V2010] {
            let bench = &bench;
            bench.run(&["export", "--api", api, "--overwrite", "-o", "fleet.yaml"]).exits(0);
            let run = |args: &[&str]| {
                bench
                    .run(&[args, &["--api", api, "-f", "fleet.yaml"]].concat())
                    .exits(0)
                    .never_says("warning:")
            };
            assert_eq!(run(&["validate"]).says("0 warnings").err, "");
            let json = run(&["validate", "--format", "json"]).json();
            assert_eq!(json["findings"], json!([]));
            for command in [&["plan"][..], &["apply", "--yes"], &["run", "--once"]] {
                run(command).never_says("numctl validate");
            }
            // What there is to know of the file is for who asks.
            run(&["validate", "-v"]).says("0 warnings");
        }
    }
}
