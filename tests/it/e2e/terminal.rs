//! What a person sees: the real binary on a pseudo-terminal that `script` gives it, at three widths, with
//! colour, without it, and on a terminal that can do nothing.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::harness::{Bench, Sandbox};

/// A terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    pub(super) columns: usize,
    pub(super) env: (&'static str, &'static str),
}

/// What was shown, with all that moves and colours it.
pub(super) struct Shown {
    pub(super) code: Option<i32>,
    raw: String,
}

impl Terminal {
    const ENVS: [(&'static str, &'static str); 3] =
        [("TERM", "xterm-256color"), ("NO_COLOR", "1"), ("TERM", "dumb")];

    fn all() -> impl Iterator<Item = Self> {
        [40, 80, 200]
            .into_iter()
            .flat_map(|columns| Self::ENVS.into_iter().map(move |env| Self { columns, env }))
    }

    fn has_colour(self) -> bool {
        self.env == Self::ENVS[0]
    }

    fn is_dumb(self) -> bool {
        self.env == Self::ENVS[2]
    }

    /// Runs a command, of which the arguments have no blanks; `typed` comes from the keyboard.
    pub(super) fn run(self, bench: &Bench, args: &[&str], typed: &str) -> Shown {
        let line = format!(
            "stty -echo cols {} rows 24; exec {} {}",
            self.columns,
            env!("CARGO_BIN_EXE_numctl"),
            args.join(" ")
        );
        let env: Vec<_> = bench
            .command(&[])
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env_clear().envs(env).current_dir(bench.path());
        script.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh").env("TERM", "xterm-256color");
        script.env(self.env.0, self.env.1);
        let script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut script = script.spawn().expect("`script`, which Debian's bsdutils have");
        script.stdin.take().expect("stdin").write_all(typed.as_bytes()).expect("typed");
        let output = script.wait_with_output().expect("an end");
        Shown { code: output.status.code(), raw: String::from_utf8(output.stdout).expect("UTF-8") }
    }

    /// Runs it, and holds it to what is true of everything that is shown.
    #[track_caller]
    fn shows(self, bench: &Bench, args: &[&str], typed: &str, parts: &[&str]) -> Shown {
        let shown = self.run(bench, args, typed);
        let text = shown.text();
        for part in parts {
            assert!(text.contains(part), "{self:?} {args:?}: no {part:?} in\n{}", shown.raw);
        }
        assert!(!shown.raw.contains("\\u{1b}"), "{self:?} {args:?}: colour is spelt out in\n{}", shown.raw);
        if !self.has_colour() {
            assert!(!shown.has_colour(), "{self:?} {args:?}: colour in\n{:?}", shown.raw);
        }
        if self.is_dumb() {
            assert!(!shown.raw.contains('\u{1b}'), "{self:?} {args:?}: moves in\n{:?}", shown.raw);
        }
        shown
    }
}

impl Shown {
    /// Without what moves and colours it.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut rest = self.raw.as_str();
        while let Some((before, escape)) = rest.split_once('\u{1b}') {
            text.push_str(before);
            rest = escape.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, after)| after);
        }
        (text + rest).replace('\r', "\n")
    }

    /// Whether a sequence that ends in `m` is there: colour, bold.
    fn has_colour(&self) -> bool {
        self.raw.split("\u{1b}[").skip(1).any(|escape| {
            escape.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
        })
    }
}

const BAD: &str = "version: 1\nnumbers:\n  - phone_number: \"+1555\"\n";
const DOUBTFUL: &str =
    "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    voice: { url: http://a.example/v }\n";

