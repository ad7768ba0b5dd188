//! IncomingPhoneNumbers: the same file, plan and laws over the API that everyone has.

use numctl::model::provider::Api;
use numctl::model::settings::{Field, FieldKind, Parameter};
use serde_json::{Value, json};

use super::harness::{Bench, MAIN, Ran, SUB, Sandbox, owned, world};

const V2010: &str = "incoming-phone-numbers";

fn over(bench: Bench, api: &str) -> Bench {
    bench.with("NUMCTL_API", api)
}

/// A sandbox with a bench over v2010.
fn v2010(args: &[&str]) -> (Sandbox, Bench) {
    let (sandbox, bench) = Sandbox::start(args);
    (sandbox, over(bench, V2010))
}

const BOTH_WAYS: &str = "
version: 1
accounts:
  main: {sid: AC00000000000000000000000000000001}
  emea: {sid: AC00000000000000000000000000000002, parent: main, credentials: {env: EMEA}}
policy: {max_releases: 1}
defaults: {account: main, voice: {url: \"https://a.example/v\", method: GET}}
numbers:
  - {phone_number: \"+15552230000\", friendly_name: One, sms: {url: \"https://a.example/s\"}}
  - {phone_number: \"+15552230001\", account: emea, status_callback: \"https://a.example/c\"}
  - {phone_number: \"+15552230002\", state: released}
  - {phone_number: \"+15552230100\", voice: {caller_id_lookup: true}}
";

/// The plan and the world afterwards, without what names the API.
fn plan_and_world(api: &str, faults: &str) -> (Value, Value) {
    let (sandbox, bench) = Sandbox::start(&["--faults", faults]);
    let bench = over(bench, api);
    let mut plan = bench.plan(BOTH_WAYS).exits(0).json();
    // It names what was seen, and v2010 shows methods where ActiveNumbers has null.
    plan.as_object_mut().expect("a plan").remove("digest");
    // v2010 does not tell the country of a +1555 number, and so not what it costs.
    plan.as_object_mut().expect("a plan").remove("cost");
    bench.apply(BOTH_WAYS).exits(0);
    assert_eq!(bench.plan(BOTH_WAYS).exits(0).json()["actions"], json!([]));
    let mut state: Value = serde_json::from_str(&sandbox.ask("GET", "/_sandbox/state", "").1).expect("JSON");
    // The audit log names the fields in the order of each API's form.
    state.as_object_mut().expect("a state").remove("changes");
    // The second in which a number was bought may be another one.
    for number in state["numbers"].as_array_mut().expect("numbers") {
        number.as_object_mut().expect("a number").remove("since");
    }
    (plan, state)
}

#[test]
fn one_file_means_the_same_over_both_apis() {
    for faults in ["", "transfer-clears", "owned=ignore", "normalise-urls"] {
        let [active, v2010] = ["active-numbers", V2010].map(|api| plan_and_world(api, faults));
        assert_eq!(active.0, v2010.0, "{faults}");
        assert_eq!(active.1, v2010.1, "{faults}");
        assert_eq!(
            active.0["summary"],
            json!({"purchase": 1, "configure": 2, "transfer": 1, "release": 1, "unchanged": 0, "no_effect": 0, "held": 0, "unlisted": 1})
        );
    }
}

#[test]
fn the_fewest_requests_hold_over_v2010() {
    let (sandbox, bench) = v2010(&["--numbers", "2500"]);
    let plan = bench.plan("version: 1\nnumbers: [{phone_number: \"+15552230007\"}]\n").exits(0);
    assert_eq!(plan.json()["summary"]["unlisted"], 2499);
    sandbox.counts(&[("list", 3)]);
    for (at, entry) in sandbox.log("list").iter().enumerate() {
        let query = entry["query"].as_str().expect("a query");
        assert!(query.contains("PageSize=1000"), "{query}");
        assert_eq!(query.contains("PageToken=PA"), at > 0, "{query}");
    }
    sandbox.forget_requests();
    // A purchase is a look and a POST that carries its configuration; a release a look and a DELETE.
    let file = "version: 1\npolicy: {max_releases: 1}\ndefaults: {voice: {url: \"https://a.example/v\"}}\n\
                numbers: [{phone_number: \"+14155550001\"}, {phone_number: \"+15552230007\", state: released}]\n";
    bench.apply(file).exits(0);
    let requests = sandbox.requests();
    let count = |operation: &str| requests["by_operation"][operation].as_u64();
    assert_eq!((count("purchase"), count("fetch"), count("release")), (Some(1), Some(1), Some(1)));
    // Three pages, the look before the purchase; and, since a number is missing, the accounts of the
    // parent and the one of them that the file does not list; and, since something is bought, the prices
    // of its country.
    assert_eq!((count("list"), count("account"), count("price")), (Some(5), Some(1), Some(1)));
    assert_eq!(requests["total"], 10);
}

/// A value for each kind of field.
fn sample(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "Renamed",
        FieldKind::Url => "https://b.example/hook",
        FieldKind::Method => "GET",
        FieldKind::Application => "APaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        FieldKind::Trunk => "TKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        FieldKind::Address => "ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        FieldKind::Identity => "RIaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        FieldKind::Bundle => "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        FieldKind::Service => "MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        FieldKind::ReceiveMode => "fax",
        FieldKind::Flag => "true",
    }
}

/// A file that sets one field of +15552230000, or clears it.
fn file_of(field: Field, value: Option<&str>) -> String {
    let text = value.map_or("null".to_owned(), |value| match field.kind() {
        FieldKind::Flag => value.to_owned(),
        _ => format!("\"{value}\""),
    });
    let beside = match field {
        Field::VoiceFallbackUrl if value.is_some() => "url: \"https://a.example\", ",
        Field::SmsFallbackUrl if value.is_some() => "url: \"https://a.example\", ",
        _ => "",
    };
    let said = match field.json_name().split_once('.') {
        Some((group, name)) => format!("{group}: {{{beside}{name}: {text}}}"),
        None => format!("{}: {text}", field.json_name()),
    };
    format!("version: 1\nnumbers: [{{phone_number: \"+15552230000\", {said}}}]\n")
}

/// What `get` shows of a field.
fn shown(bench: &Bench, field: Field) -> Value {
    let all = bench.run(&["get", "--phone-number", "+15552230000", "--format", "json"]).exits(0).json();
    all[0]["configurations"]
        .pointer(&format!("/{}", field.json_name().replace('.', "/")))
        .cloned()
        .unwrap_or_default()
}

/// Every cell of the table of fields by API in examples/apis.md, through the real binary.
#[test]
fn every_field_is_set_and_cleared_over_each_api_or_refused_with_the_other_ones_name() {
    for api in Api::ALL {
        let (sandbox, bench) = Sandbox::start(&[]);
        let bench = over(bench, api.as_str());
        for field in Field::all() {
            let (value, context) = (sample(field.kind()), format!("{field} over {api}"));
            let set = file_of(field, Some(value));
            if field.parameter(api) == Parameter::Membership {
                // Not a parameter of the number: see `numbers_join_move_and_leave`.
                continue;
            }
            if field.parameter(api) == Parameter::None {
                bench
                    .apply(&set)
                    .exits(1)
                    .says(&format!("{} cannot set `{field}`", api.name()))
                    .says(api.other().as_str());
                bench.run(&["validate", "-f", "fleet.yaml"]).exits(1).says(api.other().as_str());
                continue;
            }
            bench.apply(&set).exits(0);
            let shown_now = shown(&bench, field);
            let wanted = if field.kind() == FieldKind::Flag { json!(true) } else { json!(value) };
            assert_eq!(shown_now, wanted, "{context}");
            assert_eq!(bench.plan(&set).exits(0).json()["actions"], json!([]), "{context}");
            if field == Field::FriendlyName {
                bench.apply(&file_of(field, None)).exits(1).says("cannot be cleared");
                continue;
            }
            bench.apply(&file_of(field, None)).exits(0);
            assert_eq!(bench.plan(&file_of(field, None)).exits(0).json()["actions"], json!([]), "{context}");
            assert_ne!(shown(&bench, field), shown_now, "{context} is cleared");
        }
        assert_eq!(sandbox.count("fetch"), 0, "the echo was enough");
    }
}

#[test]
fn what_active_numbers_can_do_undocumented_is_noted_there_only() {
    let file = "version: 1\nnumbers: [{phone_number: \"+15552230000\", friendly_name: x}]\n";
    let says = |api: &str| {
        let bench = over(Bench::alone(), api);
        bench.write("fleet.yaml", file);
        bench.run(&["validate", "-f", "fleet.yaml"]).exits(0).says("0 warnings").never_says("does not list");
        bench.run(&["validate", "-v", "-f", "fleet.yaml"]).exits(0).says("0 warnings").err
    };
    assert!(says("active-numbers").contains("does not list `friendly_name`"));
    assert_eq!(says(V2010), "");
}

const RELEASED: &str =
    "version: 1\npolicy: {max_releases: 1}\nnumbers: [{phone_number: \"+15552230000\", state: released}]\n";

fn with_emergency_address() -> Value {
    let config = json!({"voice.emergency_address_sid": "ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
    world(&[owned("+15552230000", MAIN, None, config)])
}

/// The plan says so, the address goes first, and the release waits until Twilio is done with it.
#[test]
fn an_emergency_address_is_unregistered_before_a_release() {
    for (api, reads) in [(V2010, 0_u64), (V2010, 2), ("active-numbers", 1)] {
        let faults = format!("unregister-reads={reads}");
        let (sandbox, bench) = Sandbox::with_state(&with_emergency_address(), &["--faults", &faults]);
        let bench = over(bench, api);
        let plan = bench.plan(RELEASED).exits(0).json();
        let change = &plan["actions"][0]["changes"][0];
        assert_eq!(
            (&change["field"], &change["after"]),
            (&json!("voice.emergency_address_sid"), &Value::Null)
        );
        let ran = bench.apply(RELEASED).exits(0);
        assert_eq!(ran.outcome("+15552230000"), "succeeded");
        assert_eq!(sandbox.number("+15552230000"), None);
        let order: Vec<Value> = sandbox.requests()["log"]
            .as_array()
            .expect("a log")
            .iter()
            .map(|e| e["operation"].clone())
            .collect();
        let writes: Vec<&Value> =
            order.iter().filter(|operation| *operation == "configure" || *operation == "release").collect();
        assert_eq!(writes, [&json!("configure"), &json!("release")], "{api}: {order:?}");
        // One read before the address is taken off, and one right before the DELETE; more while it
        // is pending.
        assert!(sandbox.count("fetch") >= 2 + reads.saturating_sub(1), "{order:?}");
    }
}

#[test]
fn an_address_that_cannot_be_unregistered_keeps_its_number() {
    let (sandbox, bench) = Sandbox::with_state(&with_emergency_address(), &["--faults", "unregister-fails"]);
    let ran = over(bench, V2010).apply(RELEASED).exits(3).says("could not unregister");
    assert_eq!(ran.outcome("+15552230000"), "failed");
    assert!(sandbox.number("+15552230000").is_some());
    assert_eq!(sandbox.count("release"), 0);
}

const BERLIN: &str = "+493023125000";

fn berlin(papers: &str) -> String {
    format!(
        "version: 1\nnumbers:\n  - {{phone_number: \"{BERLIN}\"{papers}}}\n  \
         - {{phone_number: \"+15552230000\", friendly_name: Renamed}}\n"
    )
}

/// No money is spent, the rest of the plan continues, and the plan names what is missing.
#[test]
fn a_country_that_wants_papers_is_said_by_the_plan() {
    let (sandbox, bench) = v2010(&[]);
    let plan = bench.plan(&berlin("")).exits(1).json();
    assert_eq!(plan["summary"]["purchase"], 0);
    assert_eq!(plan["held"][0]["reason"], "papers_missing");
    let message = plan["held"][0]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("`address_sid` and `bundle_sid`"), "{message}");
    let address = ", address_sid: ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let plan = bench.plan(&berlin(address)).exits(1).json();
    assert!(plan["held"][0]["message"].as_str().is_some_and(|text| text.contains("add `bundle_sid`")));
    assert_eq!(sandbox.writes(), 0);
    let ran = bench.apply(&berlin("")).exits(3);
    assert_eq!(ran.outcome("+15552230000"), "succeeded");
    assert_eq!(sandbox.count("purchase"), 0);
    let both = format!("{address}, bundle_sid: BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    sandbox.forget_requests();
    bench.apply(&berlin(&both)).exits(0);
    assert!(sandbox.number(BERLIN).is_some());
    assert_eq!(sandbox.count("search"), 0, "with all papers there is nothing to ask");
}

/// Papers belong to an account: those of the account that gets the number go along with the move.
#[test]
fn papers_go_along_with_a_move() {
    let config = json!({"address_sid": "ADbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"});
    let number = owned(BERLIN, MAIN, None, config);
    let (sandbox, bench) = Sandbox::with_state(&world(&[number]), &[]);
    let bench = over(bench, V2010);
    let file = |papers: &str| {
        format!(
            "version: 1\naccounts:\n  main: {{sid: AC00000000000000000000000000000001}}\n  \
             emea: {{sid: AC00000000000000000000000000000002, parent: main}}\n\
             numbers: [{{phone_number: \"{BERLIN}\", account: emea{papers}}}]\n"
        )
    };
    bench.apply(&file("")).exits(3).says("address_sid");
    let papers =
        ", address_sid: ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bundle_sid: BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    bench.apply(&file(papers)).exits(0);
    let moved = sandbox.number(BERLIN).expect("it is there");
    assert_eq!(moved["account_sid"], SUB);
    assert_eq!(moved["config"]["bundle_sid"], "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(bench.plan(&file(papers)).exits(0).json()["actions"], json!([]));
}

/// The purchase's answer is lost: one look tells, whatever Twilio makes of a second purchase.
#[test]
fn a_purchase_in_doubt_is_bought_once_over_v2010() {
    let file =
        "version: 1\nnumbers: [{phone_number: \"+15552230100\", voice: {url: \"https://a.example\"}}]\n";
    for owned in ["update", "ignore", "refuse"] {
        for fault in
            ["purchase#1=drop-after", "purchase#1=500-after", "purchase#1=html-after", "purchase#1=429"]
        {
            let (sandbox, bench) = v2010(&["--faults", &format!("owned={owned},{fault}")]);
            let ran: Ran = bench.apply(file).exits(0);
            assert_eq!(ran.outcome("+15552230100"), "succeeded", "{owned} {fault}");
            let sent = sandbox.count("purchase");
            assert_eq!(sent, if fault.ends_with("429") { 2 } else { 1 }, "{owned} {fault}");
        }
    }
}

/// Over v2010 search has a path for each type, filters by its own names, and prices from the pricing
/// API; what an API cannot filter by is said.
#[test]
fn searching_over_v2010() {
    let (sandbox, bench) = v2010(&[]);
    let search = |args: &[&str]| bench.run(&[&["search", "--format", "json"], args].concat());
    let rows =
        search(&["--country", "us", "--type", "local", "--region", "CA", "--limit", "2"]).exits(0).json();
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    assert_eq!(rows[0]["geography"]["region"], "CA");
    assert_eq!(rows[0]["type"], "local");
    assert_eq!(rows[0]["base_recurring_price"], "1.15");
    assert_eq!(rows[0]["capabilities"]["sms"]["inbound_connectivity"], true);
    let rows =
        search(&["--country", "US", "--contains", "+1415555", "--voice-enabled", "true"]).exits(0).json();
    assert!(rows[0]["phone_number"].as_str().is_some_and(|number| number.starts_with("+1415555")), "{rows}");
    assert_eq!(search(&["--country", "JP"]).exits(0).json(), json!([]));
    search(&[]).exits(1).says("--country US");
    search(&["--country", "US", "--latitude", "1"])
        .exits(1)
        .says("no filter for latitude")
        .says("active-numbers");
    bench.run(&["get", "--region", "NY"]).exits(1).says("no filter for region on live numbers");
    let named = bench.run(&["get", "--friendly-name", "(555) 223-0001", "--format", "json"]).exits(0).json();
    assert_eq!(named.as_array().map(Vec::len), Some(1));
    assert_eq!(bench.run(&["get", "--type", "tollfree", "--format", "json"]).exits(0).json(), json!([]));
    assert!(sandbox.count("price") > 0);
    let preview = over(Bench::at(&sandbox.base_url), "active-numbers");
    preview.run(&["search", "--area-code", "415"]).exits(1).says("incoming-phone-numbers");
}

/// `get` shows one shape, whichever API served it.
#[test]
fn get_shows_one_shape() {
    let (_sandbox, bench) = v2010(&[]);
    let get = |bench: &Bench| {
        bench.run(&["get", "--phone-number", "+15552230000", "--format", "json"]).exits(0).json()[0].clone()
    };
    let flat = get(&bench);
    let grouped = get(&over(bench, "active-numbers"));
    for pointer in [
        "/phone_number",
        "/sid",
        "/account_sid",
        "/type",
        "/lifecycle",
        "/regulatory/address_requirements",
        "/configurations/friendly_name",
        "/configurations/voice/url",
        "/configurations/sms/url",
        "/capabilities/voice/inbound_connectivity",
    ] {
        assert!(grouped.pointer(pointer).is_some(), "{pointer} in {grouped}");
        assert_eq!(flat.pointer(pointer), grouped.pointer(pointer), "{pointer}");
    }
}

/// A plan is applied through the API that it was made for, whatever the operator's is by then.
#[test]
fn a_saved_plan_keeps_its_api() {
    let (sandbox, bench) = v2010(&[]);
    bench
        .write("fleet.yaml", "version: 1\nnumbers: [{phone_number: \"+15552230000\", friendly_name: New}]\n");
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    let bench = over(bench, "active-numbers");
    bench.run(&["apply", "plan.json", "--yes"]).exits(0);
    let path = sandbox.log("configure")[0]["path"].as_str().expect("a path").to_owned();
    assert!(path.starts_with("/2010-04-01/"), "{path}");
}

/// What `export` writes of a fleet over v2010, documents and addresses included, plans to nothing.
#[test]
fn an_export_over_v2010_plans_to_nothing() {
    let paper = |prefix: &str| format!("{prefix}{}", "a".repeat(32));
    let numbers = [
        owned(
            "+15552230000",
            MAIN,
            Some("One"),
            json!({"voice.trunk_sid": paper("TK"), "sms.url": "https://a.example"}),
        ),
        owned(
            "+15552230001",
            MAIN,
            None,
            json!({"voice.emergency_address_sid": paper("AD"), "voice.caller_id_lookup": "true"}),
        ),
        owned(
            BERLIN,
            MAIN,
            None,
            json!({"address_sid": paper("AD"), "bundle_sid": paper("BU"), "identity_sid": paper("RI")}),
        ),
    ];
    for faults in ["", "receive-mode"] {
        let (sandbox, bench) = Sandbox::with_state(&world(&numbers), &["--faults", faults]);
        let bench = over(bench, V2010);
        let exported = bench.run(&["export"]).exits(0).out;
        assert!(
            exported.contains("bundle_sid: BU") && exported.contains("emergency_address_sid: AD"),
            "{exported}"
        );
        assert_eq!(bench.plan(&exported).exits(0).json()["actions"], json!([]), "{exported}");
        assert_eq!(sandbox.writes(), 0);
    }
}
