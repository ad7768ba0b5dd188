//! What a plan costs, and the limits on that.

use serde_json::json;

use super::harness::{Bench, MAIN, Sandbox, accounts_only, owned, two_accounts, world};

/// The fleet that the sandbox starts with, and one more number at 1.15 USD a month.
fn buys(policy: &str) -> String {
    format!("version: 1\npolicy: {{{policy}}}\nnumbers:\n  - phone_number: \"+15552230100\"\n")
}

#[test]
fn a_plan_that_buys_shows_its_cost_and_asks_for_each_price_once_a_day() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let state = bench.path().join("state").display().to_string();
    let bench = bench.with("NUMCTL_STATE_DIR", &state);
    bench.write("fleet.yaml", &buys(""));
    let cost = || {
        bench.run(&["plan", "--cost", "--format", "json", "-f", "fleet.yaml"]).exits(0).json()["cost"].clone()
    };
    let expected = json!({
        "currencies": [{
            "currency": "USD", "monthly_before": "4.60 USD", "monthly_after": "5.75 USD",
            "monthly_change": "1.15 USD", "due_at_once": "1.15 USD",
        }],
        "not_known": [],
        "unread_accounts": [],
    });
    assert_eq!(cost(), expected);
    // The list of prices, and what the number to be bought is, which +1555 does not tell.
    assert_eq!((sandbox.count("price"), sandbox.count("search")), (1, 1));
    sandbox.forget_requests();
    assert_eq!(cost(), expected);
    sandbox.counts(&[("list", 1)]);
    // Who does not ask for it gets what the price list tells, which costs no request for a number.
    std::fs::remove_file(bench.path().join("state/prices.json")).expect("forgotten");
    sandbox.forget_requests();
    let plan = bench.plan(&buys("")).exits(0).json();
    assert_eq!(plan["cost"]["not_known"][0]["to_be_bought"], 1, "{plan:#}");
    sandbox.counts(&[("list", 1), ("price", 1)]);
    sandbox.forget_requests();
    // A broken cache is as none.
    let file = bench.path().join("state/prices.json");
    std::fs::write(&file, "{\"version\":1,\"answers\":{").expect("broken");
    assert_eq!(cost(), expected);
    assert_eq!(sandbox.count("price"), 1);
    // One that cannot be written fails nothing.
    std::fs::remove_file(&file).expect("gone");
    std::fs::create_dir(&file).expect("in the way");
    assert_eq!(cost(), expected);
    assert_eq!(sandbox.count("price"), 2);
}

#[test]
fn a_plan_that_only_configures_asks_for_no_price_unless_told_to() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    friendly_name: New\n";
    assert_eq!(bench.plan(file).exits(0).json()["cost"], json!(null));
    sandbox.counts(&[("list", 1)]);
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(0).never_says("cost");
    bench
        .run(&["plan", "--cost", "-f", "fleet.yaml"])
        .exits(0)
        .says("\nMonthly cost: 4.60 USD, unchanged; nothing due now.\n");
    assert_eq!(sandbox.count("price"), 1);
}

#[test]
fn a_release_lowers_the_cost_and_a_move_within_one_bill_leaves_it() {
    let rows = [
        owned("+15552230000", MAIN, None, json!({})),
        owned("+15552230001", MAIN, None, json!({})),
        owned("+18005550100", MAIN, None, json!({})),
    ];
    let (_sandbox, bench) = Sandbox::with_state(&world(&rows), &[]);
    let release = format!(
        "{}policy: {{max_releases: 1}}\nnumbers:\n  - {{phone_number: \"+18005550100\", state: released}}\n",
        two_accounts()
    );
    bench.plan(&release).exits(0);
    bench
        .run(&["plan", "-f", "fleet.yaml"])
        .exits(0)
        .says("Monthly cost: 4.45 USD -> 2.30 USD (-2.15 USD); nothing due now.");
    let moves =
        format!("{}numbers:\n  - {{phone_number: \"+15552230000\", account: emea}}\n", accounts_only());
    assert_eq!(bench.plan(&moves).exits(0).json()["cost"], json!(null));
    bench
        .run(&["plan", "--cost", "--format", "markdown", "-f", "fleet.yaml"])
        .exits(0)
        .says("**Monthly cost:** 4.45 USD, unchanged; nothing due now");
}

