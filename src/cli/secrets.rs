//! The secrets that the operator provides for webhooks: files of `--secrets-dir`, and variables.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::desired::Desired;
use crate::guard::saved_plan::Seal;
use crate::host::bounded_file::{self, BoundedFileError};
use crate::host::own_file;
use crate::model::named_secret::{Provide, Provided, SecretId, SecretProblem};
use crate::report::export::{FoundSecret, table_of_secrets};
use crate::report::names::plural;

use super::arguments::Global;
use super::process::{fresh_salt, variable};
use super::{Fatal, output};

/// The beginning of every variable that holds a secret; the end of one that holds its hosts.
const PREFIX: &str = "NUMCTL_SECRET_";
const HOSTS: &str = "HOSTS";
/// The largest file.
const BYTES_MAX: usize = 64 << 10;

/// Asks for each secret once.
pub(super) fn provider(global: &Global) -> impl Fn(&SecretId) -> Result<Arc<Provided>, SecretProblem> {
    let directory = global.secrets_dir.clone();
    let known: RefCell<HashMap<SecretId, Arc<Provided>>> = RefCell::default();
    move |id| {
        if let Some(provided) = known.borrow().get(id) {
            return Ok(provided.clone());
        }
        let provided = Arc::new(read(directory.as_deref(), id)?);
        known.borrow_mut().insert(id.clone(), provided.clone());
        Ok(provided)
    }
}

/// Gives the webhooks of the files their secrets.
pub(super) fn fill(provide: &Provide<'_>, desired: &mut Desired) -> Result<(), Fatal> {
    desired.fill_secrets(provide).map_err(|findings| Fatal::findings(&findings))
}

/// A file of the directory where there is one, else a variable. The hosts are beside the value, so that
/// nobody can combine one secret with the hosts of another.
fn read(directory: Option<&Path>, id: &SecretId) -> Result<Provided, SecretProblem> {
    let name = format!("{PREFIX}{}", id.in_variables());
    let hosts_name = format!("{name}_{HOSTS}");
    let unusable = |why: String, hosts: &str| SecretProblem::Unusable {
        id: id.clone(),
        why,
        help: format!("{hosts} lists the hosts that may receive it, such as voice.example.com"),
    };
    if let Some(directory) = directory {
        let (file, hosts_file) = (directory.join(id.to_string()), directory.join(format!("{id}.hosts")));
        let hosts_shown = hosts_file.display().to_string();
        match bounded_file::text(&file, BYTES_MAX) {
            Ok(value) => {
                let hosts = match bounded_file::text(&hosts_file, BYTES_MAX) {
                    Ok(hosts) => hosts,
                    Err(BoundedFileError::Missing) => String::new(),
                    Err(error) => return Err(unusable(format!("{hosts_shown}: {error}"), &hosts_shown)),
                };
                return Provided::new(&value, &hosts)
                    .map_err(|why| unusable(format!("{}: {why}", file.display()), &hosts_shown));
            }
            Err(BoundedFileError::Missing) => {}
            Err(error) => return Err(unusable(format!("{}: {error}", file.display()), &hosts_shown)),
        }
    }
    match variable(&name) {
        Some(value) => {
            let hosts = variable(&hosts_name).unwrap_or_default();
            Provided::new(&value, &hosts).map_err(|why| unusable(format!("{name}: {why}"), &hosts_name))
        }
        None => Err(SecretProblem::Missing { id: id.clone(), help: where_it_goes(directory, id, &name) }),
    }
}

fn where_it_goes(directory: Option<&Path>, id: &SecretId, name: &str) -> String {
    let file = match directory {
        Some(directory) => directory.join(id.to_string()).display().to_string(),
        None => format!("the file {id} of a --secrets-dir"),
    };
    format!(
        "put it into {file}, and the hosts that may receive it into {id}.hosts beside it, or set {name} and {name}_{HOSTS}"
    )
}

/// What a saved plan says of the secrets; `None` where the files name none.
pub(super) fn seal(provide: &Provide<'_>, desired: &Desired) -> Result<Option<Seal>, Fatal> {
    let ids = desired.secret_ids();
    if ids.is_empty() {
        return Ok(None);
    }
    let sealed = Seal::new(fresh_salt(), ids, provide);
    sealed.map(Some).map_err(|problem| Fatal::new(format!("{problem}\n  help: {}", problem.help())))
}

/// Writes the secrets that an export found, each with the hosts that have it. What is there already stays,
/// where it is the same.
pub(super) fn write(directory: &Path, secrets: &[FoundSecret]) -> Result<(), Fatal> {
    let at = |error: std::io::Error| Fatal::new(format!("{}: {error}", directory.display()));
    if !secrets.is_empty() {
        own_file::directory(directory).map_err(at)?;
    }
    for secret in secrets {
        let hosts = secret.hosts.iter().map(|host| format!("{host}\n")).collect::<String>();
        let files = [
            (secret.id.to_string(), format!("{}\n", secret.provided.expose())),
            (format!("{}.hosts", secret.id), hosts),
        ];
        for (name, text) in files {
            let path = directory.join(name);
            match bounded_file::text(&path, BYTES_MAX) {
                Ok(known) if known == text => {}
                Err(BoundedFileError::Missing) => output::write_private(&path, &text)?,
                Ok(_) | Err(_) => {
                    return Err(Fatal::new(format!(
                        "{}: the file exists with other contents: name another directory with --write-secrets",
                        path.display()
                    )));
                }
            }
        }
    }
    if !secrets.is_empty() {
        output::note(format_args!(
            "{} of webhooks written to {}: pass --secrets-dir {} from now on",
            plural(secrets.len(), "secret"),
            directory.display(),
            directory.display()
        ));
    }
    Ok(())
}

/// Says which secrets the exported file names.
pub(super) fn tell(secrets: &[FoundSecret]) {
    if secrets.is_empty() {
        return;
    }
    let lines: Vec<String> = table_of_secrets(secrets).iter().map(|line| format!("\n  {line}")).collect();
    output::note(format_args!(
        "The passwords of webhook URLs have names in the file. Provide them with --secrets-dir, or have them written to \
         files with --write-secrets DIR:{}",
        lines.concat()
    ));
}
