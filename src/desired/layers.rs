//! The settings of one layer (`defaults:`, a profile, a number), each checked by itself.

use super::excerpt::{message, quoted};
use super::issue::{At, Issue, Issues};
use super::place::{Path, PathStep};
use super::raw::RawSettings;
use crate::model::named_secret::{SecretUrl, names_a_secret};
use crate::model::number::AccountSid;
use crate::model::provider::Api;
use crate::model::routing::why_not_a_name;
use crate::model::settings::{Field, FieldKind, Managed, Parameter, Value, Want, webhook};

/// The path of a field below that of its layer.
pub(super) fn below(layer: &[PathStep], field: &str) -> Path {
    layer.iter().cloned().chain(field.split('.').map(PathStep::from)).collect()
}

/// The managed settings of a layer. What does not check is left out, and an issue says so.
/// `on_active_numbers`: some account is reached through that API.
pub(super) fn managed(
    issues: &mut Issues,
    file: usize,
    layer: impl Fn() -> Path,
    said: &RawSettings<'_>,
    on_active_numbers: bool,
) -> Managed {
    let at = |field: &str| At::Path { file, path: below(&layer(), field), key: false };
    for group in said.null_groups() {
        issues.push(
            Issue::error(
                At::Path { file, path: below(&layer(), group), key: true },
                format!("`{group}` cannot be null"),
            )
            .help("to clear fields, name them, such as `{ url: null }`; to leave them unmanaged, remove the line"),
        );
    }
    if let Some(status) = said.emergency_status() {
        emergency_status(issues, file, status, || at("voice.emergency_status"));
    }
    let mut settings = Vec::new();
    for (field, text) in said.settings() {
        if let Parameter::ByScheme(name) = field.parameter(Api::ActiveNumbers)
            && on_active_numbers
        {
            issues.repeat_note(
                file,
                &format!("Twilio's ActiveNumbers reference does not list `{field}` as a parameter"),
                &format!("it is sent as {name}; if the API does not take it, `numctl apply` fails and names the field"),
                || At::Path { file, path: below(&layer(), field.json_name()), key: true },
            );
        }
        if let Some(want) = want(issues, field, text, || at(field.json_name())) {
            match &want {
                Want::Set(Value::Url(url)) => check_url(issues, file, url, || at(field.json_name())),
                Want::Set(Value::SecretUrl(url)) => {
                    issues.names_secrets(url.written(), || at(field.json_name()));
                    if let Ok(plain) = SecretUrl::without_secrets(url.written()) {
                        check_url(issues, file, &plain, || at(field.json_name()));
                    }
                }
                Want::Set(Value::Text(name)) if name.contains("${") => {
                    let message =
                        format!("`{field}` contains a placeholder, and numctl does not fill in any");
                    issues.push(Issue::error(at(field.json_name()), message).help(
                        "write the name itself; only the URL of a webhook may name a secret, as ${secret:NAME}",
                    ));
                    continue;
                }
                Want::Set(Value::Text(name)) if name.contains("{{") => issues.repeat(
                    file,
                    &format!("`{field}` contains a placeholder, and numctl does not fill in any"),
                    "write the name itself",
                    || at(field.json_name()),
                ),
                Want::Set(_) | Want::Clear => {}
            }
            settings.push((field, want));
        }
    }
    for (field, key, name) in said.named() {
        let here = || at(key);
        if settings.iter().any(|(known, _)| *known == field) {
            issues.push(
                Issue::error(here(), format!("`{key}` and `{field}` say the same thing twice"))
                    .help("keep one of the two"),
            );
            continue;
        }
        if let Some(want) = named(issues, key, name, here) {
            settings.push((field, want));
        }
    }
    if settings.is_empty() { Managed::default() } else { settings.into_iter().collect() }
}

/// The friendly name of a resource, which each account looks up among its own.
fn named(issues: &mut Issues, key: &str, name: &str, at: impl Fn() -> At) -> Option<Want> {
    if name.is_empty() {
        return Some(Want::Clear);
    }
    let Some(why) = why_not_a_name(name) else {
        return Some(Want::Set(Value::Named(name.into())));
    };
    issues.push(
        Issue::error(at(), format!("`{key}` is not a friendly name: {why}"))
            .help(format!("write the name as the account shows it, or the SID as `{key}_sid`")),
    );
    None
}

