//! The approval flow of `examples/ci`, from a pull request to the release of a number: the very scripts of its
//! jobs, against the sandbox, with a `gh` and a `glab` that are made up.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde_json::Value;
use serde_yaml::Value as Yaml;

use super::harness::{Bench, Sandbox};

const GONE: &str = "+15552230000";
const FLEET: &str = "version: 1\npolicy: {max_releases: 0}\nnumbers:\n  - {phone_number: \"+15552230000\", state: released}\n  \
     - {phone_number: \"+15552230001\", friendly_name: Support}\n...\n";
const TAME: &str = "version: 1\nnumbers: [{phone_number: \"+15552230001\", friendly_name: Support}]\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Forge {
    GitHub,
    GitLab,
}

/// A repository in a CI system, and what the forge keeps of it.
struct Ci {
    forge: Forge,
    bench: Bench,
    sandbox: Sandbox,
    file: Yaml,
}

/// How a job went: its code, and the outputs that later jobs read.
struct Job {
    code: i32,
    said: String,
    state: String,
    digest: String,
}

impl Ci {
    /// `None` where a tool of the examples is not on this machine.
    fn new(forge: Forge) -> Option<Self> {
        for tool in ["bash", "git", "jq", "python3"] {
            if Command::new(tool).arg("--version").output().is_err() {
                let _ = writeln!(std::io::stderr(), "SKIPPED: {tool} is not here");
                return None;
            }
        }
        let (sandbox, bench) = Sandbox::start(&[]);
        let name = match forge {
            Forge::GitHub => "github-actions.yml",
            Forge::GitLab => "gitlab-ci.yml",
        };
        let text = std::fs::read_to_string(root().join("examples/ci").join(name)).expect("the example");
        let file = Yaml::deserialize(serde_yaml::Deserializer::from_str(&text)).expect("YAML");
        let bin = bench.path().join("bin");
        std::fs::create_dir(&bin).expect("made");
        symlink(env!("CARGO_BIN_EXE_numctl"), bin.join("numctl")).expect("linked");
        let program = root().join("tests/it/e2e/ci/forge.py");
        for tool in ["gh", "glab"] {
            let text = std::fs::read_to_string(&program).expect("the forge");
            std::fs::write(bin.join(tool), text).expect("written");
            std::fs::set_permissions(bin.join(tool), PermissionsExt::from_mode(0o755)).expect("runs");
        }
        let script = root().join("examples/ci/numctl-ci.sh");
        std::fs::copy(script, bench.path().join("numctl-ci.sh")).expect("copied");
        let mut git = Command::new("git");
        git.args(["init", "--quiet", "--bare", "remote.git"]).current_dir(bench.path());
        assert!(git.status().expect("git").success());
        Some(Self { forge, bench, sandbox, file })
    }

    /// The scripts of a job: the `run` of each step that is named, or the whole `script`.
    fn scripts(&self, job: &str, steps: &[&str]) -> Vec<String> {
        match self.forge {
            Forge::GitHub => {
                let all = self.file["jobs"][job]["steps"].as_sequence().expect("steps");
                let script = |name: &&str| {
                    let step = all.iter().find(|step| step["name"] == **name);
                    step.and_then(|step| step["run"].as_str())
                        .unwrap_or_else(|| panic!("{job}: {name}"))
                        .to_owned()
                };
                steps.iter().map(script).collect()
            }
            Forge::GitLab => {
                let base = self.file[job]["extends"].as_str().unwrap_or(job);
                let own = self.file[job].get("script").unwrap_or_else(|| &self.file[base]["script"]);
                let lines: Vec<_> =
                    own.as_sequence().expect("a script").iter().filter_map(Yaml::as_str).collect();
                vec![lines.join("\n")]
            }
        }
    }

