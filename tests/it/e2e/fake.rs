//! An API that answers what a test makes of each request: for what the sandbox never says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request.
pub(super) struct Asked {
    pub(super) method: String,
    /// With its query.
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) form: String,
}

/// What is answered: a status, and a body of JSON.
pub(super) type Reply = (u16, String);

/// The API; it ends with the process.
pub(super) struct Fake {
    pub(super) base_url: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(super) fn serve(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (lines, answer) = (log.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (lines, answer) = (lines.clone(), answer.clone());
                std::thread::spawn(move || one(stream, &lines, &*answer));
            }
        });
        Self { base_url, log }
    }

    /// `METHOD path form` of every request so far.
    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().expect("unpoisoned").clone()
    }

    /// How many requests of these methods came.
    pub(super) fn count(&self, methods: &[&str]) -> usize {
        self.log().iter().filter(|line| methods.iter().any(|method| line.starts_with(method))).count()
    }

    /// How many writes came.
    pub(super) fn writes(&self) -> usize {
        self.count(&["POST", "DELETE"])
    }
}

fn one(mut stream: TcpStream, log: &Mutex<Vec<String>>, answer: &dyn Fn(&Asked) -> Reply) {
    let mut lines = BufReader::new(stream.try_clone().expect("a handle"));
    let mut asked = Asked {
        method: String::new(),
        path: String::new(),
        authorization: String::new(),
        form: String::new(),
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if asked.method.is_empty() {
            let mut words = line.split(' ');
            asked.method = words.next().unwrap_or_default().to_owned();
            asked.path = words.next().unwrap_or_default().to_owned();
        } else if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        } else if lower.starts_with("authorization:") {
            asked.authorization = line["authorization:".len()..].trim().to_owned();
        }
    }
    let mut form = vec![0; length];
    lines.read_exact(&mut form).expect("the body");
    asked.form = String::from_utf8(form).expect("UTF-8");
    log.lock().expect("unpoisoned").push(format!("{} {} {}", asked.method, asked.path, asked.form));
    let (status, body) = answer(&asked);
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // The client may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

/// A page of a listing, over ActiveNumbers or v2010.
pub(super) fn page(is_v2010: bool, rows: &[String]) -> Reply {
    let rows = rows.join(",");
    (
        200,
        match is_v2010 {
            true => {
                format!(r#"{{"incoming_phone_numbers":[{rows}],"page":0,"uri":"/x","next_page_uri":null}}"#)
            }
            false => {
                format!(r#"{{"items":[{rows}],"meta":{{"key":"items","page":0,"next_page_url":null}}}}"#)
            }
        },
    )
}
