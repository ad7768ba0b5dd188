//! Secrets that a webhook's URL names instead of holding: `https://hook:${secret:webhook}@voice.example.com/`.
//!
//! The operator provides each of them, and says which hosts may receive it: a file from a pull request can
//! name a secret, and cannot send it elsewhere (law 11). No text shows a value: what a person or a machine
//! reads of a [`SecretUrl`] is masked, and only [`SecretUrl::expose`] gives the URL that is sent.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::model::known_secrets;
use crate::model::secret_url::{is_secret_name, masked};

/// How a reference begins; it ends with `}`.
const OPENS: &str = "${secret:";

/// What a URL has in the place of a reference while it is checked.
const PLACEHOLDER: &str = "numctl0named0secret0";

/// What is encoded in the value of a query parameter,
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// and in a password, where RFC 3986 allows its sub-delimiters as well.
const PASSWORD: &AsciiSet = &QUERY_VALUE
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// The longest name.
const NAME_BYTES_MAX: usize = 64;

/// The longest value: more is a mistake, such as a certificate.
const VALUE_BYTES_MAX: usize = 1_024;

/// The name of a secret: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(Arc<str>);

impl SecretId {
    /// Accepts letters, digits, `-` and `_`, not first a `-`. What ends in `hosts` behind one of the two
    /// would be taken for the hosts of another secret.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let lower = text.to_ascii_lowercase();
        let names_hosts = ["-hosts", "_hosts"].iter().any(|end| lower.ends_with(end));
        ((1..=NAME_BYTES_MAX).contains(&text.len())
            && text.bytes().all(is_word)
            && !text.starts_with('-')
            && !names_hosts)
            .then(|| Self(text.into()))
    }

    /// The name as variables have it: `my-hook` is `MY_HOOK`.
    #[must_use]
    pub fn in_variables(&self) -> String {
        self.0.to_ascii_uppercase().replace('-', "_")
    }

    /// The reference that a URL has for its value.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{OPENS}{self}}}")
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text names a secret, well or badly.
#[must_use]
pub fn names_a_secret(text: &str) -> bool {
    text.contains(OPENS)
}

/// A webhook's URL that names secrets, with their values once the operator's are filled in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretUrl {
    written: Arc<str>,
    filled: Option<FilledUrl>,
}

/// A text that nothing prints.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct FilledUrl(Arc<str>);

/// A part of a URL that names secrets.
enum UrlPart<'a> {
    Text(&'a str),
    Secret(SecretId),
}

