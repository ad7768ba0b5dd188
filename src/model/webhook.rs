//! A webhook that files declare, and what may be wrong with it. Pure.

use core::net::IpAddr;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::settings::{Field, HttpMethod};

/// What Twilio asks a webhook for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookRole {
    /// What to do with a call: TwiML.
    Voice,
    /// What to do with a message: TwiML, or nothing.
    Message,
    /// Nothing: it is told about something.
    Status,
}

/// One webhook: the URL as it is declared, and the method that it is called with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Webhook {
    /// The URL, which may hold a password.
    pub url: Arc<str>,
    pub method: HttpMethod,
    /// What it is asked for.
    pub role: WebhookRole,
}

/// The settings that are webhooks, each with the setting of its method.
pub const WEBHOOK_FIELDS: [(Field, Field, WebhookRole); 5] = [
    (Field::VoiceUrl, Field::VoiceMethod, WebhookRole::Voice),
    (Field::VoiceFallbackUrl, Field::VoiceFallbackMethod, WebhookRole::Voice),
    (Field::SmsUrl, Field::SmsMethod, WebhookRole::Message),
    (Field::SmsFallbackUrl, Field::SmsFallbackMethod, WebhookRole::Message),
    (Field::StatusCallback, Field::StatusCallbackMethod, WebhookRole::Status),
];

impl Webhook {
    /// The parameters of a request that nobody makes: a call or a message without content, to this number.
    #[must_use]
    pub fn parameters(
        &self,
        account: Option<AccountSid>,
        to: Option<PhoneNumber>,
    ) -> Vec<(&'static str, String)> {
        let zeros = "0".repeat(32);
        let to = to.map_or_else(|| FROM.to_owned(), |to| to.to_string());
        let mut pairs = vec![
            ("AccountSid", account.map_or_else(|| format!("AC{zeros}"), |sid| sid.to_string())),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("From", FROM.to_owned()),
            ("To", to),
        ];
        pairs.extend(match self.role {
            WebhookRole::Voice => vec![
                ("CallSid", format!("CA{zeros}")),
                ("CallStatus", "ringing".to_owned()),
                ("Direction", "inbound".to_owned()),
            ],
            WebhookRole::Message => vec![
                ("MessageSid", format!("SM{zeros}")),
                ("SmsSid", format!("SM{zeros}")),
                ("Body", "numctl preflight".to_owned()),
                ("NumMedia", "0".to_owned()),
                ("NumSegments", "1".to_owned()),
            ],
            WebhookRole::Status => vec![
                ("CallSid", format!("CA{zeros}")),
                ("CallStatus", "completed".to_owned()),
                ("Direction", "inbound".to_owned()),
                ("CallDuration", "0".to_owned()),
            ],
        });
        pairs.sort_unstable();
        pairs
    }
}

/// Twilio's own test number: nobody has it.
const FROM: &str = "+15005550006";

/// What is wrong with a webhook, and after how long that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookFault {
    pub kind: FaultKind,
    pub after_ms: u32,
}

/// What may be wrong with a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Its URL cannot be called.
    NotAUrl,
    /// Its name has no address.
    NoAddress,
    /// Its address is private, of this machine or of this network, and is not called.
    AddressRefused(IpAddr),
    NotConnected,
    /// No TLS: most often its certificate is not good.
    Tls,
    /// No answer in time.
    TimedOut,
    /// The answer broke off.
    Broken,
    /// Another status than 2xx.
    Status(u16),
    /// It leads on and on.
    RedirectLoop,
    /// The body is too long.
    TooLong,
    /// A content type that Twilio does not accept.
    WrongType,
    NotTwiml,
    /// It was not called: there were too many.
    NotChecked,
}

impl WebhookFault {
    /// Of this kind, after this long.
    #[must_use]
    pub fn new(kind: FaultKind, after: Duration) -> Self {
        Self { kind, after_ms: u32::try_from(after.as_millis()).unwrap_or(u32::MAX) }
    }
}

impl FaultKind {
    /// The code for it, in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAUrl => "not_a_url",
            Self::NoAddress => "no_address",
            Self::AddressRefused(_) => "address_refused",
            Self::NotConnected => "not_connected",
            Self::Tls => "tls",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
            Self::Status(_) => "status",
            Self::RedirectLoop => "redirect_loop",
            Self::TooLong => "too_long",
            Self::WrongType => "wrong_type",
            Self::NotTwiml => "not_twiml",
            Self::NotChecked => "not_checked",
        }
    }
}

impl fmt::Display for WebhookFault {
    /// `does not answer: HTTP 500 after 0.2 s`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = f64::from(self.after_ms) / 1_000.0;
        match self.kind {
            FaultKind::NotAUrl => f.write_str("cannot be called: it is not a URL of a host"),
            FaultKind::NoAddress => f.write_str("does not answer: its host name has no address"),
            FaultKind::AddressRefused(address) => write!(
                f,
                "was not called: its address {address} is not public (the operator allows it with --preflight-allow)"
            ),
            FaultKind::NotConnected => write!(f, "does not answer: no connection after {after:.1} s"),
            FaultKind::Tls => write!(f, "does not answer: TLS failed after {after:.1} s"),
            FaultKind::TimedOut => write!(f, "does not answer: no answer after {after:.1} s"),
            FaultKind::Broken => {
                write!(f, "does not answer: the connection broke during the answer after {after:.1} s")
            }
            FaultKind::Status(status) => write!(f, "does not answer: HTTP {status} after {after:.1} s"),
            FaultKind::RedirectLoop => f.write_str("does not answer: too many redirects"),
            FaultKind::TooLong => f.write_str("answers with more than Twilio accepts (64 KiB)"),
            FaultKind::WrongType => f.write_str("answers with a content type that Twilio does not accept"),
            FaultKind::NotTwiml => f.write_str("answers with something that is not TwiML"),
            FaultKind::NotChecked => {
                f.write_str("was not checked: too many different webhooks for one preflight")
            }
        }
    }
}

/// Whether an address is on the open internet. What is not may be this machine, its network, or a cloud's
/// own metadata service, and a file from a pull request must not reach them.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(a == 0
                || a == 10
                || a == 127
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 169 && b == 254)
                || (a == 172 && (16..32).contains(&b))
                || (a == 192 && b == 168)
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(v4.into()),
            None => {
                let [a, b, ..] = v6.segments();
                // Global unicast, without what leads to IPv4 addresses by other names.
                (0x2000..0x4000).contains(&a) && a != 0x2002 && !(a == 0x2001 && (b == 0 || b == 0x0db8))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_internet_is_public() {
        for text in
            ["203.0.113.7", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2a00::1", "::ffff:8.8.8.8"]
        {
            assert!(is_public(text.parse().expect(text)), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(text.parse().expect(text)), "{text}");
        }
    }

    #[test]
    fn a_fault_reads_as_a_sentence() {
        let fault = WebhookFault::new(FaultKind::Status(500), Duration::from_millis(231));
        assert_eq!(fault.to_string(), "does not answer: HTTP 500 after 0.2 s");
    }
}
