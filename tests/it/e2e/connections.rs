//! A front that closes kept connections without a word: a try after a lost answer takes a new one, and
//! no POST is sent twice.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::harness::{Bench, Sandbox};

/// Passes the first request of each connection on to `host`, and closes it as the second one begins.
fn front(host: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    let closed = Arc::new(AtomicUsize::new(0));
    let counter = closed.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (host, counter) = (host.clone(), counter.clone());
            std::thread::spawn(move || {
                if one(stream, &host).is_some() {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    (base_url, closed)
}

fn one(mut client: TcpStream, host: &str) -> Option<()> {
    let (mut asked, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let many = client.read(&mut piece).ok().filter(|many| *many > 0)?;
        asked.extend_from_slice(&piece[..many]);
        let text = String::from_utf8_lossy(&asked).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        if body.len() >= length.map_or(0, |length| length.trim().parse().expect("a length")) {
            break;
        }
    }
    let text = String::from_utf8(asked).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let head: Vec<&str> =
        head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("accept-encoding")).collect();
    let head = head.join("\r\n");
    let mut server = TcpStream::connect(host).expect("the sandbox");
    server.write_all(format!("{head}\r\nConnection: close\r\n\r\n{body}").as_bytes()).expect("sent");
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).expect("answered");
    let text = String::from_utf8_lossy(&answer)
        .replace("connection: close\r\n", "")
        .replace("Connection: close\r\n", "");
    client.write_all(text.as_bytes()).ok()?;
    // The next one is lost: closed with what it has sent unread.
    client.peek(&mut piece).ok().filter(|many| *many > 0).map(|_| ())
}

#[test]
fn a_lost_answer_is_followed_by_a_new_connection() {
    let (sandbox, _) = Sandbox::start(&[]);
    let host = sandbox.base_url.strip_prefix("http://").expect("http").to_owned();
    let (base_url, closed) = front(host);
    let file = "version: 1\nnumbers:\n  - {phone_number: \"+15552230100\", friendly_name: New}\n  \
                - {phone_number: \"+15552230101\"}\n  - {phone_number: \"+15552230000\", friendly_name: New}\n";
    Bench::at(&base_url).apply(file).exits(0);
    assert_eq!((sandbox.count("purchase"), sandbox.count("configure")), (2, 1), "each once");
    assert!(closed.load(Ordering::SeqCst) >= 1, "a kept connection was used, and lost");
}

/// A front that was too early or too slow is asked again; a write is looked at first.
#[test]
fn reads_are_tried_again_after_408_and_425() {
    for status in [408, 425] {
        let faults = format!("list#1={status},purchase#1={status},configure#1={status}");
        let (sandbox, bench) = Sandbox::start(&["--faults", &faults]);
        let file = "version: 1\nnumbers:\n  - {phone_number: \"+15552230100\"}\n  \
                    - {phone_number: \"+15552230000\", friendly_name: New}\n";
        bench.apply(file).exits(0);
        assert_eq!((sandbox.count("purchase"), sandbox.count("configure")), (2, 2), "{status}");
    }
}

/// Twilio's own Terraform provider sends the account with every update.
#[test]
fn an_update_that_names_the_numbers_own_account_is_an_update() {
    let (sandbox, _) = Sandbox::start(&[]);
    let sid = sandbox.number("+15552230000").expect("there")["sid"].as_str().expect("a SID").to_owned();
    let main = super::harness::MAIN;
    for (at, path) in [
        format!("/2010-04-01/Accounts/{main}/IncomingPhoneNumbers/{sid}.json"),
        format!("/Numbers/ActiveNumbers/{sid}"),
    ]
    .iter()
    .enumerate()
    {
        let (status, body) =
            sandbox.ask("POST", path, &format!("AccountSid={main}&FriendlyName=Name%20{at}"));
        assert_eq!(status, 200, "{body}");
        assert_eq!(sandbox.number("+15552230000").expect("there")["friendly_name"], format!("Name {at}"));
    }
    assert_eq!((sandbox.count("configure"), sandbox.count("transfer")), (2, 0));
}
