//! What a webhook's URL says before anybody calls it: that a template was never filled in, or that Twilio
//! cannot reach it from the internet.

use url::{Host, Url};

/// Whether a URL holds what looks like a variable of some template: `${NAME}`, `$NAME`, `$(NAME)`,
/// `{{ name }}`, `{name}`, `%{name}`, `#{name}`, `<%= name %>`, `<name>`, `%NAME%`. Nothing replaces
/// these, so they would go live as they are.
///
/// A character of these that belongs to the URL can be percent-encoded. A `$` inside of a password, and
/// one that begins a parameter's name (`?$filter=`), are taken for what they are.
pub fn has_placeholder(url: &str) -> bool {
    // None of these may be in a URL unencoded.
    if url.contains(['{', '}', '<', '>', '`']) || url.contains("$(") {
        return true;
    }
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
    let user = url[authority..end].rfind('@').map_or(0..0, |at| authority..authority + at);
    url.match_indices('$').any(|(at, _)| {
        let rest = &url[at + 1..];
        let name = name_at(rest);
        if name == 0 {
            return false;
        }
        if user.contains(&at) {
            let starts = at == user.start || url.as_bytes()[at - 1] == b':';
            return starts && rest[name..].starts_with([':', '@']);
        }
        let is_parameter = url[..at].ends_with(['?', '&'])
            && rest[name..].starts_with('=')
            && rest.starts_with(|c: char| c.is_ascii_lowercase());
        !is_parameter
    }) || url.match_indices('%').any(|(at, _)| {
        let rest = &url[at + 1..];
        let name = name_at(rest);
        // A percent sign that encodes a character closes no name: `%we%20call`.
        let closes = |rest: &str| rest.strip_prefix('%').is_some_and(|rest| !is_escape(rest));
        !is_escape(rest) && name > 0 && closes(&rest[name..])
    })
}

/// Whether a percent sign before this encodes a character.
fn is_escape(rest: &str) -> bool {
    rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit())
}

/// How long a variable's name is that begins here.
fn name_at(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Why Twilio, who calls webhooks over the internet, cannot reach a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreachableHost {
    Loopback,
    /// A private network's address.
    Private,
    /// An address that only neighbours on one network have.
    LinkLocal,
    /// A name that no public name server knows.
    LocalName,
}

impl UnreachableHost {
    /// What kind of host that is, for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::LocalName => "a name that exists only on a local network",
        }
    }
}

/// Top-level names that are kept for local networks.
const LOCAL_DOMAINS: &[&str] = &["local", "internal", "lan", "home", "intranet", "corp", "localdomain"];

/// Why Twilio cannot reach a URL; `None` where nothing about its host says so.
#[must_use]
pub fn unreachable(url: &str) -> Option<UnreachableHost> {
    // As a client reads it: `127.1` and `0x7f000001` are addresses too.
    match Url::parse(url).ok()?.host()? {
        Host::Ipv4(address) => v4(address.octets()),
        Host::Ipv6(address) => match (address.to_ipv4(), address.segments()) {
            (_, [0, 0, 0, 0, 0, 0, 0, 0 | 1]) => Some(UnreachableHost::Loopback),
            (Some(address), _) => v4(address.octets()),
            (None, [0xfc00..=0xfdff, ..]) => Some(UnreachableHost::Private),
            (None, [0xfe80..=0xfebf, ..]) => Some(UnreachableHost::LinkLocal),
            (None, _) => None,
        },
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let top = name.rsplit('.').next().unwrap_or(name);
            if top == "localhost" {
                Some(UnreachableHost::Loopback)
            } else if !name.contains('.') || LOCAL_DOMAINS.contains(&top) || name.ends_with(".home.arpa") {
                Some(UnreachableHost::LocalName)
            } else {
                None
            }
        }
    }
}

fn v4(octets: [u8; 4]) -> Option<UnreachableHost> {
    match octets {
        [127 | 0, ..] => Some(UnreachableHost::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            Some(UnreachableHost::Private)
        }
        [169, 254, ..] => Some(UnreachableHost::LinkLocal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_were_never_filled_in_are_known() {
        for url in [
            "https://${HOST}/v",
            "https://$HOST/v",
            "$BASE/v",
            "https://voice.example.com/$path",
            "https://voice.example.com/?to=$number",
            "https://voice.example.com/?$QUERY",
            "https://{{ host }}/v",
            "https://{{host}}/v",
            "https://voice.example.com/{id}",
            "https://$(HOST)/v",
            "https://${{ vars.HOST }}/v",
            "https://%{host}/v",
            "https://<%= host %>/v",
            "https://<your-host>/v",
            "https://%HOST%/v",
            "https://hook:$HOOK_PASSWORD@voice.example.com/",
            "https://$USER:x@voice.example.com/",
            "https://hook:${HOOK_PASSWORD}@voice.example.com/",
        ] {
            assert!(has_placeholder(url), "{url}");
        }
    }

    #[test]
    fn dollars_and_percents_of_a_url_are_its_own() {
        for url in [
            "https://voice.example.com/answer?x=1&y=%20a#b",
            "https://hook:pa$sw0rd@voice.example.com/",
            "https://hook:pa$$@voice.example.com/",
            "https://voice.example.com/odata?$filter=a&$top=1",
            "https://voice.example.com/5$/a$",
            "https://voice.example.com/%24HOST/%7B%7Bx%7D%7D",
            "https://voice.example.com/%DE%AD%BE%EF",
            "https://voice.example.com/50%",
            "https://a.example/?m=and%we%20call",
        ] {
            assert!(!has_placeholder(url), "{url}");
        }
    }

    #[test]
    fn hosts_that_the_internet_cannot_reach_are_known() {
        use UnreachableHost::{LinkLocal, LocalName, Loopback, Private};
        for (host, why) in [
            ("localhost", Some(Loopback)),
            ("LOCALHOST:8080", Some(Loopback)),
            ("voice.localhost", Some(Loopback)),
            ("127.0.0.1", Some(Loopback)),
            ("127.1", Some(Loopback)),
            ("0x7f000001", Some(Loopback)),
            ("0.0.0.0", Some(Loopback)),
            ("[::1]", Some(Loopback)),
            ("[::]", Some(Loopback)),
            ("[::ffff:127.0.0.1]", Some(Loopback)),
            ("10.1.2.3", Some(Private)),
            ("172.16.0.1", Some(Private)),
            ("172.32.0.1", None),
            ("192.168.1.1:8443", Some(Private)),
            ("100.64.0.1", Some(Private)),
            ("[fd00::1]", Some(Private)),
            ("[::ffff:10.0.0.1]", Some(Private)),
            ("169.254.169.254", Some(LinkLocal)),
            ("[fe80::1]", Some(LinkLocal)),
            ("voice", Some(LocalName)),
            ("voice.svc.cluster.local", Some(LocalName)),
            ("host.docker.internal", Some(LocalName)),
            ("router.home.arpa.", Some(LocalName)),
            ("8.8.8.8", None),
            ("[2001:db8::1]", None),
            ("voice.example.com", None),
            ("localhost.example.com", None),
            ("a.example", None),
        ] {
            assert_eq!(unreachable(&format!("https://{host}/v")), why, "{host}");
        }
    }
}