impl SecretUrl {
    /// Takes a URL with references; says what is wrong with them. That it is a URL is for the caller to check,
    /// by [`SecretUrl::without_secrets`].
    ///
    /// # Errors
    /// Where a reference has no good name, or is where its value could not be masked.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let parts = parts(text)?;
        let plain = with_placeholders(&parts);
        let secrets = parts.iter().filter(|part| matches!(part, UrlPart::Secret(_))).count();
        let hidden = Url::parse(&plain).map_or(0, |url| {
            let in_password = url.password().unwrap_or_default().matches(PLACEHOLDER).count();
            let pairs = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
            let of_secrets = pairs.filter(|(name, _)| is_secret_name(name));
            in_password + of_secrets.map(|(_, value)| value.matches(PLACEHOLDER).count()).sum::<usize>()
        });
        if hidden != secrets || text.contains(PLACEHOLDER) {
            return Err(
                "a secret may be the password of the URL, or the value of a query parameter such as token, and nothing \
                 else: only there is it masked",
            );
        }
        Ok(Self { written: text.into(), filled: None })
    }

    /// The URL with a word in the place of each secret, for checks of all the rest.
    ///
    /// # Errors
    /// Where a reference has no good name.
    pub fn without_secrets(text: &str) -> Result<String, &'static str> {
        parts(text).map(|parts| with_placeholders(&parts))
    }

    /// The URL as it is written: the names of its secrets, and not their values.
    #[must_use]
    pub fn written(&self) -> &Arc<str> {
        &self.written
    }

    /// The secrets that it names.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretId> {
        let parts = parts(&self.written).unwrap_or_default();
        let ids = parts.into_iter().filter_map(|part| match part {
            UrlPart::Secret(id) => Some(id),
            UrlPart::Text(_) => None,
        });
        ids.collect()
    }

    /// The same with the values that the operator provides.
    ///
    /// # Errors
    /// Where one is not provided, or may not be sent to this host.
    pub fn fill(&self, provide: &Provide<'_>) -> Result<Self, SecretProblem> {
        let parts = parts(&self.written).unwrap_or_default();
        let plain = Url::parse(&with_placeholders(&parts)).ok();
        let (mut filled, mut in_authority) = (String::new(), true);
        for part in &parts {
            match part {
                UrlPart::Text(text) => {
                    let from = if filled.is_empty() { text.find("://").map_or(0, |at| at + 3) } else { 0 };
                    in_authority &= !text[from..].contains(['/', '?', '#']);
                    filled.push_str(text);
                }
                UrlPart::Secret(id) => {
                    let provided = provide(id)?;
                    let url = plain.as_ref().filter(|url| provided.hosts.iter().any(|host| host.admits(url)));
                    if url.is_none() {
                        let to = plain.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
                        let to = match plain.as_ref().and_then(Url::port) {
                            Some(port) => format!("{to}:{port}"),
                            None => to,
                        };
                        let is_plain = plain.as_ref().is_some_and(|url| url.scheme() == "http");
                        let scheme = if is_plain { "http://" } else { "" };
                        let hosts = provided.hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
                        return Err(SecretProblem::OtherHost {
                            id: id.clone(),
                            host: format!("{scheme}{to}"),
                            hosts: hosts.join(", "),
                        });
                    }
                    let value = encoded(provided.value.expose_secret(), in_authority);
                    known_secrets::keep(&value);
                    filled.push_str(&value);
                }
            }
        }
        Ok(Self { written: self.written.clone(), filled: Some(FilledUrl(filled.into())) })
    }

    /// The URL with its secrets, for a request and for nothing else; `None` before they are filled in.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        self.filled.as_ref().map(|filled| &*filled.0)
    }

    /// Whether a live URL is this one: written the same, or with other characters percent-encoded.
    #[must_use]
    pub fn is_live_as(&self, live: &str) -> bool {
        let Some(own) = self.expose() else { return false };
        if own == live {
            return true;
        }
        let (Ok(mut own), Ok(mut live)) = (Url::parse(own), Url::parse(live)) else { return false };
        let is_same_password = decoded(own.password()) == decoded(live.password());
        let is_same_query = pairs(&own) == pairs(&live);
        for url in [&mut own, &mut live] {
            // Of a URL with a host this does not fail.
            let _ = url.set_password(None);
            url.set_query(None);
        }
        is_same_password && is_same_query && own == live
    }
}

impl fmt::Display for SecretUrl {
    /// As a URL with a password is shown: `https://hook:***@voice.example.com/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.written))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self})")
    }
}

/// The texts and references of a URL.
fn parts(text: &str) -> Result<Vec<UrlPart<'_>>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPENS) {
        let after = &rest[at + OPENS.len()..];
        let end = after.find('}').ok_or("a `${secret:` is not closed with `}`")?;
        let id = SecretId::parse(&after[..end]).ok_or(
            "a secret's name has letters, digits, `-` and `_`, at most 64, and does not end in `-hosts` or `_hosts`",
        )?;
        parts.extend([UrlPart::Text(&rest[..at]), UrlPart::Secret(id)]);
        rest = &after[end + 1..];
    }
    parts.push(UrlPart::Text(rest));
    Ok(parts)
}

fn with_placeholders(parts: &[UrlPart<'_>]) -> String {
    let texts = parts.iter().map(|part| match part {
        UrlPart::Text(text) => text,
        UrlPart::Secret(_) => PLACEHOLDER,
    });
    texts.collect()
}

/// A value as a URL holds it.
fn encoded(value: &str, is_password: bool) -> String {
    let encode_set = if is_password { PASSWORD } else { QUERY_VALUE };
    utf8_percent_encode(value, encode_set).to_string()
}

fn decoded(text: Option<&str>) -> Vec<u8> {
    percent_decode(text.unwrap_or_default())
}

fn pairs(url: &Url) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let all = url.query().unwrap_or_default().split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) => (percent_decode(name), Some(percent_decode(value))),
        None => (percent_decode(pair), None),
    });
    all.collect()
}

/// The bytes that a part of a URL encodes.
#[must_use]
pub fn percent_decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// How the operator's secrets are asked for.
pub type Provide<'a> = dyn Fn(&SecretId) -> Result<Arc<Provided>, SecretProblem> + 'a;

