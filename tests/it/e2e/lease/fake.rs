//! Leases as an API server keeps them: every write compares the resourceVersion, one that changes nothing
//! leaves it, and annotations have an end. Somebody may meddle with it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(super) const TOKEN: &str = "fake-token-of-a-service-account";

#[derive(Default)]
struct Leases {
    /// By path.
    objects: BTreeMap<String, Value>,
    versions: u64,
    /// What somebody else does right before the next writes of a note, one for each.
    meddling: VecDeque<Meddling>,
    /// The Events that were written, the oldest first.
    events: Vec<Value>,
    /// The methods that the role does not allow.
    forbidden: &'static [&'static str],
}

/// What becomes of a write that would leave another note than the one that stands there.
pub(super) enum Meddling {
    /// Somebody else was quicker, and left this in the object's metadata.
    Writes(Value),
    /// An admission hook does not let it in.
    Refuses,
}

/// The fake's end of its wires.
#[derive(Clone)]
pub(super) struct Hand(Shared);

impl Hand {
    /// Before the next write of a note.
    pub(super) fn meddles(&self, meddling: Meddling) {
        self.0.lock().expect("unpoisoned").meddling.push_back(meddling);
    }

    /// From now on the role does not allow these methods.
    pub(super) fn forbids(&self, methods: &'static [&'static str]) {
        self.0.lock().expect("unpoisoned").forbidden = methods;
    }

    /// The Events that were written, by reason and message.
    pub(super) fn events(&self) -> Vec<Value> {
        self.0.lock().expect("unpoisoned").events.clone()
    }

    /// How often that is still to happen.
    pub(super) fn is_idle(&self) -> bool {
        self.0.lock().expect("unpoisoned").meddling.is_empty()
    }
}

type Shared = Arc<Mutex<Leases>>;

/// Serves for as long as the test process.
pub(super) fn serve() -> (SocketAddr, Hand) {
    let leases = Shared::default();
    let hand = Hand(leases.clone());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            sender.send(listener.local_addr().expect("an address")).expect("heard");
            let router = Router::new().fallback(handle).with_state(leases);
            axum::serve(listener, router).await.expect("it serves");
        });
    });
    (receiver.recv().expect("it listens"), hand)
}

fn status(code: StatusCode, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code.as_u16()});
    (code, body.to_string()).into_response()
}

fn notes(object: &Value) -> [&Value; 2] {
    ["numctl/intents", "numctl/spent"].map(|name| &object["metadata"]["annotations"][name])
}

async fn handle(
    State(leases): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut leases = leases.lock().expect("unpoisoned");
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
        return status(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    if leases.forbidden.contains(&method.as_str()) {
        let why = "leases.coordination.k8s.io is forbidden: User \"system:serviceaccount:ns:numctl\" may not";
        return status(StatusCode::FORBIDDEN, why);
    }
    let path = uri.path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method.as_str(), &parts[..]) {
        ("GET", ["apis", "apps", "v1", "namespaces", "default", "deployments", "numctl"]) => {
            return json!({"kind": "Deployment", "metadata": {"uid": "uid-of-numctl"}})
                .to_string()
                .into_response();
        }
        ("POST", ["api", "v1", "namespaces", "default", "events"]) => {
            leases.events.push(serde_json::from_slice(&body).expect("JSON"));
            return (StatusCode::CREATED, body).into_response();
        }
        (_, _) => {}
    }
    let ["apis", "coordination.k8s.io", "v1", "namespaces", namespace, "leases", ref name @ ..] = parts[..]
    else {
        return status(StatusCode::NOT_FOUND, "the server could not find the requested resource");
    };
    let sent = || serde_json::from_slice::<Value>(&body).expect("JSON");
    match (method.as_str(), name) {
        ("GET", [name]) => match leases.objects.get(&path) {
            Some(object) => object.to_string().into_response(),
            None => status(StatusCode::NOT_FOUND, &format!("leases \"{name}\" not found")),
        },
        ("POST", []) => {
            let mut object = sent();
            assert_eq!(object["metadata"]["namespace"], namespace);
            let path = format!("{path}/{}", object["metadata"]["name"].as_str().expect("a name"));
            if leases.objects.contains_key(&path) {
                return status(StatusCode::CONFLICT, "already exists");
            }
            leases.versions += 1;
            object["metadata"]["resourceVersion"] = leases.versions.to_string().into();
            leases.objects.insert(path, object.clone());
            (StatusCode::CREATED, object.to_string()).into_response()
        }
        ("PUT", [name]) => {
            let mut object = sent();
            let Some(before) = leases.objects.get(&path).cloned() else {
                return status(StatusCode::NOT_FOUND, &format!("leases \"{name}\" not found"));
            };
            let before = match notes(&object) != notes(&before) {
                true => match leases.meddling.pop_front() {
                    Some(Meddling::Refuses) => {
                        return status(StatusCode::UNPROCESSABLE_ENTITY, "a hook denied the request");
                    }
                    Some(Meddling::Writes(metadata)) => {
                        let mut theirs = before;
                        for (key, value) in metadata.as_object().expect("fields") {
                            theirs["metadata"][key] = value.clone();
                        }
                        leases.versions += 1;
                        theirs["metadata"]["resourceVersion"] = leases.versions.to_string().into();
                        leases.objects.insert(path.clone(), theirs.clone());
                        theirs
                    }
                    None => before,
                },
                false => before,
            };
            if object["metadata"]["resourceVersion"].as_str().is_none_or(str::is_empty) {
                return status(StatusCode::UNPROCESSABLE_ENTITY, "must be specified for an update");
            }
            if object["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
                return status(StatusCode::CONFLICT, "the object has been modified");
            }
            let annotations = object["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
            let bytes = |(name, text): (&String, &Value)| name.len() + text.as_str().expect("a text").len();
            if annotations.iter().map(bytes).sum::<usize>() > 256 << 10 {
                let why = "metadata.annotations: Too long: may not be more than 262144 bytes";
                return status(StatusCode::UNPROCESSABLE_ENTITY, why);
            }
            if object != before {
                leases.versions += 1;
                object["metadata"]["resourceVersion"] = leases.versions.to_string().into();
                leases.objects.insert(path, object.clone());
            }
            object.to_string().into_response()
        }
        (_, _) => status(StatusCode::METHOD_NOT_ALLOWED, "no such verb here"),
    }
}
