//! Numbers declared by need: found, bought once, and found again by their marks.

use serde_json::{Value, json};

use super::harness::{Bench, MAIN, SUB, Sandbox, accounts_only, owned, world};

fn claiming(count: u16) -> String {
    format!(
        "version: 1\npolicy: {{max_purchases: 10, max_releases: 10}}\nprofiles:\n  support: {{voice: {{url: \
         \"https://a.example/answer\"}}}}\nclaims:\n  - name: nyc-support\n    count: {count}\n    match: {{country: \
         US, type: local, area_code: 212, capabilities: [voice, sms]}}\n    profile: support\n    friendly_name: \
         Support\n"
    )
}

fn state(sandbox: &Sandbox) -> Vec<Value> {
    let state: Value = serde_json::from_str(&sandbox.ask("GET", "/_sandbox/state", "").1).expect("JSON");
    state["numbers"].as_array().expect("numbers").clone()
}

/// The numbers of the world that carry a mark, by their names.
fn marked(sandbox: &Sandbox) -> Vec<(String, String)> {
    let mut marked: Vec<(String, String)> = state(sandbox)
        .iter()
        .filter_map(|entry| {
            let name = entry["friendly_name"].as_str().filter(|name| name.contains("[nc1:"))?;
            Some((name.to_owned(), entry["phone_number"].as_str()?.to_owned()))
        })
        .collect();
    marked.sort();
    marked
}

fn reasons(plan: &Value) -> Vec<String> {
    let short = plan["short"].as_array().expect("a list");
    short.iter().map(|short| short["reason"].as_str().expect("a reason").to_owned()).collect()
}

#[test]
fn a_claim_is_bought_once_and_found_again_by_its_marks() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let plan = bench.plan(&claiming(3)).exits(0).json();
    assert_eq!(plan["summary"]["purchase"], 3);
    // What a reviewer sees is what is bought.
    let shown: Vec<&str> = plan["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .map(|a| a["phone_number"].as_str().expect("a number"))
        .collect();
    // The record of purchases is new: the listing is looked at twice.
    sandbox.counts(&[("list", 2), ("search", 1), ("price", 1)]);
    bench.apply(&claiming(3)).exits(0);
    let bought = marked(&sandbox);
    let mut numbers: Vec<&str> = bought.iter().map(|(_, number)| number.as_str()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, shown);
    assert!(
        bought.iter().all(|(_, number)| sandbox.setting(number, "voice.url") == "https://a.example/answer")
    );
    // No state is needed to know them again, and nothing is searched where nothing is wanted.
    std::fs::remove_dir_all(bench.path().join(".numctl")).expect("forgotten");
    sandbox.forget_requests();
    let plan = bench.plan(&claiming(3)).exits(0).json();
    assert_eq!((plan["summary"]["unchanged"].clone(), plan["actions"].clone()), (json!(3), json!([])));
    sandbox.counts(&[("list", 1)]);
    // Drift is healed as on any number.
    sandbox.edit(numbers[0], "Configurations.Voice.Url=https://other.example");
    let plan = bench.plan(&claiming(3)).exits(0).json();
    assert_eq!(plan["summary"]["configure"], 1);
    // A need that changes swaps nothing.
    let moved = claiming(3).replace("area_code: 212", "area_code: 415");
    assert_eq!(bench.plan(&moved).exits(0).json()["summary"]["purchase"], 0);
}

#[test]
fn a_lost_answer_buys_nothing_twice() {
    for fault in ["purchase:drop-after=1", "purchase:500-after=1", "purchase:truncate=1"] {
        let (sandbox, bench) = Sandbox::start(&[]);
        sandbox.faults(fault);
        bench.apply(&claiming(2));
        sandbox.faults("");
        bench.apply(&claiming(2));
        let plan = bench.plan(&claiming(2)).exits(0).json();
        assert_eq!(plan["actions"], json!([]), "{fault}");
        assert_eq!(marked(&sandbox).len(), 2, "{fault}: {:?}", marked(&sandbox));
    }
}

