//! Structured logs on stderr: errors by default, actions with `-v` and in the daemon, requests with
//! `-vv`; `NUMCTL_LOG` takes levels in tracing's own syntax.
//!
//! No one waits for a log that is not read: see [`super::stream`].

use std::ffi::OsString;
use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::arguments::{Global, LogFormat};
use super::{Fatal, output};

const VARIABLE: &str = "NUMCTL_LOG";

/// Starts the process's logging.
pub(super) fn start(global: &Global, is_daemon: bool) -> Result<(), Fatal> {
    let form = match global.log_format {
        LogFormat::Text => output::StreamForm::Text,
        LogFormat::Json => output::StreamForm::Json,
    };
    output::start(form, if is_daemon { output::WaitingNote::Nobody } else { output::WaitingNote::Command });
    let level = match global.verbose + u8::from(is_daemon) {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let asked = std::env::var_os(VARIABLE).unwrap_or_default();
    let asked = asked.to_str().ok_or_else(|| Fatal::new(format!("{VARIABLE} is not UTF-8 text")))?;
    let filter = filter(asked, level).map_err(Fatal::new)?;
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(|| Log)
        .with_timer(SystemTime)
        // It would report a stderr that cannot be written (a closed terminal) on stderr, and panic.
        .log_internal_errors(false);
    // A second start in one process (tests) keeps the first.
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match global.log_format {
        LogFormat::Text => {
            registry.with(layer.with_ansi(output::stderr_wants_colour()).with_target(false)).try_init()
        }
        LogFormat::Json => {
            std::panic::set_hook(Box::new(|panic| output::error(&panic.to_string())));
            registry.with(layer.json()).try_init()
        }
    };
    Ok(())
}

/// Whether arguments that clap does not take ask for JSON all the same.
pub(super) fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut is_value = false;
    for argument in arguments {
        let Some(argument) = argument.to_str() else { continue };
        if argument == "--log-format=json" || (is_value && argument == "json") {
            return true;
        }
        is_value = argument == "--log-format";
    }
    false
}

/// What is asked for, over what is logged anyway: only `off`, or a level of numctl's own, silences it.
fn filter(asked: &str, level: &str) -> Result<Targets, String> {
    let usual = format!("off,numctl={level}");
    let asked = asked.trim();
    if asked.is_empty() {
        return usual.parse().map_err(|error| format!("{usual}: {error}"));
    }
    let refused = |part: &str| {
        format!(
            "{VARIABLE}={asked:?}: {part:?} is not a level; use error, warn, info, debug, trace or off, or \
             TARGET=LEVEL such as numctl=debug,hyper=info"
        )
    };
    let mut names_a_level = false;
    for part in asked.split(',').map(str::trim) {
        if part.parse::<LevelFilter>().is_ok() && !part.is_empty() {
            names_a_level = true;
        } else if part.starts_with('=')
            || (!part.contains('=') && !part.starts_with("numctl") && !part.contains("::"))
        {
            // tracing would take a word that it does not know for the name of a target.
            return Err(refused(part));
        }
    }
    let whole = if names_a_level { asked.to_owned() } else { format!("{usual},{asked}") };
    whole.parse().map_err(|error| format!("{VARIABLE}={asked:?}: {error}"))
}

/// Where tracing writes: one call a line.
struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        output::log(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_says_nothing_changes_nothing() {
        let usual = "off,numctl=info".parse::<Targets>().expect("a filter").to_string();
        for asked in ["", "  "] {
            assert_eq!(filter(asked, "info").map(|filter| filter.to_string()), Ok(usual.clone()));
        }
    }

    #[test]
    fn a_filter_of_something_else_does_not_silence_numctl() {
        for (asked, is_in_it) in
            [("hyper=debug", "numctl=error"), ("debug", "debug"), ("numctl=off", "numctl=off")]
        {
            let made = filter(asked, "error").expect(asked).to_string();
            assert!(made.contains(is_in_it), "{asked}: {made}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused_and_named() {
        for asked in ["warning", "verbose", "info,warning", "numctl=warning", "hyper", "="] {
            let error = filter(asked, "info").expect_err(asked);
            assert!(error.contains(VARIABLE) && error.contains(asked), "{error}");
        }
    }

    #[test]
    fn json_is_seen_in_arguments_that_are_wrong() {
        let of = |text: &str| wants_json(text.split(' ').map(OsString::from));
        assert!(of("numctl run --log-format json --nonsense") && of("numctl --log-format=json"));
        assert!(!of("numctl --format json") && !of("numctl --log-format text json"));
    }
}
