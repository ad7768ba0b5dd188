//! What must hold for any bytes at all, one plain function for each way in. The libFuzzer targets
//! call them with what they make up, and `tests/it/fuzz.rs` with the kept corpus, so that they
//! cannot rot. A property that does not hold is a panic.
#![allow(dead_code)] // A target uses one of them.

mod answers;
mod clean;
mod files;
mod links;
mod plans;

pub(crate) use answers::{api_page, error_body};
pub(crate) use files::{budget, desired_file, intents, journal, saved_plan};
pub(crate) use links::page_link;
pub(crate) use plans::render;

/// A way in: its name, which is the target's and its corpus archive's, and its body.
pub(crate) type Body = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const ALL: [Body; 9] = [
    ("desired_file", desired_file),
    ("api_page", api_page),
    ("error_body", error_body),
    ("saved_plan", saved_plan),
    ("page_link", page_link),
    ("budget", budget),
    ("intents", intents),
    ("journal", journal),
    ("render", render),
];
