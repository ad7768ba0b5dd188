//! Plans and reports full of foreign text, for people, for machines and for a pull request.

use std::sync::Arc;

use numctl::client::api::error::{ApiError, Operation};
use numctl::client::listing::ListingNote;
use numctl::client::transport::Response;
use numctl::desired::AccountRef;
use numctl::desired::{AccountIndex, Policy};
use numctl::guard::budget::Outlook;
use numctl::guard::{self, OperatorLimits};
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::settings::{Field, Managed, Settings, Value, Want};
use numctl::observed::Trouble;
use numctl::plan::diff::FieldChange;
use numctl::plan::outcome::{Failure, Outcome, Report, StepEnd};
use numctl::plan::{Action, Plan, Reason, Step, Target, Warning};
use numctl::report::text::Style;
use numctl::report::{json, markdown, outcome, text, words};

use super::clean::{inert, is_secret, quiet};

/// A line that stands between the texts of an input.
const NEXT_TEXT: &str = "\n%%\n";

/// The texts stand wherever a plan and a report have foreign text: nothing of them acts, no line is
/// theirs, and the comment on the pull request has the structure that we gave it.
pub(crate) fn render(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    let texts: Vec<&str> = input.split(NEXT_TEXT).collect();
    let (plan, errors) = (hostile_plan(&texts), hostile_errors(&texts));
    let shown = shown_everywhere(&plan);
    let reported = reported_everywhere(&plan, &errors);
    let secret = is_secret(input);
    shown.iter().chain(&reported).for_each(|output| quiet(secret, output));
    // A line break in a text is no line break in an output.
    if !input.contains('\u{1}') {
        let tamed: Vec<String> = texts.iter().map(|text| text.replace('\n', "\u{1}")).collect();
        let tamed: Vec<&str> = tamed.iter().map(String::as_str).collect();
        let plan = hostile_plan(&tamed);
        let tame =
            shown_everywhere(&plan).into_iter().chain(reported_everywhere(&plan, &hostile_errors(&tamed)));
        for (output, tame) in shown.iter().chain(&reported).zip(tame) {
            assert_eq!(output.lines().count(), tame.lines().count(), "{output}");
        }
    }
}

fn hostile_plan(texts: &[&str]) -> Plan {
    let mut at = 0;
    let mut next = || {
        at += 1;
        texts[(at - 1) % texts.len()]
    };
    let letters = |letter: &str| letter.repeat(32);
    let mut account = |letter: &str, parent| AccountRef {
        // A name to refer by, and no place for a password.
        name: next().replace("hunter2", "name").into(),
        sid: AccountSid::observed(&format!("AC{}", letters(letter))).expect("a SID"),
        parent,
    };
    let accounts = vec![account("a", None), account("b", Some(AccountIndex(0)))];
    let mut steps = Vec::new();
    for (place, _) in texts.iter().enumerate().take(6) {
        let number =
            |kind: usize| PhoneNumber::observed(&format!("+1555{:07}", place * 4 + kind)).expect("a number");
        let mut value = |field: Field| {
            let text = next();
            Value::observed(field.kind(), text).unwrap_or_else(|| Value::Foreign(Arc::from("x")))
        };
        let mut target = |kind: usize| Target {
            number: number(kind),
            sid: NumberSid::observed(&format!("PN{}", letters("c"))),
            account: AccountIndex(0),
            before: [Field::FriendlyName, Field::VoiceUrl, Field::SmsMethod]
                .map(|field| (field, value(field)))
                .into_iter()
                .collect::<Settings>(),
        };
        let (moved, changed, released) = (target(1), target(2), target(3));
        let fields = [Field::FriendlyName, Field::VoiceUrl, Field::StatusCallback, Field::VoiceTrunkSid];
        let settings: Managed = fields.map(|field| (field, Want::Set(value(field)))).into_iter().collect();
        let changes = fields
            .map(|field| FieldChange { field, before: Some(value(field)), want: Want::Set(value(field)) })
            .into_iter()
            .filter(|change| change.after() != change.before)
            .collect();
        let purchase = Action::Purchase {
            number: number(0),
            account: AccountIndex(1),
            settings: settings.clone(),
            claim: None,
        };
        for (action, reason) in [
            (purchase, Reason::Missing),
            (Action::Transfer { target: moved, to: AccountIndex(1), settings }, Reason::WrongAccount),
            (Action::Configure { target: changed, account: AccountIndex(0), changes }, Reason::Drifted),
            (Action::Release { target: released }, Reason::Tombstone),
        ] {
            steps.push(Step { action, reason });
        }
    }
    steps.sort_by_key(|step| (step.action.kind(), step.action.account(), step.action.number()));
    let warnings = texts
        .iter()
        .take(12)
        .map(|text| Warning::Listing {
            account: AccountIndex(0),
            note: ListingNote::NotANumber((*text).into()),
        })
        .collect();
    let live = vec![steps.len(), 1];
    let trouble = |text: &&str| Trouble {
        // A password in what the API says is masked where it is read.
        why: text.replace("hunter2", "x"),
        help: None,
        request_id: None,
    };
    let troubles = texts.iter().take(2).map(|text| (AccountIndex(1), trouble(text))).collect();
    Plan { warnings, troubles, live, ..Plan::from_steps(accounts, steps) }
}

