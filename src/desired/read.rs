//! One file's text to its structs. What the parsers say is put into the file's terms here, and
//! nothing outside of this module calls a parser.

use std::ops::Range;

use super::excerpt::quoted;
use super::issue::{At, Issue};
use super::place::{self, Depth, Path, PathStep};
use super::quick;
use super::raw::{OWN, RawFile};
use super::source::{Format, Source};
use super::suggest;

/// The largest file that is read. The parser holds about 13 times as much.
pub const MAX_FILE_BYTES: usize = 64 << 20;
/// The most aliases in a file. Profiles do what aliases are used for.
const MAX_ALIASES: usize = 10_000;

/// The most brackets that are open at once.
const MAX_DEPTH: usize = 256;

/// Reads one file; one issue is all that comes of a file that does not parse.
pub(super) fn read(index: usize, source: &Source) -> Result<RawFile, Box<Issue>> {
    let text = source.body();
    check_text(index, text)?;
    match source.format {
        Format::Yaml => match quick::read(text, |rest| read_yaml(index, rest).ok()) {
            Some(file) => Ok(file),
            None => read_yaml(index, text),
        },
        Format::Json => serde_json::from_str(text).map_err(|error| json_issue(index, text, &error).into()),
    }
}

/// Whether a YAML file is read the quick way.
#[cfg(feature = "testing")]
pub(super) fn is_quick(text: &str) -> bool {
    quick::read(text, |rest| read_yaml(0, rest).ok()).is_some()
}

/// Reads YAML of any shape.
fn read_yaml(index: usize, text: &str) -> Result<RawFile, Box<Issue>> {
    check_depth(index, text)?;
    check_aliases(index, text)?;
    serde_yaml::from_str(text).map_err(|error| yaml_issue(index, text, &error).into())
}

fn span(file: usize, span: Range<usize>) -> At {
    At::Span { file, span, path: Path::new(), whole: false }
}

fn check_text(file: usize, text: &str) -> Result<(), Box<Issue>> {
    if text.len() > MAX_FILE_BYTES {
        return Err(Issue::error(
            At::File(file),
            format!("the file has {} MiB; the maximum is {}", text.len() >> 20, MAX_FILE_BYTES >> 20),
        )
        .help("split it: -f takes a directory of files as one fleet")
        .into());
    }
    let odd = |b: &u8| (*b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r')) || *b == 0x7f;
    // Many bytes at a time, without a branch for each.
    let is_in = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | odd(byte));
    if let Some(part) = text.as_bytes().chunks(64).position(is_in)
        && let Some(at) = text.bytes().skip(part * 64).position(|b| odd(&b)).map(|at| part * 64 + at)
    {
        let byte = text.as_bytes()[at];
        let issue = Issue::error(
            span(file, at..at + 1),
            format!("the file contains the control character U+{byte:04X}"),
        );
        return Err(if byte == 0 {
            issue.help("is it UTF-16, or not a text file? Save it as UTF-8")
        } else {
            issue.help("remove it; in double quotes, YAML writes it as an escape, such as \"\\u0007\"")
        }
        .into());
    }
    let mut lines = text.lines().map(str::trim);
    if lines.all(|line| line.is_empty() || line.starts_with('#') || line == "---" || line == "...") {
        return Err(Issue::error(At::File(file), "the file is empty")
            .help("it starts with `version: 1`")
            .into());
    }
    Ok(())
}

/// libyaml takes time in the square of the depth of `[` and `{`, so that 100 kB of them are a minute,
/// and 160 bytes for each of the `- ` that open list in list on one line. Counting bytes is cheap, and
/// counts brackets in text and comments as well; so where it finds too many, a parse decides.
fn check_depth(file: usize, text: &str) -> Result<(), Box<Issue>> {
    let Some(crude) = perhaps_too_deep(text) else { return Ok(()) };
    let at = match place::depth(text, MAX_DEPTH) {
        Depth::Within => return Ok(()),
        Depth::Beyond(at) => at,
        // The count is all there is, and libyaml might take a minute to say what is wrong.
        Depth::Unknown => crude,
    };
    Err(Issue::error(span(file, at..at + 1), "this is nested too deeply")
        .help("the format is never more than five levels deep")
        .into())
}

