//! A server of finished pages: it looks at nothing but the path, so that it is not what is measured.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use numctl::model::provider::Api;

use super::pages;

/// The way to the client.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Link {
    /// Bytes a second, of all connections together; as fast as it goes without one.
    pub(crate) rate: Option<f64>,
    /// From a request to the first byte of its answer.
    pub(crate) latency: Duration,
}

impl Link {
    /// 1 Gbit/s and 20 ms.
    pub(crate) const GIGABIT: Self = Self { rate: Some(125e6), latency: Duration::from_millis(20) };
}

/// So much is sent at a time on a link with a rate.
const CHUNK: usize = 32 << 10;

pub(crate) struct Server {
    pub(crate) base: String,
    pages: Arc<OnceLock<HashMap<String, Vec<u8>>>>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(link: Link) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let pages: Arc<OnceLock<HashMap<String, Vec<u8>>>> = Arc::default();
        let requests: Arc<AtomicUsize> = Arc::default();
        let server = Self { base, pages: pages.clone(), requests: requests.clone() };
        let free_at = Arc::new(Mutex::new(Instant::now()));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, requests, free_at) = (pages.clone(), requests.clone(), free_at.clone());
                // A client that goes away ends its connection, and nothing else.
                std::thread::spawn(move || serve(stream, &pages, &requests, link, &free_at));
            }
        });
        server
    }

    /// One with the pages of an account of so many numbers.
    pub(crate) fn of(api: Api, account: usize, numbers: usize, link: Link) -> Self {
        let server = Self::start(link);
        let pages = pages::pages(api, &server.base, account, numbers).into_iter().enumerate();
        let pages = pages.map(|(page, body)| (pages::page_path(api, account, page), body));
        assert!(server.pages.set(pages.collect()).is_ok(), "shown once");
        server
    }

    pub(crate) fn bytes(&self) -> usize {
        self.pages.get().map_or(0, |pages| pages.values().map(Vec::len).sum())
    }

    /// How many requests came since the last time.
    pub(crate) fn requests(&self) -> usize {
        self.requests.swap(0, Ordering::Relaxed)
    }
}

fn serve(
    stream: TcpStream,
    pages: &OnceLock<HashMap<String, Vec<u8>>>,
    requests: &AtomicUsize,
    link: Link,
    free_at: &Mutex<Instant>,
) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut path = None;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if path.is_none() {
                path = line.split(' ').nth(1).map(str::to_owned);
            }
            if line == "\r\n" {
                break;
            }
        }
        requests.fetch_add(1, Ordering::Relaxed);
        let path = path?;
        let body = pages.get()?.get(&path);
        sleep(link.latency);
        match body {
            None => {
                println!("no page {path}");
                stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").ok()?;
            }
            Some(body) => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).ok()?;
                match link.rate {
                    None => stream.write_all(body).ok()?,
                    Some(rate) => {
                        let ready = Instant::now();
                        for chunk in body.chunks(CHUNK) {
                            wait_for_the_wire(free_at, ready, chunk.len(), rate);
                            stream.write_all(chunk).ok()?;
                        }
                    }
                }
            }
        }
    }
}

/// Until these bytes have gone over the wire, behind what was sent before them. They were `ready` all
/// along: that this thread slept too long leaves no wire idle.
fn wait_for_the_wire(free_at: &Mutex<Instant>, ready: Instant, bytes: usize, rate: f64) {
    let until = {
        let mut free_at = free_at.lock().expect("the wire");
        *free_at = (*free_at).max(ready) + Duration::from_secs_f64(bytes as f64 / rate);
        *free_at
    };
    sleep(until.saturating_duration_since(Instant::now()));
}