/// A secret that the operator provides, and where it may go.
pub struct Provided {
    value: SecretString,
    hosts: Vec<HostRule>,
}

impl Provided {
    /// Takes what a file or a variable holds, and the list of hosts beside it. No text shows the value from
    /// then on.
    ///
    /// # Errors
    /// Where either is not what its place calls for; the value is not quoted.
    pub fn new(value: &str, hosts: &str) -> Result<Self, String> {
        // An editor ends a file with a line break.
        let value = value.strip_suffix('\n').map_or(value, |line| line.strip_suffix('\r').unwrap_or(line));
        match value {
            "" => return Err("it is empty".to_owned()),
            _ if value.len() > VALUE_BYTES_MAX => {
                return Err(format!("it has more than {VALUE_BYTES_MAX} bytes"));
            }
            _ if value.chars().any(char::is_control) => {
                return Err("it contains a control character or a second line".to_owned());
            }
            _ => {}
        }
        let hosts = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
        let hosts = hosts.flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()));
        let hosts =
            hosts.filter(|text| !text.is_empty()).map(HostRule::parse).collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() {
            return Err("no host may receive it".to_owned());
        }
        known_secrets::keep(value);
        Ok(Self { value: SecretString::from(value.to_owned()), hosts })
    }

    /// The value, to be made into a fingerprint.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

impl fmt::Debug for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provided").field("value", &"***").field("hosts", &self.hosts).finish()
    }
}

/// A host that may receive a secret: `voice.example.com`, `voice.example.com:8443`, `*.example.com`, or
/// `http://…` where it is to go over plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HostRule {
    is_plain: bool,
    /// Any host below this one.
    is_wild: bool,
    host: String,
    port: Option<u16>,
}

impl HostRule {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a host such as voice.example.com, *.example.com or voice.example.com:8443"
            )
        };
        let (is_plain, rest) = match text.split_once("://") {
            Some(("http", rest)) => (true, rest),
            Some(("https", rest)) => (false, rest),
            Some(_) => return Err(wrong()),
            None => (false, text),
        };
        let (is_wild, rest) = rest.strip_prefix("*.").map_or((false, rest), |rest| (true, rest));
        if rest.contains(['/', '?', '#', '@', '*']) {
            return Err(wrong());
        }
        let scheme = if is_plain { "http" } else { "https" };
        let url = Url::parse(&format!("{scheme}://{rest}/")).map_err(|_| wrong())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_owned();
        // Below a single label there is everybody.
        if is_wild && !host.contains('.') {
            return Err(wrong());
        }
        Ok(Self { is_plain, is_wild, host, port: url.port() })
    }

    fn admits(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let is_host = match self.is_wild {
            true => {
                host.strip_suffix(&*self.host).is_some_and(|label| label.len() > 1 && label.ends_with('.'))
            }
            false => host == self.host,
        };
        let scheme = if self.is_plain { "http" } else { "https" };
        is_host && url.scheme() == scheme && url.port() == self.port
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, wild) =
            (if self.is_plain { "http://" } else { "" }, if self.is_wild { "*." } else { "" });
        write!(f, "{scheme}{wild}{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Why a secret is not filled in. Nothing of its value is in here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// The operator does not provide it.
    #[error("the secret `{id}` is not provided")]
    Missing {
        /// Its name.
        id: SecretId,
        /// Where it would be.
        help: String,
    },
    /// It is provided, and not as it should be.
    #[error("the secret `{id}` cannot be used: {why}")]
    Unusable {
        /// Its name.
        id: SecretId,
        /// What is wrong.
        why: String,
        /// What to do.
        help: String,
    },
    /// The URL leads elsewhere.
    #[error("the secret `{id}` may not be sent to {host}: it is bound to {hosts}")]
    OtherHost {
        /// Its name.
        id: SecretId,
        /// Where the URL leads.
        host: String,
        /// The hosts that may receive it.
        hosts: String,
    },
}