/// Where a text may be nested more than [`MAX_DEPTH`] deep; never `None` where it is.
fn perhaps_too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    // What a line has opened so far; nothing more once anything else has come.
    let mut opened = Some(0_usize);
    text.bytes().position(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        opened = match byte {
            b'\n' | b'\r' => Some(0),
            b' ' | b'\t' => opened,
            b'-' | b'?' | b':' => opened.map(|opened| opened + 1),
            _ => None,
        };
        depth > MAX_DEPTH || opened.is_some_and(|opened| opened > MAX_DEPTH)
    })
}

fn check_aliases(file: usize, text: &str) -> Result<(), Box<Issue>> {
    // Counting for sure takes a parse; a file without an asterisk before a word needs none.
    let bytes = text.as_bytes();
    let some = bytes.windows(2).any(|pair| pair[0] == b'*' && !pair[1].is_ascii_whitespace());
    if !some {
        return Ok(());
    }
    let aliases = place::aliases(text);
    let too_much = if aliases.count > MAX_ALIASES {
        format!("the file has {} aliases (`*name`); the maximum is {MAX_ALIASES}", aliases.count)
    } else if aliases.expanded > MAX_FILE_BYTES {
        format!("the file's aliases (`*name`) expand to more than {} MiB", MAX_FILE_BYTES >> 20)
    } else {
        return Ok(());
    };
    let at = first_alias(bytes).map_or(At::File(file), |at| span(file, at..at + 1));
    Err(Issue::error(at, too_much).help("use `profiles:` for what several numbers share").into())
}

fn first_alias(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair[0] == b'*' && !pair[1].is_ascii_whitespace())
}

fn json_issue(file: usize, text: &str, error: &serde_json::Error) -> Issue {
    let line_start = match error.line() {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(0, |(at, _)| at + 1),
    };
    // serde_json's column is the last byte that it read.
    let byte = (line_start + error.column()).saturating_sub(1).min(text.len());
    let whole = error.to_string();
    let message = strip_place(&whole);
    if error.is_data() {
        return data_issue(file, text, byte, 0, message);
    }
    Issue::error(span(file, byte..byte + 1), format!("this is not JSON: {message}"))
}

fn yaml_issue(file: usize, text: &str, error: &serde_yaml::Error) -> Issue {
    let whole = error.to_string();
    let byte = error.location().map(|location| location.index());
    for known in
        ["unknown field `", "duplicate field `", "missing field `", "invalid type: ", "invalid value: "]
    {
        if let Some(at) = whole.find(known).filter(|_| !whole.contains(OWN)) {
            let byte = byte.unwrap_or(0);
            return data_issue(file, text, byte, byte, strip_place(&whole[at..]));
        }
    }
    if let Some(at) = whole.find(OWN) {
        let byte = byte.unwrap_or(0);
        return data_issue(file, text, byte, byte, strip_place(&whole[at..]));
    }
    if whole.starts_with("deserializing from YAML containing more than one document") {
        let second = text.match_indices("\n---").last().map_or(0, |(at, _)| at + 1);
        return Issue::error(span(file, second..second + 3), "the file contains several YAML documents")
            .help("numctl reads one document per file: remove this line, or split it into two files");
    }
    syntax_issue(file, text, byte, &whole)
}

