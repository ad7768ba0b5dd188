//! The files: the desired state, a saved plan, the daemon's budget, what was bought for claims.

use std::time::Duration;

use numctl::desired::{Desired, Finding, Format, Source, Unlisted};
use numctl::execute::journal;
use numctl::guard::budget::Budget;
use numctl::guard::intents::{IntentPlace, Intents};
use numctl::guard::saved_plan::SavedPlan;
use numctl::observed::Survey;
use numctl::observed::holding::Marks;
use numctl::plan::digest::Digest;
use numctl::report::history;
use numctl::report::json;
use numctl::report::text::Style;

use super::clean::{inert, is_secret, one_line, quiet};
use super::plans::shown_everywhere;

/// A line that stands between the files of one fleet in an input.
const NEXT_FILE: &str = "\n=== next file ===\n";

/// What is taken is on our terms, and what is refused is refused at its place, in words that show
/// no secret and nothing that acts.
pub(crate) fn desired_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let secret = is_secret(text);
    let texts: Vec<&str> = text.split(NEXT_FILE).collect();
    let is_json = text.trim_start().starts_with('{');
    for format in [Format::Yaml, Format::Json].into_iter().take(1 + usize::from(is_json)) {
        let sources: Vec<Source> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| Source { name: format!("{at}.yaml").into(), text: (*text).to_owned(), format })
            .collect();
        if format == Format::Yaml && texts.iter().all(|text| is_plain_document(text)) {
            same_by_libyaml(&sources);
        }
        match Desired::parse(&sources) {
            Ok(parsed) => {
                assert_eq!(Desired::parse(&sources).as_ref(), Ok(&parsed));
                on_our_terms(&parsed.desired, &texts, format);
                parsed.warnings.iter().chain(&parsed.notes).for_each(|finding| said(finding, &texts, secret));
                // A byte order mark means nothing.
                let marked: Vec<Source> = sources
                    .iter()
                    .map(|source| Source { text: format!("\u{feff}{}", source.text), ..source.clone() })
                    .collect();
                if !text.starts_with('\u{feff}') {
                    let again = Desired::parse(&marked).map(|parsed| parsed.desired);
                    assert_eq!(again.as_ref(), Ok(&parsed.desired));
                }
            }
            Err(findings) => {
                assert!(findings.errors() > 0 && findings.iter().count() > 0);
                findings.iter().for_each(|finding| said(finding, &texts, secret));
                inert(&findings.render(false));
                quiet(secret, &findings.render(true));
            }
        }
    }
}

/// Whether a document start may be put before the text.
fn is_plain_document(text: &str) -> bool {
    !text.starts_with(['\u{feff}', '%'])
        && !text.lines().any(|line| line.starts_with("---") || line.starts_with('%'))
}

/// A document start keeps the quick way out: what libyaml reads is the same, one line further down.
fn same_by_libyaml(sources: &[Source]) {
    let marked: Vec<Source> = sources
        .iter()
        .map(|source| Source { text: format!("---\n{}", source.text), ..source.clone() })
        .collect();
    match (Desired::parse(sources), Desired::parse(&marked)) {
        (Ok(quick), Ok(slow)) => {
            assert_eq!(quick.desired, slow.desired);
            let said = |findings: &[Finding], further: usize| -> Vec<_> {
                let place =
                    |finding: &Finding| finding.place.as_ref().map(|at| (at.line + further, at.column));
                findings.iter().map(|finding| (finding.message.clone(), place(finding))).collect()
            };
            assert_eq!(said(&quick.warnings, 1), said(&slow.warnings, 0));
            assert_eq!(said(&quick.notes, 1), said(&slow.notes, 0));
        }
        (quick, slow) => assert_eq!(quick.is_ok(), slow.is_ok()),
    }
}

fn on_our_terms(desired: &Desired, texts: &[&str], format: Format) {
    assert!(!desired.accounts.is_empty());
    assert!(desired.accounts.windows(2).all(|pair| pair[0].name < pair[1].name));
    assert!(desired.numbers.windows(2).all(|pair| pair[0].number < pair[1].number));
    assert!(desired.numbers.iter().all(|declared| usize::from(declared.account.0) < desired.accounts.len()));
    // Law 2: a file cut short never has this word.
    if desired.policy.unlisted == Unlisted::Release && format == Format::Yaml {
        assert!(
            texts.iter().all(|text| {
                text.lines().any(|line| line.trim_end() == "..." || line.starts_with("... "))
            })
        );
        assert!(!desired.numbers.is_empty());
    }
}