fn hostile_errors(texts: &[&str]) -> Vec<ApiError> {
    texts
        .iter()
        .map(|text| {
            let body = serde_json::json!({"code": 21402, "message": text, "more_info": text}).to_string();
            let response = Response {
                status: 400,
                // What a header may hold: visible ASCII.
                request_id: Some(text.chars().filter(char::is_ascii_graphic).collect()),
                body: body.into_bytes(),
                ..Response::default()
            };
            ApiError::from_response(
                numctl::model::provider::Api::ActiveNumbers,
                Operation::Configure,
                &response,
            )
        })
        .collect()
}

/// A plan in every format, each checked for what acts and for its structure.
pub(crate) fn shown_everywhere(plan: &Plan) -> [String; 4] {
    let refusal =
        guard::check(plan, &Policy::default().limits, &OperatorLimits::default(), None, &Outlook::default());
    let mut plain = String::new();
    text::plan(&mut plain, plan, refusal.as_ref(), None, Style::default()).expect("written");
    inert(&plain);
    let mut coloured = String::new();
    text::plan(&mut coloured, plan, refusal.as_ref(), None, Style { colour: true, ..Style::default() })
        .expect("written");
    let uncoloured = anstream_free(&coloured);
    assert_eq!(uncoloured, plain, "nothing but our own colours");
    let mut comment = String::new();
    markdown::plan(&mut comment, plan, refusal.as_ref(), None).expect("written");
    assert!(comment.len() <= markdown::BYTES_MAX, "{} bytes", comment.len());
    let comment = comment.strip_prefix(markdown::MARKER).expect("the marker of a plan").to_owned();
    inert(&comment);
    structure(&comment);
    let mut out = Vec::new();
    json::plan(&mut out, plan, refusal.as_ref(), None).expect("written");
    [plain, uncoloured, comment, machine_readable(out)]
}

fn reported_everywhere(plan: &Plan, errors: &[ApiError]) -> [String; 2] {
    let end = |at: usize| {
        let failure = Failure::Api(errors[at % errors.len()].clone());
        let outcome = if at.is_multiple_of(2) { Outcome::Failed(failure) } else { Outcome::Unknown(failure) };
        StepEnd { outcome, attempts: 2, instead: None }
    };
    let report =
        Report { plan: plan.clone(), ends: (0..plan.steps.len()).map(end).collect(), interrupted: false };
    let mut plain = String::new();
    outcome::text(&mut plain, &report, Style::default()).expect("written");
    inert(&plain);
    let mut out = Vec::new();
    outcome::json(&mut out, &report, None).expect("written");
    [plain, machine_readable(out)]
}

fn machine_readable(out: Vec<u8>) -> String {
    let out = String::from_utf8(out).expect("UTF-8");
    inert(&out);
    let read: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert!(read["actions"].is_array() && read["digest"].is_string());
    out
}

/// Without our own colours: `ESC [ digits and semicolons m`.
fn anstream_free(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let (code, after) = after.split_once('m').expect("a colour");
        assert!(code.chars().all(|c| c.is_ascii_digit() || c == ';'), "{code:?}");
        rest = after;
    }
    out + rest
}

/// Walks a comment as a Markdown renderer would: foreign text is in fences, which it does not close,
/// and in `<code>`, where nothing of it is markup.
fn structure(comment: &str) {
    let mut fence: Option<String> = None;
    for line in comment.lines() {
        let ticks = line.trim_start_matches(' ').chars().take_while(|c| *c == '`').count();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(open) => assert!(ticks < open.len(), "a fence is closed by {line:?}"),
            None if ticks >= 3 => {
                let language = &line[ticks..];
                assert!(matches!(language, "diff" | "text") && line.starts_with('`'), "{line:?}");
                fence = Some("`".repeat(ticks));
            }
            None => outside(line),
        }
    }
    assert_eq!(fence, None, "a fence stays open");
}

fn outside(line: &str) {
    let known = line.is_empty()
        || ["### numctl plan: ", "| ", "Digest: `", "**", "<details", "</details>", ">"]
            .iter()
            .any(|start| line.starts_with(start))
        || [
            words::PURCHASE_CAUTION,
            words::NO_CHANGES,
            words::NO_CHANGES_BUT_HELD,
            words::NO_CHANGES_BUT_ERRORS,
        ]
        .contains(&line);
    assert!(known, "a line of its own: {line:?}");
    let mut rest = line;
    let mut ours = String::new();
    while let Some((before, after)) = rest.split_once("<code>") {
        let (code, after) = after.split_once("</code>").expect("closed");
        assert!(!code.contains(['<', '>', '"', '`', '*', '_', '[', ']', '@', '|', '\\']), "{code:?}");
        ours.push_str(before);
        rest = after;
    }
    ours.push_str(rest);
    assert!(ours.is_ascii() && !ours.contains('@'), "{line:?}");
    for tag in ours.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or("");
        assert!(
            matches!(tag, "details" | "details open" | "summary" | "/summary" | "/details" | "b" | "/b"),
            "{line:?}"
        );
    }
}