/// What libyaml says, in the file's terms.
fn syntax_issue(file: usize, text: &str, byte: Option<usize>, whole: &str) -> Issue {
    let byte = byte.unwrap_or(0).min(text.len());
    let here = text[super::excerpt::floor(text, byte)..].chars().next();
    let (problem, context) = match whole.find(", while ") {
        Some(at) => (strip_place(&whole[..at]), Some(&whole[at + 2..])),
        None => (strip_place(whole), None),
    };
    // Where an opening quote or bracket is to blame, libyaml points at the end of the file.
    let opened = context.and_then(|context| place_of(text, context));
    let at = |byte: usize| span(file, byte..byte + 1);
    let issue = |message: &str, help: &str| Issue::error(at(byte), message).help(help);
    let on_tab = here == Some('\t') || problem.contains("tab character");
    match problem {
        _ if on_tab => issue("a tab cannot indent YAML", "indent with spaces"),
        _ if context.is_some_and(|c| c.contains("quoted scalar")) && problem.contains("unexpected") => {
            Issue::error(at(opened.unwrap_or(byte)), "this quote is never closed")
                .help("close it; inside double quotes, write a quote as \\\"")
        }
        "mapping values are not allowed in this context" => issue(
            "unexpected `:`",
            "indent the line like those around it; put text that contains `: ` in quotes",
        ),
        "did not find expected key" => issue(
            "a `key: value` was expected here",
            "indent the line like those around it, and start each number with `- `",
        ),
        "did not find expected '-' indicator" => issue(
            "the next `- ` of the list was expected here",
            "indent the line below the `- ` that it belongs to",
        ),
        "could not find expected ':'" => issue(
            "a `key: value` was expected, and there is no `: ` before this point",
            "is a `:` missing on the line above, or the space after it?",
        ),
        "did not find expected ',' or '}'" => {
            Issue::error(at(opened.unwrap_or(byte)), "this `{` is not closed, or a `,` is missing in it")
                .help("write { key: value, key: value }")
        }
        "did not find expected ',' or ']'" => {
            Issue::error(at(opened.unwrap_or(byte)), "this `[` is not closed, or a `,` is missing in it")
                .help("write [ value, value ]")
        }
        "found character that cannot start any token" => {
            let c = here.unwrap_or(' ');
            issue(&format!("a value cannot start with `{c}`"), "put the value in quotes")
        }
        "unknown anchor" | "found undefined alias" => issue(
            "no anchor (`&name`) of this name comes before it",
            "put text that starts with `*` in quotes",
        ),
        "recursion limit exceeded" => issue(
            "this is nested too deeply, or refers to itself",
            "the format is never more than five levels deep",
        ),
        "repetition limit exceeded" => {
            Issue::error(At::File(file), "the file's aliases expand to too much text")
                .help("use `profiles:` for what several numbers share")
        }
        "EOF while parsing a value" => {
            Issue::error(At::File(file), "the file is empty").help("it starts with `version: 1`")
        }
        "found unknown escape character" | "did not find expected hexadecimal number" => {
            issue("YAML has no such escape", "write a backslash as \\\\, or use single quotes")
        }
        _ if problem.contains("control characters") => {
            issue("the file contains a control character", "remove it")
        }
        _ => Issue::error(at(byte), format!("this is not YAML: {problem}")),
    }
}

/// What serde says about a well-formed file, in the file's terms. `from` is where to look for a doubled key.
fn data_issue(file: usize, text: &str, byte: usize, from: usize, message: &str) -> Issue {
    let node = place::node_at(text, byte);
    let at = |node: Option<(Path, Range<usize>)>| match node {
        Some((path, span)) => At::Span { file, span, path, whole: true },
        None => At::File(file),
    };
    // What someone writes there may be the credential itself.
    let is_secret = |path: &[PathStep]| {
        path.iter().any(|step| matches!(step, PathStep::Key(key) if matches!(&**key, "credentials" | "env")))
    };
    if let Some(own) = message.strip_prefix(OWN) {
        let (message, help) = own.split_once('\n').map_or((own, None), |(a, b)| (a, Some(b)));
        let issue = Issue::error(at(node), message);
        return match help {
            Some(help) => issue.help(help),
            None => issue,
        };
    }
    if let Some(rest) = message.strip_prefix("duplicate field `") {
        let name = rest.trim_end_matches('`');
        return match place::doubled_key(text, from, name) {
            Some((path, second, first)) => {
                let first = At::Span { file, span: first, path: path.clone(), whole: true };
                Issue::error(at(Some((path, second))), format!("`{name}` is given twice"))
                    .also(first, "first here")
                    .help("keep one of them")
            }
            None => Issue::error(at(node), format!("`{name}` is given twice")).help("keep one of them"),
        };
    }
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (name, known) = rest.split_once("`, expected ").or(rest.split_once("`, ")).unwrap_or((rest, ""));
        let named = |path: &Path| matches!(path.last(), Some(PathStep::Key(key)) if **key == *name);
        let node = match node {
            Some(node) if named(&node.0) => Some(node),
            other => place::key_from(text, byte, name).or(other),
        };
        let inside = node.as_ref().map(|(path, _)| place::display(&path[..path.len().saturating_sub(1)]));
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let message = match inside.as_deref() {
            None | Some("") => format!("unknown field `{name}`"),
            Some(inside) => format!("unknown field `{name}` in {inside}"),
        };
        let help = unknown_help(name, &known);
        let is_secret = node.as_ref().is_some_and(|(path, _)| is_secret(path));
        let issue = Issue::error(at(node), message).help(help);
        return if is_secret { issue.secret() } else { issue };
    }
    if let Some((found, expected)) = message
        .strip_prefix("invalid type: ")
        .or(message.strip_prefix("invalid value: "))
        .and_then(|m| m.rsplit_once(", expected "))
    {
        let expected = match expected {
            "a sequence" => "a list",
            "field identifier" => "field names as its keys",
            other => other,
        };
        let node = place::value_at(text, byte).or(node);
        let field = match node.as_ref().and_then(|(path, _)| path.last()) {
            Some(PathStep::Key(key)) => format!("`{key}` takes"),
            Some(PathStep::Index(_)) => "each entry is".to_owned(),
            None => "a file is".to_owned(),
        };
        let hide = node.as_ref().is_some_and(|(path, _)| is_secret(path));
        let found_words = if hide { "something else".to_owned() } else { found_in_words(found) };
        let issue = Issue::error(at(node), format!("{field} {expected}; this is {found_words}"));
        let issue = if hide { issue.secret() } else { issue };
        return match found.strip_prefix("integer `").map(|digits| digits.trim_end_matches('`')) {
            // Never taken for the number: a plus or zeros may have been lost on the way here.
            Some(digits) if expected.starts_with("a phone number") && !digits.starts_with('-') => {
                let plus = if digits.len() > 8 { "+" } else { "" };
                issue.help(format!("did you mean \"{plus}{digits}\"?"))
            }
            _ => issue,
        };
    }
    Issue::error(at(node), message)
}

