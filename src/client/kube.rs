//! One Lease at a Kubernetes API server: read it, make it, replace it. No more of the API than that,
//! so no more rights than `get`, `create` and `update` on one Lease; what [`events`] needs is optional.

mod connection;
pub mod events;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use connection::Connection;

use crate::client::lease::{Ask, LeaseAnswer, LeaseServer, LeaseTrouble, LeaseTroubleKind, wire};
use crate::host::bounded_file;
use crate::model::base_url::{Unfit, base_url_below};
use crate::model::inert::spelt_out;

/// Where Kubernetes puts a pod's identity.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// A token is a kilobyte or two.
const TOKEN_BYTES_MAX: usize = 64 << 10;
/// At most this much of the server's own words is shown.
const SAID_MAX: usize = 300;

/// Where a Kubernetes API server is, and who asks it.
#[derive(Debug, Clone)]
pub struct Cluster {
    base: Url,
    token_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
}

impl Cluster {
    /// The cluster that the process runs in, by what Kubernetes gives every pod: the variables
    /// `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, and the service account's files.
    ///
    /// # Errors
    /// When they make no address.
    pub fn around_us(host: &str, port: &str) -> Result<Self, String> {
        let host = match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
        };
        let folder = Path::new(SERVICE_ACCOUNT);
        Self::at(&format!("https://{host}:{port}"), Some(folder.join("token")), Some(folder.join("ca.crt")))
    }

    /// The one at a base URL, which may have a path: many clusters behind one host. Without a file of CA certificates the machine's own are trusted.
    ///
    /// # Errors
    /// When it is no such URL, or one over which a token would be read by others.
    pub fn at(base: &str, token_file: Option<PathBuf>, ca_file: Option<PathBuf>) -> Result<Self, String> {
        let base = base_url_below(base).map_err(|unfit| match unfit {
            Unfit::NotAUrl(error) => format!("it is not a URL: {error}"),
            Unfit::Scheme | Unfit::InTheClear => "use https (http only on this machine)".to_owned(),
            Unfit::MoreThanAHost => "give scheme, host, port and path only".to_owned(),
        })?;
        Ok(Self { base, token_file, ca_file })
    }
}

/// The namespace that the process runs in, where Kubernetes says so.
#[must_use]
pub fn own_namespace() -> Option<String> {
    let text = bounded_file::text(&Path::new(SERVICE_ACCOUNT).join("namespace"), TOKEN_BYTES_MAX).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Reads and writes one Lease of the cluster.
#[derive(Debug)]
pub struct LeaseClient {
    connection: Connection,
    namespace: String,
    name: String,
}

impl LeaseClient {
    /// A client that gives each request up after `timeout`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(cluster: Cluster, namespace: String, name: String, timeout: Duration) -> Result<Self, String> {
        Ok(Self { connection: Connection::new(cluster, timeout)?, namespace, name })
    }

    async fn send(&mut self, ask: &Ask) -> Result<(StatusCode, Vec<u8>), String> {
        let (method, body) = match ask {
            Ask::Read => (Method::GET, None),
            Ask::Create(record) => (Method::POST, Some(wire::create(&self.namespace, &self.name, record))),
            Ask::Update(seen, record) => (Method::PUT, Some(wire::update(seen, record))),
        };
        self.connection.send(method, &self.path(ask), body).await
    }

    /// Both are names of Kubernetes' own form, which need no escape.
    fn path(&self, ask: &Ask) -> String {
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace);
        match ask {
            Ask::Create(_) => leases,
            Ask::Read | Ask::Update(..) => format!("{leases}/{}", self.name),
        }
    }
}

impl LeaseServer for LeaseClient {
    async fn ask(&mut self, ask: &Ask) -> Result<LeaseAnswer, LeaseTrouble> {
        let unanswered =
            |why| LeaseTrouble { kind: LeaseTroubleKind::Unanswered, is_of_a_write: *ask != Ask::Read, why };
        let (status, body) = self.send(ask).await.map_err(unanswered)?;
        let seen =
            || wire::read(&self.name, &body).map_err(|error| unanswered(format!("the answer is {error}")));
        match (ask, status) {
            (Ask::Read, StatusCode::OK) => Ok(LeaseAnswer::Found(seen()?)),
            (Ask::Read, StatusCode::NOT_FOUND) if is_of_the_api(&body) => Ok(LeaseAnswer::Missing),
            (Ask::Create(_), StatusCode::CREATED) | (Ask::Update(..), StatusCode::OK) => {
                Ok(LeaseAnswer::Written(seen()?))
            }
            // To an update, 404: someone deleted it.
            (Ask::Create(_) | Ask::Update(..), StatusCode::CONFLICT)
            | (Ask::Update(..), StatusCode::NOT_FOUND)
                if is_of_the_api(&body) =>
            {
                Ok(LeaseAnswer::Conflict)
            }
            (_, status) => Err(refused(ask, status, &body)),
        }
    }
}

