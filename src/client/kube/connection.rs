//! Requests to one API server, each with the token and the CA certificates as their files are then.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Cluster, TOKEN_BYTES_MAX};
use crate::client::http;
use crate::host::bounded_file;

/// The annotations of a Lease are 256 KiB at most.
const BODY_BYTES_MAX: usize = 4 << 20;

/// A client of one API server.
#[derive(Debug)]
pub(super) struct Connection {
    cluster: Cluster,
    http: Client,
    timeout: Duration,
}

impl Connection {
    /// Gives up on each request after `timeout`.
    pub(super) fn new(cluster: Cluster, timeout: Duration) -> Result<Self, String> {
        Ok(Self { http: client(&cluster, timeout)?, cluster, timeout })
    }

    /// Sends one request to a path below the cluster's base URL.
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let mut call = self.http.request(method, self.url(path)).header(ACCEPT, "application/json");
        if let Some(authorization) = authorization(&self.cluster)? {
            call = call.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            call = call.header(CONTENT_TYPE, "application/json").body(body);
        }
        let mut answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) => {
                if error.is_connect() {
                    // The cluster's CA may have been renewed in its file.
                    self.http = client(&self.cluster, self.timeout)?;
                }
                return Err(self.lost(error));
            }
        };
        let status = answer.status();
        match http::body(&mut answer, BODY_BYTES_MAX).await {
            Ok(Some(body)) => Ok((status, body)),
            Ok(None) => Err("the answer is too long".to_owned()),
            Err(error) => Err(self.lost(error)),
        }
    }

    /// A path below the cluster's base, which is escaped already.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.cluster.base.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url
    }

    fn lost(&self, error: reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {}", humantime::format_duration(self.timeout));
        }
        http::causes(&error.without_url())
    }
}

fn client(cluster: &Cluster, timeout: Duration) -> Result<Client, String> {
    let read =
        |path: &PathBuf| http::certificates_in(path).map_err(|error| format!("{}: {error}", path.display()));
    // The cluster's own server is not behind the way out to the Internet.
    http::client_within(&cluster.base, cluster.ca_file.as_ref().map(read).transpose()?, timeout)
}

/// Read again for every request: Kubernetes renews it every hour or so.
fn authorization(cluster: &Cluster) -> Result<Option<HeaderValue>, String> {
    let Some(path) = &cluster.token_file else { return Ok(None) };
    let named = |error: String| format!("{}: {error}", path.display());
    let token: SecretString =
        bounded_file::text(path, TOKEN_BYTES_MAX).map_err(|error| named(error.to_string()))?.into();
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret().trim()))
        .map_err(|_| named("it is not a token".to_owned()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
