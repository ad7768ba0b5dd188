//! Law 11: the file may come from anyone, and cannot raise its own powers.

use super::harness::{Bench, Canned, MAIN, SUB, Sandbox, basic};

#[test]
fn a_file_cannot_make_numctl_read_other_variables() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let bench = bench
        .with("AWS_SECRET_ACCESS_KEY", "canarysecret")
        .with("GITHUB_TOKEN", "canarysecret")
        .with("DEPLOY_AUTH", "canarysecret");
    for prefix in ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "GITHUB", "AWS", "DEPLOY", "../X", "A=B", "$HOME"]
    {
        let file = format!(
            "version: 1\naccounts:\n  main: {{sid: {MAIN}, credentials: {{env: \"{prefix}\"}}}}\nnumbers: []\n"
        );
        bench.plan(&file).exits(1).never_says("canarysecret");
    }
    assert_eq!(sandbox.requests()["total"], 0, "nothing was sent anywhere");
}

#[test]
fn a_file_cannot_name_a_host() {
    let elsewhere = Canned::body(200, "application/json", "{}");
    let (_sandbox, bench) = Sandbox::start(&[]);
    let url = &elsewhere.base_url;
    for extra in [
        format!("base_url: {url}\n"),
        format!("accounts:\n  main: {{sid: {MAIN}, base_url: \"{url}\", credentials: {{env: TWILIO}}}}\n"),
        format!("accounts:\n  main: {{sid: {MAIN}, credentials: {{env: TWILIO, host: \"{url}\"}}}}\n"),
        format!(
            "accounts:\n  main: {{sid: {MAIN}, credentials: {{env: TWILIO}}, region: \"x.evil.example/\"}}\n"
        ),
        format!("policy: {{allow_host: \"{url}\"}}\n"),
        format!("accounts:\n  main: {{sid: \"{MAIN}/../x\", credentials: {{env: TWILIO}}}}\n"),
    ] {
        bench.plan(&format!("version: 1\n{extra}numbers: []\n")).exits(1);
    }
    assert_eq!(elsewhere.asked(), 0);
}

/// Law 11: whatever a file calls its accounts, whichever SIDs and credentials it puts together, and
/// whoever lends to whom: no token is seen by a host that the operator did not bind it to.
#[test]
fn a_file_cannot_send_one_accounts_token_to_another_accounts_host() {
    const OURS: &str = "ourtoken111111111111111111111111";
    const THEIRS: &str = "theirtoken2222222222222222222222";
    let body = r#"{"error":"no"}"#;
    let (ours, theirs) =
        (Canned::body(401, "application/json", body), Canned::body(401, "application/json", body));
    let bench = Bench::alone()
        .with("NUMCTL_API", "incoming-phone-numbers")
        .with("TWILIO_ACCOUNT_SID", MAIN)
        .with("TWILIO_AUTH_TOKEN", OURS)
        .with("CORP_AUTH_TOKEN", THEIRS);
    std::fs::create_dir(bench.path().join("secrets")).expect("made");
    bench.write("secrets/ours", OURS);
    bench.write("secrets/corp", THEIRS);
    let ways = [
        "corp: {sid: S2, credentials: {env: TWILIO}}",
        "corp: {sid: S1, credentials: {env: TWILIO}}",
        "corp: {sid: S2, credentials: {file: ours}}",
        "corp: {sid: S2}",
        "main: {sid: S1, credentials: {env: CORP}}\n  corp: {sid: S2, credentials: {env: TWILIO}}",
        "main: {sid: S1, credentials: {env: TWILIO}}\n  corp: {sid: S2, parent: main}",
        "corp: {sid: S2, credentials: {env: CORP}}\n  main: {sid: S1, parent: corp}",
        "corp: {sid: S1, credentials: {file: corp}}",
        "CORP: {sid: S2, credentials: {env: TWILIO}}",
        "\"file:corp\": {sid: S2, credentials: {file: ours}}",
    ];
    let bindings = [
        "<ours>,corp=<theirs>",
        "<ours>,CORP=<theirs>",
        "<ours>,env:CORP=<theirs>",
        "<ours>,file:corp=<theirs>",
        "<ours>,CORP=<theirs>,file:corp=<theirs>",
        "<ours>,S2=<theirs>",
        "S2=<theirs>",
        "<theirs>,TWILIO=<ours>,file:ours=<ours>",
        "<ours>,S1=<ours>,S2=<theirs>",
    ];
    for binding in bindings {
        let urls = binding.replace("S1", MAIN).replace("S2", SUB);
        let urls = urls.replace("<ours>", &ours.base_url).replace("<theirs>", &theirs.base_url);
        for way in ways {
            let file = format!("version: 1\naccounts:\n  {way}\nnumbers: []\n");
            bench.write("fleet.yaml", &file.replace("S1", MAIN).replace("S2", SUB));
            let command = ["plan", "-f", "fleet.yaml", "--credentials-dir", "secrets", "--base-url", &urls];
            bench.run(&command).exits(1).never_says(OURS).never_says(THEIRS);
        }
    }
    assert!(ours.asked() > 0 && theirs.asked() > 0, "some of them are as the operator wants it");
    let saw = |host: &Canned, token: &str| {
        [MAIN, SUB].into_iter().any(|sid| host.heads().contains(&basic(sid, token)))
    };
    assert!(!saw(&theirs, OURS), "our token went to their host");
    assert!(saw(&ours, OURS) && saw(&theirs, THEIRS));
}

