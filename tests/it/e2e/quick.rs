//! The quick ways are taken for what is ordinary: pages of both APIs, and files as people and `export` write
//! them. A reader that fell back to the slow way would cost several times as much, and nothing else would say so.

use std::fs;
use std::path::Path;

use numctl::client::api::wire::rows_in_full;
use numctl::desired::{Format, ReadFile, Source};
use numctl::model::provider::Api;
use serde_json::{Map, Value};

use super::harness::{Bench, MAIN, Sandbox, owned, world};

/// The first rows of each form teach a page's templates, and are read in full.
const IN_FULL_MAX: usize = 60;

/// Numbers that are not alike: each of these only some of them have.
fn fleet(numbers: usize) -> Value {
    let number = |nth: usize| {
        let settings = [
            (2, "voice.url", format!("https://voice.example.com/{}", nth % 7)),
            (3, "sms.url", format!("https://sms.example.com/{}", nth % 5)),
            (5, "status_callback", "https://status.example.com/".to_owned()),
            (6, "voice.fallback_url", "https://fallback.example.com/".to_owned()),
            (11, "voice.trunk_sid", format!("TK{:032x}", nth % 3)),
        ];
        let config: Map<String, Value> = settings
            .into_iter()
            .filter(|(every, ..)| nth.is_multiple_of(*every))
            .map(|(_, key, value)| (key.to_owned(), value.into()))
            .collect();
        owned(&format!("+1555{nth:07}"), MAIN, Some(&format!("Line {nth}")), config.into())
    };
    world(&(0..numbers).map(number).collect::<Vec<_>>())
}

fn is_quick(name: &str, text: &str) -> bool {
    ReadFile::is_quick(&Source { name: name.into(), text: text.to_owned(), format: Format::Yaml })
}

#[test]
fn ordinary_pages_are_read_by_template() {
    let (plain, _) = Sandbox::start(&["--numbers", "1000"]);
    let (varied, _) = Sandbox::with_state(&fleet(1_000), &[]);
    for sandbox in [&plain, &varied] {
        for (api, path) in [
            (Api::ActiveNumbers, "/Numbers/ActiveNumbers".to_owned()),
            (Api::IncomingPhoneNumbers, format!("/2010-04-01/Accounts/{MAIN}/IncomingPhoneNumbers.json")),
        ] {
            let (status, body) = sandbox.ask("GET", &format!("{path}?PageSize=1000"), "");
            assert_eq!(status, 200, "{body}");
            let in_full = rows_in_full(api, body.as_bytes());
            assert!(in_full.is_some_and(|rows| rows <= IN_FULL_MAX), "{api}: {in_full:?} rows in full");
        }
    }
}

#[test]
fn exported_files_are_read_the_quick_way() {
    let (_sandbox, bench) = Sandbox::with_state(&fleet(200), &[]);
    for api in ["active-numbers", "incoming-phone-numbers"] {
        let text = bench.run(&["export", "--api", api]).exits(0).out;
        assert!(is_quick("fleet.yaml", &text), "{text}");
    }
}

#[test]
fn the_files_that_are_shown_are_read_the_quick_way() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let name = "quickstart.yaml";
    assert!(is_quick(name, &fs::read_to_string(examples.join(name)).expect(name)), "{name}");
    let bench = Bench::alone();
    bench.write(
        "fleet.yaml",
        "version: 1\nnumbers:\n  - phone_number: \"+15552230000\" # Berlin [1\n    tags: { team: support }\n",
    );
    assert!(is_quick("fleet.yaml", &bench.read("fleet.yaml")));
}