impl SecretProblem {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &str {
        match self {
            Self::Missing { help, .. } | Self::Unusable { help, .. } => help,
            Self::OtherHost { .. } => {
                "the operator decides which hosts may receive a secret, in NAME.hosts of --secrets-dir or in \
                 NUMCTL_SECRET_<NAME>_HOSTS; `http://` needs to be named there, too"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provide(hosts: &'static str) -> impl Fn(&SecretId) -> Result<Arc<Provided>, SecretProblem> {
        move |_| Ok(Arc::new(Provided::new("p@ss/w?rd 1\n", hosts).expect("a secret")))
    }

    #[test]
    fn a_reference_may_stand_where_its_value_is_masked_and_nowhere_else() {
        for text in [
            "https://hook:${secret:webhook}@voice.example.com/answer",
            "https://:${secret:a_b-9}@voice.example.com",
            "https://voice.example.com/?x=1&token=${secret:t}",
            "https://u:a-${secret:one}${secret:two}@voice.example.com/?sig=${secret:t}",
        ] {
            let url = SecretUrl::parse(text).expect(text);
            assert!(url.to_string().contains("***") && !url.to_string().contains("secret"), "{url}");
        }
        for text in [
            "https://${secret:user}@voice.example.com/",
            "https://${secret:user}:p@voice.example.com/",
            "https://${secret:host}/",
            "https://voice.example.com:${secret:port}/",
            "https://voice.example.com/${secret:path}",
            "https://voice.example.com/?x=${secret:x}",
            "https://voice.example.com/?${secret:x}=1",
            "https://voice.example.com/#${secret:x}",
            "https://u:${secret:x@voice.example.com/",
            "https://u:${secret:}@voice.example.com/",
            "https://u:${secret:a b}@voice.example.com/",
            "https://u:${secret:x-hosts}@voice.example.com/",
            "${secret:x}",
        ] {
            assert!(SecretUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_encoded_where_it_stands_and_shown_nowhere() {
        let text = "https://hook:${secret:w}@voice.example.com/a?token=${secret:w}";
        let url = SecretUrl::parse(text).expect("a URL");
        assert_eq!(url.expose(), None);
        let filled = url.fill(&provide("voice.example.com")).expect("filled");
        let sent = "https://hook:p%40ss%2Fw%3Frd%201@voice.example.com/a?token=p%40ss%2Fw%3Frd%201";
        assert_eq!(filled.expose(), Some(sent));
        for shown in [
            filled.to_string(),
            format!("{filled:?}"),
            format!("{:?}", provide("a.example")(&url.secrets()[0])),
        ] {
            assert!(!shown.contains("ss/w") && !shown.contains("p%40ss"), "{shown}");
        }
        assert!(filled.is_live_as(sent));
        assert!(
            filled.is_live_as("https://hook:p%40ss%2fw%3frd%201@voice.example.com/a?token=p@ss/w?rd%201")
        );
        assert!(!filled.is_live_as("https://hook:p%40ss%2Fw%3Frd%201@voice.example.com/a?token=other"));
        assert!(!filled.is_live_as("https://hook:other@voice.example.com/a?token=p%40ss%2Fw%3Frd%201"));
        assert!(!url.is_live_as(text));
    }

    #[test]
    fn a_secret_goes_only_where_the_operator_lets_it() {
        let fill = |url: &str, hosts: &'static str| {
            let url = SecretUrl::parse(&url.replace("u@", "u:${secret:w}@")).expect(url);
            url.fill(&provide(hosts)).is_ok()
        };
        for (url, hosts, may) in [
            ("https://u@voice.example.com/", "voice.example.com", true),
            ("https://u@VOICE.example.com:443/", "a.example, voice.example.com", true),
            ("https://u@voice.example.com/", "# ours\na.example\nhttps://Voice.Example.com\n", true),
            ("https://u@voice.example.com.evil.example/", "voice.example.com", false),
            ("https://u@evil.example/voice.example.com", "voice.example.com", false),
            ("https://u@voice.example.com:8443/", "voice.example.com", false),
            ("https://u@voice.example.com:8443/", "voice.example.com:8443", true),
            ("http://u@voice.example.com/", "voice.example.com", false),
            ("http://u@voice.example.com/", "http://voice.example.com", true),
            ("https://u@a.b.example.com/", "*.example.com", true),
            ("https://u@example.com/", "*.example.com", false),
            ("https://u@evilexample.com/", "*.example.com", false),
        ] {
            assert_eq!(fill(url, hosts), may, "{url} {hosts}");
        }
        for (value, hosts) in [
            ("", "a.example"),
            ("\n", "a.example"),
            ("a\nb", "a.example"),
            ("a", ""),
            ("a", "*"),
            ("a", "*.com"),
            ("a", "a.example/x"),
            ("a", "ftp://a.example"),
            ("a", "# a.example"),
        ] {
            assert!(Provided::new(value, hosts).is_err(), "{value:?} {hosts:?}");
        }
    }
}
