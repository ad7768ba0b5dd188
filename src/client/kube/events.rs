//! Kubernetes Events about the Deployment that numctl runs in: what `kubectl describe deployment` shows.
//! Of the API it takes `create` on events and `get` on that one Deployment.

use std::time::{Duration, SystemTime};

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::connection::Connection;
use super::{Cluster, SAID_MAX, status_of};
use crate::model::inert::spelt_out;

/// After which a request is given up.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Writes Events about one Deployment.
#[derive(Debug)]
pub struct EventClient {
    connection: Connection,
    namespace: String,
    deployment: String,
    /// The process that tells.
    instance: String,
    uid: Uid,
    sent: u64,
}

/// The Deployment's own name among all that bore its name: `kubectl describe` looks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Uid {
    NotAsked,
    Known(String),
    /// The role does not let us ask, or there is no such Deployment.
    Refused,
}

#[derive(Deserialize)]
struct EventObject {
    metadata: EventMetadata,
}

#[derive(Deserialize)]
struct EventMetadata {
    uid: String,
}

impl EventClient {
    /// A client for the Events of a Deployment, told by `instance`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        cluster: Cluster,
        namespace: String,
        deployment: String,
        instance: String,
    ) -> Result<Self, String> {
        let connection = Connection::new(cluster, TIMEOUT)?;
        Ok(Self { connection, namespace, deployment, instance, uid: Uid::NotAsked, sent: 0 })
    }

    /// Writes one of this type: `Normal` or `Warning`.
    ///
    /// # Errors
    /// When it was not taken: with what was said, for people.
    pub async fn record(
        &mut self,
        r#type: &str,
        reason: &str,
        message: &str,
        now: Duration,
    ) -> Result<(), String> {
        if self.uid == Uid::NotAsked {
            self.uid = self.ask_uid().await?;
        }
        self.sent += 1;
        let at = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + now).to_string();
        // As client-go names them: by the object, and a number that no other Event has.
        let name = format!("{}.{:x}.{:x}", self.deployment, now.as_nanos(), self.sent);
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "namespace": self.namespace, "name": self.deployment,
        });
        if let Uid::Known(uid) = &self.uid {
            object["uid"] = json!(uid);
        }
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "namespace": self.namespace, "name": name },
            "involvedObject": object,
            "type": r#type, "reason": reason, "message": message,
            "source": { "component": "numctl", "host": self.instance },
            "firstTimestamp": at, "lastTimestamp": at, "count": 1,
            "reportingComponent": "numctl", "reportingInstance": self.instance,
        });
        let path = format!("/api/v1/namespaces/{}/events", self.namespace);
        let (status, body) = self.connection.send(Method::POST, &path, Some(event.to_string())).await?;
        match status {
            StatusCode::CREATED => Ok(()),
            status => Err(refused("create events", status, &body)),
        }
    }

    async fn ask_uid(&mut self) -> Result<Uid, String> {
        let path = format!("/apis/apps/v1/namespaces/{}/deployments/{}", self.namespace, self.deployment);
        let (status, body) = self.connection.send(Method::GET, &path, None).await?;
        match status {
            StatusCode::OK => {
                let object: EventObject = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
                Ok(Uid::Known(object.metadata.uid))
            }
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(Uid::Refused),
            status => Err(refused("get the deployment", status, &body)),
        }
    }
}

fn refused(what: &str, status: StatusCode, body: &[u8]) -> String {
    let words = status_of(body).map(|status| status.message).unwrap_or_default();
    let words: String = words.chars().take(SAID_MAX).collect();
    let hint = match status {
        StatusCode::FORBIDDEN => " (the role needs `create` on events)",
        _ => "",
    };
    format!("{what}: {}{hint}: {}", status.as_u16(), spelt_out(&words))
}
