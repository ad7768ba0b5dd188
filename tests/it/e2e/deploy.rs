//! What `deploy/` and `examples/` have people run. Each command line goes through the binary's own parser,
//! each variable is on the page of commands, and what a command line names is there where it will run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize as _;
use serde_yaml::Value;

use super::daemon::Daemon;
use super::harness::{Bench, Sandbox};
use super::outside::Outside;
use crate::tidy::variables;

const DEPLOYMENT: &str = "deploy/kubernetes/deployment.yaml";
const KUSTOMIZATION: &str = "deploy/kubernetes/kustomization.yaml";
const UNIT: &str = "deploy/systemd/numctl.service";
const DOCKERFILE: &str = "deploy/Dockerfile";
const GITHUB: &str = "examples/ci/github-actions.yml";
const GITLAB: &str = "examples/ci/gitlab-ci.yml";
const CI_SCRIPT: &str = "examples/ci/numctl-ci.sh";

/// Variables that the examples set for other programs.
const FOREIGN: [&str; 11] = [
    "ACCEPT",
    "ARGS",
    "COMMAND",
    "FILE",
    "GH_TOKEN",
    "NAMESPACE",
    "PULL_REQUEST",
    "REPOSITORY",
    "SERVICE",
    "SHA256",
    "VERSION",
];

fn read(path: &str) -> String {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(whole).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of `deploy/` and `examples/` that can hold a command line.
fn files() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![root.join("deploy"), root.join("examples")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below the root").display().to_string();
            // Of Helm's language: tests/deploy/check.sh has helm render them.
            let is_template = name.contains("/templates");
            if path.is_dir() && !is_template {
                folders.push(path);
            } else if [".yaml", ".yml", ".sh", ".service", "Dockerfile"].iter().any(|end| name.ends_with(end))
            {
                files.push(name);
            }
        }
    }
    files
}

/// What a file has people run, and the variables that it sets.
#[derive(Default)]
struct Told {
    /// The arguments after `numctl`.
    commands: Vec<Vec<String>>,
    variables: Vec<String>,
}

impl Told {
    fn by(path: &str, text: &str) -> Self {
        let mut told = Self::default();
        if path.ends_with(".service") {
            for (key, value) in text.replace("\\\n", " ").lines().filter_map(|line| line.split_once('=')) {
                match key {
                    "Environment" => told.variables.extend(value.split('=').next().map(str::to_owned)),
                    key if key.starts_with("Exec") => told.script(value),
                    _ => {}
                }
            }
        } else if path.ends_with(".sh") {
            told.script(text);
        } else if path.ends_with("Dockerfile") {
            let words = |name: &str| -> Vec<String> {
                let lines = text.lines().filter_map(|line| line.strip_prefix(name));
                lines.flat_map(|line| serde_json::from_str::<Vec<String>>(line).expect(name)).collect()
            };
            told.command([words("ENTRYPOINT"), words("CMD")].concat());
        } else {
            for document in documents(path, text) {
                told.yaml(&document);
            }
        }
        // Those in comments, too, which say what else is to be set.
        variables(text, &mut told.variables);
        told
    }

    fn yaml(&mut self, node: &Value) {
        if let Value::Sequence(items) = node {
            items.iter().for_each(|item| self.yaml(item));
        }
        let Value::Mapping(fields) = node else { return };
        let is_ours = fields.get("image").and_then(Value::as_str) == Some("numctl");
        if is_ours && fields.contains_key("args") {
            // Without a `command` it is the image's.
            let words = |key: &str| fields.get(key).map(strings).unwrap_or_default();
            let command = words("command");
            let command = if command.is_empty() { vec!["numctl".to_owned()] } else { command };
            let args = words("args")
                .into_iter()
                .map(|word| expanded(&word, fields.get("env").unwrap_or(&Value::Null)));
            self.command([command, args.collect()].concat());
        }
        for (key, value) in fields {
            match key.as_str().unwrap_or_default() {
                "run" | "script" | "before_script" | "after_script" => {
                    strings(value).iter().for_each(|script| self.script(script));
                }
                "env" | "variables" | "stringData" => self.variables.extend(names(value)),
                _ => {}
            }
            self.yaml(value);
        }
    }

