//! The quick way and libyaml read the same, whatever the text.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

fn by_libyaml(text: &str) -> Option<RawFile> {
    serde_yaml::from_str(text).ok()
}

/// What the quick way takes is what libyaml takes; says whether it took it.
fn is_taken_and_equal(text: &str) -> bool {
    let Some(quick) = read(text, by_libyaml) else { return false };
    let slow = serde_yaml::from_str::<RawFile>(text);
    assert_eq!(format!("{:?}", slow.as_ref().ok()), format!("{:?}", Some(&quick)), "{text:?}: {slow:?}");
    true
}

const HEAD: &str = "version: 1\nprofiles:\n  a:\n    voice: { url: \"https://a.example/\" }\n";

#[test]
fn what_people_and_export_write_is_taken() {
    for entries in [
        "- phone_number: \"+15552230000\"\n",
        "  - phone_number: '+15552230000' # Berlin\n    profile: a\n\n  # more\n  - phone_number: +15552230001\n",
        "  - { phone_number: \"+15552230000\", profile: a, friendly_name: Main line 1 }\n  - {phone_number: '12345'}\n",
        "  - phone_number: \"+15552230000\"\n    friendly_name: \"Zürich – Büro [1\"\n    protect: true\n    state: present\n",
        "  - phone_number: \"+15552230000\"\n    voice:\n      url: https://a.example/x?y=1&z=2#w\n      method: POST\n      caller_id_lookup: true\n      fallback_url: null\n    sms: { url: null, method: GET } # both\n    status_callback: \"\"\n",
        "  - phone_number: \"+15552230000\"\n    tags: { team: support, floor: \"2\" }\n  - phone_number: \"+15552230001\"\n    tags:\n      team: support\n",
        "  - phone_number: \"+15552230000\"\n    voice:\n      trunk: Main\n    sms:\n      messaging_service: \"Support [1\"\n",
        "  - phone_number: \"+15552230000\"\r\n    profile: a\r\n",
        "  - phone_number: \"wrong\"\n    profile: null\n    account: b\n",
    ] {
        for tail in ["", "...\n", "# end\n...\n", "policy:\n  unlisted: ignore\n"] {
            let text = format!("{HEAD}numbers:\n{entries}{tail}");
            assert!(is_taken_and_equal(&text), "{text}");
        }
    }
}

#[test]
fn what_is_unusual_is_left_to_libyaml() {
    let entry = "  - phone_number: \"+15552230000\"\n";
    for (head, entries) in [
        ("---\nversion: 1\n", entry),
        ("version: 1\n...\n", entry),
        ("{ version: 1 }\n", entry),
        (
            "version: 1\nprofiles: { a: { friendly_name: \"x\n",
            "  - phone_number: +15552230000\ny\" } }\n\"numbers\":\n",
        ),
        (HEAD, "  - &a phone_number: \"+15552230000\"\n"),
        (HEAD, "  - phone_number: !x \"+15552230000\"\n"),
        (HEAD, "  - phone_number: \"+1555\\x32230000\"\n"),
        (HEAD, "  - phone_number: \"+15552230000\"\n    profile: a\n      b\n"),
        (HEAD, "  - phone_number: \"+15552230000\"\n    profile: a\n    profile: a\n"),
        (HEAD, "  - phone_number: \"+15552230000\"\n    voice:\n    profile: a\n"),
        (HEAD, "  - phone_number: \"+15552230000\"\n   profile: a\n"),
        (HEAD, "  - phone_number: \"+15552230000\" # a\rprofile: b\n"),
        (HEAD, "  - phone_number: \"+15552230000\" # a\u{85}    profile: b\n"),
        (HEAD, "  - phone_number: \"+15552230000\"\n    protect: yes\n"),
        (HEAD, "  - phone_number: \"+15552230000\"\n    profile: \"a\" b\n"),
        (HEAD, "  - profile: a\n"),
        (HEAD, "  - phone_number: null\n"),
        (HEAD, "\t- phone_number: \"+15552230000\"\n"),
        (HEAD, "  - phone_number: \"+15552230000\"\nnumbers:\n"),
    ] {
        let text = format!("{head}numbers:\n{entries}");
        assert!(read(&text, by_libyaml).is_none(), "{text}");
    }
}

