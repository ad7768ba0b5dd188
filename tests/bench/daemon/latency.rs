//! From the end of a save to the arrival of the write that it asks for.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use super::figures::times;
use super::http::Proxy;
use super::process::Sandbox;

const TIMES: usize = 100;

/// How a file is saved.
#[derive(Clone, Copy)]
enum Save {
    /// Written beside, and renamed: editors, git.
    Renamed,
    /// Written over: `>`, some editors.
    InPlace,
    /// As the kubelet does it: a new directory, and a link beside the file's that is swapped.
    Swapped,
    /// As git-sync does it: the file's directory is the link that is swapped.
    Current,
}

impl Save {
    const ALL: [Self; 4] = [Self::Renamed, Self::InPlace, Self::Swapped, Self::Current];

    fn as_str(self) -> &'static str {
        match self {
            Self::Renamed => "renamed over it",
            Self::InPlace => "written in place",
            Self::Swapped => "link swapped, as a ConfigMap",
            Self::Current => "directory's link swapped, as git-sync",
        }
    }

    /// What `-f` names.
    fn path(self) -> &'static str {
        match self {
            Self::Renamed | Self::InPlace | Self::Swapped => "mount/fleet.yaml",
            Self::Current => "mount/..data/fleet.yaml",
        }
    }

    fn save(self, folder: &Path, at: usize, text: &str) {
        let file = folder.join("fleet.yaml");
        match self {
            Self::Renamed => {
                let beside = folder.join("fleet.yaml~");
                fs::write(&beside, text).expect("written");
                fs::rename(beside, file).expect("renamed");
            }
            Self::InPlace => fs::write(file, text).expect("written"),
            Self::Swapped | Self::Current => swap(folder, at, text),
        }
    }
}

/// A version of a mounted ConfigMap takes the place of the one before.
pub(crate) fn swap(folder: &Path, at: usize, text: &str) {
    let (data, version) = (folder.join("..data"), format!("..version-{at}"));
    let old = fs::read_link(&data).ok();
    fs::create_dir(folder.join(&version)).expect("made");
    fs::write(folder.join(&version).join("fleet.yaml"), text).expect("written");
    symlink(&version, folder.join("..tmp")).expect("linked");
    fs::rename(folder.join("..tmp"), data).expect("swapped");
    if let Some(old) = old {
        fs::remove_dir_all(folder.join(old)).expect("removed");
    } else {
        symlink("..data/fleet.yaml", folder.join("fleet.yaml")).expect("linked");
    }
}

pub(crate) fn run(sizes: &[usize]) {
    println!("\nlatency: from the end of the save to the arrival of the POST, seconds; --interval 1h\n");
    println!("| numbers | saved | times | median | 95% | worst |\n| --- | --- | --- | --- | --- | --- |");
    for numbers in sizes {
        for save in Save::ALL {
            println!("| {numbers} | {} | {} |", save.as_str(), times(&of(*numbers, save)));
        }
    }
}

fn of(numbers: usize, save: Save) -> Vec<Duration> {
    let sandbox = Sandbox::start(&["--numbers", &numbers.to_string()]);
    sandbox.run(&["export", "-o", "export.yaml"]);
    let whole = fs::read_to_string(sandbox.path("export.yaml")).expect("an export");
    let first = "+15552230000";
    let (head, rest) = whole.split_once(&format!("phone_number: \"{first}\"\n")).expect("the first number");
    // Its own name gives way to ours.
    let (_, rest) = rest.split_once("friendly_name: ").expect("a name");
    let (_, rest) = rest.split_once('\n').expect("a line");
    let text = |at: usize| format!("{head}phone_number: \"{first}\"\n    friendly_name: Edit-{at}-\n{rest}");
    let folder = sandbox.path("mount");
    fs::create_dir(&folder).expect("made");
    save.save(&folder, 0, &text(0));
    let proxy = Proxy::start(&sandbox.host);
    let daemon = sandbox.daemon("log", &proxy.base_url, &["-f", save.path(), "--interval", "1h"]);
    daemon.says("result=\"done\"", 1);
    (1..=TIMES)
        .map(|at| {
            // Anywhere between two polls, and after the last cycle.
            std::thread::sleep(Duration::from_millis(50 + at as u64 * 37 % 400));
            proxy.forget();
            save.save(&folder, at, &text(at));
            let saved = Instant::now();
            let arrived = proxy.next_write(&format!("Edit-{at}-"));
            let Some(arrived) = arrived else { panic!("no write came:\n{}", daemon.log()) };
            daemon.says("result=\"done\"", at + 1);
            // The write may have come before the clock was read.
            arrived.saturating_duration_since(saved)
        })
        .collect()
}