#[test]
fn errors_and_warnings_about_files_are_for_people() {
    let bench = Bench::alone();
    bench.write("bad.yaml", BAD);
    bench.write("doubtful.yaml", DOUBTFUL);
    for terminal in Terminal::all() {
        for command in ["validate", "plan"] {
            let parts = ["error: \"+1555\" has 3 digits", " --> bad.yaml:3:19", "^^^^^^^"];
            let shown = terminal.shows(&bench, &[command, "-f", "bad.yaml"], "", &parts);
            assert_eq!((shown.code, shown.has_colour()), (Some(1), terminal.has_colour()));
            assert!(!shown.text().contains("error: error"), "{}", shown.raw);
        }
        let shown =
            terminal.shows(&bench, &["validate", "-f", "missing.yaml"], "", &["error: ", "missing.yaml"]);
        assert_eq!(shown.code, Some(1));
        let parts = ["warning: ", " --> doubtful.yaml:4:", "Valid: 1 number"];
        let shown = terminal.shows(&bench, &["validate", "-f", "doubtful.yaml"], "", &parts);
        assert_eq!((shown.code, shown.has_colour()), (Some(0), terminal.has_colour()));
        // What is no finding on a file, and what clap says.
        let shown =
            terminal.shows(&bench, &["plan", "-f", "doubtful.yaml"], "", &["error: ", "TWILIO_ACCOUNT_SID"]);
        assert_eq!((shown.code, shown.has_colour()), (Some(1), terminal.has_colour()));
        let shown =
            terminal.shows(&bench, &["run", "-f", "f", "--interval", "1ns"], "", &["error: ", "100ms"]);
        assert_eq!(shown.code, Some(1));
    }
}

/// What a file says never acts, also where colour does.
#[test]
fn a_file_colours_nothing() {
    let bench = Bench::alone();
    bench.write("bad.yaml", "version: 1\nnumbers:\n  - phone_number: \"+1\\x1b[31m\u{9b}31m555\"\n");
    for terminal in Terminal::all() {
        let shown = terminal.run(&bench, &["validate", "-f", "bad.yaml"], "");
        assert_eq!(shown.code, Some(1));
        assert!(!shown.raw.contains("\u{1b}[31m") && !shown.raw.contains('\u{9b}'), "{:?}", shown.raw);
    }
}

#[test]
fn plans_progress_prompts_and_logs_are_for_people() {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "12", "--latency", "5ms"]);
    let entry = |at: usize| format!("  - {{phone_number: \"+155522300{at:02}\", friendly_name: NAME}}\n");
    let entries: String = (0..12).map(entry).collect();
    let names = ["Support, New York", "Sales"].iter().cycle();
    for (terminal, name) in Terminal::all().zip(names) {
        bench.write(
            "fleet.yaml",
            &format!("version: 1\nnumbers:\n{entries}").replace("NAME", &format!("\"{name}\"")),
        );
        let shown =
            terminal.shows(&bench, &["plan", "-f", "fleet.yaml"], "", &["friendly_name", "12 to configure"]);
        assert_eq!((shown.code, shown.has_colour()), (Some(0), terminal.has_colour()));
        let asks = "Apply this plan? Only `yes` is taken for it:";
        let shown = terminal.shows(&bench, &["apply", "-f", "fleet.yaml"], "no\n", &[asks, "Not applied."]);
        assert_eq!(shown.code, Some(1));
        let writes = sandbox.writes();
        let parts = [asks, "[12/12]", "12 succeeded"];
        let shown = terminal.shows(&bench, &["apply", "-f", "fleet.yaml"], "yes\n", &parts);
        assert_eq!((shown.code, sandbox.writes()), (Some(0), writes + 12));
        // A bar that is wider than the terminal could not be taken back.
        let text = shown.text();
        for line in text.split('\n').filter(|line| line.contains("/12 (")) {
            let frame = line[line.find(['█', '░']).expect("a bar")..].trim_end();
            assert!(frame.chars().count() <= terminal.columns, "{terminal:?}: {frame:?}");
        }
        let args = ["run", "--once", "-f", "fleet.yaml", "--journal", "none"];
        let shown = terminal.shows(&bench, &args, "", &["INFO starting", "INFO cycle"]);
        assert_eq!((shown.code, shown.has_colour()), (Some(0), terminal.has_colour()));
        // Machines read JSON on a terminal, too: every line is.
        let json = [&args[..], &["--log-format", "json", "-v"]].concat();
        let shown = terminal.run(&bench, &json, "");
        for line in shown.raw.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{terminal:?}: {line:?}");
        }
    }
}
