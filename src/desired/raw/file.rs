//! The shape of one file: what serde reads, and what the JSON Schema is made from.
//!
//! Every path is typed down to the text. A `flatten`, an untagged or internally tagged enum, or a
//! `serde_yaml::Value` anywhere above a number would turn an unquoted `+15552230000` into the
//! integer 15552230000; read as text, it keeps its plus. That is also why most leaves are text here
//! and are checked afterwards: all mistakes are then reported together, each at its place.

use schemars::JsonSchema;
use serde::Deserialize;

use super::claim::RawClaim;
use super::entries::RawEntries;
use super::hold::{RawHold, RawWindow};
use super::number::RawLayer;
use super::patterns;
use super::scalar::{Count, Given, Map, Section, Switch, Version};

/// One desired-state file of numctl.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping that starts with `version: 1`")]
#[schemars(
    title = "numctl desired state",
    description = "How the phone numbers of a fleet should be configured.",
    extend("required" = ["version"])
)]
pub(crate) struct RawFile {
    /// The version of this format: 1.
    #[serde(default)]
    #[schemars(schema_with = "patterns::version")]
    pub(crate) version: Option<Version>,
    /// The accounts by name. Without it there is one, named "default", from the environment.
    #[serde(default)]
    #[schemars(extend("minProperties" = 1))]
    pub(crate) accounts: Section<Map<RawAccount>>,
    /// What a plan may do.
    #[serde(default)]
    pub(crate) policy: Section<RawPolicy>,
    /// What applies to every number, below its profile and its own fields.
    #[serde(default)]
    pub(crate) defaults: Section<RawLayer>,
    /// Named configurations.
    #[serde(default)]
    pub(crate) profiles: Section<Map<Section<RawLayer>>>,
    /// The numbers.
    #[serde(default)]
    pub(crate) numbers: Section<RawEntries>,
    /// Numbers declared by need.
    #[serde(default)]
    pub(crate) claims: Section<Vec<RawClaim>>,
}

/// One account.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `sid:`")]
#[schemars(extend("required" = ["sid"]))]
pub(crate) struct RawAccount {
    /// The account's SID, AC and 32 hexadecimal digits.
    #[serde(default)]
    #[schemars(schema_with = "patterns::account_sid")]
    pub(crate) sid: Given,
    /// The account that this one is a subaccount of; it makes the transfers.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) parent: Given,
    /// The API that its numbers are reached through. Default: the operator's, `--api`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::api")]
    pub(crate) api: Given,
    /// The region whose webhooks are meant. Default: the operator's, `TWILIO_REGION`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::region")]
    pub(crate) region: Given,
    /// The edge where requests enter Twilio's network. Default: the region's own, such as dublin for ie1.
    #[serde(default)]
    #[schemars(schema_with = "patterns::region")]
    pub(crate) edge: Given,
    /// Where its credentials are. Default for a subaccount over incoming-phone-numbers: its parent's.
    #[serde(default)]
    pub(crate) credentials: Section<RawCredentials>,
    /// Its numbers are left alone until a time.
    #[serde(default)]
    pub(crate) hold: Section<Box<RawHold>>,
}

/// Where an account's credentials are: one of the two.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ env: TWILIO }`")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct RawCredentials {
    /// The prefix of the environment variables: PREFIX_API_KEY and PREFIX_API_SECRET, or
    /// PREFIX_AUTH_TOKEN.
    #[serde(default)]
    #[schemars(schema_with = "patterns::env_prefix")]
    pub(crate) env: Given,
    /// The name of a file in the operator's `--credentials-dir`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::secret_name")]
    pub(crate) file: Given,
}

/// What a plan may do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping")]
pub(crate) struct RawPolicy {
    /// Live numbers of a listed account that the file does not name are left alone (ignore),
    /// listed (report) or released.
    #[serde(default)]
    #[schemars(schema_with = "patterns::unlisted")]
    pub(crate) unlisted: Given,
    /// Declared numbers that the journal knows to have been ours, and that are gone, are reported (report,
    /// the default) or bought back (rebuy).
    #[serde(default)]
    #[schemars(schema_with = "patterns::on_vanished")]
    pub(crate) on_vanished: Given,
    /// Declared settings that have no effect, since a Messaging Service, an application or a trunk overrides
    /// them, are reported as warnings (warn, the default) or are errors (error).
    #[serde(default)]
    #[schemars(schema_with = "patterns::no_effect")]
    pub(crate) no_effect: Given,
    /// The most purchases of one plan: a count, or a share such as "5%". Default: 10.
    #[serde(default)]
    #[schemars(schema_with = "patterns::limit")]
    pub(crate) max_purchases: Count,
    /// The most releases of one plan. Default: 0, which means none.
    #[serde(default)]
    #[schemars(schema_with = "patterns::limit")]
    pub(crate) max_releases: Count,
    /// The most numbers that one plan touches. Default: 100%.
    #[serde(default)]
    #[schemars(schema_with = "patterns::limit")]
    pub(crate) max_changes: Count,
    /// A number that had calls or messages within this time, such as 30d, is not released. Default:
    /// its use is not looked up.
    #[serde(default)]
    #[schemars(schema_with = "patterns::lookback")]
    pub(crate) release_guard: Given,
    /// A number that is to be released waits in another account first. Default: it is released at once.
    #[serde(default)]
    pub(crate) quarantine: Section<RawQuarantine>,
    /// The most by which one plan raises what the numbers cost a month, such as 25 USD.
    #[serde(default)]
    #[schemars(schema_with = "patterns::money")]
    pub(crate) max_monthly_increase: Count,
    /// The most to which a plan raises what the numbers of all accounts cost a month.
    #[serde(default)]
    #[schemars(schema_with = "patterns::money")]
    pub(crate) max_monthly_total: Count,
    /// Nothing is changed, and drift is shown.
    #[serde(default)]
    #[schemars(schema_with = "patterns::flag")]
    pub(crate) paused: Switch,
    /// Nothing is changed outside of these.
    #[serde(default)]
    pub(crate) windows: Section<Vec<RawWindow>>,
    /// Nothing is changed until a time.
    #[serde(default)]
    pub(crate) hold: Section<Box<RawHold>>,
}

/// Where a number waits before it is released.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `account:` and `for:`")]
#[schemars(extend("required" = ["account", "for"]))]
pub(crate) struct RawQuarantine {
    /// The account that it waits in, by its name under `accounts:`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) account: Given,
    /// For how long, in whole days, such as 30d.
    #[serde(default)]
    #[schemars(schema_with = "patterns::lookback")]
    pub(crate) r#for: Given,
}
