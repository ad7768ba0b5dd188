//! A proxy that leads a client to the sandbox under Twilio's host names: it accepts `CONNECT`, ends the TLS
//! with a certificate of its own CA, and passes the requests on over plain HTTP.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The longest head that is read.
const HEAD_LIMIT: usize = 64 << 10;

/// A running proxy; it ends when dropped.
#[derive(Debug)]
pub(in crate::e2e) struct Proxy {
    /// For `HTTPS_PROXY`: `http://127.0.0.1:…`.
    pub(in crate::e2e) url: String,
    authority: Arc<Authority>,
    /// Where the sandbox listens.
    target: String,
    dir: TempDir,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// One that leads every host below `twilio.com` to the sandbox at this base URL.
    pub(in crate::e2e) fn start(sandbox: &str) -> Self {
        let target = sandbox.strip_prefix("http://").expect("the sandbox speaks plain HTTP").to_owned();
        let authority = Arc::new(Authority::new());
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("ca.pem"), authority.issuer.pem()).expect("written");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket for a runtime");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        // Its own runtime, so that a test need not have one.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (own, there) = (authority.clone(), target.clone());
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a socket for a runtime");
            accept(listener, own, there).await;
        });
        Self { url, authority, target, dir, runtime: Some(runtime) }
    }

    /// The CA's certificate, PEM: for `SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS`, `REQUESTS_CA_BUNDLE`.
    pub(in crate::e2e) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The base URL of an end of TLS on this machine, which leads to the same place without a proxy.
    pub(in crate::e2e) fn front(&self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket for a runtime");
        let port = listener.local_addr().expect("an address").port();
        let tls = TlsAcceptor::from(Arc::new(self.authority.mint("127.0.0.1")));
        let target = self.target.clone();
        self.runtime.as_ref().expect("until it is dropped").spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a socket for a runtime");
            while let Ok((client, _)) = listener.accept().await {
                let (tls, target) = (tls.clone(), target.clone());
                tokio::spawn(async move {
                    let mut secure = tls.accept(client).await?;
                    let mut server = TcpStream::connect(target).await?;
                    tokio::io::copy_bidirectional(&mut secure, &mut server).await
                });
            }
        });
        format!("https://127.0.0.1:{port}")
    }

    /// The hosts that were asked for and led on, once each, in the order of their first `CONNECT`.
    pub(in crate::e2e) fn hosts(&self) -> Vec<String> {
        self.authority.book().led.clone()
    }

    /// The hosts that were refused, likewise.
    pub(in crate::e2e) fn refused(&self) -> Vec<String> {
        self.authority.book().refused.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A client's idle connection is no reason to wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The CA, and what has been asked of it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    led: Vec<String>,
    refused: Vec<String>,
    configs: HashMap<String, Arc<ServerConfig>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "numctl tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        Self { issuer, book: Mutex::default() }
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host's TLS, with a certificate for exactly this name; none for a host of somebody else.
    fn admit(&self, host: &str) -> Option<Arc<ServerConfig>> {
        let mut book = self.book();
        let is_vendors = host.ends_with(".twilio.com");
        let list = if is_vendors { &mut book.led } else { &mut book.refused };
        if !list.iter().any(|known| known == host) {
            list.push(host.to_owned());
        }
        is_vendors
            .then(|| book.configs.entry(host.to_owned()).or_insert_with(|| Arc::new(self.mint(host))).clone())
    }

    fn mint(&self, host: &str) -> ServerConfig {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host name");
        params.distinguished_name.push(DnType::CommonName, host);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a certificate for the key");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

async fn accept(listener: TcpListener, authority: Arc<Authority>, target: String) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let (authority, target) = (authority.clone(), target.clone());
                // A client that goes away in the middle is nobody's failure.
                tokio::spawn(async move { drop(tunnel(client, &authority, &target).await) });
            }
            // Out of file descriptors, perhaps: it passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn tunnel(mut client: TcpStream, authority: &Authority, target: &str) -> io::Result<()> {
    let Some((head, _)) = read_head(&mut client, Vec::new()).await? else { return Ok(()) };
    let mut words = head.split(' ');
    let (Some("CONNECT"), Some(host)) = (words.next(), words.next()) else {
        return client.write_all(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n").await;
    };
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    let Some(config) = authority.admit(&host) else {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    let secure = TlsAcceptor::from(config).accept(client).await?;
    let server = TcpStream::connect(target).await?;
    let (from_client, mut to_client) = tokio::io::split(secure);
    let (mut from_server, to_server) = server.into_split();
    let answers = async {
        let done = tokio::io::copy(&mut from_server, &mut to_client).await;
        // The sandbox has closed: so does Twilio.
        let _ = to_client.shutdown().await;
        done.map(drop)
    };
    tokio::select! {
        done = requests(from_client, to_server) => done,
        done = answers => done,
    }
}

/// Passes requests on, each with the header that tells the sandbox of the TLS, until the client ends.
async fn requests(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut ahead = Vec::new();
    while let Some((head, rest)) = read_head(&mut from, ahead).await? {
        let value = |name: &str| {
            head.lines().find_map(|line| {
                let (known, value) = line.split_once(':')?;
                known.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        if value("Transfer-Encoding").is_some() {
            return Err(io::Error::other("a request in chunks: nobody here sends those"));
        }
        let length = value("Content-Length").map_or(Ok(0), str::parse::<usize>).map_err(io::Error::other)?;
        to.write_all(format!("{head}X-Forwarded-Proto: https\r\n\r\n").as_bytes()).await?;
        let mut body = rest;
        ahead = body.split_off(length.min(body.len()));
        let missing = length - body.len();
        to.write_all(&body).await?;
        let mut tail = vec![0; missing];
        from.read_exact(&mut tail).await?;
        to.write_all(&tail).await?;
        to.flush().await?;
    }
    Ok(())
}

/// A head with its lines' ends but without the empty line, and what has been read behind it; none
/// at the end of the stream.
async fn read_head(
    from: &mut (impl AsyncRead + Unpin),
    mut read: Vec<u8>,
) -> io::Result<Option<(String, Vec<u8>)>> {
    const END: &[u8] = b"\r\n\r\n";
    loop {
        if let Some(at) = read.windows(END.len()).position(|window| window == END) {
            let rest = read.split_off(at + END.len());
            read.truncate(at + 2);
            return Ok(Some((String::from_utf8_lossy(&read).into_owned(), rest)));
        }
        if read.len() > HEAD_LIMIT || from.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
}

mod tests {
    use super::super::super::harness::{MAIN, Sandbox, TOKEN};
    use super::*;

    /// A client that goes through a proxy, and trusts the CA of one and nothing else.
    fn client(proxy: &Proxy, trusted: &Proxy) -> reqwest::Client {
        let pem = std::fs::read(trusted.ca_file()).expect("the CA's certificate");
        let ca = reqwest::Certificate::from_pem(&pem).expect("a certificate");
        let through = reqwest::Proxy::all(&proxy.url).expect("a URL");
        numctl::client::http::builder().proxy(through).tls_certs_only([ca]).build().expect("a client")
    }

    #[tokio::test]
    async fn leads_the_vendors_hosts_to_the_sandbox_and_refuses_others() {
        let (sandbox, _bench) = Sandbox::start(&[]);
        let proxy = Proxy::start(&sandbox.base_url);
        let client = client(&proxy, &proxy);
        // Twice on a connection that is kept, then under the name of a region.
        for host in ["preview.twilio.com", "preview.twilio.com", "preview.dublin.ie1.twilio.com"] {
            let url = format!("https://{host}/Numbers/ActiveNumbers?PageSize=1");
            let answer = client.get(url).basic_auth(MAIN, Some(TOKEN)).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            let body = answer.text().await.expect("a body");
            // The Host header came through: links lead back to where the client was.
            assert!(body.contains(&format!("://{host}/Numbers/ActiveNumbers")), "{body}");
        }
        let error = client.get("https://registry.npmjs.org/").send().await.expect_err("refused");
        assert!(error.is_connect(), "{error:?}");
        assert_eq!(proxy.hosts(), ["preview.twilio.com", "preview.dublin.ie1.twilio.com"]);
        assert_eq!(proxy.refused(), ["registry.npmjs.org"]);
    }

    #[tokio::test]
    async fn its_ca_is_what_makes_it_trusted() {
        let (sandbox, _bench) = Sandbox::start(&[]);
        let (proxy, other) = (Proxy::start(&sandbox.base_url), Proxy::start(&sandbox.base_url));
        client(&proxy, &other).get("https://api.twilio.com/").send().await.expect_err("not trusted");
        assert_eq!(sandbox.requests()["total"], 0);
    }
}
