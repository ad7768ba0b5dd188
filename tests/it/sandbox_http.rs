//! The sandbox over real HTTP, and its in-memory transport.

use std::time::Duration;

use numctl::client::transport::{Request, Transport as _, TransportError, Verb};
use numctl::model::credentials::Credentials;
use numctl::sandbox::{
    AUTH_TOKEN, InMemory, MAIN_SID, Running, SUBACCOUNT_SID, Sandbox, SandboxOptions, SandboxStartError,
    SharedSandbox, World, start,
};
use serde_json::Value;

async fn running(faults: &str, options: SandboxOptions) -> Running {
    start(SandboxOptions { faults: faults.parse().expect("faults"), ..options }).await.expect("a server")
}

fn client() -> reqwest::Client {
    numctl::client::http::builder().no_proxy().build().expect("a client")
}

async fn get(server: &Running, client: &reqwest::Client, path: &str) -> Result<(u16, Value), reqwest::Error> {
    let url = format!("{}{path}", server.base_url());
    let answer = client.get(url).basic_auth(MAIN_SID, Some(AUTH_TOKEN)).send().await?;
    let (status, body) = (answer.status().as_u16(), answer.bytes().await?);
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

async fn buy(
    server: &Running,
    client: &reqwest::Client,
    number: &str,
) -> Result<reqwest::Response, reqwest::Error> {
    client
        .post(format!("{}/Numbers/ActiveNumbers", server.base_url()))
        .basic_auth(MAIN_SID, Some(AUTH_TOKEN))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("PhoneNumber={}", number.replace('+', "%2B")))
        .send()
        .await
}

