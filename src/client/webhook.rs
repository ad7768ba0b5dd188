//! Calls a webhook as Twilio would: by name, with TLS, signed, marked, and bounded.
//!
//! The URL comes from a file that may come from a pull request. So only public addresses are called, the
//! address that is connected to is the one that was checked (a name may resolve to another one a moment
//! later), redirects are checked like the first URL, no proxy resolves names for us, and nothing of the
//! answer is shown but its status and its type.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ipnet::IpNet;
use jiff::Timestamp;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Certificate, Method, StatusCode};
use sha1::Sha1;
use url::{Host, Url};

use crate::client::http;
use crate::model::credentials::Credentials;
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::settings::HttpMethod;
use crate::model::webhook::{FaultKind, Webhook, WebhookFault, WebhookRole, is_public};

/// Twilio waits as long for voice and SMS.
const TIME_MAX: Duration = Duration::from_secs(15);
/// Twilio takes at most this much TwiML.
const BODY_BYTES_MAX: usize = 64 << 10;
/// How often it is led on.
const REDIRECTS_MAX: usize = 10;
/// Marks the request, so that an application can tell it from a call.
const MARK: &str = "X-Numctl-Preflight";
const SIGNATURE: &str = "X-Twilio-Signature";

/// Whose webhook it is, and for which of its numbers it is called.
#[derive(Debug, Clone)]
pub struct CalledFor {
    /// The account, where it is known.
    pub account: Option<AccountSid>,
    /// The account's own auth token, which signs; without it the request goes unsigned.
    pub token: Option<Credentials>,
    /// A number that points there.
    pub number: Option<PhoneNumber>,
}

/// What a call showed.
#[derive(Debug, Clone)]
pub struct WebhookCall {
    /// That it works, or what is wrong.
    pub outcome: Result<(), WebhookFault>,
    /// The status of the last answer.
    pub status: Option<u16>,
    pub content_type: Option<String>,
    /// Until when the certificate is good.
    pub certificate_until: Option<Timestamp>,
    /// Whether it was signed.
    pub is_signed: bool,
    /// How long it took.
    pub took: Duration,
}

/// Calls webhooks as Twilio does, for `preflight` and the daemon. Its clones are the same one.
#[derive(Debug, Clone)]
pub struct WebhookCaller {
    client: Arc<RwLock<reqwest::Client>>,
    gate: Gate,
}

/// Which addresses may be called.
#[derive(Debug, Clone)]
struct Gate(Arc<[IpNet]>);

impl Gate {
    fn lets(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.0.iter().any(|net| net.contains(&address))
    }
}

/// That no address of a name may be called.
#[derive(Debug)]
struct RefusedAddress(IpAddr);

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the address {} is not public", self.0)
    }
}

impl Error for RefusedAddress {}

/// That a name has no address.
#[derive(Debug)]
struct Nameless;

impl fmt::Display for Nameless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has no address")
    }
}

impl Error for Nameless {}

/// Resolves names to addresses that may be called, and to no others: what comes out is connected to.
impl Resolve for Gate {
    fn resolve(&self, name: Name) -> Resolving {
        let gate = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Nameless)?;
            let (good, bad): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|address| gate.lets(address.ip()));
            match (good.is_empty(), bad.first()) {
                (false, _) => Ok(Box::new(good.into_iter()) as Addrs),
                (true, Some(bad)) => Err(Box::new(RefusedAddress(bad.ip())) as Box<dyn Error + Send + Sync>),
                (true, None) => Err(Box::new(Nameless) as Box<dyn Error + Send + Sync>),
            }
        })
    }
}

fn client(gate: &Gate, trusted: Vec<Certificate>) -> Result<reqwest::Client, String> {
    http::builder()
        .no_proxy()
        .dns_resolver(Arc::new(gate.clone()))
        .tls_certs_merge(trusted)
        .tls_info(true)
        // Each call shows whether a connection can be made, and to an address that was checked.
        .pool_max_idle_per_host(0)
        .connect_timeout(TIME_MAX)
        .build()
        .map_err(|error| http::no_tls(&error))
}

