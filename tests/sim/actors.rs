//! Hands besides ours: somebody else at the API, people at the file, and the machine.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use numctl::desired::{Format, Source};
use numctl::execute::Stop;
use numctl::guard::budget::Generation;
use numctl::model::action_kind::ActionKind;
use numctl::model::number::PhoneNumber;
use tokio::time::sleep;

use crate::fleet::{self, FOREIGN, File, MAIN, SUB};
use crate::process::Host;
use crate::state::{By, CrashPoint, Moment, PassView, Shared, State, Whole, delete, post};
use crate::tape::Tape;

/// Somebody else changes the fleet, now and then: any number, or the very one that a request is on
/// its way for.
pub fn another_actor(state: &mut State, in_hand: Option<PhoneNumber>) {
    let permille = state.fates.actor;
    if permille == 0 || !state.tape.chance(permille) {
        return;
    }
    let any = *state.tape.pick(&fleet::pool());
    let number = in_hand.filter(|_| state.tape.chance(600)).unwrap_or(any);
    let is_listing = state.passes.values().any(|pass| !pass.is_over && pass.whole.len() < 2);
    let (request, event) = match state.holdings.get(&number) {
        None => {
            let number = number.to_string();
            let event = "another actor bought a declared number";
            (post("/Numbers/ActiveNumbers", &[("PhoneNumber", &number)], FOREIGN), event)
        }
        Some(holding) => {
            let owner = holding.account.to_string();
            let path = format!("/Numbers/ActiveNumbers/{}", holding.sid);
            match state.tape.below(4) {
                0 => (delete(&path, &owner), "another actor released a declared number"),
                1 if owner != FOREIGN => {
                    let to = if owner == MAIN { SUB } else { MAIN };
                    let request = post(&format!("{path}.json"), &[("AccountSid", to)], MAIN);
                    (request, "another actor moved a number")
                }
                _ => {
                    let url = format!("https://theirs.example.com/{}", state.tape.below(5));
                    let request = post(&path, &[("Configurations.Voice.Url", &url)], &owner);
                    (request, "another actor edited a managed field")
                }
            }
        }
    };
    let answer = state.act(&request, By::Other);
    if (200..300).contains(&answer.status) {
        state.sometimes.reached(event);
        if is_listing {
            state.sometimes.reached("fleet changed between two pages");
        }
    }
}

/// Somebody takes away what a pass has just bought, while its configuration is on the way.
pub fn snatch(state: &mut State, pass: u64, number: PhoneNumber) {
    let is_bought =
        state.passes.get(&pass).is_some_and(|pass| pass.sent.contains(&(ActionKind::Purchase, number)));
    if state.fates.actor == 0 || !is_bought || !state.tape.chance(500) {
        return;
    }
    let Some(holding) = state.holdings.get(&number) else { return };
    let path = format!("/Numbers/ActiveNumbers/{}", holding.sid);
    let request = delete(&path, &holding.account.to_string());
    if state.act(&request, By::Other).status == 204 {
        state.sometimes.reached("another actor took away what was just bought");
    }
}

/// People save a whole file, and the daemons hear of it.
pub fn save(host: &Host, file: &File) {
    let text = file.text();
    let desired = fleet::parse(&text).unwrap_or_else(|| panic!("the generator's file:\n{text}"));
    let mut state = host.state.lock();
    state.note(|| format!("a file of {} bytes is saved", text.len()));
    write(host, &mut state, text.as_bytes());
    let at = state.now();
    state.files.push(Whole { text, desired: Arc::new(desired), at });
    ring(host, &mut state);
}

fn write(host: &Host, state: &mut State, bytes: &[u8]) {
    state.file_since = state.now();
    // Until they hear of it, nobody can be held to it.
    state.rung = None;
    fs::write(host.file(), bytes).expect("a folder of our own");
}

fn ring(host: &Host, state: &mut State) {
    let text = fs::read_to_string(host.file()).unwrap_or_default();
    let source = Source { name: "fleet.yaml".into(), text, format: Format::Yaml };
    state.rung = Some((state.now(), Generation::from_sources(&[source])));
    for process in &state.processes {
        process.bell.notify_one();
    }
}

/// What may happen between two looks: one thing, drawn. Then the daemons hear of a change, unless
/// the event is lost.
pub async fn mishap(host: &Host, files: &mut Vec<File>, tape: &mut Tape) {
    let fates = host.state.lock().fates.clone();
    let happens = |tape: &mut Tape, enabled: bool, permille| tape.chance(permille) && enabled;
    if happens(tape, fates.edits, 400) {
        let (event, next) = match tape.chance(200) {
            true => ("file rolled back", tape.pick(files).clone()),
            false => ("file edited", edited(files, tape)),
        };
        // People notice while it is being carried out.
        if tape.chance(500) {
            amid_a_pass(host, 1).await;
        }
        save(host, &next);
        files.push(next);
        host.state.lock().sometimes.reached(event);
    }
    if happens(tape, fates.bad_files, 400)
        && let Some(file) = files.last()
    {
        bad_file(host, file, tape).await;
    }
    if happens(tape, fates.clock_jumps, 300) {
        jump(&host.state, tape);
    }
    if happens(tape, fates.full_disk, 500) {
        fill_the_disk(host, tape).await;
    }
    if happens(tape, fates.lock_thief, 300) && host.locks {
        steal_the_locks(host);
    }
    if happens(tape, fates.signals, 300) {
        signal(host, tape).await;
    }
    if happens(tape, fates.crashes, 400) {
        let mut state = host.state.lock();
        let request = state.requests + tape.between(1, 25) as u64;
        state.crash = Some(CrashPoint { request, moment: *tape.pick(&Moment::ALL) });
    }
}

