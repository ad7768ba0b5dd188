//! The journal without a network: what `history` shows of it, and the plan that takes a run back.

use std::path::Path;

use expect_test::expect_file;
use numctl::execute::journal::{self, JournalRun};
use numctl::report::history;
use numctl::report::text::Style;

/// An apply that was done, and an undo that was killed, among hostile texts.
fn kept() -> Vec<JournalRun> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/history.jsonl");
    let text = std::fs::read(path).expect("the journal");
    journal::runs(journal::read("history.jsonl", &text).expect("a journal").records)
}

#[test]
fn history_for_people_and_for_machines() {
    let runs = kept();
    let newest_first: Vec<&JournalRun> = runs.iter().rev().collect();
    let mut text = String::new();
    history::text(&mut text, &newest_first, None, &history::Others::default(), Style::default())
        .expect("written");
    expect_file!["golden/history.txt"].assert_eq(&text);
    let mut out = Vec::new();
    history::json(&mut out, &newest_first, None, &history::Others::default()).expect("written");
    expect_file!["golden/history.json"].assert_eq(&String::from_utf8(out).expect("UTF-8"));
}

#[test]
fn history_of_one_number_shows_no_other() {
    let runs = kept();
    let number = "+15552230001".parse().expect("a number");
    let mut text = String::new();
    history::text(
        &mut text,
        &runs.iter().collect::<Vec<_>>(),
        Some(number),
        &history::Others::default(),
        Style::default(),
    )
    .expect("written");
    assert!(text.contains("transfer +15552230001") && !text.contains("+15552230000"), "{text}");
}

#[test]
fn a_run_is_meant_by_its_name_or_by_how_that_begins_or_ends() {
    let id = &kept()[0].head.run;
    for text in ["20261126T020352Z-96e2e35d", "96e2e35d", "20261126"] {
        assert!(id.is_meant_by(text), "{text}");
    }
    for text in ["35d", "96e2e35", "", "T020352Z"] {
        assert!(!id.is_meant_by(text), "{text}");
    }
}
