//! A Lease's JSON (`coordination.k8s.io/v1`).

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{LeaseRecord, SeenLease};

/// What is read of it; the rest is kept as it came.
#[derive(Deserialize)]
struct Lease {
    metadata: LeaseMetadata,
    #[serde(default)]
    spec: Option<Spec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeaseMetadata {
    name: String,
    resource_version: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<i64>,
    acquire_time: Option<String>,
    renew_time: Option<String>,
    lease_transitions: Option<i64>,
}

/// Reads the Lease of this name.
///
/// # Errors
/// When it is another thing, or has no resourceVersion.
pub fn read(name: &str, body: &[u8]) -> Result<SeenLease, String> {
    let object: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
    let lease = Lease::deserialize(&object).map_err(|error| format!("not a Lease: {error}"))?;
    if lease.metadata.name != name || lease.metadata.resource_version.is_empty() {
        return Err("not the Lease that was asked for, or without a resourceVersion".to_owned());
    }
    let spec = lease.spec.unwrap_or_default();
    let record = LeaseRecord {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        duration: spec
            .lease_duration_seconds
            .and_then(|seconds| u32::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Duration::from_secs(seconds.into())),
        acquired: spec.acquire_time,
        renewed: spec.renew_time,
        transitions: i32::try_from(spec.lease_transitions.unwrap_or(0).max(0)).unwrap_or(i32::MAX),
    };
    Ok(SeenLease { record, version: lease.metadata.resource_version, object })
}

/// The annotation that says what was bought for claims.
pub const INTENTS: &str = "numctl/intents";
/// The annotation that says what was spent.
pub const SPENT: &str = "numctl/spent";
/// The annotation that says which contents of the files were in force.
pub const CONTENT: &str = "numctl/content";

/// Kubernetes takes so much for all annotations of an object, names and texts.
const ANNOTATIONS_BYTES_MAX: usize = 256 << 10;

/// What a holder left for whoever leads next, each in an annotation of its own. What is `None` is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseNote {
    /// What was bought for claims.
    pub intents: Option<String>,
    pub spent: Option<String>,
    /// The contents of the files that were in force.
    pub content: Option<String>,
}

impl LeaseNote {
    /// How much it is.
    #[must_use]
    pub fn bytes(&self) -> usize {
        [&self.intents, &self.spent, &self.content].into_iter().flatten().map(String::len).sum()
    }
}

/// The note that a holder left.
#[must_use]
pub fn note(seen: &SeenLease) -> LeaseNote {
    let text = |name| seen.object["metadata"]["annotations"][name].as_str().map(str::to_owned);
    LeaseNote { intents: text(INTENTS), spent: text(SPENT), content: text(CONTENT) }
}

/// The same Lease with this note, to be written at the version that was seen.
#[must_use]
pub fn noting(seen: &SeenLease, note: &LeaseNote) -> SeenLease {
    let mut seen = seen.clone();
    let metadata = &mut seen.object["metadata"];
    let mut annotations = metadata["annotations"].as_object().cloned().unwrap_or_default();
    for (name, text) in [(INTENTS, &note.intents), (SPENT, &note.spent), (CONTENT, &note.content)] {
        match text {
            Some(text) => annotations.insert(name.to_owned(), text.as_str().into()),
            None => annotations.remove(name),
        };
    }
    metadata["annotations"] = annotations.into();
    seen
}

/// At most this many bytes a note may have, beside what others noted.
#[must_use]
pub fn room(seen: &SeenLease) -> usize {
    let annotations = seen.object["metadata"]["annotations"].as_object();
    let others = annotations
        .into_iter()
        .flatten()
        .filter(|(name, _)| ![INTENTS, SPENT, CONTENT].contains(&name.as_str()));
    let taken: usize = others.map(|(name, text)| name.len() + text.as_str().unwrap_or_default().len()).sum();
    ANNOTATIONS_BYTES_MAX.saturating_sub(INTENTS.len() + SPENT.len() + CONTENT.len() + taken)
}

/// The body of a request that creates the Lease.
#[must_use]
pub fn create(namespace: &str, name: &str, record: &LeaseRecord) -> String {
    with_spec(
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": namespace, "name": name},
        }),
        record,
    )
}

/// The body of a request that replaces it: labels and all as they were, the resourceVersion among
/// them.
#[must_use]
pub fn update(over: &SeenLease, record: &LeaseRecord) -> String {
    let mut object = over.object.clone();
    object["metadata"]["resourceVersion"] = over.version.as_str().into();
    with_spec(object, record)
}