#[test]
fn what_may_be_on_its_way_is_waited_for_until_a_person_gives_it_up() {
    let (sandbox, bench) = Sandbox::start(&[]);
    // Nothing arrives, and nobody can know that.
    sandbox.faults("purchase:hang=1");
    bench.write("fleet.yaml", &claiming(1));
    let apply = ["apply", "--yes", "--timeout", "200ms", "--format", "json", "-f", "fleet.yaml"];
    let ran = bench.run(&apply).exits(3).json();
    assert_eq!(ran["actions"][0]["outcome"], "unknown", "{ran:#}");
    sandbox.faults("");
    let plan = bench.plan(&claiming(1)).exits(1).json();
    assert_eq!((reasons(&plan), plan["actions"].clone()), (vec!["in_flight".to_owned()], json!([])));
    let ran = bench.apply(&claiming(1)).exits(1).json();
    assert_eq!(ran["actions"], json!([]));
    // Its own slot waits; another is bought, and takes none of its numbers.
    let ran = bench.apply(&claiming(2)).exits(3).json();
    assert_eq!(ran["actions"][0]["claim"], "nyc-support/2");
    let listed = bench.run(&["resolve", "--format", "json"]).exits(0).json();
    let open = listed[0]["phone_numbers"].as_array().expect("numbers").clone();
    assert_eq!(listed[0]["slot"], "nyc-support/1");
    assert!(!open.contains(&ran["actions"][0]["phone_number"]), "{listed:#} {ran:#}");
    bench.run(&["resolve", "nyc-support/7"]).exits(1).says("there is no open purchase for nyc-support/7");
    bench.run(&["resolve", "nyc-support"]).exits(1).says("nyc-support/2");
    bench.run(&["resolve", "nyc-support/1"]).exits(0).says("Cleared");
    bench.apply(&claiming(2)).exits(0);
    assert_eq!(marked(&sandbox).len(), 2);
}

#[test]
fn two_commands_that_remember_in_one_place_go_one_after_the_other() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.faults("purchase#1=hang");
    bench.write("fleet.yaml", &claiming(1));
    let apply = ["apply", "--yes", "-f", "fleet.yaml"];
    let first = bench.spawn(&apply);
    sandbox.wait_for("purchase", 1);
    // A plan only reads what is remembered.
    assert_eq!(reasons(&bench.plan(&claiming(1)).exits(1).json()), ["in_flight"]);
    sandbox.forget_requests();
    let pid = format!("process {}", first.child.id());
    bench.run(&apply).exits(1).says(&pid).says("nothing was attempted");
    let adopt = ["adopt", "--yes", "-f", "fleet.yaml", "nyc-support", "+15552230000"];
    bench.run(&adopt).exits(1).says(&pid);
    bench.run(&["resolve", "nyc-support/1"]).exits(1).says(&pid).says("wait until it has finished");
    bench.run(&["resolve"]).exits(0);
    assert_eq!(sandbox.requests()["total"], 0, "{:#}", sandbox.requests());
    first.signal("KILL");
    drop(first);
    let ran = bench.run(&["apply", "--yes", "--format", "json", "-f", "fleet.yaml"]).exits(1).json();
    assert_eq!(reasons(&ran), ["in_flight"]);
}

#[test]
fn an_api_that_does_not_take_the_mark_sells_one_number_and_not_one_each_quarter_of_an_hour() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.faults("documented-only");
    let ran = bench.apply(&claiming(1)).exits(3).json();
    let number = ran["actions"][0]["phone_number"].as_str().expect("a number").to_owned();
    assert_eq!(ran["actions"][0]["outcome"], "failed", "{ran:#}");
    let plan = bench.plan(&claiming(1)).exits(1).json();
    assert_eq!((reasons(&plan), plan["actions"].clone()), (vec!["unmarked".to_owned()], json!([])));
    assert!(bench.run(&["resolve"]).exits(0).out.contains("until you decide"));
    assert_eq!(sandbox.count("purchase"), 1);
    sandbox.faults("");
    bench.run(&["adopt", "--yes", "-f", "fleet.yaml", "nyc-support", &number]).exits(0);
    bench.apply(&claiming(1)).exits(0);
    assert_eq!(marked(&sandbox).iter().map(|(_, marked)| marked).collect::<Vec<_>>(), [&number]);
    assert_eq!(sandbox.count("purchase"), 1);
}

