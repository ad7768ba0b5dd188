//! Twilio's clients as they are published: pinned, installed from their registries once, into Cargo's
//! directory for tests.
//!
//! Where one cannot be had its tests are skipped, which they say; `NUMCTL_REQUIRE_CLIENTS=1` makes
//! that a failure.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long one installation may take, from its first request to its last file.
const INSTALL_LIMIT: Duration = Duration::from_secs(240);

/// A client, by the folder of its manifest below `tests/clients`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Client {
    Python,
    Node,
    Cli,
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
            Self::Cli => "cli",
        }
    }

    /// Where its manifest and the scripts for it are.
    pub(super) fn scripts(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(self.name())
    }

    /// What is installed, by file: it says every version.
    fn manifest(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["requirements.txt"],
            Self::Node | Self::Cli => &["package.json", "package-lock.json"],
        }
    }

    /// What shows that its interpreter is there.
    fn probe(self, dir: &Path) -> Command {
        match self {
            Self::Python => command(dir, "venv/bin/python", &["--version"]),
            Self::Node | Self::Cli => command(dir, "node", &["--version"]),
        }
    }

    fn steps(self, dir: &Path) -> Vec<Command> {
        match self {
            Self::Python => {
                let args = "install --quiet --disable-pip-version-check --retries 1 --no-deps \
                            --only-binary :all: -r requirements.txt";
                let args: Vec<_> = args.split_whitespace().collect();
                vec![command(dir, "python3", &["-m", "venv", "venv"]), command(dir, "venv/bin/pip", &args)]
            }
            Self::Node | Self::Cli => {
                let args = "ci --ignore-scripts --no-audit --no-fund --fetch-retries 1 --loglevel error";
                vec![self.probe(dir), command(dir, "npm", &args.split(' ').collect::<Vec<_>>())]
            }
        }
    }

    /// Where it is installed; none, and a word about it, where it cannot be had.
    pub(super) fn installed(self) -> Option<PathBuf> {
        static DONE: [OnceLock<Result<PathBuf, String>>; 3] =
            [OnceLock::new(), OnceLock::new(), OnceLock::new()];
        match DONE[self as usize].get_or_init(|| self.install()) {
            Ok(dir) => Some(dir.clone()),
            Err(why) => {
                skip(&format!("{}: {why}", self.name()));
                None
            }
        }
    }

    fn install(self) -> Result<PathBuf, String> {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(self.name());
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        // Another test run of the same checkout may be at it: the lock ends with its holder.
        let lock = File::create(dir.with_extension("lock")).map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        let read = |file: &&str| fs::read_to_string(self.scripts().join(file)).expect("a manifest");
        let wanted: String = self.manifest().iter().map(read).collect();
        let mark = dir.join("installed");
        let end = Instant::now() + INSTALL_LIMIT;
        if fs::read_to_string(&mark).is_ok_and(|found| found == wanted)
            && run(self.probe(&dir), &dir.join("log"), end).is_ok_and(|done| done.code == Some(0))
        {
            return Ok(dir);
        }
        fs::remove_dir_all(&dir)
            .and_then(|()| fs::create_dir_all(&dir))
            .map_err(|error| error.to_string())?;
        for file in self.manifest() {
            fs::copy(self.scripts().join(file), dir.join(file)).map_err(|error| error.to_string())?;
        }
        for step in self.steps(&dir) {
            let program = step.get_program().to_string_lossy().into_owned();
            let done = run(step, &dir.join("log"), end).map_err(|why| format!("{program}: {why}"))?;
            if done.code != Some(0) {
                let log = done.out + &done.err;
                let last =
                    log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
                return Err(format!("{program}: {last}"));
            }
        }
        fs::write(&mark, wanted).map_err(|error| error.to_string())?;
        Ok(dir)
    }
}

/// A program by its name, or by its path below `dir`, which it works in.
fn command(dir: &Path, program: &str, args: &[&str]) -> Command {
    let program = if program.contains('/') { dir.join(program) } else { program.into() };
    let mut command = Command::new(program);
    command.args(args).current_dir(dir);
    command
}

/// Says that a test did not run; past the test harness, which keeps what passing tests print.
pub(super) fn skip(why: &str) {
    let required = std::env::var("NUMCTL_REQUIRE_CLIENTS").is_ok_and(|value| value == "1");
    assert!(!required, "real clients: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: real clients: {why}");
}

/// The outcome of a program.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs a program to its end, but not beyond `end`; `log` is where its output goes meanwhile.
pub(super) fn run(mut command: Command, log: &Path, end: Instant) -> Result<Done, String> {
    let (out, err) = (log.with_extension("out"), log.with_extension("err"));
    let open = |path: &Path| File::create(path).map_err(|error| error.to_string());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(open(&out)?)
        .stderr(open(&err)?)
        .spawn()
        .map_err(|error| error.to_string())?;
    let code = loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            break status.code();
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            return Err("it took too long".to_owned());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
    Ok(Done { code, out: read(&out)?, err: read(&err)? })
}
