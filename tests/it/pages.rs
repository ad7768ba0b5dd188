//! The pages that people read, held to what there is: every link, flag, variable and test name in them
//! exists, every command, option and variable is in them, and every page is short and can be found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use numctl::cli::Arguments;

use crate::tidy::{none, read, root, variables, walk};

/// The page with all commands, options and variables.
pub(crate) const CLI: &str = "examples/cli.md";
/// The page with every field by API.
const APIS: &str = "examples/apis.md";
/// The page with the laws and the tests that guard them.
const LAWS: &str = "tests/README.md";

const README_LINES_MAX: usize = 250;
const PAGE_LINES_MAX: usize = 200;

/// Folders whose Markdown is data of tests, not a page.
const NOT_PAGES: &[&str] = &["tests/it", "target", ".git", "tests/clients/node", "tests/clients/cli"];

/// Programs other than numctl whose options the pages name.
const OTHER_PROGRAMS: &[&str] = &[
    "--release",
    "--locked",
    "--path",
    "--test",
    "--lib",
    "--bench",
    "--ignored",
    "--exact",
    "--nocapture",
    "--fuzz-dir",
    "--target-dir",
    "--package-lock-only",
    "--ignore-scripts",
    "--set-file",
    "--no-run",
    "--all-targets",
    "--profile",
    "--edit-last",
    "--manifest-path",
    "--until",
    "--again",
    "--survivors",
    "--set",
];

/// A page: its path from the root, and its text.
struct Page {
    path: String,
    text: String,
}

