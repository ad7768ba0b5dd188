//! Plans and errors on terminals of every width.

use super::harness::{Bench, Sandbox};
use super::terminal::Terminal;

const DUMB: (&str, &str) = ("TERM", "dumb");

fn fleet(word: &str) -> String {
    let (before, after) = ("a".repeat(90), "b".repeat(90));
    format!(
        "version: 1\nnumbers:\n  - {{phone_number: \"+15552230000\", friendly_name: A name that is long for a narrow terminal, \
         voice: {{url: \"https://voice.example.com/{before}/{word}/{after}\"}}}}\n  - phone_number: \"+15552230100\"\n"
    )
}

#[test]
fn a_plan_fits_every_terminal_and_its_differences_are_seen() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.apply(&fleet("answer")).exits(0);
    bench.write("fleet.yaml", &fleet("reply"));
    for columns in [40, 53, 80, 120, 200] {
        let shown = Terminal { columns, env: DUMB }.run(&bench, &["plan", "-f", "fleet.yaml"], "");
        let text = shown.text();
        for line in text.lines().filter(|line| line.contains(' ')) {
            assert!(line.chars().count() <= columns, "{columns}: {line:?}\n{text}");
        }
        let marked =
            |sign: &str| text.lines().find(|line| line.trim_start().starts_with(sign)).map(str::to_owned);
        let (old, new) = (marked("- https").expect(&text), marked("+ https").expect(&text));
        assert!(old.contains("answer") && new.contains("reply"), "{columns}:\n{text}");
        assert_eq!(old.contains('…'), columns < 230, "{columns}: {old}");
    }
    // A pipe has all of it.
    bench
        .run(&["plan", "-f", "fleet.yaml"])
        .exits(0)
        .says(&"b".repeat(90))
        .says(&"a".repeat(90))
        .never_says("…");
}

#[test]
fn errors_are_wrapped_at_words_and_places_in_files_are_not() {
    let bench = Bench::alone();
    bench.write(
        "fleet.yaml",
        "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", voice: {url: \"https://${HOST}/v\"}}\n",
    );
    let terminal = Terminal { columns: 44, env: DUMB };
    let text = terminal.run(&bench, &["validate", "fleet.yaml"], "").text();
    let is_excerpt =
        |line: &str| line.trim_start().starts_with(|c: char| c.is_ascii_digit() || "|-".contains(c));
    let wrapped: Vec<&str> = text.lines().filter(|line| !is_excerpt(line)).collect();
    assert!(wrapped.len() > 4 && wrapped.iter().all(|line| line.chars().count() <= 44), "{text}");
    assert!(text.contains("url: \"https://${HOST}/v\""), "{text}");
    let text = terminal.run(&bench, &["destroy"], "").text();
    assert!(text.lines().count() > 1 && text.lines().all(|line| line.chars().count() <= 44), "{text}");
}
