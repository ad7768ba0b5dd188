//! Tells systemd how the service is (`sd_notify(3)`): a datagram to the socket that it names. A unit of
//! `Type=notify` starts what waits for it once the service is ready, and `WatchdogSec=` restarts a loop
//! that does not move.

use std::ffi::OsStr;
use std::io;
#[cfg(unix)]
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

/// Where systemd listens, and how often it wants to hear.
#[derive(Debug)]
pub struct Systemd {
    #[cfg(unix)]
    socket: UnixDatagram,
    /// Half of what the watchdog allows.
    every: Option<Duration>,
    told: Option<Instant>,
    is_ready: bool,
}

impl Systemd {
    /// By `NOTIFY_SOCKET`, and by `WATCHDOG_USEC` and `WATCHDOG_PID`; `None` without the first.
    ///
    /// # Errors
    /// When there is no such socket.
    #[cfg(unix)]
    pub fn named(
        socket: Option<&OsStr>,
        watchdog_usec: Option<&str>,
        watchdog_pid: Option<&str>,
    ) -> io::Result<Option<Self>> {
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return Ok(None) };
        let socket = UnixDatagram::unbound()?;
        connect(&socket, name)?;
        // It is the loop that tells: a systemd that does not read must not stop it.
        socket.set_nonblocking(true)?;
        let is_ours = watchdog_pid.is_none_or(|pid| pid.parse() == Ok(std::process::id()));
        let allowed =
            watchdog_usec.filter(|_| is_ours).and_then(|usec| usec.parse().ok()).filter(|usec| *usec > 0);
        let every = allowed.map(|usec| Duration::from_micros(usec) / 2);
        Ok(Some(Self { socket, every, told: None, is_ready: false }))
    }

    /// There is no systemd here.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(unix))]
    pub fn named(_: Option<&OsStr>, _: Option<&str>, _: Option<&str>) -> io::Result<Option<Self>> {
        Ok(None)
    }

    /// The service does its work from now on, or stands by for it.
    pub fn ready(&mut self) {
        if !std::mem::replace(&mut self.is_ready, true) {
            self.send("READY=1");
        }
    }

    /// The loop has moved: told as often as the watchdog wants to hear it.
    pub fn moves(&mut self) {
        let Some(every) = self.every else { return };
        if self.told.is_none_or(|told| told.elapsed() >= every) {
            self.told = Some(Instant::now());
            self.send("WATCHDOG=1");
        }
    }

    /// The service is stopping.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    #[cfg(unix)]
    fn send(&self, state: &str) {
        // Where no one takes it, the watchdog says so in its own way.
        let _ = self.socket.send(state.as_bytes());
    }

    #[cfg(not(unix))]
    fn send(&self, _: &str) {}
}

/// A path, or after an `@` a name in Linux's abstract namespace.
#[cfg(unix)]
fn connect(socket: &UnixDatagram, name: &OsStr) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::ffi::OsStrExt as _;
        if let Some(name) = name.as_bytes().strip_prefix(b"@") {
            return socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?);
        }
    }
    socket.connect(name)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let read = socket.recv(&mut bytes).expect("a datagram");
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }

    #[test]
    fn systemd_hears_once_that_the_service_is_ready_and_again_and_again_that_it_moves() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).expect("a socket");
        let mut service =
            Systemd::named(Some(path.as_os_str()), Some("2000"), None).expect("there").expect("named");
        service.ready();
        service.ready();
        service.moves();
        service.moves();
        std::thread::sleep(Duration::from_millis(2));
        service.moves();
        service.stopping();
        let all: Vec<_> = (0..4).map(|_| heard(&systemd)).collect();
        assert_eq!(all, ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]);
    }

    #[test]
    fn without_a_socket_or_with_another_ones_watchdog_nothing_is_told() {
        assert!(Systemd::named(None, Some("1000"), None).expect("fine").is_none());
        assert!(Systemd::named(Some(OsStr::new("/nowhere/notify")), None, None).is_err());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let _systemd = UnixDatagram::bind(&path).expect("a socket");
        let service =
            Systemd::named(Some(path.as_os_str()), Some("1000"), Some("1")).expect("there").expect("named");
        assert_eq!(service.every, None);
    }
}