#[test]
fn what_was_sold_meanwhile_gives_way_to_the_next_one() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = claiming(1).replace("nyc-support", "nyc");
    bench.write("fleet.yaml", &file);
    bench.run(&["plan", "--out", "plan.json", "-f", "fleet.yaml"]).exits(0);
    let plan = bench.plan(&file).exits(0).json();
    let (first, second) =
        (plan["actions"][0]["phone_number"].clone(), plan["actions"][0]["instead"][0].clone());
    // Somebody else is quicker: an account that the file does not list.
    let other = Bench::at(&sandbox.base_url).with("TWILIO_ACCOUNT_SID", SUB);
    let bought = format!("version: 1\nnumbers:\n  - phone_number: {first}\n");
    other.apply(&bought).exits(0);
    let ran = bench.run(&["apply", "--yes", "plan.json"]).exits(0);
    let (first, second) = (first.as_str().expect("a number"), second.as_str().expect("another"));
    assert!(
        ran.out.contains(&format!("{second} was bought for nyc/1, because {first} was sold meanwhile")),
        "{}",
        ran.out
    );
    assert_eq!(marked(&sandbox).iter().map(|(_, number)| number.as_str()).collect::<Vec<_>>(), [second]);
    assert_eq!(sandbox.number(first).expect("sold")["account_sid"], SUB);
    assert_eq!(bench.plan(&file).exits(0).json()["summary"]["unchanged"], 1);
}

#[test]
fn a_claim_that_shrinks_releases_by_the_release_rules_and_keeps_the_oldest() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.apply(&claiming(3)).exits(0);
    let bought = marked(&sandbox);
    // Without a word on releases, what is too much is left alone.
    let plan = bench.plan(&claiming(1)).exits(0).json();
    assert_eq!(
        (plan["summary"]["release"].clone(), plan["summary"]["unlisted"].clone()),
        (json!(0), json!(6))
    );
    let released = format!("{}...\n", claiming(1).replace("policy: {", "policy: {unlisted: release, "));
    bench.apply(&released).exits(0);
    assert_eq!(marked(&sandbox), bought[..1], "the first slot stays");
    assert_eq!(state(&sandbox).len(), 1);
}

#[test]
fn a_live_number_is_adopted_and_counts_from_then_on() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &claiming(2));
    let adopt = |number: &str| bench.run(&["adopt", "--yes", "-f", "fleet.yaml", "nyc-support", number]);
    adopt("+15552239999").exits(1).says("in none of the listed accounts");
    bench
        .run(&["adopt", "--yes", "-f", "fleet.yaml", "other", "+15552230000"])
        .exits(1)
        .says("no claim other");
    adopt("+15552230000").exits(0).says("[nc1:nyc-support:1:");
    adopt("+15552230000").exits(1).says("already belongs to nyc-support/1");
    assert_eq!(sandbox.setting("+15552230000", "voice.url"), "https://a.example/answer");
    let plan = bench.plan(&claiming(2)).exits(0).json();
    assert_eq!(
        (plan["summary"]["unchanged"].clone(), plan["summary"]["purchase"].clone()),
        (json!(1), json!(1))
    );
    bench.apply(&claiming(2)).exits(0);
    adopt("+15552230001").exits(1).says("raise `count` first");
    // Named by its digits as well: nobody guesses which of the two is meant.
    let both = format!("{}numbers:\n  - phone_number: \"+15552230000\"\n", claiming(3));
    let plan = bench.plan(&both).exits(1).json();
    assert_eq!((reasons(&plan), plan["actions"].clone()), (vec!["named_as_well".to_owned()], json!([])));
}

#[test]
fn marks_that_were_copied_or_edited_buy_nothing_by_themselves() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.apply(&claiming(1)).exits(0);
    let (name, number) = marked(&sandbox).remove(0);
    let name = name.replace(' ', "+").replace('[', "%5B").replace(']', "%5D");
    sandbox.edit("+15552230000", &format!("FriendlyName={name}"));
    let plan = bench.plan(&claiming(1)).exits(0).json();
    assert_eq!((plan["summary"]["unchanged"].clone(), plan["actions"].clone()), (json!(1), json!([])));
    assert_eq!(plan["warnings"][0]["kind"], "broken_mark");
    assert_eq!(plan["warnings"][0]["phone_number"], "+15552230000");
    // A number that loses its mark just after it was bought: it may be on its way as well.
    sandbox.edit(&number, "FriendlyName=renamed");
    assert_eq!(reasons(&bench.plan(&claiming(1)).exits(1).json()), ["in_flight"]);
    // Later it is known to be the claim's, and gets its mark back.
    let kept: Value = serde_json::from_str(&bench.read(".numctl/intents.json")).expect("JSON");
    let over = kept["intents"][0]["over"].to_string();
    let earlier =
        kept.to_string().replace(&over, "1000").replace("\"numbers\":[\"", "\"seen\":true,\"numbers\":[\"");
    bench.write(".numctl/intents.json", &earlier);
    let plan = bench.plan(&claiming(1)).exits(0).json();
    assert_eq!(
        (plan["summary"]["configure"].clone(), plan["actions"][0]["phone_number"].clone()),
        (json!(1), json!(number))
    );
    // Who knows nothing of it sees a number too few, in a plan, before it costs anything.
    std::fs::remove_dir_all(bench.path().join(".numctl")).expect("forgotten");
    assert_eq!(bench.plan(&claiming(1)).exits(0).json()["summary"]["purchase"], 1);
}