#[test]
fn limits_on_money_refuse_what_goes_beyond_them() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let refused = bench.apply(&buys("max_monthly_increase: 1 USD")).exits(4);
    let refusal = &refused.json()["refusal"];
    assert_eq!(refusal["broken"][0]["limit"], "max_monthly_increase", "{refusal:#}");
    assert_eq!(refusal["broken"][0]["wanted"], "1.15 USD");
    assert_eq!(refusal["broken"][0]["allowed"], "1.00 USD");
    let digest = refusal["accept"].as_str().expect("a digest").to_owned();
    let plan = |bench: &Bench, policy: &str| {
        bench.write("fleet.yaml", &buys(policy));
        bench.run(&["plan", "-f", "fleet.yaml"]).exits(0)
    };
    plan(&bench, "max_monthly_total: 5.74 USD")
        .says("5.75 USD a month in all; max_monthly_total allows 5.74 USD");
    plan(&bench, "max_monthly_total: 5.75 USD, max_monthly_increase: 1.15 USD").never_says("Refused");
    plan(&bench, "max_monthly_increase: 100 EUR").says("prices are in USD, and the limit is in EUR");
    // The operator's caps the file's, and the file's can be stricter.
    let capped = bench.with("NUMCTL_MAX_MONTHLY_INCREASE", "1 USD");
    plan(&capped, "max_monthly_increase: 50 USD")
        .says("--max-monthly-increase allows 1.00 USD (set by the operator)");
    plan(&capped, "max_monthly_increase: 0.50 USD")
        .says("max_monthly_increase allows 0.50 USD (set by the file");
    let bench = Bench::at(&sandbox.base_url);
    bench.write("fleet.yaml", &buys(""));
    bench.run(&["plan", "-f", "fleet.yaml", "--max-monthly-total", "25"]).exits(1).says("\"25 USD\"");
    // Neither a saved plan nor the daemon gets round it.
    plan(&bench, "max_monthly_increase: 1 USD");
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    bench
        .run(&["apply", "plan.json", "--yes"])
        .exits(4)
        .says("+1.15 USD a month; max_monthly_increase allows");
    bench.run(&["run", "--once", "-f", "fleet.yaml"]).exits(4).says("max_monthly_increase allows 1.00 USD");
    assert_eq!(sandbox.writes(), 0);
    bench.run(&["apply", "-f", "fleet.yaml", "--yes", "--accept", &digest]).exits(0);
    assert_eq!(sandbox.count("purchase"), 1);
}

#[test]
fn a_price_that_is_not_known_is_said_and_keeps_no_limit() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.faults("price:500=1");
    bench.write("fleet.yaml", &buys(""));
    let plan = bench.run(&["plan", "--cost", "--format", "json", "-f", "fleet.yaml"]).exits(0).json();
    let cost = &plan["cost"];
    assert_eq!(cost["currencies"], json!([]), "{cost:#}");
    assert!(cost["not_known"].as_array().is_some_and(|entries| entries.iter().any(|entry| {
        entry["reason"] == "no_price_list" && entry["country"] == "US" && entry["to_be_bought"] == 1
    })));
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(0).says("Monthly cost: not known.").says("not included:");
    let refused = bench.apply(&buys("max_monthly_increase: 100 USD")).exits(4);
    assert_eq!(refused.json()["refusal"]["broken"][0]["reason"], "not_known");
    bench.run(&["run", "--once", "-f", "fleet.yaml"]).exits(4).says("is not known");
    assert_eq!(sandbox.writes(), 0);
    // What raises nothing needs no price.
    bench.apply("version: 1\npolicy: {max_monthly_increase: 0 USD, max_releases: 1}\nnumbers:\n  - {phone_number: \"+15552230002\", state: released}\n").exits(0);
}

/// Ten plans that each keep the limit do not add up to more than it within a day.
#[test]
fn a_limit_on_the_increase_holds_over_time() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let buy = |numbers: &[&str]| {
        let rows: String = numbers.iter().map(|n| format!("  - phone_number: \"{n}\"\n")).collect();
        bench.write(
            "fleet.yaml",
            &format!("version: 1\npolicy: {{max_monthly_increase: 2 USD}}\nnumbers:\n{rows}"),
        );
        bench.run(&["run", "--once", "--state-dir", "state", "-f", "fleet.yaml"])
    };
    buy(&["+15552230100"]).exits(0);
    buy(&["+15552230100", "+15552230101"])
        .exits(4)
        .says("+2.30 USD a month, with what was bought within 24 hours");
    assert_eq!(sandbox.count("purchase"), 1);
}