/// What is doubtful in a webhook's URL.
fn check_url(issues: &mut Issues, file: usize, url: &str, at: impl Fn() -> At) {
    if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:")) {
        issues.repeat(
            file,
            "this webhook uses http://: callers' numbers and messages travel unencrypted",
            "use https://",
            &at,
        );
    }
    if let Some(why) = webhook::unreachable(url) {
        issues.repeat(
            file,
            &format!(
                "this webhook is at {}: Twilio calls webhooks over the internet and cannot reach it",
                why.as_str()
            ),
            "write a public host name; for a local machine, use the host name of a tunnel such as ngrok",
            &at,
        );
    }
}

fn want(issues: &mut Issues, field: Field, text: &str, at: impl Fn() -> At) -> Option<Want> {
    if text.is_empty() {
        if field == Field::FriendlyName {
            issues.push(
                Issue::error(at(), "`friendly_name` cannot be cleared: a number always has one")
                    .help("leave `friendly_name` out to keep the current name, or write another"),
            );
            return None;
        }
        return Some(Want::Clear);
    }
    match Value::written(field.kind(), text) {
        Ok(value) => Some(Want::Set(value)),
        Err(error) => {
            let issue = Issue::error(at(), format!("`{field}`: {}", message(&error.to_string())));
            issues.push(match value_help(field, text) {
                Some(help) => issue.help(help),
                None => issue,
            });
            None
        }
    }
}

fn value_help(field: Field, text: &str) -> Option<String> {
    if text != text.trim() {
        return Some("remove the white space".to_owned());
    }
    let is_url = field.kind() == FieldKind::Url;
    if is_url && names_a_secret(text) {
        return Some(
            "write ${secret:NAME} in the place of the password, between the user's colon and the at sign"
                .to_owned(),
        );
    }
    if text.contains("${") || text.contains("{{") || (is_url && webhook::has_placeholder(text)) {
        let help = "write the value itself, or fill in the file before numctl reads it, for example with `envsubst < fleet.tmpl.yaml > fleet.yaml`";
        let escape = match is_url {
            true => {
                "; a password can be named as ${secret:NAME}; write a `$` or `{` that belongs to the URL as %24 or %7B"
            }
            false => "",
        };
        return Some(format!("{help}{escape}"));
    }
    match field.kind() {
        FieldKind::Url => {
            let bare =
                !text.contains("://") && !text.starts_with('/') && text.contains('.') && !text.contains(' ');
            bare.then(|| format!("did you mean {}?", quoted(&format!("https://{text}"))))
        }
        FieldKind::Method => {
            Some("Twilio calls webhooks with GET or POST only".to_owned()).filter(|_| text.len() <= 7)
        }
        FieldKind::Text
        | FieldKind::Flag
        | FieldKind::Application
        | FieldKind::Trunk
        | FieldKind::Address
        | FieldKind::Identity
        | FieldKind::Bundle
        | FieldKind::Service
        | FieldKind::ReceiveMode => None,
    }
}

fn emergency_status(issues: &mut Issues, file: usize, status: &str, at: impl Fn() -> At) {
    if !matches!(status, "Active" | "Inactive" | "") {
        issues.push(
            Issue::error(
                at(),
                format!("`voice.emergency_status`: {} is not Active or Inactive", quoted(status)),
            )
            .help("remove it: Twilio ignores writes to it"),
        );
        return;
    }
    issues.repeat(
        file,
        "`voice.emergency_status` has no effect: Twilio ignores writes to it",
        "remove it; `emergency_address_sid` is what can be set",
        at,
    );
}

pub(super) fn account_sid(issues: &mut Issues, at: At, text: &str) -> Option<AccountSid> {
    match AccountSid::declared(text) {
        Ok(sid) => Some(sid),
        Err(error) => {
            let issue = Issue::error(at, message(&error.to_string()));
            issues.push(if text.contains("${") {
                issue.help("numctl reads the file as it is and does not expand variables")
            } else {
                issue
            });
            None
        }
    }
}