fn edited(files: &[File], tape: &mut Tape) -> File {
    let mut file = files.last().cloned().unwrap_or_else(|| File::draw(tape, false));
    file.edit(tape);
    file
}

/// What a reader finds where a file should be: half of it, none, another kind of thing. People
/// notice sooner or later, and save it whole.
async fn bad_file(host: &Host, file: &File, tape: &mut Tape) {
    let text = file.text();
    let event = match tape.below(6) {
        0..=2 => {
            write(host, &mut host.state.lock(), &text.as_bytes()[..tape.below(text.len())]);
            "file cut short"
        }
        3 => {
            write(host, &mut host.state.lock(), b"");
            "file emptied"
        }
        4 => {
            // Its reader's only error is that it is not there.
            let _ = fs::remove_file(host.file());
            host.state.lock().rung = None;
            "file missing"
        }
        _ => {
            write(host, &mut host.state.lock(), format!("{text}\n  - phone_number: [").as_bytes());
            "file no longer YAML"
        }
    };
    {
        let mut state = host.state.lock();
        state.note(|| event.to_owned());
        state.sometimes.reached(event);
        if tape.chance(800) {
            ring(host, &mut state);
        }
    }
    // A writer that is not done yet, or a mistake that stays for a while.
    let stays = if tape.chance(500) { tape.between(1, 200) } else { tape.between(1_000, 90_000) };
    sleep(Duration::from_millis(stays as u64)).await;
    let mut state = host.state.lock();
    write(host, &mut state, text.as_bytes());
    ring(host, &mut state);
}

fn jump(state: &Shared, tape: &mut Tape) {
    let by = Duration::from_secs(tape.between(1, 90_000) as u64);
    let mut state = state.lock();
    state.sometimes.reached("clock jumped");
    state.note(|| format!("the clock jumps by {by:?}"));
    match tape.chance(500) {
        true => state.clock_ahead += by,
        false => state.clock_behind += by,
    }
}

fn steal_the_locks(host: &Host) {
    for account in [MAIN, SUB] {
        // It may not be there.
        let _ = fs::remove_file(host.lock_dir().join(format!("{account}.lock")));
    }
    let mut state = host.state.lock();
    state.note(|| "the lock files are removed".to_owned());
    state.sometimes.reached("lock files removed");
}

/// For a while nothing can be put into the state directory.
async fn fill_the_disk(host: &Host, tape: &mut Tape) {
    // What the pass comes to is what cannot be kept then.
    amid_a_pass(host, 1).await;
    let (there, aside) = (host.state_dir(), host.folder.join("aside"));
    if fs::rename(&there, &aside).is_err() {
        return;
    }
    // A file where the directory should be.
    fs::write(&there, b"").expect("a folder of our own");
    {
        let mut state = host.state.lock();
        state.note(|| "the state directory cannot be written".to_owned());
        state.sometimes.reached("state directory not writable");
        state.disk_was_full = true;
        state.disk_is_full = true;
    }
    sleep(Duration::from_secs(tape.between(5, 120) as u64)).await;
    fs::remove_file(&there).and_then(|()| fs::rename(&aside, &there)).expect("a folder of our own");
    {
        let mut state = host.state.lock();
        state.disk_is_full = false;
        state.note(|| "the state directory can be written".to_owned());
    }
    // Whoever tidies up a full disk may be thorough.
    if host.locks && tape.chance(600) {
        steal_the_locks(host);
    }
}

/// Waits for a pass that has written so often, where one comes soon.
async fn amid_a_pass(host: &Host, writes: u64) {
    for _ in 0..300 {
        let is_amid = |pass: &PassView| !pass.is_over && pass.writes >= writes;
        if host.state.lock().passes.values().any(is_amid) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// SIGTERM, and perhaps a second one.
async fn signal(host: &Host, tape: &mut Tape) {
    amid_a_pass(host, tape.between(1, 4) as u64).await;
    let stop = |host: &Host, stop: Stop| {
        let mut state = host.state.lock();
        state.note(|| format!("signal: {stop:?}"));
        for process in &state.processes {
            process.stop.send_replace(stop);
        }
    };
    stop(host, Stop::Drain);
    host.state.lock().sometimes.reached("signal to stop");
    if tape.chance(500) {
        sleep(Duration::from_millis(tape.between(0, 400) as u64)).await;
        stop(host, Stop::Now);
    }
}
