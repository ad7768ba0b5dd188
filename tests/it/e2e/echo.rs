//! Law 6, before any field: an answer about another number, or another account's, is no success.

use super::fake::{Fake, Reply, page};
use super::harness::{Bench, MAIN, SUB, two_accounts};

const NUMBER: &str = "+15552230000";
const OTHER: &str = "+15552230001";

fn sid(last: u8) -> String {
    format!("PN{last:0>32}")
}

/// A row as both APIs would have it at once.
fn row(sid: &str, number: &str, account: &str, url: &str) -> String {
    format!(
        r#"{{"sid":"{sid}","phone_number":"{number}","account_sid":"{account}","voice_url":"{url}","configuration":{{"voice":{{"url":"{url}"}}}}}}"#
    )
}

const NEW: &str = "https://new.example/";
const OLD: &str = "https://old.example/";

fn configure_file() -> String {
    format!("version: 1\nnumbers: [{{phone_number: \"{NUMBER}\", voice: {{url: \"{NEW}\"}}}}]\n")
}

/// The API has the number with an old webhook; writes and fresh reads are answered with these.
fn lying(is_v2010: bool, write: Reply, fetch: Reply) -> Fake {
    let listed = row(&sid(1), NUMBER, MAIN, OLD);
    Fake::serve(move |asked| match asked.method.as_str() {
        "GET" if asked.path.contains("/PN") => fetch.clone(),
        "GET" => page(is_v2010, std::slice::from_ref(&listed)),
        _ => write.clone(),
    })
}

fn over(is_v2010: bool, fake: &Fake) -> Bench {
    let api = if is_v2010 { "incoming-phone-numbers" } else { "active-numbers" };
    Bench::at(&fake.base_url).with("NUMCTL_API", api)
}

#[test]
fn an_echo_about_another_number_is_no_success() {
    for is_v2010 in [false, true] {
        for echo in [
            row(&sid(1), OTHER, MAIN, NEW),
            row(&sid(2), NUMBER, MAIN, NEW),
            row(&sid(1), NUMBER, SUB, NEW),
            row(&sid(1), "none", MAIN, NEW).replace(&sid(1), ""),
        ] {
            // However well the number itself looks afterwards.
            let right = row(&sid(1), NUMBER, MAIN, NEW);
            let fake = lying(is_v2010, (200, echo.clone()), (200, right));
            let ran = over(is_v2010, &fake).apply(&configure_file()).exits(3);
            assert_eq!(ran.outcome(NUMBER), "unknown", "{echo}");
            assert_eq!(fake.writes(), 1, "never sent again: {echo}");
            ran.says("it does not count as success");
        }
    }
}

#[test]
fn a_fresh_read_about_another_number_is_no_success() {
    for is_v2010 in [false, true] {
        for read in
            [row(&sid(1), OTHER, MAIN, NEW), row(&sid(2), NUMBER, MAIN, NEW), row(&sid(1), NUMBER, SUB, NEW)]
        {
            // The echo has not the new value, so that the number itself is asked.
            let echo = row(&sid(1), NUMBER, MAIN, OLD);
            let fake = lying(is_v2010, (200, echo.clone()), (200, read.clone()));
            let ran = over(is_v2010, &fake).apply(&configure_file()).exits(3);
            assert_eq!(ran.outcome(NUMBER), "unknown", "{read}");
            // After a failure in doubt, the look is about this number too.
            let fake = lying(is_v2010, (500, "{}".into()), (200, read.clone()));
            let ran = over(is_v2010, &fake).apply(&configure_file()).exits(3);
            assert_eq!(ran.outcome(NUMBER), "unknown", "{read}");
            // Nothing is released on such a read.
            let file = format!(
                "version: 1\npolicy: {{max_releases: 1}}\nnumbers: [{{phone_number: \"{NUMBER}\", state: released}}]\n"
            );
            let fake = lying(is_v2010, (204, String::new()), (200, read.clone()));
            over(is_v2010, &fake).apply(&file).exits(3);
            assert_eq!(fake.count(&["DELETE"]), 0, "{read}");
        }
    }
}

#[test]
fn a_purchase_that_is_answered_with_another_number_is_no_success() {
    let file = format!("version: 1\nnumbers: [{{phone_number: \"{NUMBER}\"}}]\n");
    for is_v2010 in [false, true] {
        for echo in [
            row(&sid(1), OTHER, MAIN, ""),
            row(&sid(1), NUMBER, SUB, ""),
            row(&sid(1), "", MAIN, ""),
            row(&sid(1), "sold", MAIN, ""),
        ] {
            let answer = (201, echo.clone());
            let fake = Fake::serve(move |asked| match asked.method.as_str() {
                "GET" => page(is_v2010, &[]),
                _ => answer.clone(),
            });
            let ran = over(is_v2010, &fake).apply(&file).exits(3);
            assert_eq!((ran.outcome(NUMBER).as_str(), fake.writes()), ("unknown", 1), "{echo}");
        }
    }
}

#[test]
fn a_transfer_that_is_answered_with_another_number_is_no_success() {
    let file = format!("{}numbers: [{{phone_number: \"{NUMBER}\", account: emea}}]\n", two_accounts());
    for echo in [
        row(&sid(1), OTHER, SUB, ""),
        row(&sid(2), NUMBER, SUB, ""),
        row(&sid(1), NUMBER, "AC00000000000000000000000000000009", ""),
    ] {
        let (listed, moved) = (row(&sid(1), NUMBER, MAIN, ""), row(&sid(1), NUMBER, SUB, ""));
        let answer = echo.clone();
        let fake = Fake::serve(move |asked| match asked.method.as_str() {
            "GET" if asked.path.contains("/PN") => (200, moved.clone()),
            "GET" if asked.path.contains(MAIN) => page(true, std::slice::from_ref(&listed)),
            "GET" => page(true, &[]),
            _ => (200, answer.clone()),
        });
        let ran = over(true, &fake).apply(&file).exits(3);
        assert_eq!((ran.outcome(NUMBER).as_str(), fake.writes()), ("unknown", 1), "{echo}");
    }
}

/// A part of a page, or what a proxy made of it, is no page; and no answer to a write.
#[test]
fn a_success_of_another_kind_is_not_believed() {
    for is_v2010 in [false, true] {
        for status in [202, 203, 206, 226] {
            let fake = Fake::serve(move |_| (status, page(is_v2010, &[]).1));
            let bench = over(is_v2010, &fake);
            let file = format!("version: 1\nnumbers: [{{phone_number: \"{NUMBER}\"}}]\n");
            bench.plan(&file).exits(1).says(&format!("HTTP {status}"));
            bench.apply(&file).exits(1);
            bench.run(&["get"]).exits(1);
            assert_eq!(fake.writes(), 0);
            // A write that is answered so is looked up: the number itself decides.
            let right = row(&sid(1), NUMBER, MAIN, NEW);
            let fake = lying(is_v2010, (status, right.clone()), (200, right));
            over(is_v2010, &fake).apply(&configure_file()).exits(0);
        }
    }
}