    /// Takes each numctl of a script, up to a redirection or the next command.
    fn script(&mut self, script: &str) {
        for line in script.replace("\\\n", " ").lines() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            for part in line.split([';', '|', '&', '>']) {
                // What a variable holds is not known here.
                let words = part.split_whitespace().filter(|word| !word.starts_with("\"${"));
                self.command(words.map(str::to_owned).collect());
            }
        }
    }

    fn command(&mut self, words: Vec<String>) {
        let is_numctl = |word: &String| word.rsplit('/').next() == Some("numctl");
        if let Some(at) = words.iter().position(is_numctl) {
            self.commands.push(words[at + 1..].to_vec());
        }
    }
}

/// `$(NAME)` as Kubernetes expands it; what only a cluster knows is some name.
fn expanded(word: &str, env: &Value) -> String {
    let mut word = word.to_owned();
    for entry in env.as_sequence().into_iter().flatten() {
        let name = entry["name"].as_str().unwrap_or_default();
        word = word.replace(&format!("$({name})"), entry["value"].as_str().unwrap_or("somewhere"));
    }
    word
}

fn documents(path: &str, text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text).map(Value::deserialize);
    documents.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// One text, or a list of them.
fn strings(node: &Value) -> Vec<String> {
    match node {
        Value::String(text) => vec![text.clone()],
        Value::Sequence(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The keys of a mapping, or what a list of mappings calls `name`.
fn names(node: &Value) -> Vec<String> {
    match node {
        Value::Mapping(fields) => fields.keys().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Sequence(items) => {
            items.iter().filter_map(|item| item["name"].as_str()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// What is wrong with the command lines and the variables of a file.
fn findings(path: &str, text: &str) -> String {
    let (bench, page, told) = (Bench::alone(), read(crate::pages::CLI), Told::by(path, text));
    let mut findings = String::new();
    for command in &told.commands {
        // Help comes once everything before it has been understood, values included.
        let ran = bench.run(&command.iter().map(String::as_str).chain(["--help"]).collect::<Vec<_>>());
        if ran.code != Some(0) {
            let _ = writeln!(findings, "{path}: numctl {}: {}", command.join(" "), ran.err);
        }
    }
    for name in &told.variables {
        if !page.contains(&format!("`{name}`")) && !FOREIGN.contains(&name.as_str()) {
            let _ = writeln!(findings, "{path}: sets {name}, which examples/cli.md does not list");
        }
    }
    findings
}

#[test]
fn the_binary_takes_what_deploy_and_the_examples_have_people_run() {
    let mut counts = BTreeMap::new();
    let mut all = String::new();
    for path in files() {
        let text = read(&path);
        all += &findings(&path, &text);
        counts.insert(path.clone(), Told::by(&path, &text).commands.len());
    }
    assert!(all.is_empty(), "\n{all}");
    for path in [DEPLOYMENT, UNIT, DOCKERFILE, CI_SCRIPT] {
        assert!(counts[path] > 0, "{path} runs numctl: {counts:?}");
    }
}

#[test]
fn a_mistake_in_deploy_or_the_examples_is_found() {
    for (path, from, to) in [
        (DEPLOYMENT, "--interval=60s", "--intervall=60s"),
        (DEPLOYMENT, "--interval=60s", "--interval=60"),
        (DEPLOYMENT, "- run\n", "- serve\n"),
        (DEPLOYMENT, "NUMCTL_LEASE_IDENTITY", "NUMCTL_LEASE_ID"),
        ("deploy/kubernetes/secret.example.yaml", "TWILIO_API_SECRET:", "TWILIO_SECRET:"),
        (UNIT, "--lock-dir", "--lockdir"),
        (UNIT, "-f /etc", "-F /etc"),
        (UNIT, "TWILIO_API_KEY", "TWILIO_KEY"),
        (DOCKERFILE, "CMD [\"--help\"]", "CMD [\"--halp\"]"),
        (CI_SCRIPT, "--out plan.json", "--output plan.json"),
        (CI_SCRIPT, "--format markdown", "--format markdwn"),
        (GITHUB, "NUMCTL_MAX_PURCHASES", "NUMCLT_MAX_PURCHASES"),
        (CI_SCRIPT, "numctl apply plan.json", "numctl aply plan.json"),
        (GITLAB, "NUMCTL_MAX_RELEASES", "MAX_RELEASES"),
    ] {
        let (before, after) = (read(path), read(path).replace(from, to));
        assert_ne!(before, after, "{path} has {from:?}");
        assert_ne!(findings(path, &after), "", "{path}: {to:?} is found");
    }
}

/// The Deployment, taken apart.
struct Pod {
    spec: Value,
    container: Value,
    args: Vec<String>,
}

impl Pod {
    fn of(text: &str) -> Self {
        let spec = documents(DEPLOYMENT, text).remove(0)["spec"]["template"]["spec"].clone();
        let container = spec["containers"][0].clone();
        let args = strings(&container["args"]);
        let args = args.iter().map(|word| expanded(word, &container["env"])).collect();
        Self { spec, container, args }
    }

    /// The value of `--name=value`.
    fn option(&self, name: &str) -> &str {
        let value = self.args.iter().find_map(|arg| arg.strip_prefix(&format!("--{name}=")));
        value.unwrap_or_else(|| panic!("{DEPLOYMENT}: --{name}"))
    }

    /// Path and port of each probe.
    fn probes(&self) -> Vec<(&str, &str)> {
        let kinds = ["startupProbe", "livenessProbe", "readinessProbe"];
        let text = |kind: &str, key: &str| {
            self.container[kind]["httpGet"][key].as_str().unwrap_or_else(|| panic!("{kind}: {key}"))
        };
        kinds.map(|kind| (text(kind, "path"), text(kind, "port"))).to_vec()
    }
}

/// What an option of the Deployment names and the pod has not, or not so.
fn amiss(deployment: &str, kustomization: &str, service: &str) -> String {
    let pod = Pod::of(deployment);
    let mut amiss = String::new();
    let list = |node: &Value| node.as_sequence().cloned().unwrap_or_default();
    let called = |all: &[Value], name: &Value| {
        all.iter().find(|one| one["name"] == *name).cloned().unwrap_or_default()
    };
    let (mounts, volumes) = (list(&pod.container["volumeMounts"]), list(&pod.spec["volumes"]));
    let kustomization = documents(KUSTOMIZATION, kustomization).remove(0);
    for arg in &pod.args {
        let (option, value) = arg.split_once('=').unwrap_or(("an argument", arg));
        if !value.starts_with('/') {
            continue;
        }
        let inside =
            |mount: &&Value| mount["mountPath"].as_str().is_some_and(|at| Path::new(value).starts_with(at));
        let Some(mount) = mounts.iter().find(inside) else {
            let _ = writeln!(amiss, "{option}: nothing is mounted at {value}");
            continue;
        };
        let volume = called(&volumes, &mount["name"]);
        if let Some(map) = volume.get("configMap") {
            let below = Path::new(value).strip_prefix(mount["mountPath"].as_str().unwrap_or_default());
            let made = called(&list(&kustomization["configMapGenerator"]), &map["name"]);
            let file = below.ok().and_then(Path::to_str).unwrap_or_default();
            if !strings(&made["files"]).iter().any(|name| name == file) {
                let _ = writeln!(amiss, "{option}: {KUSTOMIZATION} makes no {file:?} for it");
            }
        } else if volume.get("emptyDir").is_none() || mount.get("readOnly").is_some() {
            let _ = writeln!(amiss, "{option}: {value} is no volume to write to");
        }
    }
    let port = called(&list(&pod.container["ports"]), &"http".into());
    let listens = pod.option("listen");
    if port["containerPort"].as_u64().is_none_or(|port| listens != format!("0.0.0.0:{port}")) {
        let _ = writeln!(amiss, "--listen: {listens} is not the port called http");
    }
    for (path, port) in pod.probes() {
        if port != "http" {
            let _ = writeln!(amiss, "the probe of {path}: nothing listens on {port}");
        }
    }
    let target = documents("the Service", service).remove(0)["spec"]["ports"][0]["targetPort"].clone();
    if target != "http" {
        let _ = writeln!(amiss, "the Service: nothing listens on {target:?}");
    }
    amiss
}

#[test]
fn what_the_deployment_names_is_mounted_and_listened_on() {
    let files = [read(DEPLOYMENT), read(KUSTOMIZATION), read("deploy/kubernetes/service.yaml")];
    assert_eq!(amiss(&files[0], &files[1], &files[2]), "");
    for (at, from, to) in [
        (0, "--file=/etc/numctl/", "--file=/etc/numctl.d/"),
        (0, "/fleet.yaml", "/numbers.yaml"),
        (0, "name: numctl-fleet", "name: fleet"),
        (0, "--journal=/var/lib/numctl/", "--journal=/var/lib/"),
        (0, "--journal=/var/lib/numctl/", "--journal=/etc/numctl/"),
        (0, "--journal=/var/lib/numctl/", "--journal\n            - /var/lib/"),
        (0, "mountPath: /var/lib/numctl", "mountPath: /var/lib/numctl\n              readOnly: true"),
        (0, "containerPort: 9797", "containerPort: 9798"),
        (0, "port: http", "port: web"),
        (0, "--listen=0.0.0.0:", "--listen="),
        (1, "- fleet.yaml", "- numbers.yaml"),
        (2, "targetPort: http", "targetPort: web"),
    ] {
        let mut mistaken = files.clone();
        mistaken[at] = files[at].replace(from, to);
        assert_ne!(mistaken[at], files[at], "{from:?} is there");
        assert_ne!(amiss(&mistaken[0], &mistaken[1], &mistaken[2]), "", "{to:?} is found");
    }
}

/// systemd makes the folders that the unit says, and no others; the rest is read-only.
#[test]
fn what_the_unit_writes_to_is_made_for_it() {
    let text = read(UNIT);
    let setting = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let command = &Told::by(UNIT, &text).commands[0];
    let after = |option: &str| command.iter().skip_while(|word| *word != option).nth(1).expect(option);
    assert_eq!(*after("--state-dir"), format!("/var/lib/{}", setting("StateDirectory").expect("one")));
    assert_eq!(*after("--lock-dir"), format!("/run/{}", setting("RuntimeDirectory").expect("one")));
}

/// All of its arguments but the Lease, which needs a cluster; the paths are the bench's.
#[test]
fn the_deployments_arguments_run_and_its_probes_are_answered() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let pod = Pod::of(&read(DEPLOYMENT));
    for folder in ["etc/numctl", "var/lib/numctl"] {
        std::fs::create_dir_all(bench.path().join(folder)).expect("made");
    }
    bench.write("etc/numctl/fleet.yaml", &read("deploy/kubernetes/fleet.yaml"));
    let here = format!("={}/", bench.path().display());
    let args: Vec<String> = pod.args[1..]
        .iter()
        .map(|arg| arg.replace("=/", &here).replace(pod.option("listen"), "127.0.0.1:0"))
        .collect();
    assert_eq!(pod.args[0], "run");
    let daemon = Daemon::start(&bench, &args.iter().map(String::as_str).collect::<Vec<_>>());
    let outside = Outside::of(&daemon);
    for (path, _) in pod.probes() {
        let begin = Instant::now();
        while outside.probe(path) != 200 {
            assert!(begin.elapsed() < Duration::from_secs(30), "{path}:\n{}", daemon.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    daemon.stop();
}