/// Values as they may be written, plain and odd.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(vec![
            "a", "b c", "\"+15552230000\"", "+15552230001", "'x'", "\"\"", "''", "null", "true", "false", "POST", "inf", "nan",
            "https://a.example/x?y=1&z=2#w", "\"https://a.example/[{\"", "12345", "1e3", "0x1f", "\"ü – x\"", "Zürich", "1.5",
        ]).prop_map(str::to_owned),
        2 => select(vec![
            "~", "Null", "NULL", "True", "yes", "a: b", "a #b", "a# b", "- a", "? a", "| ", ">-", "*a", "&a b", "!t a", "%a",
            "@a", "`a", "[a]", "{a: b}", "[", "}", "a, b", "a}b", "a]", "'it''s'", "\"\\n\"", "\"a\\\"b\"", "\"open", "'open",
            "\"a\" b", "a\tb", "a\u{85}b", "\"a\u{2028}b\"", "\u{feff}", "\u{a0}a", "a:", "a:b", ":a", "-", "--- a", "...", "#",
            "", " ", "<<", "=", "\u{7}", "a\r", "-1", "+1", ".5", ".inf", "a ", "\"a\"#b", "\"a\" #b", "'a\\b'", "/a", "_", "$x", "(a)",
        ]).prop_map(str::to_owned),
        1 => "[ -~üß\u{a0}\u{85}\u{2028}\t\r\n]{0,6}",
    ]
}

const KEYS: &[&str] = &[
    "phone_number",
    "phone_number",
    "profile",
    "account",
    "friendly_name",
    "friendly_name",
    "state",
    "on_vanished",
    "protect",
    "status_callback",
    "status_callback_method",
    "address_sid",
    "hold",
    "voice",
    "sms",
    "tags",
    "url",
    "method",
    "caller_id_lookup",
    "trunk_sid",
    "odd",
    "\"profile\"",
    "<<",
];

/// An entry of a shape that the quick way takes.
fn plain_entry() -> impl Strategy<Value = String> {
    let more = vec![
        "profile: a",
        "account: 'b'",
        "friendly_name: \"ü [1\"",
        "state: present",
        "protect: true",
        "status_callback: https://a.example/x",
        "voice: { url: \"https://a.example/{\", caller_id_lookup: null }",
        "sms: { method: GET, messaging_service: Main }",
        "tags: { team: support }",
    ];
    (prop::sample::subsequence(more, 0..5), any::<bool>(), 0_u32..9_999_999).prop_map(
        |(more, is_flow, nth)| {
            let number = format!("phone_number: \"+1555{nth:07}\"");
            let pairs: Vec<&str> = std::iter::once(&*number).chain(more).collect();
            match is_flow {
                true => format!("- {{ {} }}\n", pairs.join(", ")),
                false => format!("- {}\n", pairs.join("\n  ")),
            }
        },
    )
}

fn entry() -> impl Strategy<Value = String> {
    prop_oneof![3 => plain_entry(), 1 => odd_entry()]
}

fn odd_entry() -> impl Strategy<Value = String> {
    let pair = (select(KEYS), value());
    let group = (
        select(vec!["voice", "sms", "tags"]),
        prop::collection::vec(
            (select(vec!["url", "method", "caller_id_lookup", "application", "x"]), value()),
            0..3,
        ),
    );
    (
        value(),
        prop::collection::vec(pair, 0..4),
        prop::option::weighted(0.4, group),
        any::<[bool; 3]>(),
        1usize..4,
    )
        .prop_map(|(number, pairs, group, [is_flow, is_inner_flow, comment], deeper)| {
            let number = if number.len() > 12 { number } else { "\"+15552230000\"".to_owned() };
            let flow = |pairs: &[(&str, String)]| {
                let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{ {} }}", pairs.join(", "))
            };
            let mut all = vec![("phone_number", number)];
            all.extend(pairs);
            let end = if comment { " # x" } else { "" };
            if is_flow {
                if let Some((key, inner)) = &group {
                    all.push((key, flow(inner)));
                }
                return format!("- {}{end}\n", flow(&all));
            }
            let mut text = String::new();
            for (at, (key, value)) in all.iter().enumerate() {
                text += &format!("{}{key}: {value}{end}\n", if at == 0 { "- " } else { "  " });
            }
            match group {
                Some((key, inner)) if is_inner_flow => text += &format!("  {key}: {}{end}\n", flow(&inner)),
                Some((key, inner)) => {
                    text += &format!("  {key}:\n");
                    for (inner, value) in inner {
                        text += &format!("  {}{inner}: {value}\n", " ".repeat(deeper));
                    }
                }
                None => {}
            }
            text
        })
}

