//! What goes wrong on the way, scripted request by request.

use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::{Canned, MAIN, Sandbox, accounts_only, answer, owned, two_accounts, world};

const BUY: &str = "version: 1\nnumbers:\n  - phone_number: \"+15552230100\"\n    friendly_name: Bought\n";
const NUMBER: &str = "+15552230100";

fn numbers_owned(sandbox: &Sandbox) -> usize {
    let state: serde_json::Value =
        serde_json::from_str(&sandbox.ask("GET", "/_sandbox/state", "").1).expect("JSON");
    state["numbers"].as_array().expect("numbers").len()
}

/// Law 1: whatever happens to the POST, the number is bought once and the report is right.
#[test]
fn a_purchase_in_doubt_is_looked_up_and_bought_once() {
    for owned in ["refuse", "update", "ignore"] {
        for (fault, posts) in [
            ("purchase#1=500-after", 1),
            ("purchase#1=drop-after", 1),
            ("purchase#1=truncate", 1),
            ("purchase#1=hang-after", 1),
            ("purchase#1=drop", 2),
            ("purchase#1=503", 2),
        ] {
            let (sandbox, bench) = Sandbox::start(&["--faults", &format!("owned={owned},{fault}")]);
            bench.write("fleet.yaml", BUY);
            let ran = bench
                .run(&["apply", "--yes", "--timeout", "700ms", "--format", "json", "-f", "fleet.yaml"])
                .exits(0);
            assert_eq!(ran.outcome(NUMBER), "succeeded", "{fault}");
            assert_eq!(ran.json()["actions"][0]["attempts"], posts, "{fault}");
            assert_eq!(sandbox.count("purchase"), posts, "{fault} {owned}");
            // The listing, the look before, the look after.
            assert_eq!(sandbox.count("list"), 3, "{fault} {owned}");
            assert_eq!(sandbox.number(NUMBER).expect("bought")["friendly_name"], "Bought");
            assert_eq!(numbers_owned(&sandbox), 5);
            if posts == 2 {
                break;
            }
        }
    }
}

#[test]
fn a_purchase_whose_outcome_cannot_be_seen_is_unknown_and_the_rerun_buys_nothing() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "purchase#1=drop-after,list#3=401"]);
    let ran = bench.apply(BUY).exits(3);
    assert_eq!(ran.outcome(NUMBER), "unknown");
    assert_eq!(sandbox.count("purchase"), 1);
    sandbox.faults("");
    bench.apply(BUY).exits(0);
    assert_eq!(sandbox.count("purchase"), 1, "bought once");
}

#[test]
fn too_many_requests_are_waited_out() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "purchase#1=429,configure#1=429,retry-after=1"]);
    let begin = Instant::now();
    let file = format!("{BUY}  - phone_number: \"+15552230000\"\n    friendly_name: Two\n");
    let ran = bench.apply(&file).exits(0);
    assert!(begin.elapsed() >= Duration::from_secs(1), "Retry-After is a floor");
    assert_eq!(ran.json()["summary"]["purchase"], 1);
    // A 429 was not processed: sent again, without a look.
    sandbox.counts(&[("price", 1), ("list", 2), ("purchase", 2), ("configure", 2)]);
}

/// The three ways in which a purchase of an owned number goes: none of them is ever seen.
#[test]
fn a_number_that_turns_up_before_its_purchase_is_left_alone() {
    for behaviour in ["owned=refuse", "owned=update", "owned=ignore"] {
        // The look-up hangs; meanwhile somebody else of the account buys the number.
        let (sandbox, bench) = Sandbox::start(&["--faults", &format!("list#2=hang,{behaviour}")]);
        bench.write("fleet.yaml", BUY);
        let apply =
            bench.spawn(&["apply", "--yes", "--timeout", "500ms", "--format", "json", "-f", "fleet.yaml"]);
        sandbox.wait_for("list", 2);
        let (status, _) =
            sandbox.ask("POST", "/Numbers/ActiveNumbers", "PhoneNumber=%2B15552230100&FriendlyName=Theirs");
        assert_eq!(status, 201);
        let ran = apply.end().exits(3);
        assert_eq!(ran.outcome(NUMBER), "skipped");
        assert_eq!(sandbox.count("purchase"), 1, "theirs, none of ours");
        assert_eq!(sandbox.number(NUMBER).expect("theirs")["friendly_name"], "Theirs");
        // The next run finds it and configures it.
        bench.apply(BUY).exits(0);
        assert_eq!((sandbox.count("purchase"), sandbox.count("configure")), (1, 1));
    }
}

