//! The accounts of a saved plan: by name, with how each is reached and without any credential.

use serde::{Deserialize, Serialize};

use super::{SavedPlanError, malformed};
use crate::desired::AccountRef;
use crate::desired::{Access, CredentialsAt, EnvPrefix, SecretName};
use crate::model::provider::{Api, HostLabel, Site};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileAccount {
    pub(super) name: String,
    pub(super) sid: String,
    pub(super) parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edge: Option<String>,
    credentials_env: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credentials_file: Option<String>,
}

impl FileAccount {
    pub(super) fn new(account: &AccountRef, parent: Option<String>, access: &Access) -> Self {
        let (env, file) = match &access.credentials {
            Some(CredentialsAt::Env(prefix)) => (Some(prefix.to_string()), None),
            Some(CredentialsAt::File(name)) => (None, Some(name.to_string())),
            None => (None, None),
        };
        Self {
            name: account.name.to_string(),
            sid: account.sid.to_string(),
            parent,
            api: access.api.map(|api| api.as_str().to_owned()),
            region: access.site.region.as_ref().map(ToString::to_string),
            edge: access.site.edge.as_ref().map(ToString::to_string),
            credentials_env: env,
            credentials_file: file,
        }
    }

    /// How the account is reached.
    pub(super) fn access(&self) -> Result<Access, SavedPlanError> {
        fn parsed<V>(
            text: Option<&String>,
            what: &'static str,
            parse: impl Fn(&str) -> Option<V>,
        ) -> Result<Option<V>, SavedPlanError> {
            text.map(|text| parse(text).ok_or_else(|| malformed(what, text))).transpose()
        }
        let env =
            parsed(self.credentials_env.as_ref(), "a prefix of environment variables", EnvPrefix::parse)?;
        let file =
            parsed(self.credentials_file.as_ref(), "the name of a credentials file", SecretName::parse)?;
        Ok(Access {
            api: parsed(self.api.as_ref(), "an API", Api::parse)?,
            site: Site {
                region: parsed(self.region.as_ref(), "a region", HostLabel::parse)?,
                edge: parsed(self.edge.as_ref(), "an edge", HostLabel::parse)?,
            },
            credentials: env.map(CredentialsAt::Env).or(file.map(CredentialsAt::File)),
        })
    }
}