fn found_in_words(found: &str) -> String {
    match found {
        "sequence" => "a list".to_owned(),
        "map" => "a mapping".to_owned(),
        "unit value" | "null" | "Option value" => "null".to_owned(),
        _ => match found.split_once(' ') {
            Some(("string", text)) => format!("the text {}", quoted(text.trim_matches('"'))),
            Some(("integer" | "boolean", value)) => value.trim_matches('`').to_owned(),
            Some(("floating", value)) => value.trim_start_matches("point ").trim_matches('`').to_owned(),
            _ => found.to_owned(),
        },
    }
}

fn unknown_help(name: &str, known: &[&str]) -> String {
    if name == "<<" {
        return "YAML's merge keys are not read; put what several numbers share under `profiles:`, and refer to it with `profile:`"
            .to_owned();
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let settings = ["voice", "sms"].into_iter().filter(|group| known.contains(group));
    for group in settings {
        if let Some(rest) = plain.strip_prefix(group).filter(|rest| !rest.is_empty())
            && let Some(field) = suggest::nearest(rest, GROUPED)
        {
            return format!("did you mean `{group}: {{ {field}: … }}`?");
        }
    }
    if let Some(near) = suggest::nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    if known.contains(&"voice") && GROUPED.contains(&name) {
        return format!("it belongs below `voice:` or `sms:`, such as `voice: {{ {name}: … }}`");
    }
    if matches!(name, "auth_token" | "api_key" | "api_secret" | "token" | "password") {
        return "credentials are never in the file: `credentials: { env: TWILIO }` reads TWILIO_API_KEY and \
                TWILIO_API_SECRET, or TWILIO_AUTH_TOKEN, from the environment"
            .to_owned();
    }
    format!("the fields here are {}", suggest::list(known.iter().copied(), known.len()))
}

/// The fields below `voice:` and `sms:`.
const GROUPED: [&str; 14] = [
    "url",
    "method",
    "fallback_url",
    "fallback_method",
    "application_sid",
    "application",
    "trunk_sid",
    "trunk",
    "messaging_service_sid",
    "messaging_service",
    "receive_mode",
    "caller_id_lookup",
    "emergency_status",
    "emergency_address_sid",
];

/// The message without ` at line 3 column 5`.
fn strip_place(message: &str) -> &str {
    let at = message.rfind(" at line ").or_else(|| message.rfind(" at position "));
    at.map_or(message, |at| &message[..at])
}

/// The byte that `… at line 3 column 5` means.
fn place_of(text: &str, message: &str) -> Option<usize> {
    let (line, column) = message.rsplit_once(" at line ")?.1.split_once(" column ")?;
    let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
    let start = match line {
        0 | 1 => 0,
        _ => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let rest = text.get(start..)?;
    Some(start + rest.char_indices().nth(column.checked_sub(1)?).map_or(rest.len(), |(at, _)| at))
}
