//! Names for the passwords of live webhooks: the file has the names, and the operator keeps the values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use url::Url;

use super::{ExportedEntry, slug, unused};
use crate::model::named_secret::{Provided, SecretId, SecretProblem, SecretUrl, percent_decode};
use crate::model::secret_url::is_secret_name;
use crate::model::settings::{Value, Want};

/// A secret that was found in live webhooks.
#[derive(Debug, Clone)]
pub struct FoundSecret {
    /// The name that the file has for it.
    pub id: SecretId,
    /// Its value, which nothing shows.
    pub provided: Arc<Provided>,
    /// The hosts that have it already.
    pub hosts: BTreeSet<String>,
    /// In how many webhooks of numbers it was found.
    pub webhooks: usize,
}

/// The secrets that were found so far.
#[derive(Default)]
struct Found {
    by_value: BTreeMap<String, FoundSecret>,
    names: BTreeSet<String>,
}

/// Puts names in the place of passwords. A URL of which one cannot be named stays as it is.
pub(super) fn name_secrets(numbers: &mut [ExportedEntry]) -> Vec<FoundSecret> {
    let mut found = Found::default();
    for entry in numbers {
        let is_secret = |want: &Want| matches!(want, Want::Set(value @ Value::Url(_)) if value.has_secret());
        if !entry.settings.iter().any(|(_, want)| is_secret(want)) {
            continue;
        }
        let named = entry.settings.iter().map(|(field, want)| match want {
            Want::Set(Value::Url(url)) if is_secret(want) => match found.name(url) {
                Some(named) => (field, Want::Set(Value::SecretUrl(named))),
                None => (field, want.clone()),
            },
            other => (field, other.clone()),
        });
        entry.settings = named.collect();
    }
    let mut all: Vec<FoundSecret> = found.by_value.into_values().collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

impl Found {
    /// The URL with names for its secrets.
    fn name(&mut self, url: &str) -> Option<SecretUrl> {
        // A URL within the URL may have a password of its own, which has no name.
        if url.matches('@').count() > 1 || url.contains("${") {
            return None;
        }
        let parsed = Url::parse(url).ok()?;
        let port = parsed.port().map_or_else(String::new, |port| format!(":{port}"));
        let scheme = if parsed.scheme() == "http" { "http://" } else { "" };
        let host = format!("{scheme}{}{port}", parsed.host_str()?);
        let authority = url.find("://")? + 3;
        let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
        let mut named = url[..authority].to_owned();
        match url[authority..end].rsplit_once('@') {
            Some((user, at)) => {
                match user.split_once(':').filter(|(_, password)| !password.is_empty()) {
                    Some((user, password)) => {
                        let of_host = parsed.host_str()?.split('.').next().unwrap_or_default();
                        let id = self.id(&[user, of_host], password, &host)?;
                        named.push_str(&format!("{user}:{}", id.reference()));
                    }
                    None => named.push_str(user),
                }
                named.push_str(&format!("@{at}"));
            }
            None => named.push_str(&url[authority..end]),
        }
        let rest = &url[end..];
        let (rest, fragment) = rest.split_at(rest.find('#').unwrap_or(rest.len()));
        match rest.split_once('?') {
            Some((path, query)) => {
                let pairs = query.split('&').map(|pair| match pair.split_once('=') {
                    Some((name, value)) if !value.is_empty() && is_secret_name(name) => {
                        Some(format!("{name}={}", self.id(&[name], value, &host)?.reference()))
                    }
                    _ => Some(pair.to_owned()),
                });
                let pairs = pairs.collect::<Option<Vec<_>>>()?;
                named.push_str(&format!("{path}?{}", pairs.join("&")));
            }
            None => named.push_str(rest),
        }
        named.push_str(fragment);
        let provide = |id: &SecretId| {
            let known = self.by_value.values().find(|known| known.id == *id);
            known
                .map(|known| known.provided.clone())
                .ok_or_else(|| SecretProblem::Missing { id: id.clone(), help: String::new() })
        };
        SecretUrl::parse(&named).ok()?.fill(&provide).ok().filter(|full| full.is_live_as(url))
    }

    /// The name of a value, by the first of some words that is one.
    fn id(&mut self, words: &[&str], value: &str, host: &str) -> Option<SecretId> {
        let value = String::from_utf8(percent_decode(value)).ok()?;
        let hosts = self.by_value.get(&value).map(|known| known.hosts.clone()).unwrap_or_default();
        let hosts: BTreeSet<String> = hosts.into_iter().chain([host.to_owned()]).collect();
        let list = hosts.iter().cloned().collect::<Vec<_>>().join("\n");
        let provided = Arc::new(Provided::new(&value, &list).ok()?);
        if let Some(known) = self.by_value.get_mut(&value) {
            known.webhooks += 1;
            (known.hosts, known.provided) = (hosts, provided);
            return Some(known.id.clone());
        }
        let word = words.iter().map(|word| slug(word)).find(|word| !word.is_empty());
        let id = SecretId::parse(&unused(&mut self.names, word.unwrap_or_else(|| "webhook".to_owned())))?;
        let known = FoundSecret { id: id.clone(), provided, hosts, webhooks: 1 };
        self.by_value.insert(value, known);
        Some(id)
    }
}

/// A table of what is to be provided: a line for each secret, without its value.
#[must_use]
pub fn table(secrets: &[FoundSecret]) -> Vec<String> {
    let rows = secrets.iter().map(|secret| {
        let hosts = secret.hosts.iter().cloned().collect::<Vec<_>>().join(", ");
        [secret.id.to_string(), hosts, secret.webhooks.to_string()]
    });
    let head = ["NAME", "HOSTS", "WEBHOOKS"].map(str::to_owned);
    let rows: Vec<[String; 3]> = std::iter::once(head).chain(rows).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or_default();
    let (name, hosts) = (width(0), width(1));
    rows.iter().map(|[id, host, many]| format!("{id:<name$}  {host:<hosts$}  {many}")).collect()
}