/// Law 3: an item without a number may be any number.
#[test]
fn a_number_that_may_be_there_is_not_bought() {
    let buy = "version: 1\nnumbers:\n  - phone_number: \"+15552230009\"\n";
    for behaviour in ["owned=refuse", "owned=update", "owned=ignore"] {
        let (sandbox, bench) =
            Sandbox::start(&["--numbers", "10", "--faults", &format!("null-numbers,{behaviour}")]);
        let ran = bench.apply(buy).exits(3);
        assert_eq!(ran.outcome("+15552230009"), "skipped");
        assert_eq!(sandbox.writes(), 0);
        let warnings = ran.json()["warnings"].to_string();
        assert!(warnings.contains("sid"), "the item is reported: {warnings}");
    }
    // Another number's purchase is not held up by it.
    let (sandbox, bench) = Sandbox::start(&["--numbers", "10", "--faults", "null-numbers"]);
    bench.apply(BUY).exits(0);
    assert_eq!(sandbox.count("purchase"), 1);
}

/// Law 6.
#[test]
fn a_field_that_the_api_does_not_take_is_a_named_failure() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "documented-only"]);
    let file = "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    voice: {caller_id_lookup: true, url: \"https://a.example\"}\n  \
                - phone_number: \"+15552230001\"\n    voice: {url: \"https://a.example\"}\n  \
                - phone_number: \"+15552230100\"\n    voice: {caller_id_lookup: true}\n";
    let ran = bench.apply(file).exits(3);
    assert_eq!(ran.outcome("+15552230000"), "failed");
    assert_eq!(ran.outcome("+15552230001"), "succeeded");
    assert_eq!(ran.outcome("+15552230100"), "failed");
    let report = ran.json();
    let errors: Vec<_> = report["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .map(|a| a["error"]["message"].to_string())
        .collect();
    assert_eq!(
        errors.iter().filter(|error| error.contains("voice.caller_id_lookup")).count(),
        2,
        "{errors:?}"
    );
    assert!(errors.iter().all(|error| !error.contains("voice.url")), "{errors:?}");
    assert_eq!(sandbox.count("purchase"), 1);
    assert!(sandbox.count("configure") <= 3, "not repeated without end");
    assert_eq!(sandbox.setting("+15552230000", "voice.url"), "https://a.example");
}

/// Law 5.
#[test]
fn urls_that_the_api_rewrites_settle() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "normalise-urls"]);
    let file = "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    status_callback: HTTPS://A.Example:443\n    \
                voice: {url: \"https://ü.example/a/../c?x=é\"}\n";
    bench.apply(file).exits(0);
    assert_ne!(sandbox.setting("+15552230000", "status_callback"), "HTTPS://A.Example:443");
    assert_eq!(bench.plan(file).exits(0).json()["actions"], json!([]));
}

