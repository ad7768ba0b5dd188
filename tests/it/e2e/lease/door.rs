//! A way to a server that can be shut: what is under way then comes late, once it is open again.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

pub(super) struct Door {
    pub(super) port: u16,
    is_shut: Arc<AtomicBool>,
}

impl Door {
    pub(super) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let is_shut = Arc::new(AtomicBool::new(false));
        let shut = is_shut.clone();
        thread::spawn(move || {
            for inside in listener.incoming() {
                let (Ok(inside), Ok(outside)) = (inside, TcpStream::connect(server)) else { continue };
                for (from, to) in [(&inside, &outside), (&outside, &inside)] {
                    let handles = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
                    let shut = shut.clone();
                    thread::spawn(move || carry(handles.0, handles.1, &shut));
                }
            }
        });
        Self { port, is_shut }
    }

    pub(super) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    pub(super) fn open(&self) {
        self.is_shut.store(false, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, is_shut: &AtomicBool) {
    let mut bytes = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        while is_shut.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
