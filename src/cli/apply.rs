//! `numctl apply`: of files, or of a plan that was saved and reviewed.

use std::path::{Path, PathBuf};

use crate::desired::Desired;
use crate::desired::load::{load, parse};
use crate::execute::journal::RecordedCommand;
use crate::guard::intents::Intents;
use crate::guard::saved_plan::{SavedPlan, SavedPlanError};
use crate::host::bounded_file;
use crate::reconcile::PlanSource;

use super::arguments::{ApplyArgs, Global, TextOrJson};
use super::content::Content;
use super::fleet::{self, Fleet};
use super::writing::{Errand, Writing};
use super::{Ended, Exit, Fatal, output, preflight, secrets, show};

/// A plan of 100,000 actions with long URLs is a third of this.
const PLAN_BYTES_MAX: usize = 256 << 20;

/// A saved plan is used once: this is put behind its name.
const USED: &str = ".used";

pub(super) async fn run(global: &Global, args: &ApplyArgs) -> Ended {
    let mut writing = Writing::new(global, &args.write, RecordedCommand::Apply)?;
    if args.webhooks.preflight {
        writing.preflight = Some(preflight::caller(global, &args.webhooks.preflight_allow)?);
    }
    match &args.plan {
        Some(path) if args.narrow.is_any() => Err(Fatal::new(format!(
            "{}: a saved plan is applied as a whole: make it with --only or --account",
            path.display()
        ))),
        Some(path) => saved(&writing, path).await,
        None => fresh(&writing, args).await,
    }
}

async fn fresh(writing: &Writing<'_>, args: &ApplyArgs) -> Ended {
    let (desired, content) = fleet::read(writing.global, &args.files)?;
    // What is left out needs no secrets.
    let (mut desired, narrowing) = args.narrow.part_of(desired)?;
    secrets::fill(&secrets::provider(writing.global), &mut desired)?;
    let narrowing = narrowing.as_ref();
    let has_claims = !desired.claims.is_empty();
    let work = async |fleet: &Fleet, intents: Intents| {
        let source = PlanSource::Files(&desired);
        let errand = Errand { source, content: &content, narrowing, has_claims, marker: None };
        writing.walk(fleet, errand, intents).await
    };
    writing.with_lock(&desired.accounts, has_claims, work).await
}

async fn saved(writing: &Writing<'_>, path: &Path) -> Ended {
    let shown = path.display();
    let text =
        bounded_file::text(path, PLAN_BYTES_MAX).map_err(|error| Fatal::new(format!("{shown}: {error}")))?;
    let saved = SavedPlan::from_json(&text).map_err(|error| {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => Fatal::new(format!(
                "{shown} is no saved plan; a desired-state file is named with -f: numctl apply -f {shown}"
            )),
            Some(_) | None => Fatal::new(format!("{shown}: {error}")),
        }
    })?;
    let marker = used_marker(path);
    if std::fs::symlink_metadata(&marker).is_ok() {
        return refused(
            writing,
            &format!("{shown} was applied already (see {}): plan again", marker.display()),
        );
    }
    let saved = match saved.with_secrets(&secrets::provider(writing.global)) {
        Ok(saved) => saved,
        Err(error @ SavedPlanError::OtherSecret(_)) => return refused(writing, &format!("{shown}: {error}")),
        Err(SavedPlanError::Secret(problem)) => {
            return Err(Fatal::new(format!("{shown}: {problem}\n  help: {}", problem.help())));
        }
        Err(error) => return Err(Fatal::new(format!("{shown}: {error}"))),
    };
    let files = files_by_now(writing.global, &saved)?;
    let has_claims = saved.has_claims();
    let accounts = fleet::accounts_of_plan(&saved.plan.accounts, &saved.access);
    let work = async |fleet: &Fleet, intents: Intents| {
        let source = PlanSource::Saved { saved: &saved, files: files.as_ref() };
        let content = Content::from_saved(saved.content);
        let errand = Errand { source, content: &content, narrowing: None, has_claims, marker: Some(&marker) };
        writing.walk(fleet, errand, intents).await
    };
    writing.with_lock(&accounts, has_claims, work).await
}

/// Refuses a saved plan, before anything is asked.
fn refused(writing: &Writing<'_>, error: &str) -> Ended {
    if writing.args.format == TextOrJson::Json {
        show::failed(&Fatal::new(error), writing.args.format.into())?;
    }
    output::error(error);
    Ok(Exit::Refused)
}

/// What the files of a saved plan declare by now, where they are still there: a pause or a hold that
/// began since the plan was made counts. A plan is also applied where its files are not.
///
/// # Errors
/// Where they are there and not valid: a pause with a typing error is still meant as one.
fn files_by_now(global: &Global, saved: &SavedPlan) -> Result<Option<Desired>, Fatal> {
    let paths: Vec<PathBuf> = saved.files.iter().map(|name| PathBuf::from(&**name)).collect();
    if paths.is_empty() || !paths.iter().all(|path| path.is_file()) {
        return Ok(None);
    }
    let parsed = load(&paths).and_then(|sources| parse(&sources, global.api()));
    match parsed {
        Ok(parsed) => Ok(Some(parsed.desired)),
        Err(findings) => Err(Fatal::findings(&findings)),
    }
}

fn used_marker(path: &Path) -> PathBuf {
    let mut marker = path.to_owned();
    marker.as_mut_os_string().push(USED);
    marker
}
