//! The desired-state file: what it means, whatever way it is written, and that a file cut short
//! never means more releases.

mod schema;

use std::sync::Arc;

use numctl::desired::finding::render_findings;
use numctl::desired::{
    CredentialsAt, DeclaredState, Desired, Findings, Format, Limit, Parsed, Severity, Source, Unlisted,
};
use numctl::model::settings::{Field, Value, Want};
use proptest::prelude::*;

const SAMPLE: &str = r#"
version: 1
accounts:                       # optional: without it, one account named "default", from the environment
  main:
    sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    credentials: { env: TWILIO }          # reads TWILIO_API_KEY+TWILIO_API_SECRET, else TWILIO_AUTH_TOKEN
  emea:
    sid: ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    parent: main
    credentials: { env: EMEA }
policy:
  unlisted: ignore
  max_purchases: 10
  max_releases: 0
  max_changes: 100%
defaults:                       # applied to every number
  account: main
  voice: { method: POST }
profiles:                       # named configurations
  support:
    status_callback: https://voice.example.com/status
    voice: { url: https://voice.example.com/answer, fallback_url: https://backup.example.com/answer }
    sms: { url: https://voice.example.com/sms }
numbers:
  - phone_number: "+15552230000"
    profile: support
    account: emea
    friendly_name: Support line, New York
    protect: true
    voice: { caller_id_lookup: true }
  - phone_number: "+15552230001"
    state: released
"#;

fn source(name: &str, text: &str, format: Format) -> Source {
    Source { name: name.into(), text: text.to_owned(), format }
}

fn parse(text: &str) -> Result<Parsed, Findings> {
    Desired::parse(&[source("fleet.yaml", text, Format::Yaml)])
}

fn parsed(text: &str) -> Parsed {
    parse(text).unwrap_or_else(|findings| panic!("{findings}\n{text}"))
}

/// `voice.url = …`, one line per managed field of a number.
fn settings(parsed: &Parsed, number: &str) -> Vec<String> {
    let number = number.parse().expect("a number");
    let declared = parsed.desired.declared(number).expect("declared");
    declared
        .settings
        .iter()
        .map(|(field, want)| match want {
            Want::Clear => format!("{field} cleared"),
            Want::Set(value) => format!("{field} = {}", value.wire()),
        })
        .collect()
}

#[test]
fn the_contracts_sample_means_what_it_says() {
    let parsed = parsed(SAMPLE);
    let desired = &parsed.desired;
    let names: Vec<_> = desired.accounts.iter().map(|account| &*account.name).collect();
    assert_eq!(names, ["emea", "main"]);
    let emea = &desired.accounts[0];
    assert_eq!(emea.sid.map(|sid| sid.to_string()), Some(format!("AC{}", "b".repeat(32))));
    assert_eq!(emea.parent.map(|index| desired.account(index).name.to_string()).as_deref(), Some("main"));
    assert_eq!(
        match &emea.access.credentials {
            Some(CredentialsAt::Env(prefix)) => Some(prefix.variable("AUTH_TOKEN")),
            Some(CredentialsAt::File(_)) | None => None,
        }
        .as_deref(),
        Some("EMEA_AUTH_TOKEN")
    );
    assert_eq!(desired.policy.unlisted, Unlisted::Ignore);
    assert_eq!(desired.policy.limits.purchases, Limit::Count(10));
    assert_eq!(desired.policy.limits.releases, Limit::Count(0));
    assert_eq!(desired.policy.limits.changes, Limit::Percent(100));
    let [support, gone] = &desired.numbers[..] else { panic!("{:?}", desired.numbers) };
    assert_eq!(support.number.to_string(), "+15552230000");
    assert_eq!(&*desired.account(support.account).name, "emea");
    assert!(support.protect && support.state == DeclaredState::Present);
    assert_eq!(
        settings(&parsed, "+15552230000"),
        [
            "friendly_name = Support line, New York",
            "status_callback = https://voice.example.com/status",
            "voice.url = https://voice.example.com/answer",
            "voice.method = POST",
            "voice.fallback_url = https://backup.example.com/answer",
            "voice.caller_id_lookup = true",
            "sms.url = https://voice.example.com/sms",
        ]
    );
    assert_eq!(
        (gone.number.to_string().as_str(), gone.state, gone.protect),
        ("+15552230001", DeclaredState::Released, false)
    );
    assert_eq!(&*desired.account(gone.account).name, "main");
    assert!(gone.settings.is_empty());
    // The file is right as it is: what there is to say of it is no warning.
    let shown = render_findings(&parsed.notes, false);
    assert_eq!((parsed.warnings.len(), parsed.notes.len()), (0, 2), "{shown}");
    assert!(shown.contains("`friendly_name`") && shown.contains("`voice.caller_id_lookup`"), "{shown}");
    assert!(parsed.notes.iter().all(|note| note.severity == Severity::Note));
}

#[test]
fn an_unquoted_number_is_that_number_or_an_error_wherever_it_stands() {
    // In its place it keeps its text; everywhere else that takes text, digits stay digits.
    let places = [
        "numbers: [{ phone_number: N }]",
        "numbers:\n  - phone_number: N",
        "numbers:\n  - { phone_number: N, protect: false }",
        "numbers:\n  - protect: false\n    phone_number: N # comment",
        "numbers:\n  -\n    phone_number:\n      N",
        "numbers:\n  - phone_number: &n N",
        "numbers:\n  - phone_number: !!str N",
        "profiles: { p: { friendly_name: &n N } }\nnumbers:\n  - { phone_number: *n, profile: p }",
        "numbers:\n  - { phone_number: N, state: released }",
        "numbers:\n  - ? phone_number\n    : N",
    ];
    for place in places {
        for written in ["+15552230000", "\"+15552230000\"", "'+15552230000'"] {
            let text = format!("version: 1\n{}\n", place.replace('N', written));
            let numbers = parsed(&text).desired.numbers;
            assert_eq!(numbers.len(), 1);
            assert_eq!(numbers[0].number.to_string(), "+15552230000", "{text}");
        }
        for written in ["15552230000", "\"15552230000\"", "015552230000", "1.5552230000e10", "1_555_223_0000"]
        {
            let text = format!("version: 1\n{}\n", place.replace('N', written));
            let errors = parse(&text).expect_err(&text).to_string();
            assert!(
                errors.contains("+15552230000\"") || errors.contains("a national prefix"),
                "{text}{errors}"
            );
        }
    }
    let json = |number: &str| {
        let text = format!("{{\"version\": 1, \"numbers\": [{{\"phone_number\": {number}}}]}}");
        [Format::Json, Format::Yaml].map(|format| Desired::parse(&[source("fleet.json", &text, format)]))
    };
    for good in json("\"+15552230000\"") {
        assert_eq!(good.expect("quoted").desired.numbers[0].number.to_string(), "+15552230000");
    }
    for bad in ["15552230000", "15552230000.0", "-15552230000", "\"15552230000\"", "5552230000"] {
        for result in json(bad) {
            result.expect_err(bad);
        }
    }
    // The text of other fields survives as well.
    let text = "version: 1\nprofiles: { +15552230000: { friendly_name: +15552230009 } }\n\
                numbers: [{ phone_number: +15552230000, profile: +15552230000 }]\n";
    assert_eq!(settings(&parsed(text), "+15552230000"), ["friendly_name = +15552230009"]);
}

#[test]
fn the_number_wins_over_its_profile_and_that_over_the_defaults() {
    let parsed = parsed(
        "version: 1
defaults:
  voice: { url: https://d.example, method: GET }
  sms: { url: https://d.example }
  protect: true
profiles:
  p: { voice: { url: https://p.example, fallback_url: https://p.example/f }, sms: { url: null } }
numbers:
  - phone_number: '+15552230000'
  - { phone_number: '+15552230001', profile: p }
  - { phone_number: '+15552230002', profile: p, protect: false, voice: { url: https://n.example, method: '' }, sms: { url: ~ } }
  - { phone_number: '+15552230003', profile: p }
",
    );
    let plain = ["voice.url = https://d.example", "voice.method = GET", "sms.url = https://d.example"];
    assert_eq!(settings(&parsed, "+15552230000"), plain);
    assert_eq!(
        settings(&parsed, "+15552230001"),
        [
            "voice.url = https://p.example",
            "voice.method = GET",
            "voice.fallback_url = https://p.example/f",
            "sms.url cleared"
        ]
    );
    assert_eq!(
        settings(&parsed, "+15552230002"),
        [
            "voice.url = https://n.example",
            "voice.method cleared",
            "voice.fallback_url = https://p.example/f",
            "sms.url cleared"
        ]
    );
    let protect: Vec<_> = parsed.desired.numbers.iter().map(|declared| declared.protect).collect();
    assert_eq!(protect, [true, true, false, true]);
    // Numbers without settings of their own share them: a million numbers cost little.
    let [_, one, _, three] = &parsed.desired.numbers[..] else { panic!("four numbers") };
    let address = |managed: &numctl::model::settings::Managed| {
        managed.iter().next().map(|(_, want)| std::ptr::from_ref(want))
    };
    assert_eq!(address(&one.settings), address(&three.settings));
}

#[test]
fn warnings_name_the_first_place_and_count() {
    let parsed = parsed(
        "version: 1
profiles: { unused: {} }
numbers:
  - { phone_number: '+15552230000', friendly_name: A, voice: { emergency_status: Active } }
  - { phone_number: '+15552230001', friendly_name: B, voice: { url: http://u:hunter2@a.example } }
  - { phone_number: '+15552230002', state: released, sms: { url: https://a.example } }
",
    );
    let shown = render_findings(&parsed.warnings, false);
    for part in [
        "no number uses the profile \"unused\"",
        "`voice.emergency_status` has no effect",
        "uses http://",
        "settings have no effect on a number with `state: released`",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert_eq!(parsed.warnings.len(), 4, "{shown}");
    let notes = render_findings(&parsed.notes, false);
    let note = "note: Twilio's ActiveNumbers reference does not list `friendly_name` as a parameter (2 places)\n \
                --> fleet.yaml:4:";
    assert!(notes.contains(note), "{notes}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(parsed.warnings.iter().all(|warning| !warning.json().to_string().contains("hunter2")));
    assert!(render_findings(&parsed.warnings, true).contains('\u{1b}'));
}

/// The numbers that a file would have released, of a fleet of which it names all but one.
fn releases(desired: &Desired, live: &[&str]) -> Vec<String> {
    live.iter()
        .filter(|number| match desired.declared(number.parse().expect("a number")) {
            Some(declared) => declared.state == DeclaredState::Released,
            None => desired.policy.unlisted == Unlisted::Release,
        })
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_file_cut_anywhere_releases_nothing_more() {
    let live =
        ["+15552230000", "+15552230001", "+15552230002", "+15552230009", "+442079460000", "+44207946000"];
    let head = "policy: { unlisted: release, max_releases: 5 }\n";
    let numbers = "numbers:\n  - phone_number: +15552230000\n    protect: true\n  - phone_number: \"+15552230001\"\n  \
                   - {phone_number: +15552230002, friendly_name: x}\n  - state: released\n    phone_number: +442079460000\n";
    for text in [
        format!("version: 1\n{head}{numbers}...\n"),
        format!("version: 1\n{numbers}{head}...\n"),
        format!("{head}{numbers}version: 1\n...\n"),
        format!("version: 1\n{head}{numbers}\n...  \n\n"),
    ] {
        let whole = releases(&parsed(&text).desired, &live);
        assert_eq!(whole, ["+15552230009", "+442079460000", "+44207946000"]);
        for cut in 0..text.len() {
            if let Ok(parsed) = parse(&text[..cut]) {
                for number in releases(&parsed.desired, &live) {
                    assert!(whole.contains(&number), "{number} after cut {cut}:\n{}", &text[..cut]);
                }
                // Only what lost its `unlisted: release` or nothing but white space still parses.
                let lost = parsed.desired.policy.unlisted != Unlisted::Release;
                assert!(lost || text[cut..].trim().is_empty(), "{}", &text[..cut]);
                // The tombstone, had it been cut, must not name another number.
                for declared in parsed.desired.numbers.iter().filter(|d| d.state == DeclaredState::Released) {
                    assert_eq!(declared.number.to_string(), "+442079460000");
                }
            }
        }
    }
}

/// What nothing replaces goes live as it is, and Twilio calls webhooks over the internet.
#[test]
fn webhooks_that_the_vendor_cannot_reach_are_told_of() {
    let parsed = parsed(
        "version: 1
defaults: { status_callback: https://localhost/status }
profiles: { p: { voice: { url: 'https://10.0.0.5/answer', fallback_url: 'https://[fe80::1]/x' } } }
numbers:
  - { phone_number: '+15552230000', profile: p, sms: { url: https://sms.internal/x } }
  - { phone_number: '+15552230001', profile: p, sms: { url: 'https://a.example/x', fallback_url: 'https://192.168.0.9/x' } }
",
    );
    let shown = render_findings(&parsed.warnings, false);
    for part in [
        "at a loopback address",
        "at a private address",
        "at a link-local address",
        "that exists only on a local network",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(
        shown.contains(
            "at a private address: Twilio calls webhooks over the internet and cannot reach it (2 places)"
        ),
        "{shown}"
    );
}

/// However many mistakes there are: each kind is shown a few times, with how often it comes, and no text or
/// number of names makes it slow.
#[test]
fn thousands_of_mistakes_are_told_in_a_few_lines_and_in_no_time() {
    const MANY: usize = 5_000;
    let many = |line: &dyn Fn(usize) -> String| (0..MANY).map(line).collect::<String>();
    let number = |at: usize| format!("+1555{:07}", 2_000_000 + at);
    let urls = "http://u:hunter2@a".repeat(20_000);
    let files = [
        many(&|at| format!("  - {{ phone_number: '{}', voice: {{ url: nonsense }} }}\n", number(at))),
        many(&|at| format!("  - {{ phone_number: '{}', profile: wrong-{at} }}\n", number(at)))
            + "profiles:\n"
            + &many(&|at| format!("  right-{at}: {{}}\n")),
        many(&|at| format!("  - {{ phone_number: '{}', account: wrong-{at} }}\n", number(at)))
            + "accounts:\n"
            + &many(&|at| format!("  right-{at}: {{ sid: AC{at:032x}, parent: wrong-{at} }}\n")),
        many(&|_| "  - { phone_number: '+15552230000' }\n".to_owned()),
        format!("  - {{ phone_number: '+15552230000', state: '{urls}' }}\n"),
    ];
    for numbers in files {
        let began = std::time::Instant::now();
        let findings = parse(&format!("version: 1\nnumbers:\n{numbers}")).expect_err("mistakes");
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
        let shown = findings.render(false);
        assert!(shown.lines().count() < 120 && !shown.contains("hunter2"), "{}", shown.lines().count());
        assert!(findings.errors() == 1 || findings.errors() >= MANY - 1, "{}", findings.errors());
        let listed: u64 = findings
            .json()
            .as_array()
            .expect("a list")
            .iter()
            .map(|f| 1 + f["more"].as_u64().expect("a count"))
            .sum();
        assert_eq!(listed, findings.errors() as u64);
    }
}

/// What is declared below a directory counts as much as what is in it.
#[cfg(unix)]
#[test]
fn folders_below_a_directory_are_read_too() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, number: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, format!("version: 1\nnumbers: [{{ phone_number: '{number}' }}]\n"))
            .expect("written");
    };
    write("fleet/a.yaml", "+15552230000");
    write("fleet/teams/b.YAML", "+15552230001");
    write("fleet/teams/deep/down/c.yml", "+15552230002");
    write("fleet/.git/d.yaml", "not read");
    write("fleet/teams/.e.yaml", "not read");
    write("elsewhere/f.yaml", "+15552230003");
    // As Kubernetes mounts a ConfigMap, below another one.
    write("fleet/mount/..2026_11_29/g.yaml", "+15552230004");
    symlink("..2026_11_29", folder.path().join("fleet/mount/..data")).expect("linked");
    symlink("..data/g.yaml", folder.path().join("fleet/mount/g.yaml")).expect("linked");
    // Links to folders are followed, also where they lead in circles.
    symlink("../elsewhere", folder.path().join("fleet/linked")).expect("linked");
    symlink("..", folder.path().join("fleet/teams/up")).expect("linked");
    symlink("../..", folder.path().join("fleet/teams/top")).expect("linked");
    let sources = numctl::desired::load::load(&[folder.path().join("fleet")])
        .unwrap_or_else(|findings| panic!("{findings}"));
    let parsed = Desired::parse(&sources).unwrap_or_else(|findings| panic!("{findings}"));
    let numbers: Vec<String> =
        parsed.desired.numbers.iter().map(|declared| declared.number.to_string()).collect();
    assert_eq!(numbers, (0..5).map(|at| format!("+1555223000{at}")).collect::<Vec<_>>());

    symlink("nowhere", folder.path().join("fleet/teams/deep/gone.yaml")).expect("linked");
    let refused = numctl::desired::load::load(&[folder.path().join("fleet")])
        .expect_err("a link to nothing")
        .to_string();
    assert!(refused.contains("gone.yaml") && refused.contains("there is no such file"), "{refused}");
}

#[test]
fn directories_and_stdin_like_names_are_one_fleet() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("b.yml"),
        "version: 1\nnumbers: [{ phone_number: +15552230001, profile: p }]\n",
    )
    .expect("b");
    std::fs::write(
        folder.path().join("a.yaml"),
        "version: 1\nprofiles: { p: { voice: { url: https://a.example } } }\n",
    )
    .expect("a");
    std::fs::write(folder.path().join("c.json"), "{\"version\": 1, \"policy\": {\"max_purchases\": 3, \"max_changes\": \"5%\"}, \"numbers\": [{\"phone_number\": \"+15552230000\", \"voice\": {\"url\": null, \"caller_id_lookup\": false}}]}").expect("c");
    std::fs::write(folder.path().join(".d.yaml"), "not: read").expect("d");
    let twice = [folder.path().to_owned(), folder.path().join("b.yml")];
    let sources = numctl::desired::load::load(&twice).expect("three files");
    assert_eq!(sources.len(), 3);
    let parsed = Desired::parse(&sources).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(settings(&parsed, "+15552230000"), ["voice.url cleared", "voice.caller_id_lookup = false"]);
    assert_eq!(settings(&parsed, "+15552230001"), ["voice.url = https://a.example"]);
    assert_eq!(parsed.desired.policy.limits.purchases, Limit::Count(3));
    assert_eq!(parsed.desired.policy.limits.changes, Limit::Percent(5));

    let fifo = folder.path().join("pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    if made.is_ok_and(|status| status.success()) {
        let refused =
            numctl::desired::load::load(std::slice::from_ref(&fifo)).expect_err("a FIFO").to_string();
        assert!(refused.contains("not a regular file"), "{refused}");
    }
    let missing =
        numctl::desired::load::load(&[folder.path().join("none.yaml")]).expect_err("none").to_string();
    assert!(missing.contains("there is no such file") && missing.contains("none.yaml"), "{missing}");
    let large = folder.path().join("large.yaml");
    std::fs::File::create(&large).and_then(|file| file.set_len((64 << 20) + 1)).expect("a large file");
    let refused = numctl::desired::load::load(&[large]).expect_err("too large").to_string();
    assert!(refused.contains("larger than 64 MiB"), "{refused}");
}

fn without_places(parsed: &Parsed) -> (Vec<String>, String) {
    let desired = &parsed.desired;
    let numbers = desired
        .numbers
        .iter()
        .map(|n| format!("{} {:?} {:?} {} {:?}", n.number, n.account, n.state, n.protect, n.settings))
        .collect();
    (numbers, format!("{:?} {:?}", desired.accounts, desired.policy))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_files_and_entries_does_not_matter(
        order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(),
        files in Just((0..4usize).collect::<Vec<_>>()).prop_shuffle(),
        names in Just(vec!["a", "b", "c", "d"]).prop_shuffle(),
    ) {
        let build = |order: &[usize], files: &[usize], names: &[&str]| {
            let mut texts = [
                "version: 1\naccounts: { m: { sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }, n: { sid: ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, parent: m } }\n".to_owned(),
                "version: 1\nprofiles: { p: { voice: { url: https://p.example } } }\npolicy: { unlisted: report }\n".to_owned(),
                "version: 1\ndefaults: { account: m, sms: { method: GET } }\nnumbers:\n".to_owned(),
                "version: 1\nnumbers:\n".to_owned(),
            ];
            for (place, entry) in order.iter().enumerate() {
                let extra = ["", ", profile: p", ", account: n", ", state: released"][entry % 4];
                texts[2 + place % 2].push_str(&format!("  - {{ phone_number: +155522300{entry:02}{extra} }}\n"));
            }
            let sources: Vec<Source> = files
                .iter()
                .map(|at| source(names[*at], &texts[*at], Format::Yaml))
                .collect();
            without_places(&Desired::parse(&sources).expect("a good fleet"))
        };
        let straight = build(&(0..12).collect::<Vec<_>>(), &[0, 1, 2, 3], &["a", "b", "c", "d"]);
        prop_assert_eq!(build(&order, &files, &names), straight);
    }

    #[test]
    fn no_text_panics_or_shows_control_characters(text in "(version: 1\n)?[\\x00-\\x7fé🎉+*&<>:{}\\[\\]\"' \n-]{0,80}") {
        for format in [Format::Yaml, Format::Json] {
            if let Err(findings) = Desired::parse(&[source("x", &text, format)]) {
                let shown = findings.render(false);
                prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", shown);
            }
        }
    }
}

#[test]
fn a_value_is_told_from_a_cleared_one_and_from_none() {
    let text = "version: 1\nnumbers: [{ phone_number: +15552230000, voice: { url: null, method: '', fallback_method: get } }]";
    let parsed = parsed(text);
    let managed = &parsed.desired.numbers[0].settings;
    assert_eq!(managed.get(Field::VoiceUrl), Some(&Want::Clear));
    assert_eq!(managed.get(Field::VoiceMethod), Some(&Want::Clear));
    assert_eq!(managed.get(Field::SmsUrl), None);
    assert!(matches!(managed.get(Field::VoiceFallbackMethod), Some(Want::Set(Value::Method(_)))));
    let name: Arc<str> = parsed.desired.files[0].clone();
    assert_eq!(&*name, "fleet.yaml");
}

#[test]
fn deep_nesting_is_refused_before_it_costs_anything() {
    // libyaml takes time in the square of the depth: 100 kB of this took a minute.
    for open in ["[", "{a: "] {
        let text = format!("version: 1\nnumbers: {}", open.repeat(1_000_000));
        let refused = parse(&text).expect_err("too deep").to_string();
        assert!(refused.contains("nested too deeply"), "{refused}");
    }
}

#[test]
fn brackets_in_text_and_comments_are_not_nesting() {
    let entry = |nth: usize, name: &str| {
        format!("  - phone_number: \"+1555{nth:07}\"\n    friendly_name: {name} # as in [x, {{\n")
    };
    for name in ["Sales [1", "\"Sales {1\"", "'[[ Sales'"] {
        let entries: String = (0..300).map(|nth| entry(nth, name)).collect();
        // Through the quick way, and through libyaml.
        for head in ["", "---\n"] {
            let text = format!("{head}version: 1\nnumbers:\n{entries}");
            assert_eq!(parsed(&text).desired.numbers.len(), 300);
            // What is really deep is still found behind it, at its place.
            let deep = format!("{text}claims: {}", "[".repeat(1_000));
            let refused = parse(&deep).expect_err("too deep").to_string();
            assert!(refused.contains("nested too deeply"), "{refused}");
        }
    }
    let dashes = format!(
        "version: 1\nnumbers: []\nprofiles:\n  a:\n    friendly_name: |\n      {}\n",
        "- ".repeat(300)
    );
    let told = parse(&dashes).expect_err("no number").to_string();
    assert!(!told.contains("nested too deeply"), "{told}");
}