#[test]
fn nothing_is_bought_for_claims_where_something_cannot_be_seen() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = format!(
        "{}claims:\n  - {{name: nyc, count: 1, match: {{country: US, type: local, area_code: 212}}, account: main}}\n",
        accounts_only()
    );
    // A wrong token for the other account.
    let blind = Bench::at(&sandbox.base_url).with("EMEA_AUTH_TOKEN", "wrong");
    let plan = blind.plan(&file).exits(1).json();
    assert_eq!(
        (reasons(&plan), plan["actions"].clone()),
        (vec!["perhaps_in_unread_account".to_owned()], json!([]))
    );
    sandbox.faults("empty-inventory");
    assert_eq!(reasons(&bench.plan(&file).exits(1).json()), ["nothing_on_offer"]);
    sandbox.faults("search:500=1");
    let ran = bench.plan(&file).exits(1);
    assert_eq!(reasons(&ran.json()), ["search_failed"]);
    // A daemon that remembers nothing does not know what was sent before it started.
    sandbox.faults("");
    let ran = bench.run(&["run", "--once", "-f", "fleet.yaml"]).exits(1);
    assert!(ran.err.contains("there is no record of purchases made before this start"), "{}", ran.err);
    assert!(ran.err.contains("result=\"held\""), "{}", ran.err);
    assert_eq!(sandbox.count("purchase"), 0);
    bench.run(&["run", "--once", "--state-dir", "state", "-f", "fleet.yaml"]).exits(0);
    assert_eq!(marked(&sandbox).len(), 1);
}

#[test]
fn a_number_is_known_by_its_mark_alone() {
    let number = "+12125550016";
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.apply(&claiming(1)).exits(0);
    let (name, bought) = marked(&sandbox).remove(0);
    assert_eq!(bought, number, "the inventory has changed: take its name for the world below");
    drop((sandbox, bench));
    // Another world, which nobody has told anything.
    let numbers =
        [owned(number, MAIN, Some(&name), json!({})), owned("+12125550099", SUB, Some("x"), json!({}))];
    let (_sandbox, bench) = Sandbox::with_state(&world(&numbers), &[]);
    let plan = bench.plan(&claiming(1)).exits(0).json();
    assert_eq!(plan["summary"]["purchase"], 0, "{plan:#}");
}

/// An API that does not take the mark, and a state directory that is new in every run.
#[test]
fn a_record_that_is_lost_buys_nothing_twice() {
    for api in ["active-numbers", "incoming-phone-numbers"] {
        let (sandbox, bench) = Sandbox::start(&[]);
        let bench = bench.with("NUMCTL_API", api);
        sandbox.faults("documented-only");
        bench.write("fleet.yaml", &claiming(2));
        let apply = |state: &str| {
            bench.run(&["apply", "--yes", "--format", "json", "--state-dir", state, "-f", "fleet.yaml"])
        };
        if api == "active-numbers" {
            apply("one").exits(3);
            let ran = apply("two").exits(1);
            assert_eq!(reasons(&ran.json()), ["perhaps_bought"], "{:#}", ran.json());
            ran.says("numctl adopt nyc-support");
            assert_eq!(sandbox.count("purchase"), 2);
        } else {
            sandbox.faults("");
        }
        // What a person vouches for is bought.
        bench.run(&["resolve", "nyc-support", "--state-dir", "two"]).exits(0).says("Recorded");
        sandbox.faults("");
        apply("two").exits(0);
        assert_eq!(marked(&sandbox).len(), 2, "{api}");
    }
}