impl fmt::Display for LeaseClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What the API says when it refuses.
#[derive(Deserialize)]
struct KubeStatus {
    kind: String,
    #[serde(default)]
    message: String,
}

fn status_of(body: &[u8]) -> Option<KubeStatus> {
    serde_json::from_slice(body).ok().filter(|status: &KubeStatus| status.kind == "Status")
}

/// A proxy has a 404 of its own, which says nothing about the Lease.
fn is_of_the_api(body: &[u8]) -> bool {
    status_of(body).is_some()
}

fn refused(ask: &Ask, status: StatusCode, body: &[u8]) -> LeaseTrouble {
    let (kind, is_of_a_write) = match (ask, status) {
        (_, StatusCode::UNAUTHORIZED) => (LeaseTroubleKind::Forbidden, false),
        (Ask::Read, StatusCode::FORBIDDEN) => (LeaseTroubleKind::Forbidden, false),
        (Ask::Read, _) => (LeaseTroubleKind::Unanswered, false),
        // The role does not allow it, the namespace is not there, or a hook says no.
        (Ask::Create(_), status) if status.is_client_error() => (LeaseTroubleKind::Missing, true),
        (Ask::Update(..), StatusCode::FORBIDDEN) => (LeaseTroubleKind::Forbidden, true),
        (Ask::Create(_) | Ask::Update(..), _) => (LeaseTroubleKind::Unanswered, true),
    };
    let (verb, needs) = match ask {
        Ask::Read => {
            ("get", "the service account needs get, create and update on leases of coordination.k8s.io")
        }
        Ask::Create(_) => (
            "create",
            "allow the service account to create leases of coordination.k8s.io, or create this one yourself",
        ),
        Ask::Update(..) => {
            ("update", "the service account needs get, create and update on leases of coordination.k8s.io")
        }
    };
    let words: String =
        status_of(body).map(|status| status.message).unwrap_or_default().chars().take(SAID_MAX).collect();
    let hint = match status {
        StatusCode::UNAUTHORIZED => " (is the token file for this cluster?)".to_owned(),
        StatusCode::FORBIDDEN => format!(" ({needs})"),
        _ => String::new(),
    };
    LeaseTrouble {
        kind,
        is_of_a_write,
        why: format!("{verb}: {}{hint}: {}", status.as_u16(), spelt_out(&words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_goes_over_the_open_network() {
        let at = |base| Cluster::at(base, None, None).map(|cluster| cluster.base.to_string());
        assert_eq!(at("https://10.0.0.1:6443"), Ok("https://10.0.0.1:6443/".to_owned()));
        assert!(at("http://127.0.0.1:8001").is_ok() && at("http://[::1]:8001").is_ok());
        for bad in [
            "http://10.0.0.1:6443",
            "http://kube",
            "ftp://127.0.0.1",
            "https://u:p@h",
            "https://h/p?q",
            "https://h/p#f",
            "x",
        ] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cluster_may_be_below_a_path() {
        for (base, path) in [
            ("https://host", ""),
            ("https://host/", ""),
            ("https://host/k8s/clusters/c-1", "/k8s/clusters/c-1"),
            ("https://host/k8s/clusters/c-1/", "/k8s/clusters/c-1"),
            ("http://127.0.0.1:8001/a%20b/", "/a%20b"),
        ] {
            let cluster = Cluster::at(base, None, None).expect(base);
            let client =
                LeaseClient::new(cluster, "ns".to_owned(), "fleet".to_owned(), Duration::from_secs(1))
                    .expect(base);
            let leases = format!("{path}/apis/coordination.k8s.io/v1/namespaces/ns/leases");
            let url = client.connection.url(&client.path(&Ask::Read));
            assert_eq!(url.path(), format!("{leases}/fleet"));
        }
    }

    #[test]
    fn a_pods_variables_make_an_address() {
        let at = |host| Cluster::around_us(host, "443").map(|cluster| cluster.base.to_string());
        assert_eq!(at("10.96.0.1"), Ok("https://10.96.0.1/".to_owned()));
        assert_eq!(at("fd00::1"), Ok("https://[fd00::1]/".to_owned()));
        assert!(at("a b").is_err());
    }
}
