//! Leases as an API server keeps them: every write compares the resourceVersion, and one that changes
//! nothing leaves it.

use std::collections::BTreeMap;
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
}

type Shared = Arc<Mutex<Leases>>;

/// What somebody with `kubectl` sees of a Lease of the namespace `default`.
pub(super) fn get(address: SocketAddr, name: &str) -> Value {
    let answer = ask(address, "GET", name, "");
    serde_json::from_str(&answer).expect("a Lease")
}

/// What somebody with `kubectl edit` makes of it, whoever has it.
pub(super) fn edit(address: SocketAddr, name: &str, change: impl Fn(&mut Value)) {
    for _ in 0..100 {
        let mut object = get(address, name);
        change(&mut object);
        if !ask(address, "PUT", name, &object.to_string()).contains("has been modified") {
            return;
        }
    }
    panic!("the Lease is written all the time");
}

fn ask(address: SocketAddr, method: &str, name: &str, body: &str) -> String {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/default/leases/{name}");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    std::io::Write::write_all(&mut stream, (head + body).as_bytes()).expect("sent");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).expect("answered");
    answer.split_once("\r\n\r\n").expect("a head").1.to_owned()
}

/// Serves for as long as the test process.
pub(super) fn serve() -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            sender.send(listener.local_addr().expect("an address")).expect("heard");
            let router = Router::new().fallback(handle).with_state(Shared::default());
            axum::serve(listener, router).await.expect("it serves");
        });
    });
    receiver.recv().expect("it listens")
}

fn status(code: StatusCode, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code.as_u16()});
    (code, body.to_string()).into_response()
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
    let path = uri.path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
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
            let Some(before) = leases.objects.get(&path) else {
                return status(StatusCode::NOT_FOUND, &format!("leases \"{name}\" not found"));
            };
            if object["metadata"]["resourceVersion"].as_str().is_none_or(str::is_empty) {
                return status(StatusCode::UNPROCESSABLE_ENTITY, "must be specified for an update");
            }
            if object["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
                return status(StatusCode::CONFLICT, "the object has been modified");
            }
            if object != *before {
                leases.versions += 1;
                object["metadata"]["resourceVersion"] = leases.versions.to_string().into();
                leases.objects.insert(path, object.clone());
            }
            object.to_string().into_response()
        }
        (_, _) => status(StatusCode::METHOD_NOT_ALLOWED, "no such verb here"),
    }
}