/// Some of a claim's numbers are there, and the record that would report the others is not.
#[test]
fn marks_that_do_not_cover_the_count_are_waited_for_where_the_record_is_new() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.apply(&claiming(2)).exits(0);
    std::fs::remove_dir_all(bench.path().join(".numctl")).expect("forgotten");
    for _ in 0..2 {
        let ran = bench.apply(&claiming(3)).exits(1);
        assert_eq!(reasons(&ran.json()), ["too_early"], "{:#}", ran.json());
    }
    assert_eq!(sandbox.count("purchase"), 2);
    let kept = bench.read(".numctl/intents.json");
    let at = kept.split("\"not_before\":").nth(1).expect("a time").split(',').next().expect("a number");
    bench.write(".numctl/intents.json", &kept.replace(at, "1000"));
    bench.apply(&claiming(3)).exits(0);
    assert_eq!(marked(&sandbox).len(), 3);
}

/// A row that falls between two pages of the listing is found by the second look.
#[test]
fn a_row_between_two_pages_is_not_bought_anew() {
    use super::harness::{Canned, answer};
    let (sandbox, bench) = Sandbox::start(&["--numbers", "1"]);
    bench.apply(&claiming(2)).exits(0);
    let rows: Vec<Value> = marked(&sandbox)
        .iter()
        .zip(1..)
        .map(|((name, number), at)| {
            json!({"sid": format!("PN{at:032}"), "phone_number": number, "friendly_name": name,
                   "account_sid": MAIN, "voice_url": "https://a.example/answer"})
        })
        .collect();
    let canned = Canned::by_head(move |head| {
        let line = head.lines().next().unwrap_or_default();
        let listed = |rows: &[Value]| {
            json!({"incoming_phone_numbers": rows, "next_page_uri": null, "page": 0, "uri": "/x"}).to_string()
        };
        if !line.starts_with("GET") || !line.contains("IncomingPhoneNumbers") {
            return answer(500, "application/json", "{}");
        }
        let is_filtered = line.contains("PhoneNumber=");
        answer(200, "application/json", &listed(if is_filtered { &rows } else { &rows[..1] }))
    });
    let blind = Bench::at(&canned.base_url).with("NUMCTL_API", "incoming-phone-numbers");
    let ran = blind.apply(&claiming(2)).exits(1);
    assert_eq!(reasons(&ran.json()), ["missed"], "{:#}", ran.json());
    assert!(!canned.heads().contains("POST"));
}

/// A CI job without a directory that lasts says so, and buys nothing.
#[test]
fn a_ci_job_that_keeps_no_record_buys_nothing_for_claims() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let ci = Bench::at(&sandbox.base_url).with("CI", "true");
    let ran = ci.apply(&claiming(2)).exits(1);
    assert_eq!(reasons(&ran.json()), ["no_lasting_record"]);
    ran.says("--state-dir");
    assert_eq!(sandbox.count("purchase"), 0);
    ci.write("fleet.yaml", &claiming(2));
    ci.run(&["apply", "--yes", "--state-dir", "kept", "-f", "fleet.yaml"]).exits(0);
    assert_eq!(marked(&sandbox).len(), 2);
    // What there is needs no record.
    ci.apply(&claiming(2)).exits(0);
    drop(bench);
}

/// Numbers at the end of what a file can hold are read, and not reckoned with.
#[test]
fn times_at_the_end_of_time_are_no_panic() {
    let (sandbox, bench) = Sandbox::start(&[]);
    std::fs::create_dir_all(bench.path().join(".numctl")).expect("a directory");
    for (over, seen) in
        [(u64::MAX, false), (u64::MAX, true), (u64::MAX - 900, false), (i64::MAX as u64, false)]
    {
        let intents = json!({"format_version": 1, "not_before": over, "intents": [
            {"slot": "nyc-support/1", "numbers": ["+12125550016"], "over": over, "seen": seen}]});
        bench.write(".numctl/intents.json", &intents.to_string());
        let plan = bench.plan(&claiming(1)).exits(1).json();
        assert!(["in_flight", "too_early"].contains(&&*reasons(&plan)[0]), "{plan:#}");
        bench.apply(&claiming(1)).exits(1);
        bench.run(&["resolve"]).exits(0);
        let budget = json!({"version": 1, "spends": [{"kind": "purchase", "number": "+12125550016", "at": over,
            "generation": "0123456789abcdef", "stage": "in_doubt", "monthly": "170141183460469231731687303715884 USD"}],
            "touched": [{"number": "+12125550016", "at": over, "generation": "0123456789abcdef"}]});
        bench.write(".numctl/budget.json", &budget.to_string());
        let ran = bench.run(&["run", "--once", "--state-dir", ".numctl", "-f", "fleet.yaml"]);
        assert!(ran.code == Some(1) && !ran.err.contains("panicked"), "{}", ran.err);
    }
    assert_eq!(sandbox.count("purchase"), 0);
}

