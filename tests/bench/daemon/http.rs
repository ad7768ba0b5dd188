//! HTTP/1.1 by hand: a client that asks one thing a connection, and a proxy that says when
//! something arrived.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// base64 of the sandbox's main account and its token.
const KEY: &str =
    "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpzYW5kYm94dG9rZW4wMDAwMDAwMDAwMDAwMDAwMDAwMA==";

/// One request; `None` where no whole answer came. `host` is an address with a port.
pub(crate) fn ask(host: &str, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = open(host, method, path, body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Sends a request, and leaves the answer to be read.
pub(crate) fn open(host: &str, method: &str, path: &str, body: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Basic {KEY}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    Some(stream)
}

/// A request that came through the proxy: when, and what it starts with.
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) text: String,
}

impl Arrival {
    pub(crate) fn is_write(&self) -> bool {
        self.text.starts_with("POST ")
    }
}

/// Passes everything on to `upstream`, and notes when each piece of a request arrives.
pub(crate) struct Proxy {
    pub(crate) base_url: String,
    pub(crate) arrivals: Receiver<Arrival>,
}

impl Proxy {
    pub(crate) fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, arrivals) = channel();
        let upstream = upstream.to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&upstream) else { continue };
                let both = client.try_clone().and_then(|client| Ok((client, server.try_clone()?)));
                let Ok((back, answers)) = both else { continue };
                let sender = sender.clone();
                std::thread::spawn(move || pass(client, server, Some(&sender)));
                std::thread::spawn(move || pass(answers, back, None));
            }
        });
        Self { base_url, arrivals }
    }

    /// Forgets what has arrived.
    pub(crate) fn forget(&self) {
        while self.arrivals.try_recv().is_ok() {}
    }

    /// The next write that has this in its form; when it came.
    pub(crate) fn next_write(&self, part: &str) -> Option<Instant> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let arrival = self.arrivals.recv_timeout(left).ok()?;
            if arrival.is_write() && arrival.text.contains(part) {
                return Some(arrival.at);
            }
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, arrivals: Option<&Sender<Arrival>>) {
    // Small pieces go at once: the daemon's and the sandbox's own sockets do so, too.
    let _ = to.set_nodelay(true);
    let mut piece = vec![0; 64 << 10];
    loop {
        match from.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => {
                let at = Instant::now();
                if let Some(arrivals) = arrivals {
                    let text = String::from_utf8_lossy(&piece[..length]).into_owned();
                    // The job may be over.
                    let _ = arrivals.send(Arrival { at, text });
                }
                if to.write_all(&piece[..length]).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    // The other direction sees the end, too.
    let _ = to.shutdown(Shutdown::Write);
}