fn file() -> impl Strategy<Value = String> {
    let head = select(vec![
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        HEAD,
        "version: 1\n",
        "# x\n\nversion: 1\ndefaults: { protect: true }\n",
        "version: 1\nprofiles:\n",
        "---\nversion: 1\n",
        "version: 1\ndefaults:\n  friendly_name: |+\n    x\n\n",
        "version: 1\ndefaults: { friendly_name: \"x\n",
        "{version: 1}\n",
        "version: 1\n...\n",
        "? version\n: 1\n",
        "version: 1\ndefaults:\n  friendly_name: x\n",
        "version: 1\nx\n",
        "%YAML 1.1\n---\nversion: 1\n",
    ]);
    let tail = select(vec![
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "...\n",
        "... # x\n",
        "# x\n",
        "policy: {}\n",
        "claims:\n",
        "numbers:\n",
        "\"numbers\":\n",
        "x\" }\n",
        "\n\n...\n---\n",
        "---\n",
        " x\n",
        "policy:",
    ]);
    let indent = select(vec!["", "  ", "  ", "    "]);
    let line = select(vec![
        "numbers:",
        "numbers:",
        "numbers:",
        "numbers:",
        "numbers:",
        "numbers:",
        "numbers:",
        "numbers:",
        "numbers: # x",
        "numbers: ",
        "numbers :",
        "numbers:\t",
        "numbers: []",
        "numbers: ~",
    ]);
    let oddity = (
        select(vec![
            "\r", "\t", " ", "\n", "#", ":", "\"", "'", "-", "{", "}", ",", "\u{85}", "x", "&", "\\",
        ]),
        any::<Index>(),
        any::<bool>(),
    );
    (
        head,
        line,
        indent,
        prop::collection::vec(entry(), 1..4),
        tail,
        prop::option::weighted(0.3, oddity),
        any::<[bool; 2]>(),
    )
        .prop_map(|(head, line, indent, entries, tail, oddity, [returns, every])| {
            let mut text = format!("{head}{line}\n");
            // The same oddity in every entry, or in one place.
            let mut place = None;
            for entry in &entries {
                let mut entry = entry.clone();
                if let Some((odd, at, _)) = &oddity {
                    if every {
                        let at = (0..=entry.len())
                            .rev()
                            .filter(|at| entry.is_char_boundary(*at))
                            .nth(at.index(entry.chars().count() + 1));
                        entry.insert_str(at.unwrap_or(0), odd);
                    } else {
                        place = Some((odd, *at));
                    }
                }
                for line in entry.split_inclusive('\n') {
                    text += indent;
                    text += line;
                }
            }
            text += tail;
            if let Some((odd, at)) = place {
                let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                text.insert_str(places[at.index(places.len())], odd);
            }
            if returns { text.replace('\n', "\r\n") } else { text }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_file_reads_the_same(text in file()) {
        is_taken_and_equal(&text);
    }
}

#[test]
fn a_good_part_of_those_files_is_taken() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let taken = (0..1_000).filter(|_| {
        let tree = file().new_tree(&mut runner).expect("a file");
        is_taken_and_equal(&proptest::strategy::ValueTree::current(&tree))
    });
    // Else the test above would compare nothing.
    assert!(taken.count() > 100);
}