#[tokio::test]
async fn links_are_those_of_the_proxy_in_front() {
    let server = running("", SandboxOptions::default()).await;
    let client = client();
    let mut links = Vec::new();
    for scheme in [None, Some("http"), Some("https")] {
        let mut request = client
            .get(format!("{}/v1/PhoneNumbers/Countries/US", server.base_url()))
            .basic_auth(MAIN_SID, Some(AUTH_TOKEN))
            .header("Host", "pricing.twilio.com");
        if let Some(scheme) = scheme {
            request = request.header("X-Forwarded-Proto", scheme);
        }
        let body = request.send().await.expect("an answer").bytes().await.expect("a body");
        links.push(serde_json::from_slice::<Value>(&body).expect("JSON")["url"].clone());
    }
    let path = "://pricing.twilio.com/v1/PhoneNumbers/Countries/US";
    assert_eq!(links, [format!("http{path}"), format!("http{path}"), format!("https{path}")]);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn serves_with_gzip_and_links_on_its_own_host() {
    let server = running("", SandboxOptions { numbers: Some(3), ..SandboxOptions::default() }).await;
    let client = client();
    let (status, body) = get(&server, &client, "/Numbers/ActiveNumbers?PageSize=2").await.expect("an answer");
    assert_eq!((status, body["items"].as_array().map(Vec::len)), (200, Some(2)));
    let next = body["meta"]["next_page_url"].as_str().expect("a link");
    assert_eq!(next, format!("{}/Numbers/ActiveNumbers?PageSize=2&Page=1", server.base_url()));
    // reqwest takes the header away where it unpacks by itself.
    let packed = numctl::client::http::builder().no_proxy().no_gzip().build().expect("a client");
    let raw = packed
        .get(format!("{}/_sandbox/state", server.base_url()))
        .header("Accept-Encoding", "gzip")
        .send()
        .await
        .expect("an answer");
    assert_eq!(raw.headers().get("content-encoding").map(|v| v.as_bytes()), Some(&b"gzip"[..]));
    assert!(server.env_lines().contains(&format!("NUMCTL_BASE_URL={}\n", server.base_url())));
    assert_eq!(AUTH_TOKEN.len(), 32);
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn connections_break_where_they_are_told_to() {
    let spec = "purchase#1=drop,purchase#2=drop-after,list#1=truncate,list#2=hang,list#3=html";
    let server = running(spec, SandboxOptions { numbers: Some(40), ..SandboxOptions::default() }).await;
    let client = client();
    let count = || server.sandbox().lock().world.len();
    assert!(buy(&server, &client, "+14155550001").await.is_err());
    assert_eq!(count(), 40, "dropped before it was carried out");
    assert!(buy(&server, &client, "+14155550001").await.is_err());
    assert_eq!(count(), 41, "dropped after it was carried out");
    let path = "/Numbers/ActiveNumbers";
    let error = get(&server, &client, path).await.expect_err("a body that breaks off");
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    let hung = tokio::time::timeout(Duration::from_millis(300), get(&server, &client, path)).await;
    assert!(hung.is_err(), "no answer, and no closed connection");
    assert_eq!(get(&server, &client, path).await.expect("html"), (502, Value::Null));
    assert_eq!(get(&server, &client, path).await.expect("JSON").0, 200);
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_dropped_connection_carries_not_one_byte() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = running("any#1+=drop", SandboxOptions::default()).await;
    let mut socket = tokio::net::TcpStream::connect(server.addr()).await.expect("a connection");
    let request = "GET /Numbers/ActiveNumbers HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // A reset is as good as an end.
    let _ = socket.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn stopping_does_not_wait_for_what_hangs() {
    let server = running("any#1+=hang", SandboxOptions::default()).await;
    let (address, client) = (server.base_url(), client());
    let hung = tokio::spawn(client.get(format!("{address}/Numbers/ActiveNumbers")).send());
    while server.sandbox().lock().requests().total == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::timeout(Duration::from_secs(1), server.stop())
        .await
        .expect("in time")
        .expect("a clean stop");
    assert!(hung.await.expect("no panic").is_err());
}

#[tokio::test]
async fn control_paths_show_and_change() {
    let server = running("", SandboxOptions::default()).await;
    let client = client();
    let control = format!("{}/_sandbox", server.base_url());
    get(&server, &client, "/Numbers/ActiveNumbers").await.expect("an answer");
    let requests: Value = serde_json::from_slice(
        &client
            .get(format!("{control}/requests"))
            .send()
            .await
            .expect("an answer")
            .bytes()
            .await
            .expect("a body"),
    )
    .expect("JSON");
    assert_eq!((&requests["total"], &requests["by_operation"]["list"]), (&1.into(), &1.into()));
    assert_eq!(requests["log"][0]["account"], MAIN_SID);
    let reset = client.delete(format!("{control}/requests")).send().await.expect("an answer");
    assert_eq!(reset.status(), 204);
    assert_eq!(server.sandbox().lock().requests().total, 0);
    let put = |spec: &'static str| client.put(format!("{control}/faults")).body(spec).send();
    assert_eq!(put("list#1=429").await.expect("an answer").status(), 204);
    assert_eq!(get(&server, &client, "/Numbers/ActiveNumbers").await.expect("an answer").0, 429);
    let refused = put("nonsense").await.expect("an answer");
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.expect("a text").contains("no such fault"));
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn releases_answer_204_without_a_body_on_a_connection_that_lives_on() {
    let server = running("", SandboxOptions::default()).await;
    let client = client();
    let (_, body) = get(&server, &client, "/Numbers/ActiveNumbers").await.expect("an answer");
    let url = body["items"][0]["url"].as_str().expect("a link").to_owned();
    let answer = client.delete(url).basic_auth(MAIN_SID, Some(AUTH_TOKEN)).send().await.expect("an answer");
    assert_eq!(answer.status(), 204);
    assert!(answer.bytes().await.expect("a body").is_empty());
    assert_eq!(get(&server, &client, "/Numbers/ActiveNumbers").await.expect("an answer").0, 200);
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn rate_limits_are_per_account() {
    let server = running("", SandboxOptions { rate_limit: Some(2.0), ..SandboxOptions::default() }).await;
    let client = client();
    let mut statuses = Vec::new();
    for user in [MAIN_SID, MAIN_SID, MAIN_SID, SUBACCOUNT_SID] {
        let url = format!("{}/Numbers/ActiveNumbers", server.base_url());
        let answer = client.get(url).basic_auth(user, Some(AUTH_TOKEN)).send().await.expect("an answer");
        let wait = answer.headers().get("retry-after").map(|value| value.as_bytes().to_vec());
        statuses.push((answer.status().as_u16(), wait));
    }
    assert_eq!(statuses, [(200, None), (200, None), (429, Some(b"1".to_vec())), (200, None)]);
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn the_state_lasts() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("new/sandbox.json");
    let options =
        || SandboxOptions { state: Some(state.clone()), numbers: Some(2), ..SandboxOptions::default() };
    let server = running("", options()).await;
    server.ensure_account("AC000000000000000000000000000000aa", Some(MAIN_SID));
    assert_eq!(buy(&server, &client(), "+14155550001").await.expect("an answer").status(), 201);
    for _ in 0..100 {
        if state.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(state.exists(), "saved soon after a change, not only at the end");
    server.stop().await.expect("a clean stop");
    let again = running("", options()).await;
    assert_eq!(again.sandbox().lock().world.len(), 3);
    assert!(again.sandbox().lock().world.account("AC000000000000000000000000000000aa").is_some());
    again.stop().await.expect("a clean stop");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&state).expect("a file").permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(&state, "{").expect("a spoilt file");
    assert!(matches!(start(options()).await, Err(SandboxStartError::State(..))));
}

#[tokio::test]
async fn the_in_memory_transport_answers_the_same() {
    let faults = "purchase#1=drop-after,list#2=hang".parse().expect("faults");
    let memory = InMemory::new(SharedSandbox::new(Sandbox::new(World::demo(2), faults)));
    let request = |verb, form: Option<&str>| Request {
        verb,
        url: "http://sandbox.invalid:1/Numbers/ActiveNumbers".parse().expect("a URL"),
        form: form.map(str::to_owned),
        credentials: Credentials::new(MAIN_SID, AUTH_TOKEN),
        body_bytes_max: 1 << 20,
        timeout: Duration::from_secs(30),
        fresh_connection: false,
    };
    let listed = memory.send(request(Verb::Get, None)).await.expect("an answer");
    let body: Value = serde_json::from_slice(&listed.body).expect("JSON");
    assert_eq!((listed.status, body["items"].as_array().map(Vec::len)), (200, Some(2)));
    assert_eq!(listed.content_type.as_deref(), Some("application/json"));
    assert!(
        body["items"][0]["url"]
            .as_str()
            .is_some_and(|url| url.starts_with("http://sandbox.invalid:1/Numbers/"))
    );
    let lost = memory.send(request(Verb::Post, Some("PhoneNumber=%2B14155550001"))).await;
    assert!(matches!(lost, Err(TransportError::Broken(_))));
    assert_eq!(memory.sandbox().lock().world.len(), 3);
    let hung = memory.send(request(Verb::Get, None)).await.expect_err("hung");
    assert_eq!(hung, TransportError::TimedOut(Duration::from_secs(30)));
}
