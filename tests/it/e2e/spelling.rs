//! A live number that the API does not spell in E.164 is compared by what it means; what cannot be told
//! apart is neither bought nor released.

use super::fake::{Fake, page};
use super::harness::{Bench, MAIN};

fn serve(is_v2010: bool, phone_number: &str) -> (Fake, Bench) {
    let row = format!(
        r#"{{"sid":"PN00000000000000000000000000000001","account_sid":"{MAIN}","phone_number":{phone_number},"friendly_name":"Old","configuration":{{"friendly_name":"Old"}}}}"#
    );
    let fake = Fake::serve(move |asked| match asked.method.as_str() {
        "GET" if asked.path.contains("/PN") => (200, row.clone()),
        // The filter matches as text does: what is spelt otherwise is not found.
        "GET" if asked.path.contains("PhoneNumber=") => page(is_v2010, &[]),
        "GET" if asked.path.contains("Numbers") => page(is_v2010, std::slice::from_ref(&row)),
        "DELETE" => (204, String::new()),
        _ => (200, row.replace("Old", "New")),
    });
    let api = if is_v2010 { "incoming-phone-numbers" } else { "active-numbers" };
    let bench = Bench::at(&fake.base_url).with("NUMCTL_API", api);
    (fake, bench)
}

fn file(number: &str, policy: &str) -> String {
    format!(
        "version: 1\npolicy: {{max_releases: 10, max_purchases: 10{policy}}}\nnumbers:\n  - {{phone_number: \"{number}\"{}}}\n...\n",
        if policy.contains("unlisted") { "" } else { ", friendly_name: New" }
    )
}

#[test]
fn another_spelling_is_the_same_number() {
    for is_v2010 in [false, true] {
        for (spelling, number) in [
            (r#""15552230000""#, "+15552230000"),
            ("15552230000", "+15552230000"),
            (r#""447700900123""#, "+447700900123"),
            (r#""+1 (555) 223-0000""#, "+15552230000"),
            (r#""0015552230000""#, "+15552230000"),
            (r#""298201234""#, "+298201234"),
        ] {
            let (fake, bench) = serve(is_v2010, spelling);
            let ran = bench.apply(&file(number, "")).exits(0);
            assert_eq!(ran.outcome(number), "succeeded", "{spelling}");
            assert_eq!(fake.writes(), 1, "configured and not bought: {spelling}");
            ran.says("odd_spelling");
            // Declared, another one declared, or a tombstone: it is never released.
            for text in [
                file(number, ", unlisted: release"),
                file("+15559999999", ", unlisted: release").replace("}\n...", ", state: released}\n..."),
                file(number, "").replace("friendly_name: New", "state: released"),
            ] {
                let (fake, bench) = serve(is_v2010, spelling);
                bench.apply(&text);
                assert_eq!(fake.writes(), 0, "{spelling}: {text}");
            }
        }
    }
}

#[test]
fn what_cannot_be_told_apart_is_neither_bought_nor_released() {
    for is_v2010 in [false, true] {
        for spelling in [
            r#""5552230000""#,
            r#""(555) 223-0000""#,
            r#""tel:+15552230000""#,
            r#""015552230000""#,
            "5552230000",
            r#""＋１５５５２２３００００""#,
            r#""+15552230000x""#,
        ] {
            for policy in ["", ", unlisted: release"] {
                let (fake, bench) = serve(is_v2010, spelling);
                let ran = bench.apply(&file("+15552230000", policy));
                assert_eq!(fake.writes(), 0, "{spelling}: {}", ran.all());
                ran.says("not bought");
            }
        }
    }
    // A short code remains what it is, and is no other number's spelling.
    let (fake, bench) = serve(true, r#""55522300""#);
    bench
        .plan("version: 1\nnumbers: [{phone_number: \"55522300\", friendly_name: New}]\n")
        .exits(0)
        .says("drifted");
    assert_eq!(fake.writes(), 0);
}

#[test]
fn an_odd_secondary_field_hides_no_row() {
    let shapes = [r#""true""#, "true", "1", "-1.5", "[1,{}]", r#"{"a":{"b":[]}}"#];
    let file =
        "version: 1\nnumbers: [{phone_number: \"+15552230000\", status_callback: \"https://s.example/\"}]\n";
    for (is_v2010, fields) in [
        (false, &["capabilities", "type", "geography", "lifecycle", "regulatory", "url", "beta"][..]),
        (
            true,
            &[
                "capabilities",
                "type",
                "emergency_address_status",
                "beta",
                "address_requirements",
                "origin",
                "voice_url",
                "friendly_name",
            ],
        ),
    ] {
        for field in fields {
            for shape in shapes {
                let row = format!(
                    r#"{{"sid":"PN00000000000000000000000000000001","account_sid":"{MAIN}","phone_number":"+15552230000","{field}":{shape},"status_callback":"https://s.example/","configuration":{{"status_callback":"https://s.example/"}}}}"#
                );
                let fake = Fake::serve(move |_| page(is_v2010, std::slice::from_ref(&row)));
                let api = if is_v2010 { "incoming-phone-numbers" } else { "active-numbers" };
                let bench = Bench::at(&fake.base_url).with("NUMCTL_API", api);
                let ran = bench.plan(file).exits(0);
                assert_eq!(ran.json()["summary"]["unchanged"], 1, "{field}: {shape}");
                if *field == "capabilities" && !shape.starts_with('{') {
                    ran.says("odd_field");
                }
                bench.run(&["get"]).exits(0).says("+15552230000");
                bench.run(&["export"]).exits(0).says("+15552230000");
            }
        }
    }
}