#[test]
fn credentials_never_cross_the_network_in_the_clear() {
    let bench = Bench::at("http://192.0.2.1");
    bench.write("fleet.yaml", "version: 1\nnumbers: []\n");
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(1).says("not https");
    for url in [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com:8080",
        "http://127.0.0.1@example.com",
        "http://[2001:db8::1]",
        "ftp://127.0.0.1",
        "https://example.com/path",
        "127.0.0.1:8080",
    ] {
        let ran = bench.run(&["get", "--base-url", url]).exits(1);
        assert!(ran.err.contains("base URL"), "{url}: {}", ran.err);
    }
    for (region, edge) in [("evil.example/", ""), ("", "evil.example#")] {
        let bench = Bench::alone()
            .with("TWILIO_ACCOUNT_SID", MAIN)
            .with("TWILIO_AUTH_TOKEN", "x")
            .with("TWILIO_REGION", region)
            .with("TWILIO_EDGE", edge);
        bench.run(&["get"]).exits(1).says("is not a region or edge name");
    }
}

/// Law 2: a file that is empty, cut short or unreadable releases nothing.
#[test]
fn a_cut_file_releases_nothing() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let whole = "version: 1\npolicy: {unlisted: release, max_releases: 100%}\nnumbers:\n  - phone_number: \"+15552230000\"\n  - phone_number: \"+15552230001\"\n  \
                 - phone_number: \"+15552230002\"\n  - phone_number: \"+15552230003\"\n...\n";
    bench.apply(whole).exits(0);
    // At every line, in the middle of the number, and empty.
    let mut cuts: Vec<usize> = whole.match_indices('\n').map(|(at, _)| at + 1).collect();
    cuts.pop();
    cuts.extend([0, whole.len() - 10, whole.len() - 20]);
    for cut in cuts {
        let ran = bench.apply(&whole[..cut]);
        assert_ne!(ran.code, Some(3), "{ran:?}");
        assert_eq!(sandbox.writes(), 0, "cut at {cut}");
    }
    bench.apply("version: 1\npolicy: {unlisted: release, max_releases: 100%}\nnumbers: []\n...\n").exits(1);
    // Taking a line out releases nothing by default.
    bench.apply("version: 1\npolicy: {max_releases: 100%}\nnumbers: []\n").exits(0);
    assert_eq!(sandbox.writes(), 0);
    // The word itself does.
    let less = whole.replace("  - phone_number: \"+15552230003\"\n", "");
    bench.apply(&less).exits(0);
    assert_eq!(sandbox.count("release"), 1);
    // And protection holds, whatever else the file says.
    let protect = "version: 1\npolicy: {max_releases: 9}\nnumbers:\n  - {phone_number: \"+15552230000\", state: released, protect: true}\n";
    bench.apply(protect);
    assert!(sandbox.number("+15552230000").is_some());
}