    fn job(&self, job: &str, steps: &[&str], accept: &str) -> Job {
        let bin: PathBuf = self.bench.path().join("bin");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a PATH"));
        let (mut code, mut said) = (0, String::new());
        let _ = std::fs::remove_file(self.bench.path().join("output"));
        for script in self.scripts(job, steps) {
            let mut command = Command::new("bash");
            command.args(["-eo", "pipefail", "-c", &script]).current_dir(self.bench.path()).env_clear();
            command.envs(self.bench.env().iter().map(|(name, value)| (name, value)));
            let of_the_forge: &[(&str, &str)] = match self.forge {
                Forge::GitHub => &[
                    ("GITHUB_REPOSITORY", "acme/numbers"),
                    ("GITHUB_SERVER_URL", "https://github.com"),
                    ("GITHUB_RUN_ID", "42"),
                    ("GITHUB_ACTOR", "alice"),
                    ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
                    ("GITHUB_OUTPUT", "output"),
                    ("PULL_REQUEST", "3"),
                    ("GH_TOKEN", "hunter2"),
                ],
                Forge::GitLab => &[
                    ("GITLAB_CI", "true"),
                    ("GITLAB_USER_LOGIN", "alice"),
                    ("CI_JOB_URL", "https://gitlab.com/acme/numbers/-/jobs/42"),
                    ("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
                    ("CI_PROJECT_ID", "7"),
                    ("CI_MERGE_REQUEST_IID", "3"),
                    ("GITLAB_TOKEN", "hunter2"),
                ],
            };
            command.envs(of_the_forge.iter().copied());
            command.envs([("PATH", path.as_str()), ("HOME", "/nonexistent"), ("ACCEPT", accept)]);
            command.env("FORGE", self.bench.path().join("forge.json"));
            command.env("STATE_REMOTE", self.bench.path().join("remote.git"));
            let ran = command.output().expect("bash");
            said += &String::from_utf8_lossy(&ran.stdout);
            said += &String::from_utf8_lossy(&ran.stderr);
            code = ran.status.code().expect("a code");
            if code != 0 {
                break;
            }
        }
        assert!(!said.contains("hunter2"), "{said}");
        let outputs = std::fs::read_to_string(self.bench.path().join("plan.env")).unwrap_or_default();
        let output = |name: &str| {
            let line = outputs.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_default().to_owned()
        };
        Job { code, said, state: output("state"), digest: output("digest") }
    }

    fn forge(&self) -> Value {
        let text = std::fs::read_to_string(self.bench.path().join("forge.json")).expect("it was called");
        serde_json::from_str(&text).expect("JSON")
    }

    fn plan_of_a_request(&self) -> Job {
        match self.forge {
            Forge::GitHub => self.job("plan", &["Plan", "Comment", "Is there a plan?"], ""),
            Forge::GitLab => self.job("plan", &[], ""),
        }
    }

    fn plan_of_main(&self) -> Job {
        match self.forge {
            Forge::GitHub => self.job("plan", &["Plan", "Is there a plan?"], ""),
            Forge::GitLab => self.job("plan-merged", &[], ""),
        }
    }

    fn drift(&self) -> Job {
        match self.forge {
            Forge::GitHub => self.job("plan", &["Plan", "Issue about drift"], ""),
            Forge::GitLab => self.job("drift", &[], ""),
        }
    }

    fn apply(&self, accept: &str) -> Job {
        match (self.forge, accept) {
            (Forge::GitHub, "") => self.job("apply", &["Apply"], ""),
            (Forge::GitHub, digest) => self.job("approve", &["Apply"], digest),
            (Forge::GitLab, "") => self.job("apply", &[], ""),
            (Forge::GitLab, digest) => self.job("apply-beyond-limits", &[], digest),
        }
    }
}

fn from_a_pull_request_to_a_release(forge: Forge) {
    let Some(ci) = Ci::new(forge) else { return };
    let body = |ci: &Ci| {
        let forge = ci.forge();
        assert_eq!(forge["notes"].as_array().map(Vec::len), Some(1), "one comment: {forge:#}");
        forge["notes"][0]["body"].as_str().expect("a text").to_owned()
    };

    // A file that is not good: the comment says so, and the job fails.
    ci.bench.write("fleet.yaml", "version: 1\nnumbers: [{phone_number: \"+15552230001\", colour: red}]\n");
    let job = ci.plan_of_a_request();
    assert_eq!((job.code, job.state.as_str()), (1, "error"), "{}", job.said);
    assert!(body(&ci).contains("colour") && body(&ci).starts_with("<!-- numctl-plan -->\n"), "{}", body(&ci));

    // It is put right: the same comment has the plan, which waits for a person.
    ci.bench.write("fleet.yaml", FLEET);
    let job = ci.plan_of_a_request();
    assert_eq!((job.code, job.state.as_str()), (0, "refused"), "{}", job.said);
    assert!(body(&ci).contains(&format!("numctl apply --accept {}", job.digest)), "{}", body(&ci));

    // Merged: without approval nothing is done, with another digest neither.
    let merged = ci.plan_of_main();
    assert_eq!((merged.state.as_str(), &merged.digest), ("refused", &job.digest), "{}", merged.said);
    assert_eq!(ci.apply("").code, 4);
    assert_eq!(ci.apply("00000000000000000000000000000000").code, 4);
    assert!(ci.sandbox.number(GONE).is_some(), "it is there");

    // Approved: exactly this plan is carried out.
    let applied = ci.apply(&merged.digest);
    assert_eq!(applied.code, 0, "{}", applied.said);
    assert!(ci.sandbox.number(GONE).is_none(), "it is released");

    // The journal lasts: a later job has it, and knows who it was.
    let again = ci.plan_of_main();
    assert_eq!((again.code, again.state.as_str()), (0, "none"), "{}", again.said);
    let history = ci.bench.run(&["history", "--state-dir", "numctl-state"]).out;
    assert!(history.contains("release +15552230000") && history.contains("by alice on "), "{history}");
    assert!(history.contains("/42, commit 0123456789ab"), "{history}");
}

fn one_issue_tells_of_drift(forge: Forge) {
    let Some(ci) = Ci::new(forge) else { return };
    ci.bench.write("fleet.yaml", TAME);
    let issues = |state: &str| {
        let forge = ci.forge();
        let all = forge["issues"].as_array().expect("issues").iter();
        all.filter(|issue| issue["state"] == state).count()
    };
    assert_eq!(ci.drift().state, "changes");
    assert_eq!(issues("open"), 1);
    let text = if forge == Forge::GitHub { "body" } else { "description" };
    assert!(ci.forge()["issues"][0][text].as_str().expect("a text").contains("+15552230001"));
    ci.drift();
    assert_eq!(issues("open"), 1, "the same one");
    assert_eq!(ci.apply("").code, 0);
    assert_eq!(ci.drift().state, "none");
    assert_eq!((issues("open"), issues("closed")), (0, 1));
}

#[test]
fn on_github_a_release_waits_for_the_digest_that_a_person_approves() {
    from_a_pull_request_to_a_release(Forge::GitHub);
}

#[test]
fn on_gitlab_a_release_waits_for_the_digest_that_a_person_approves() {
    from_a_pull_request_to_a_release(Forge::GitLab);
}

#[test]
fn drift_is_one_issue_on_github_and_on_gitlab() {
    one_issue_tells_of_drift(Forge::GitHub);
    one_issue_tells_of_drift(Forge::GitLab);
}