impl WebhookCaller {
    /// One that may call public addresses and these, and trusts the machine's CA certificates and these.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(allowed: Vec<IpNet>, trusted: Vec<Certificate>) -> Result<Self, String> {
        let gate = Gate(allowed.into());
        Ok(Self { client: Arc::new(RwLock::new(client(&gate, trusted)?)), gate })
    }

    /// Trusts these CA certificates from now on, beside the machine's.
    ///
    /// # Errors
    /// When TLS cannot be set up; those of before stay trusted.
    pub fn trust(&self, trusted: Vec<Certificate>) -> Result<(), String> {
        let client = client(&self.gate, trusted)?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        Ok(())
    }

    /// Calls a webhook once, redirects followed.
    pub async fn call(&self, webhook: &Webhook, by: &CalledFor) -> WebhookCall {
        let began = Instant::now();
        let mut call = WebhookCall {
            outcome: Ok(()),
            status: None,
            content_type: None,
            certificate_until: None,
            is_signed: false,
            took: Duration::ZERO,
        };
        let called = tokio::time::timeout(TIME_MAX, self.follow(webhook, by, &mut call)).await;
        call.took = began.elapsed();
        let outcome = called.unwrap_or(Err(FaultKind::TimedOut));
        call.outcome = outcome.map_err(|kind| WebhookFault::new(kind, call.took));
        call
    }

    async fn follow(
        &self,
        webhook: &Webhook,
        by: &CalledFor,
        call: &mut WebhookCall,
    ) -> Result<(), FaultKind> {
        let mut url = Url::parse(&webhook.url).map_err(|_| FaultKind::NotAUrl)?;
        url.set_fragment(None);
        let origin = url.origin();
        let mut method = match webhook.method {
            HttpMethod::Get => Method::GET,
            HttpMethod::Post => Method::POST,
        };
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner).clone();
        let parameters = webhook.parameters(by.account, by.number);
        for hop in 0..=REDIRECTS_MAX {
            self.check(&url)?;
            let is_first = hop == 0;
            if is_first && method == Method::GET {
                url.query_pairs_mut().extend_pairs(&parameters);
            }
            let mut request = client.request(method.clone(), url.clone()).header(MARK, "1");
            let form = (method == Method::POST).then_some(&parameters[..]);
            if let Some(form) = form {
                let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
                request = request
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
                    .body(body);
            }
            // Another host that a redirect names gets no signature: it could be the reason for the redirect.
            if url.origin() == origin
                && let Some(signature) = signature(&url, form.unwrap_or_default(), by)
            {
                request = request.header(SIGNATURE, signature);
                call.is_signed = true;
            }
            let mut answer = request.send().await.map_err(|error| fault_of(&error))?;
            call.status = Some(answer.status().as_u16());
            let text =
                |value: Option<&HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
            call.content_type = text(answer.headers().get(CONTENT_TYPE));
            if let Some(info) = answer.extensions().get::<reqwest::tls::TlsInfo>() {
                let until = info.peer_certificate().and_then(expiry);
                call.certificate_until = call.certificate_until.or(until);
            }
            if let (true, Some(link)) =
                (answer.status().is_redirection(), text(answer.headers().get(LOCATION)))
            {
                if !matches!(answer.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
                {
                    method = Method::GET;
                }
                url = url.join(&link).map_err(|_| FaultKind::NotAUrl)?;
                url.set_fragment(None);
                continue;
            }
            if !answer.status().is_success() {
                return Err(FaultKind::Status(answer.status().as_u16()));
            }
            let body = http::body(&mut answer, BODY_BYTES_MAX).await.map_err(|error| fault_of(&error))?;
            return judge(webhook.role, call.content_type.as_deref(), &body.ok_or(FaultKind::TooLong)?);
        }
        Err(FaultKind::RedirectLoop)
    }

    /// Whether a URL may be called at all. An address in it is looked at here, a name when it is resolved.
    fn check(&self, url: &Url) -> Result<(), FaultKind> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FaultKind::NotAUrl);
        }
        let address: IpAddr = match url.host().ok_or(FaultKind::NotAUrl)? {
            Host::Domain(_) => return Ok(()),
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
        };
        if self.gate.lets(address) { Ok(()) } else { Err(FaultKind::AddressRefused(address)) }
    }
}

