//! Who runs this, from what the system and a CI system say in the process's surroundings.

use std::path::Path;

use crate::execute::journal::Author;
use crate::host::bounded_file;
use crate::model::inert;

use super::process::variable;

/// Where Linux keeps the host's name; in a pod, the pod's.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// More of a name or an address tells no one more.
const PART_MAX: usize = 200;

/// Whoever started this process.
pub(super) fn author() -> Option<Author> {
    let ci = github().or_else(gitlab).unwrap_or_default();
    let author = Author { user: ci.user.or_else(user), host: host(), ..ci };
    (!author.is_empty()).then_some(author)
}

pub(super) fn host() -> Option<String> {
    shown(bounded_file::text(Path::new(HOST_NAME), PART_MAX).ok()?)
}

/// Text of others that a journal line may hold.
fn shown(text: String) -> Option<String> {
    let text: String = text.trim().chars().filter(|c| !inert::must_be_spelt_out(*c)).take(PART_MAX).collect();
    (!text.is_empty()).then_some(text)
}

fn named(name: &str) -> Option<String> {
    variable(name).and_then(shown)
}

fn user() -> Option<String> {
    named("USER").or_else(|| named("LOGNAME")).or_else(user_id)
}

#[cfg(unix)]
fn user_id() -> Option<String> {
    Some(format!("uid {}", rustix::process::getuid().as_raw()))
}

#[cfg(not(unix))]
fn user_id() -> Option<String> {
    named("USERNAME")
}

fn github() -> Option<Author> {
    let (server, repository, run) =
        (named("GITHUB_SERVER_URL")?, named("GITHUB_REPOSITORY")?, named("GITHUB_RUN_ID")?);
    Some(Author {
        user: named("GITHUB_ACTOR"),
        host: None,
        ci_run: Some(format!("{server}/{repository}/actions/runs/{run}")),
        commit: named("GITHUB_SHA"),
    })
}

fn gitlab() -> Option<Author> {
    Some(Author {
        user: named("GITLAB_USER_LOGIN"),
        host: None,
        ci_run: Some(named("CI_JOB_URL")?),
        commit: named("CI_COMMIT_SHA"),
    })
}
