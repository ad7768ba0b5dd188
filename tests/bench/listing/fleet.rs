//! The files that declare a fleet whose pages are rendered.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::pages::{number, settings, sid};

/// The YAML parser holds 13 times a file while it reads it, and reads several at once.
const FILE_BYTES_MAX: usize = 2_000_000;

/// How numbers that say nothing but their digits are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Yaml { files: usize },
    Json,
}

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Yaml { files: 1 } => "one YAML file",
            Self::Yaml { .. } => "eight YAML files",
            Self::Json => "one JSON file",
        }
    }
}

/// An empty folder.
fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join("numctl-bench-fleet");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Writes the files that declare so many numbers and nothing else of them, and tells their folder and how
/// many bytes they have.
pub(crate) fn declare_plain(shape: Shape, count: usize) -> (PathBuf, usize) {
    let folder = folder();
    let (files, name) = match shape {
        Shape::Yaml { files } => (files, "yaml"),
        Shape::Json => (1, "json"),
    };
    let mut bytes = 0;
    for file in 0..files {
        let numbers = (count * file / files..count * (file + 1) / files).map(|nth| number(0, nth));
        let text = match shape {
            Shape::Yaml { .. } => {
                let entries: String =
                    numbers.map(|number| format!("- phone_number: \"{number}\"\n")).collect();
                format!("version: 1\nnumbers:\n{entries}")
            }
            Shape::Json => {
                let entries: Vec<String> =
                    numbers.map(|number| format!("{{\"phone_number\":\"{number}\"}}")).collect();
                format!("{{\"version\":1,\"numbers\":[{}]}}", entries.join(","))
            }
        };
        bytes += text.len();
        fs::write(folder.join(format!("{file}.{name}")), text).expect("written");
    }
    (folder, bytes)
}

pub(crate) fn token(account: usize) -> String {
    format!("token{account}")
}

/// Writes the files that declare such accounts, all of it in sync, and tells their folder.
pub(crate) fn declare(accounts: usize, count: usize) -> PathBuf {
    let folder = folder();
    let mut head = String::from("version: 1\naccounts:\n");
    for account in 0..accounts {
        writeln!(head, "  a{account}: {{ sid: {}, credentials: {{ env: A{account} }} }}", sid(account))
            .expect("text");
    }
    head.push_str("profiles:\n");
    for profile in 0..10.min(count) {
        let (voice, sms) = settings(profile);
        writeln!(
            head,
            "  p{profile}: {{ voice: {{ url: \"{voice}\", method: POST }}, sms: {{ url: \"{sms}\" }} }}"
        )
        .expect("text");
    }
    fs::write(folder.join("0-head.yaml"), head).expect("written");
    let mut text = String::new();
    let mut file = 0;
    let mut save = |text: &mut String| {
        if !text.is_empty() {
            file += 1;
            fs::write(folder.join(format!("{file:03}.yaml")), format!("version: 1\nnumbers:\n{text}...\n"))
                .expect("written");
            text.clear();
        }
    };
    for account in 0..accounts {
        for nth in 0..count {
            let number = number(account, nth);
            writeln!(
                text,
                "  - {{ phone_number: \"{number}\", profile: p{}, account: a{account} }}",
                nth % 10
            )
            .expect("text");
            if text.len() > FILE_BYTES_MAX - 1_000 {
                save(&mut text);
            }
        }
    }
    save(&mut text);
    folder
}