/// base64(HMAC-SHA1(auth token, URL and each parameter as name then value, by name)); an API key signs
/// nothing.
fn signature(url: &Url, form: &[(&'static str, String)], by: &CalledFor) -> Option<String> {
    let token = by.token.as_ref()?;
    let mut url = url.clone();
    // What a server sees of a URL has no password.
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let mut mac = Hmac::<Sha1>::new_from_slice(token.expose_secret().as_bytes()).ok()?;
    mac.update(url.as_str().as_bytes());
    for (name, value) in form {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    Some(base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes()))
}

/// Until when a certificate is good: `notAfter` of RFC 5280, section 4.1. rustls has checked the rest.
fn expiry(der: &[u8]) -> Option<Timestamp> {
    let certificate = AnyRef::from_der(der).ok()?;
    let signed: AnyRef<'_> = SliceReader::new(certificate.value()).ok()?.decode().ok()?;
    // The version, which may be left out, serial number, algorithm and issuer come before the validity.
    let mut fields = SliceReader::new(signed.value()).ok()?;
    let first: AnyRef<'_> = fields.decode().ok()?;
    for _ in 0..if first.tag() == Tag::Integer { 2 } else { 3 } {
        fields.decode::<AnyRef<'_>>().ok()?;
    }
    let validity: AnyRef<'_> = fields.decode().ok()?;
    let mut times = SliceReader::new(validity.value()).ok()?;
    times.decode::<AnyRef<'_>>().ok()?;
    let end: AnyRef<'_> = times.decode().ok()?;
    let since_epoch = match end.tag() {
        Tag::UtcTime => end.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        _ => end.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
    };
    Timestamp::from_second(since_epoch.as_secs().try_into().ok()?).ok()
}

/// What lies behind a request that failed.
fn fault_of(error: &reqwest::Error) -> FaultKind {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut is_tls = false;
    while let Some(one) = cause {
        if let Some(RefusedAddress(address)) = one.downcast_ref() {
            return FaultKind::AddressRefused(*address);
        }
        if one.is::<Nameless>() {
            return FaultKind::NoAddress;
        }
        // rustls' errors come wrapped in those of the standard library.
        let inner =
            one.downcast_ref::<std::io::Error>().filter(|io| io.kind() == std::io::ErrorKind::InvalidData);
        is_tls |= inner.is_some();
        cause = one.source();
    }
    match error {
        _ if is_tls => FaultKind::Tls,
        error if error.is_timeout() => FaultKind::TimedOut,
        error if error.is_connect() => FaultKind::NotConnected,
        error if error.is_builder() => FaultKind::NotAUrl,
        _ => FaultKind::Broken,
    }
}

/// Whether Twilio can use an answer.
fn judge(role: WebhookRole, content_type: Option<&str>, body: &[u8]) -> Result<(), FaultKind> {
    let is_empty = body.iter().all(u8::is_ascii_whitespace);
    match role {
        WebhookRole::Status => return Ok(()),
        // Nothing is answered to the message.
        WebhookRole::Message if is_empty => return Ok(()),
        WebhookRole::Voice | WebhookRole::Message => {}
    }
    let kind =
        content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/xml" | "application/xml" | "text/html" => {}
        "text/plain" => return Ok(()),
        kind if kind.starts_with("audio/") => return Ok(()),
        _ => return Err(FaultKind::WrongType),
    }
    let text = std::str::from_utf8(body).map_err(|_| FaultKind::NotTwiml)?;
    let document = roxmltree::Document::parse(text.trim_start()).map_err(|_| FaultKind::NotTwiml)?;
    if document.root_element().tag_name().name() == "Response" { Ok(()) } else { Err(FaultKind::NotTwiml) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As UTCTime to 2049, and as GeneralizedTime from 2050 on.
    #[test]
    fn a_certificate_says_until_when_it_is_good() {
        let key = rcgen::KeyPair::generate().expect("a key");
        for year in [2030, 2061] {
            let mut params = rcgen::CertificateParams::new(["voice.example.com".to_owned()]).expect("a name");
            params.not_after = rcgen::date_time_ymd(year, 2, 1);
            let made = params.self_signed(&key).expect("a certificate");
            let end = expiry(made.der()).expect("an end");
            assert_eq!(end.to_string(), format!("{year}-02-01T00:00:00Z"));
            assert_eq!(expiry(&made.der()[..made.der().len() / 2]), None);
        }
        assert_eq!(expiry(b"no certificate"), None);
    }

    #[test]
    fn the_signature_is_the_vendors() {
        // The sample of Twilio's security page.
        let by = CalledFor { account: None, token: Some(Credentials::new("AC1", "12345")), number: None };
        let form = [
            ("CallSid", "CA1234567890ABCDE".to_owned()),
            ("Caller", "+12349013030".to_owned()),
            ("Digits", "1234".to_owned()),
            ("From", "+12349013030".to_owned()),
            ("To", "+18005551212".to_owned()),
        ];
        let url = Url::parse("https://user:secret@mycompany.com/myapp.php?foo=1&bar=2").expect("a URL");
        assert_eq!(signature(&url, &form, &by).as_deref(), Some("0/KCTR6DLpKmkAf8muzZqo1nDgQ="));
        let key = CalledFor { token: None, ..by };
        assert_eq!(signature(&url, &form, &key), None);
    }

    #[test]
    fn only_twiml_is_taken_for_a_call() {
        let xml = Some("text/xml; charset=utf-8");
        for (role, kind, body, verdict) in [
            (WebhookRole::Voice, xml, "<?xml version=\"1.0\"?>\n<Response><Say>Hi</Say></Response>", Ok(())),
            (WebhookRole::Voice, Some("text/html"), "\n<Response/>", Ok(())),
            (WebhookRole::Voice, Some("text/plain"), "Hi", Ok(())),
            (WebhookRole::Voice, Some("audio/mpeg"), "ID3", Ok(())),
            (WebhookRole::Voice, xml, "", Err(FaultKind::NotTwiml)),
            (WebhookRole::Message, None, "", Ok(())),
            (WebhookRole::Status, Some("application/json"), "{}", Ok(())),
            (WebhookRole::Message, Some("application/json"), "{}", Err(FaultKind::WrongType)),
            (WebhookRole::Voice, None, "<Response/>", Err(FaultKind::WrongType)),
            (WebhookRole::Voice, Some("text/html"), "<!doctype html><html></html>", Err(FaultKind::NotTwiml)),
            (WebhookRole::Voice, xml, "<Response><Say></Response>", Err(FaultKind::NotTwiml)),
            (WebhookRole::Voice, xml, "<response/>", Err(FaultKind::NotTwiml)),
            (
                WebhookRole::Voice,
                xml,
                "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Response>&b;</Response>",
                Err(FaultKind::NotTwiml),
            ),
        ] {
            assert_eq!(judge(role, kind, body.as_bytes()), verdict, "{body}");
        }
    }
}