impl Page {
    /// What the page shows as code: fenced blocks, and what is between backticks.
    fn code(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, block) in self.text.split("```").enumerate() {
            if at % 2 == 1 {
                found.extend(block.lines().skip(1));
            } else {
                found.extend(block.lines().flat_map(|line| line.split('`').skip(1).step_by(2)));
            }
        }
        found
    }

    /// The targets of its links and pictures.
    fn links(&self) -> Vec<&str> {
        let outside: Vec<&str> = self.text.split("```").step_by(2).collect();
        let targets = outside.iter().flat_map(|text| {
            let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            links.chain(text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()))
        });
        targets.filter(|target| !target.contains("://")).collect()
    }

    /// The path from the root of what a link leads to, and its anchor.
    fn target<'a>(&self, link: &'a str) -> (String, Option<&'a str>) {
        let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
        if path.is_empty() {
            return (self.path.clone(), anchor);
        }
        let folder = Path::new(&self.path).parent().unwrap_or(Path::new(""));
        let mut parts: Vec<&str> =
            folder.to_str().unwrap_or("").split('/').filter(|part| !part.is_empty()).collect();
        for part in path.split('/') {
            match part {
                ".." => drop(parts.pop()),
                "." | "" => {}
                part => parts.push(part),
            }
        }
        (parts.join("/"), anchor)
    }

    /// The anchors of its headings, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        let headings =
            self.text.split("```").step_by(2).flat_map(str::lines).filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn pages() -> Vec<Page> {
    let mut folders = vec![root().to_path_buf()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root()).expect("below the root").display().to_string();
            if NOT_PAGES.contains(&name.as_str()) || name.ends_with("node_modules") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(Page { text: read(&name), path: name });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

#[test]
fn every_page_is_short_and_can_be_reached_from_the_readme() {
    let pages: BTreeMap<String, Page> = pages().into_iter().map(|page| (page.path.clone(), page)).collect();
    let mut findings = String::new();
    let mut reached = BTreeSet::from(["README.md".to_owned()]);
    let mut open = vec!["README.md".to_owned()];
    while let Some(page) = open.pop().and_then(|path| pages.get(&path)) {
        for link in page.links() {
            let (target, _) = page.target(link);
            // A link to a folder leads to its README, as on GitHub.
            for target in [format!("{target}/README.md"), target] {
                if pages.contains_key(&target) && reached.insert(target.clone()) {
                    open.push(target);
                }
            }
        }
    }
    for (path, page) in &pages {
        let (lines, most) =
            (page.text.lines().count(), if path == "README.md" { README_LINES_MAX } else { PAGE_LINES_MAX });
        if lines > most {
            let _ = writeln!(
                findings,
                "{path}: {lines} lines, at most {most}: move a section to a page of its own"
            );
        }
        if !reached.contains(path) {
            let _ = writeln!(findings, "{path}: no link leads here from README.md");
        }
    }
    none(findings);
}

#[test]
fn every_link_in_a_page_leads_somewhere() {
    let pages: BTreeMap<String, Page> = pages().into_iter().map(|page| (page.path.clone(), page)).collect();
    let mut findings = String::new();
    for page in pages.values() {
        for link in page.links() {
            let (target, anchor) = page.target(link);
            if !root().join(&target).exists() {
                let _ = writeln!(
                    findings,
                    "{}: the link {link} leads to {target}, which does not exist",
                    page.path
                );
            }
            if let (Some(anchor), Some(target)) = (anchor, pages.get(&target))
                && !target.anchors().contains(anchor)
            {
                let _ = writeln!(findings, "{}: {link}: {} has no such heading", page.path, target.path);
            }
        }
    }
    none(findings);
}

/// Every option of every command.
fn options() -> BTreeSet<String> {
    fn of(command: &clap::Command, found: &mut BTreeSet<String>) {
        for option in command.get_arguments() {
            found.extend(option.get_long().map(|long| format!("--{long}")));
            found.extend(option.get_all_aliases().into_iter().flatten().map(|alias| format!("--{alias}")));
        }
        command.get_subcommands().for_each(|sub| of(sub, found));
    }
    let mut found = BTreeSet::from(["--help".to_owned(), "--version".to_owned()]);
    of(&Arguments::command(), &mut found);
    found
}

#[test]
fn every_command_option_and_variable_that_a_page_names_exists() {
    let (options, mut known) = (options(), Vec::new());
    walk("src").iter().chain(&walk("tests")).for_each(|file| variables(&file.code, &mut known));
    // The names that a prefix such as TWILIO makes, and those of scripts.
    known.extend(
        ["API_KEY", "API_SECRET", "AUTH_TOKEN", "ACCOUNT_SID"].map(|suffix| format!("TWILIO_{suffix}")),
    );
    let scripts = [".ci/run", "tests/deploy/check.sh"].map(read).concat();
    let commands: Vec<String> =
        Arguments::command().get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut findings = String::new();
    for page in pages() {
        for code in page.code() {
            let words = code.split(|c: char| {
                c.is_whitespace()
                    || matches!(c, '=' | '\\' | '[' | ']' | '(' | ')' | ',' | '"' | '\'' | '|' | ':')
            });
            for option in words.filter(|word| word.len() > 3 && word.starts_with("--")) {
                let option = option.trim_end_matches(['.', ';', '…']);
                if option[2..].starts_with(|c: char| c.is_ascii_lowercase())
                    && !options.contains(option)
                    && !OTHER_PROGRAMS.contains(&option)
                {
                    let _ = writeln!(findings, "{}: there is no option {option}", page.path);
                }
            }
            let typed = code.trim_start_matches("$ ").strip_prefix("numctl ");
            let command = typed.and_then(|rest| rest.split_whitespace().next()).unwrap_or("help");
            if command.starts_with(|c: char| c.is_ascii_lowercase())
                && !commands.iter().any(|known| known == command)
            {
                let _ = writeln!(findings, "{}: there is no command numctl {command}", page.path);
            }
        }
        let mut names = Vec::new();
        variables(&page.text, &mut names);
        for name in names {
            if !known.contains(&name) && !scripts.contains(&name) {
                let _ = writeln!(findings, "{}: nothing reads the variable {name}", page.path);
            }
        }
    }
    none(findings);
}

#[test]
fn every_command_option_and_variable_is_on_the_page_of_commands() {
    let page = read(CLI);
    let mut findings = String::new();
    let command = Arguments::command();
    for sub in command.get_subcommands() {
        let name = sub.get_name();
        if !page.lines().any(|line| line.starts_with(&format!("| `numctl {name}"))) {
            let _ = writeln!(findings, "{CLI}: no line for `numctl {name}`");
        }
        for option in sub.get_arguments().chain(command.get_arguments()) {
            if let Some(long) = option.get_long()
                && !page.contains(&format!("--{long}"))
            {
                let _ = writeln!(findings, "{CLI}: nothing on --{long} of `numctl {name}`");
            }
        }
    }
    let mut names = Vec::new();
    for file in walk("src") {
        variables(&file.code, &mut names);
    }
    names.extend(["API_KEY", "API_SECRET", "AUTH_TOKEN"].map(|suffix| format!("TWILIO_{suffix}")));
    for name in names {
        // The sandbox prints this one for people; nothing reads it.
        let is_printed = read("src/sandbox/README.md").contains(&name);
        if !page.contains(&name) && !is_printed {
            let _ = writeln!(findings, "{CLI}: nothing on the variable {name}");
        }
    }
    none(findings);
}

/// A name in backticks that is long enough to be a test's, and nothing else's.
fn is_test_name(name: &str) -> bool {
    name.matches('_').count() >= 3
        && name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
}

#[test]
fn every_test_that_a_page_names_exists() {
    let sources: Vec<String> = walk("src").into_iter().chain(walk("tests")).map(|file| file.text()).collect();
    let sources = sources.concat();
    let mut findings = String::new();
    for page in pages() {
        for name in page.code().into_iter().filter(|name| is_test_name(name)) {
            if !sources.contains(&format!("fn {name}(")) && !sources.contains(&format!("\"{name}\"")) {
                let _ = writeln!(findings, "{} names {name}, and there is no such test or word", page.path);
            }
        }
    }
    none(findings);
}

#[test]
fn every_law_names_the_tests_that_guard_it() {
    let page = read(LAWS);
    let section =
        page.split("\n## ").find(|section| section.starts_with("The laws")).expect("a section of laws");
    let tests: String = walk("src").into_iter().chain(walk("tests")).map(|file| file.text()).collect();
    let mut findings = String::new();
    let laws: Vec<&str> = section.lines().filter(|line| line.starts_with("| **")).collect();
    assert!(laws.len() >= 19, "{LAWS}: {} laws", laws.len());
    for law in laws {
        let cell = law.trim_end_matches('|').rsplit('|').next().unwrap_or("");
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            let _ = writeln!(findings, "{LAWS}: no test guards {law}");
        }
        for name in names.iter().filter(|name| !tests.contains(&format!("fn {name}("))) {
            let _ = writeln!(findings, "{LAWS} names the test {name}, which does not exist");
        }
    }
    none(findings);
}

/// The table of fields by API says what is sent.
#[test]
fn every_field_is_on_the_page_of_apis() {
    use numctl::model::provider::Api;
    use numctl::model::settings::{Field, Parameter};
    let page = read(APIS);
    let cell = |parameter: Parameter| match parameter {
        Parameter::Documented(name) => format!("`{name}`"),
        Parameter::ByScheme(name) => format!("`{name}` (not documented)"),
        Parameter::Membership => "by the Messaging Service".to_owned(),
        Parameter::None => "no".to_owned(),
    };
    let missing: String = Field::all()
        .map(|field| {
            let [active, incoming] = Api::ALL.map(|api| cell(field.parameter(api)));
            format!("| `{field}` | {active} | {incoming} |")
        })
        .filter(|row| !page.lines().any(|line| line == row))
        .map(|row| format!("{APIS} has no line {row}\n"))
        .collect();
    none(missing);
}