/// What succeeded is not open, however long ago it was.
#[test]
fn resolve_lists_only_what_is_waited_for() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.apply(&claiming(1)).exits(0);
    let kept = bench.read(".numctl/intents.json");
    let parsed: Value = serde_json::from_str(&kept).expect("JSON");
    bench.write(".numctl/intents.json", &kept.replace(&parsed["intents"][0]["over"].to_string(), "1000"));
    let listed = bench.run(&["resolve", "--format", "json"]).exits(0);
    assert_eq!(listed.json(), json!([]));
}

/// A claim takes settings of its own, as a number does; they go before those of its profile.
#[test]
fn a_claim_has_settings_of_its_own() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = claiming(1).replace(
        "    profile: support\n",
        "    profile: support\n    status_callback: https://c.example/status\n    voice: {fallback_url: \
         \"https://c.example/fallback\"}\n    sms: {url: \"https://c.example/sms\"}\n",
    );
    bench.apply(&file).exits(0);
    let (name, number) = marked(&sandbox).remove(0);
    assert!(name.starts_with("Support [nc1:"), "{name}");
    for (key, url) in [
        ("status_callback", "https://c.example/status"),
        ("voice.url", "https://a.example/answer"),
        ("voice.fallback_url", "https://c.example/fallback"),
        ("sms.url", "https://c.example/sms"),
    ] {
        assert_eq!(sandbox.setting(&number, key), url, "{key}");
    }
    let own = file.replace("voice: {fallback_url", "voice: {url: \"https://c.example/own\", fallback_url");
    let plan = bench.plan(&own).exits(0).json();
    assert_eq!(plan["actions"][0]["changes"][0]["after"], "https://c.example/own", "{plan:#}");
    bench.plan(&file.replace("sms: {url", "sms: {ulr")).exits(1).says("ulr").says("fleet.yaml:");
    bench.plan(&file.replace("https://c.example/sms", "nonsense")).exits(1).says("sms.url");
}

/// What is written down and never sent would be held back for 15 minutes.
#[test]
fn a_crash_holds_back_only_what_was_sent() {
    let (sandbox, bench) = Sandbox::start(&["--latency", "100ms"]);
    let file = claiming(20).replace("max_purchases: 10", "max_purchases: 100");
    bench.write("fleet.yaml", &file);
    for args in [
        &["apply", "--yes", "--max-concurrency", "1", "-f", "fleet.yaml"][..],
        &["run", "-f", "fleet.yaml", "--state-dir", ".numctl", "--max-concurrency", "1"],
    ] {
        sandbox.forget_requests();
        let process = bench.spawn(args);
        sandbox.wait_for("purchase", 3);
        process.signal("KILL");
        process.end();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let sent = usize::try_from(sandbox.count("purchase")).expect("a count");
        let intents: Value = serde_json::from_str(&bench.read(".numctl/intents.json")).expect("JSON");
        let open = intents["intents"].as_array().expect("intents").iter();
        let noted = open.filter(|intent| intent["seen"] != true).count();
        assert!(sent < 15, "{args:?} was killed too late: {sent}");
        // One more may be on its way: the sandbox counts what it has answered.
        assert!((1..=sent + 1).contains(&noted), "{args:?}: {sent} sent, {noted} noted: {intents:#}");
    }
    // Only what was on its way when they died is waited for.
    let plan = bench.plan(&file).json();
    let (held, had) = (reasons(&plan).len(), marked(&sandbox).len());
    let planned = plan["actions"].as_array().expect("actions").len();
    assert!(held <= 2 && planned + held + had == 20, "{planned} planned, {held} held, {had} there: {plan:#}");
}

#[test]
fn what_cannot_be_written_down_is_not_bought() {
    let (sandbox, bench) = Sandbox::start(&[]);
    std::fs::create_dir_all(bench.path().join(".numctl/intents.json")).expect("a folder in its place");
    bench.apply(&claiming(2)).exits(1).says("intents.json");
    sandbox.counts(&[("list", sandbox.count("list")), ("search", sandbox.count("search"))]);
}