fn said(finding: &Finding, texts: &[&str], secret: bool) {
    one_line(&finding.message);
    quiet(secret, &finding.message);
    if let Some(place) = &finding.place {
        let at: usize = place.file.trim_end_matches(".yaml").parse().expect("one of our names");
        let text = texts[at].strip_prefix('\u{feff}').unwrap_or(texts[at]);
        let lines = text.matches('\n').count() + 1;
        assert!((1..=lines).contains(&place.line), "line {} of {lines}", place.line);
        let line = text.split('\n').nth(place.line - 1).expect("the line");
        assert!(
            (1..=line.chars().count() + 1).contains(&place.column),
            "column {} of {line:?}",
            place.column
        );
        assert!(place.span.start <= place.span.end && place.span.start <= text.len(), "{:?}", place.span);
    }
    let plain = finding.render(false);
    inert(&plain);
    quiet(secret, &plain);
    quiet(secret, &finding.render(true));
    let mut out = Vec::new();
    json::value(&mut out, &finding.json()).expect("written");
    let out = String::from_utf8(out).expect("UTF-8");
    one_line(&out);
    quiet(secret, &out);
}

/// A plan that is taken is written back as the same plan under the same digest, whoever sealed it,
/// and can be shown.
pub(crate) fn saved_plan(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // As it is, and as somebody would send it who knows how the checksum is made.
    let forged = SavedPlan::sealed(text);
    for text in std::iter::once(text).chain(forged.as_deref()) {
        match SavedPlan::from_json(text) {
            Ok(saved) => {
                let written = saved.to_json();
                let again = SavedPlan::from_json(&written).expect("what we wrote");
                assert_eq!(again, saved);
                assert_eq!(Digest::from_plan(&again.plan), Digest::from_plan(&saved.plan));
                assert!(text.contains(&Digest::from_plan(&saved.plan).to_string()), "another plan's digest");
                assert_eq!(again.to_json(), written);
                shown_everywhere(&saved.plan);
            }
            Err(error) => {
                let shown = error.to_string();
                one_line(&shown);
                quiet(is_secret(text), &shown);
                assert!(shown.len() < 4_000, "{} bytes of error", shown.len());
            }
        }
    }
}

/// What is taken is written back as the same.
pub(crate) fn budget(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Budget::from_json(text) {
        Ok(budget) => {
            let written = budget.to_json();
            let again = Budget::from_json(&written).expect("what we wrote");
            assert_eq!(again, budget);
            assert_eq!(again.to_json(), written);
        }
        Err(error) => {
            let shown = error.to_string();
            one_line(&shown);
            assert!(shown.len() < 4_000, "{} bytes of error", shown.len());
        }
    }
}

/// What is kept of purchases for claims, in a file or in a Lease: what is taken writes back as the same,
/// and is reckoned with whatever times it holds.
pub(crate) fn intents(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for now in [Duration::ZERO, Duration::from_secs(1_800_000_000), Duration::MAX] {
        let mut intents = match IntentPlace::from_json(text, now) {
            Ok(IntentPlace::Here(intents)) => intents,
            Ok(place @ IntentPlace::Directory(_)) => {
                assert_eq!(IntentPlace::from_json(&place.to_json(), now).expect("what we wrote"), place);
                return;
            }
            Err(error) => {
                let shown = error.to_string();
                assert!(shown.len() < 4_000 + text.len(), "{} bytes of error", shown.len());
                return;
            }
        };
        let again = Intents::from_json(&intents.to_json(), now).expect("what we wrote");
        assert_eq!(again.to_json(), intents.to_json());
        assert!(intents.waiting(now).all(|(_, intent)| intent.until(now).is_none_or(|until| until >= 0)));
        let mut survey = Survey::default();
        intents.tell(&mut survey, now);
        intents.observe(&Marks::default(), now);
        intents.wait(now);
        intents.recall(&again, now);
    }
}

/// A journal that is taken writes back as the same, cut short or not, and can be shown.
pub(crate) fn journal(data: &[u8]) {
    match journal::read("journal", data) {
        Ok(contents) => {
            let written = contents.to_string();
            let again = journal::read("journal", written.as_bytes()).expect("what we wrote");
            assert_eq!(again.records, contents.records);
            assert!(!again.is_torn);
            // All of what is known is in the head of the next file.
            let known = journal::KnownNumbers::from_records(&contents.records);
            let head: Vec<_> = known.records().collect();
            assert_eq!(journal::KnownNumbers::from_records(&head).records().collect::<Vec<_>>(), head);
            let runs = journal::runs(contents.records);
            let runs: Vec<_> = runs.iter().collect();
            let mut text = String::new();
            history::text(&mut text, &runs, None, &history::Others::default(), Style::default())
                .expect("written");
            inert(&text);
            let mut out = Vec::new();
            history::json(&mut out, &runs, None, &history::Others::default()).expect("written");
            let out = String::from_utf8(out).expect("UTF-8");
            inert(&out);
            let read: serde_json::Value = serde_json::from_str(&out).expect("JSON");
            assert_eq!(read["runs"].as_array().map(Vec::len), Some(runs.len()));
        }
        Err(error) => {
            let shown = error.to_string();
            one_line(&shown);
            quiet(std::str::from_utf8(data).is_ok_and(is_secret), &shown);
            assert!(shown.len() < 4_000, "{} bytes of error", shown.len());
        }
    }
}