fn with_spec(mut object: Value, record: &LeaseRecord) -> String {
    if !object["spec"].is_object() {
        object["spec"] = json!({});
    }
    let spec = &mut object["spec"];
    spec["holderIdentity"] = record.holder.as_deref().unwrap_or("").into();
    spec["leaseDurationSeconds"] = record.duration.map(|duration| duration.as_secs()).into();
    spec["acquireTime"] = record.acquired.as_deref().into();
    spec["renewTime"] = record.renewed.as_deref().into();
    spec["leaseTransitions"] = record.transitions.into();
    object.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_keeps_what_it_does_not_know_and_carries_the_version() {
        let body = br#"{"metadata":{"name":"n","resourceVersion":"7","labels":{"a":"b"}},
            "spec":{"holderIdentity":"","leaseDurationSeconds":1,"strategy":"OldestEmulationVersion"}}"#;
        let seen = read("n", body).expect("a Lease");
        assert_eq!((seen.version.as_str(), seen.record.holder.as_deref()), ("7", None));
        let record = LeaseRecord { holder: Some("me".into()), transitions: 3, ..LeaseRecord::default() };
        let sent: Value = serde_json::from_str(&update(&seen, &record)).expect("JSON");
        assert_eq!(sent["metadata"], json!({"name": "n", "resourceVersion": "7", "labels": {"a": "b"}}));
        assert_eq!(sent["spec"]["strategy"], "OldestEmulationVersion");
        assert_eq!(sent["spec"]["holderIdentity"], "me");
        let again = read("n", sent.to_string().as_bytes()).expect("a Lease");
        assert_eq!(again.record, record);
    }

    #[test]
    fn numbers_at_their_ends_are_read_and_written_within_kubernetes_own() {
        let read_as = |duration: &str, transitions: &str| {
            let body = format!(
                r#"{{"metadata":{{"name":"n","resourceVersion":"7"}},
                    "spec":{{"leaseDurationSeconds":{duration},"leaseTransitions":{transitions}}}}}"#
            );
            let record = read("n", body.as_bytes()).expect("a Lease").record;
            (record.duration.map(|duration| duration.as_secs()), record.transitions)
        };
        assert_eq!(read_as("-5", "-1"), (None, 0));
        assert_eq!(read_as("0", "null"), (None, 0));
        assert_eq!(read_as("2147483647", "2147483647"), (Some(2_147_483_647), i32::MAX));
        assert_eq!(read_as("9223372036854775807", "9223372036854775807"), (None, i32::MAX));
    }

    #[test]
    fn a_note_stands_beside_what_others_noted() {
        let body = br#"{"metadata":{"name":"n","resourceVersion":"7","annotations":{"a":"b"}}}"#;
        let seen = read("n", body).expect("a Lease");
        assert_eq!(note(&seen), LeaseNote::default());
        let said = |intents: Option<&str>, spent: Option<&str>| LeaseNote {
            intents: intents.map(str::to_owned),
            spent: spent.map(str::to_owned),
            content: intents.map(|_| "0123456789abcdef".to_owned()),
        };
        let noted = noting(&noting(&seen, &said(Some("one"), Some("much"))), &said(Some("two"), None));
        let sent = update(&noted, &LeaseRecord::default());
        let again = read("n", sent.as_bytes()).expect("a Lease");
        assert_eq!((note(&again), again.version.as_str()), (said(Some("two"), None), "7"));
        assert_eq!(again.object["metadata"]["annotations"]["a"], "b");
        // A Lease may have none at all.
        let bare = read("n", br#"{"metadata":{"name":"n","resourceVersion":"1"}}"#).expect("a Lease");
        assert_eq!(note(&noting(&bare, &said(None, Some("much")))), said(None, Some("much")));
        // The limit is on all of them, ours and those of others.
        assert_eq!(room(&bare) - room(&seen), "a".len() + "b".len());
        assert_eq!(room(&noted), room(&seen), "what is ours is replaced");
        assert_eq!(room(&bare) + INTENTS.len() + SPENT.len() + CONTENT.len(), 256 << 10);
    }

    #[test]
    fn what_is_not_this_lease_is_not_taken_for_it() {
        for body in ["", "<html>", "{}", r#"{"metadata":{"name":"n"}}"#] {
            assert!(read("n", body.as_bytes()).is_err(), "{body}");
        }
        assert!(read("n", br#"{"metadata":{"name":"other","resourceVersion":"1"}}"#).is_err());
        assert!(read("n", br#"{"metadata":{"name":"n","resourceVersion":""}}"#).is_err());
        let bare = read("n", br#"{"metadata":{"name":"n","resourceVersion":"1"}}"#).expect("no spec yet");
        assert_eq!(bare.record, LeaseRecord::default());
    }
}
