//! Everything that continues around a daemon, all at once.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use numctl::sandbox::{AUTH_TOKEN, MAIN_SID, SUBACCOUNT_SID};

use crate::http::{ask, open};
use crate::latency::swap;
use crate::process::Sandbox;

use super::{NUMBERS, Seen};

/// Not owned at first: bought, moved and released again and again.
const TRAVELLER: &str = "+15552239999";
/// The numbers that each edit renames.
const RENAMED: usize = 20;

const SECOND: Duration = Duration::from_secs(1);

fn file(edit: usize) -> String {
    let traveller = match edit % 4 {
        0 => "account: main",
        1 => "account: emea",
        2 => "account: main",
        _ => "state: released, account: main",
    };
    let lines: String = (0..NUMBERS)
        .map(|at| {
            let name = if at % (NUMBERS / RENAMED) == 0 { edit } else { 0 };
            let number = 15_552_230_000 + at;
            format!("  - {{phone_number: \"+{number}\", friendly_name: Name {name}, voice: {{url: \"https://voice.example.com/\"}}}}\n")
        })
        .collect();
    format!(
        "version: 1\naccounts:\n  main: {{sid: {MAIN_SID}, credentials: {{file: main}}}}\n  \
         emea: {{sid: {SUBACCOUNT_SID}, parent: main, credentials: {{file: emea}}}}\n\
         policy: {{max_purchases: 100000, max_releases: 100000}}\ndefaults: {{account: main}}\n\
         numbers:\n{lines}  - {{phone_number: \"{TRAVELLER}\", {traveller}}}\n...\n"
    )
}

fn secret(sandbox: &Sandbox, text: &str) {
    // Renamed over the old one: a daemon never reads half of it.
    let beside = sandbox.path("secrets/main~");
    fs::write(&beside, text).expect("written");
    fs::rename(beside, sandbox.path("secrets/main")).expect("renamed");
}

pub(super) fn prepare(sandbox: &Sandbox) {
    fs::create_dir(sandbox.path("mount")).expect("made");
    fs::create_dir(sandbox.path("secrets")).expect("made");
    fs::write(sandbox.path("secrets/emea"), AUTH_TOKEN).expect("written");
    secret(sandbox, AUTH_TOKEN);
    swap(&sandbox.path("mount"), 0, &file(0));
}

/// Good and bad edits in every way, secrets that are wrong for a while, and SIGHUP.
pub(super) fn save_files(seen: &Seen, sandbox: &Sandbox, pid: u32) {
    let (mount, mut edit) = (sandbox.path("mount"), 0);
    for second in 1.. {
        seen.sleep(SECOND);
        if !seen.goes_on() {
            break;
        }
        if second % 31 == 0 {
            let text = file(edit);
            fs::write(mount.join("fleet.yaml"), &text[..text.len() / 2]).expect("written");
            Seen::count(&seen.saves);
        } else if second % 7 == 0 {
            edit += 1;
            if edit % 2 == 0 {
                swap(&mount, edit, &file(edit));
            } else {
                fs::write(mount.join("fleet.yaml"), file(edit)).expect("written");
            }
            Seen::count(&seen.saves);
        }
        match second % 61 {
            0 => secret(sandbox, "an old token"),
            4 => secret(sandbox, AUTH_TOKEN),
            _ => {}
        }
        if second % 11 == 0 {
            // It may have ended; whoever watches it says so.
            let _ = Command::new("kill").args(["-HUP", &pid.to_string()]).status();
        }
    }
    secret(sandbox, AUTH_TOKEN);
    fs::write(mount.join("fleet.yaml"), file(edit + 1)).expect("written");
}