#[test]
fn items_without_sid_are_found_and_items_without_anything_are_left() {
    let file = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - phone_number: \"+15552230000\"\n    voice: {url: \"https://a.example\"}\n  \
                - phone_number: \"+15552230002\"\n    state: released\n  - phone_number: \"+15552230100\"\n    friendly_name: Bought\n";
    let (sandbox, bench) = Sandbox::start(&["--faults", "list-without-sid"]);
    bench.apply(file).exits(0);
    assert_eq!(sandbox.setting("+15552230000", "voice.url"), "https://a.example");
    assert!(sandbox.number("+15552230002").is_none());
    assert_eq!(bench.plan(file).exits(0).json()["actions"], json!([]));
    // Exactly the page's sample: present, never bought again, and nothing can be done to it.
    let (sandbox, bench) = Sandbox::start(&["--faults", "list-bare"]);
    let ran = bench.apply(file).exits(3);
    assert_eq!(ran.outcome("+15552230000"), "skipped");
    assert_eq!(ran.outcome("+15552230002"), "skipped");
    assert_ne!(ran.outcome("+15552230100"), "skipped", "it was bought");
    sandbox.forget_requests();
    bench.apply(file).exits(3);
    assert_eq!(sandbox.writes(), 0);
}

/// Law 3: nothing is planned on a part of a listing, and nothing is written.
#[test]
fn a_listing_that_is_not_whole_is_an_error() {
    let foreign = Canned::body(200, "application/json", "{}");
    let row = r#"{"sid":"PN0000000000000000000000000000abcd","phone_number":"+15552230000"}"#;
    let page = |next: &str| format!(r#"{{"items":[{row}],"meta":{{"page":0,"next_page_url":{next}}}}}"#);
    let file = "version: 1\npolicy: {max_releases: 9}\nnumbers:\n  - {phone_number: \"+15552230000\", state: released}\n  - {phone_number: \"+15552230100\"}\n";
    let loops = r#""SELF/Numbers/ActiveNumbers?Page=1""#;
    let host = format!(r#""{}/Numbers/ActiveNumbers?Page=1""#, foreign.base_url);
    let user = host.replace("http://", "http://x:y@");
    for (kind, body, says) in [
        ("application/json", page(loops), "page"),
        ("application/json", page(&host), "another host"),
        ("application/json", page(&user), "another host"),
        ("application/json", page(r#""https://preview.twilio.com.evil.example/x?Page=1""#), "another host"),
        ("application/json", page(r#""http://[""#), "malformed"),
        ("application/json", page(r#""SELF/Other?Page=1""#), "malformed"),
        ("application/json", page("7"), "malformed"),
        ("application/json", "{\"items\":[]}".to_owned(), "not the API's"),
        ("application/json", "{}".to_owned(), "not the API's"),
        ("application/json", "[]".to_owned(), "not the API's"),
        ("application/json", String::new(), "not the API's"),
        ("application/json", page("null")[..60].to_owned(), "not the API's"),
        ("application/json", format!(r#"{{"items":["x"],"meta":{{"page":0}}}}{row}"#), "not the API's"),
        ("text/html", "<html>sign in</html>".to_owned(), "not the API's"),
    ] {
        let server = Canned::body(200, kind, body.clone());
        let bench = super::harness::Bench::at(&server.base_url);
        let ran = bench.apply(file).exits(1).says(says);
        let failed = ran.json();
        assert!(failed["errors"][0]["message"].is_string() && failed["actions"].is_null(), "{body}");
        assert!(!server.heads().contains("POST") && !server.heads().contains("DELETE"), "{body}");
    }
    assert_eq!(foreign.asked(), 0, "the foreign host was never contacted");
    for switch in ["link-loop", "link-foreign"] {
        let (sandbox, bench) = Sandbox::start(&["--faults", &format!("{switch},page-cap=2")]);
        bench.apply(file).exits(1);
        assert_eq!(sandbox.writes(), 0);
    }
}

#[test]
fn a_page_cut_short_is_read_again_and_never_believed() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "page-cap=2,list#2=truncate"]);
    let live = bench.run(&["export"]).exits(0);
    assert_eq!(live.out.matches("phone_number").count(), 4, "{}", live.out);
    assert_eq!(sandbox.count("list"), 3);
    sandbox.faults("page-cap=2,list#2+=truncate");
    bench.apply("version: 1\nnumbers:\n  - phone_number: \"+15552230003\"\n    friendly_name: X\n").exits(1);
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn refusals_say_what_to_do() {
    for (faults, says) in [
        ("not-enabled", "closed preview"),
        ("list#1+=404", "closed preview"),
        ("list#1+=401", "check the account SID"),
        ("list#1+=403", "check the API key's permissions"),
    ] {
        let (sandbox, bench) = Sandbox::start(&["--faults", faults]);
        bench.apply(BUY).exits(1).says(says).says("request id");
        bench.run(&["export"]).exits(1).says(says);
        bench.run(&["get"]).exits(1).says(says);
        assert_eq!(sandbox.writes(), 0);
    }
    let number = |number: &str| BUY.replace(NUMBER, number);
    for (faults, file, code, says) in [
        ("trial", BUY.to_owned(), 21404, "upgrade the account"),
        ("", number("+493023125001"), 21650, "identity document"),
        ("", number("+16312237469"), 21452, "numctl search"),
        ("empty-inventory", BUY.to_owned(), 21452, "numctl search"),
        ("purchase#1+=401", BUY.to_owned(), 20003, "check the account SID"),
        ("purchase#1+=403", BUY.to_owned(), 20403, "check the API key's permissions"),
    ] {
        let (sandbox, bench) = Sandbox::start(&["--faults", faults]);
        let report = bench.apply(&file).exits(3).json();
        assert_eq!(report["actions"][0]["outcome"], "failed", "{report:#}");
        assert_eq!(report["actions"][0]["error"]["code"], code);
        assert!(
            report["actions"][0]["error"]["advice"].as_str().is_some_and(|advice| advice.contains(says)),
            "{report:#}"
        );
        assert!(report["actions"][0]["error"]["request_id"].is_string());
        assert_eq!(sandbox.count("purchase"), 1, "a refusal is not repeated");
        bench.run(&["apply", "--yes", "-f", "fleet.yaml"]).exits(3).says(says);
    }
}

#[test]
fn what_a_transfer_clears_is_configured_again_in_the_same_apply() {
    let config = json!({"voice.url": "https://a.example/v", "sms.url": "https://a.example/s", "status_callback": "https://a.example/c"});
    let state = world(&[
        owned("+15552230000", MAIN, None, config.clone()),
        owned("+15552230001", MAIN, None, config),
    ]);
    let (sandbox, bench) = Sandbox::with_state(&state, &["--faults", "transfer-clears"]);
    // The one needs no other change, the other does.
    let file = format!(
        "{}defaults: {{account: emea, voice: {{url: \"https://a.example/v\"}}, sms: {{url: \"https://a.example/s\"}}}}\n\
         numbers:\n  - phone_number: \"+15552230000\"\n  - {{phone_number: \"+15552230001\", friendly_name: Moved}}\n",
        accounts_only()
    );
    bench.apply(&file).exits(0);
    for number in ["+15552230000", "+15552230001"] {
        assert_eq!(sandbox.number(number).expect("there")["account_sid"], super::harness::SUB);
        assert_eq!(sandbox.setting(number, "voice.url"), "https://a.example/v");
        assert_eq!(sandbox.setting(number, "sms.url"), "https://a.example/s");
    }
    assert_eq!(bench.plan(&file).exits(0).json()["actions"], json!([]));
}

/// Law 2: the fresh read right before the DELETE decides.
#[test]
fn a_number_that_changed_since_the_listing_is_not_released() {
    let file = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - {phone_number: \"+15552230002\", state: released}\n";
    let args = ["apply", "--yes", "--timeout", "500ms", "--format", "json", "-f", "fleet.yaml"];
    for (fault, operation, deletes) in [("fetch#1=hang", "fetch", 0), ("release#1=hang", "release", 1)] {
        let (sandbox, bench) = Sandbox::start(&["--faults", fault]);
        bench.write("fleet.yaml", file);
        let apply = bench.spawn(&args);
        sandbox.wait_for(operation, 1);
        sandbox.edit("+15552230002", "FriendlyName=In+use");
        let ran = apply.end().exits(3);
        assert_ne!(ran.outcome("+15552230002"), "succeeded");
        assert!(ran.out.contains("has changed since the plan"), "{}", ran.out);
        assert_eq!(sandbox.count("release"), deletes);
        assert!(sandbox.number("+15552230002").is_some());
    }
    // Lost after it acted: seen, and not repeated.
    let (sandbox, bench) = Sandbox::start(&["--faults", "release#1=drop-after"]);
    assert_eq!(bench.apply(file).exits(0).outcome("+15552230002"), "succeeded");
    assert_eq!(sandbox.count("release"), 1);
    // Lost before: read again, then sent again.
    let (sandbox, bench) = Sandbox::start(&["--faults", "release#1=drop"]);
    assert_eq!(bench.apply(file).exits(0).outcome("+15552230002"), "succeeded");
    sandbox.counts(&[("list", 1), ("price", 1), ("fetch", 2), ("release", 2)]);
    // One 404 is not proof.
    let (sandbox, bench) = Sandbox::start(&["--faults", "fetch#1=404"]);
    assert_eq!(bench.apply(file).exits(3).outcome("+15552230002"), "skipped");
    assert_eq!(sandbox.count("release"), 0);
}

/// Law 4, and law 9.
#[test]
fn a_failed_purchase_holds_the_releases_back_and_nothing_else() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "purchase#1+=400/21650"]);
    let file = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - phone_number: \"+15552230100\"\n  \
                - {phone_number: \"+15552230000\", friendly_name: New}\n  - {phone_number: \"+15552230002\", state: released}\n";
    let ran = bench.apply(file).exits(3);
    assert_eq!(ran.outcome("+15552230100"), "failed");
    assert_eq!(ran.outcome("+15552230000"), "succeeded");
    assert_eq!(ran.outcome("+15552230002"), "skipped");
    assert_eq!(sandbox.count("release"), 0);
    assert_eq!(sandbox.number("+15552230000").expect("there")["friendly_name"], "New");
    // Purchases come first also where they succeed.
    sandbox.faults("");
    sandbox.forget_requests();
    bench.apply(file).exits(0);
    let log = sandbox.requests()["log"].as_array().expect("a log").clone();
    let at = |operation: &str| log.iter().position(|entry| entry["operation"] == operation).expect("logged");
    assert!(at("purchase") < at("release"));
}

#[test]
fn random_faults_end_in_convergence() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = format!(
        "{}policy: {{max_releases: 1}}\nnumbers:\n  - {{phone_number: \"+15552230100\", friendly_name: New}}\n  \
         - {{phone_number: \"+15552230000\", friendly_name: Other}}\n  - {{phone_number: \"+15552230001\", account: emea}}\n  \
         - {{phone_number: \"+15552230002\", state: released}}\n",
        two_accounts()
    );
    for seed in 0..3 {
        sandbox.faults(&format!("drop-after=0.15,500-after=0.15,429=0.1,seed={seed}"));
        let ran = bench.apply(&file);
        assert!(matches!(ran.code, Some(0 | 1 | 3)), "{ran:?}");
    }
    sandbox.faults("");
    bench.apply(&file).exits(0);
    assert_eq!(bench.plan(&file).exits(0).json()["actions"], json!([]));
    let bought = sandbox.log("purchase").iter().filter(|entry| entry["status"] == 201).count();
    assert!(bought <= 1, "bought once");
}

#[test]
fn a_redirect_is_not_followed() {
    let foreign = Canned::body(200, "application/json", "{}");
    let target = foreign.base_url.clone();
    let server = Canned::serve(move |_, _| {
        answer(302, "text/html", "")
            .replace("Content-Type", &format!("Location: {target}/Numbers/ActiveNumbers\r\nContent-Type"))
    });
    super::harness::Bench::at(&server.base_url).apply(BUY).exits(1);
    assert_eq!(foreign.asked(), 0);
}