/// A minute of each: some of everything, nothing, more of it with waits, and an outage.
pub(super) fn break_the_api(seen: &Seen, sandbox: &Sandbox) {
    for minute in 0_u32.. {
        let spec = match minute % 4 {
            0 => {
                "429=0.02,500=0.02,503-after=0.01,drop=0.02,drop-after=0.01,truncate=0.01,html=0.005,hang=0.002"
            }
            1 => "",
            2 => "retry-after=1,429=0.05,500=0.05,500-after=0.02,drop=0.05,truncate=0.02,hang=0.01",
            _ => "500=0.5,drop=0.5",
        };
        let seed = format!("seed={minute}");
        sandbox.faults(
            &[spec, &seed]
                .map(str::to_owned)
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(","),
        );
        if minute % 4 == 3 {
            seen.sleep(SECOND * 15);
            sandbox.faults("");
            seen.sleep(SECOND * 45);
        } else {
            seen.sleep(SECOND * 60);
        }
        if !seen.goes_on() {
            break;
        }
    }
}

/// Somebody else writes all the time.
pub(super) fn plant_drift(seen: &Seen, sandbox: &Sandbox) {
    let sids = sandbox.sids();
    for at in 0_usize.. {
        seen.sleep(Duration::from_millis(250));
        if !seen.goes_on() {
            break;
        }
        // Every one has its turn: 7919 has no factor in common with their count.
        let (_, sid) = &sids[at * 7919 % sids.len()];
        if sandbox.edit(
            sid,
            if at % 2 == 0 { "FriendlyName=Theirs" } else { "Voice.Url=https%3A%2F%2Fold.example.com%2F" },
        ) {
            Seen::count(&seen.edits);
        }
    }
}

/// A scraper, a probe and a page.
pub(super) fn read(seen: &Seen, shown: &str) {
    for second in 0_u32.. {
        seen.sleep(SECOND);
        if !seen.goes_on() {
            break;
        }
        for (every, path) in
            [(1, "/metrics"), (1, "/healthz"), (2, "/status.json?limit=100"), (5, "/"), (10, "/status.json")]
        {
            if second % every == 0 {
                let is_good = ask(shown, "GET", path, "").is_some_and(|(status, _)| status == 200);
                Seen::count(if is_good { &seen.answers } else { &seen.failures });
            }
        }
    }
}

/// Asks for much, and reads nothing of it.
pub(super) fn read_badly(seen: &Seen, shown: &str) {
    while seen.goes_on() {
        let ignored = open(shown, "GET", "/status.json", "");
        // Nor does this one ever finish its question.
        let silent =
            TcpStream::connect(shown).map(|mut stream| stream.write_all(b"GET /metr").map(|()| stream));
        seen.sleep(SECOND * 2);
        drop((ignored, silent));
    }
}

/// Follows the events: for ever, or leaving and coming back.
pub(super) fn follow(seen: &Seen, shown: &str, times: Option<u64>) {
    for at in 0_u64.. {
        if !seen.goes_on() {
            break;
        }
        let Some(mut stream) = open(shown, "GET", "/events", "") else {
            seen.sleep(SECOND);
            continue;
        };
        Seen::count(&seen.followers);
        let stay = times.map(|times| Duration::from_millis((at * 571 + times * 913) % 3000));
        let (began, mut bytes) = (Instant::now(), [0; 4096]);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        while seen.goes_on() && stay.is_none_or(|stay| began.elapsed() < stay) {
            match stream.read(&mut bytes) {
                Ok(0) => break,
                Ok(length) => {
                    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                    (0..text.matches("data:").count()).for_each(|_| Seen::count(&seen.events));
                }
                // Nothing yet.
                Err(_) => {}
            }
        }
    }
}

pub(super) fn sink() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    listener
}

/// Takes every third notification, refuses the next and hangs up on the one after.
pub(super) fn take_notifications(seen: &Seen, sink: &TcpListener) {
    for at in 0.. {
        let mut stream = loop {
            match sink.accept() {
                Ok((stream, _)) => break stream,
                Err(_) if seen.goes_on() => seen.sleep(Duration::from_millis(50)),
                Err(_) => return,
            }
        };
        // A listener that does not wait may make streams that do not.
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_read_timeout(Some(SECOND));
        let _ = stream.read(&mut [0; 4096]);
        let status = match at % 3 {
            0 => "200 OK",
            1 => "500 Oh",
            _ => continue,
        };
        Seen::count(&seen.notified);
        let _ = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
}
