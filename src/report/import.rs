//! The numbers of a Terraform or OpenTofu state, as the desired-state file that keeps them as they are.
//!
//! Both forms are read: the state itself (`terraform.tfstate`) and `terraform show -json`; and both
//! providers: `twilio_phone_number` of RJPearson94/twilio, whose settings are in blocks, and
//! `twilio_api_accounts_incoming_phone_numbers` of twilio/twilio, whose settings have the API's own names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::client::api::wire::read_number;
use crate::client::listing::{Listing, ListingBuilder, ListingPage, Progress};
use crate::desired::{Access, Account, AccountIndex, CredentialsAt};
use crate::model::live::Live;
use crate::model::number::AccountSid;
use crate::model::provider::Api;
use crate::observed::Observed;
use crate::report::export::{Export, export_with_passwords};

/// The resource of RJPearson94/twilio.
const IN_BLOCKS: &str = "twilio_phone_number";
/// The resource of twilio/twilio, and what its generated names begin with.
const FLAT: &str = "twilio_api_accounts_incoming_phone_numbers";

/// Why a state is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// JSON of something else.
    #[error("it is neither a Terraform state (version 4) nor the output of `terraform show -json`")]
    NotAState,
    /// A state without numbers of either provider.
    #[error("it has no phone numbers: no {IN_BLOCKS} (RJPearson94/twilio) and no {FLAT} (twilio/twilio)")]
    NoNumbers,
    /// A number that does not say what it is.
    #[error("{address}: {why}")]
    Number {
        /// Where in the state.
        address: String,
        why: String,
    },
}

/// The outcome of a state.
#[derive(Debug)]
pub struct Imported {
    pub export: Export,
    /// How many numbers there were.
    pub numbers: usize,
    /// The accounts, main first.
    pub accounts: Vec<AccountSid>,
    /// The resources that hold the numbers, without indices, each once: what `removed` blocks name.
    pub resources: BTreeSet<String>,
}

/// Reads a state. `main` is the account whose credentials are at hand, where that is known.
///
/// # Errors
/// Where it is no state, or a number in it cannot be read.
pub fn import(text: &str, main: Option<AccountSid>) -> Result<Imported, ImportError> {
    let state: Value = serde_json::from_str(text).map_err(|error| ImportError::NotJson(error.to_string()))?;
    let found = found(&state)?;
    let mut by_account: BTreeMap<AccountSid, Vec<Live>> = BTreeMap::new();
    let mut resources = BTreeSet::new();
    for ImportedNumber { address, resource, attributes } in found {
        let failed = |why: &str| ImportError::Number { address: address.clone(), why: why.to_owned() };
        let row = Value::Object(as_v2010(&attributes));
        let live = read_number(Api::IncomingPhoneNumbers, row.to_string().as_bytes())
            .map_err(|error| failed(&error))?;
        if live.number.is_none() {
            return Err(failed(
                "it has no `phone_number`: run `terraform refresh`, or remove it from the state",
            ));
        }
        let account = live.account_sid.ok_or_else(|| failed("it has no `account_sid`"))?;
        by_account.entry(account).or_default().push(live);
        resources.insert(resource);
    }
    let numbers = by_account.values().map(Vec::len).sum();
    let most = by_account.iter().max_by_key(|(_, rows)| rows.len()).map(|(sid, _)| *sid);
    let main = main.filter(|sid| by_account.contains_key(sid)).or(most).ok_or(ImportError::NoNumbers)?;
    let mut accounts = vec![main];
    accounts.extend(by_account.keys().copied().filter(|sid| *sid != main));
    let mut declared = Vec::new();
    let mut listings = Vec::new();
    for (at, sid) in accounts.iter().enumerate() {
        declared.push(account(at, *sid, accounts.len()));
        listings.push(listing(*sid, by_account.remove(sid).unwrap_or_default())?);
    }
    let export = export_with_passwords(&declared, &Observed::new(listings));
    Ok(Imported { export, numbers, accounts, resources })
}

fn account(at: usize, sid: AccountSid, all: usize) -> Account {
    let width = all.to_string().len();
    let is_main = at == 0;
    Account {
        // In the order of their names, as a file's accounts are.
        name: if is_main { "main".into() } else { format!("sub-{at:0width$}").into() },
        sid: Some(sid),
        parent: (!is_main).then_some(AccountIndex(0)),
        access: Access {
            api: Some(Api::IncomingPhoneNumbers),
            // A subaccount is reached with its parent's.
            credentials: is_main.then(CredentialsAt::default),
            ..Access::default()
        },
        hold: None,
    }
}

fn listing(account: AccountSid, rows: Vec<Live>) -> Result<Listing, ImportError> {
    match ListingBuilder::new(account).push(ListingPage { rows, ..ListingPage::default() }) {
        Ok(Progress::Complete(listing)) => Ok(listing),
        Ok(Progress::More(..)) => Ok(Listing::empty()),
        Err(error) => Err(ImportError::Number { address: account.to_string(), why: error.to_string() }),
    }
}

/// One number of a state.
struct ImportedNumber {
    address: String,
    /// The same without an index.
    resource: String,
    attributes: Map<String, Value>,
}

fn found(state: &Value) -> Result<Vec<ImportedNumber>, ImportError> {
    let mut all = Vec::new();
    if let Some(resources) = state["resources"].as_array().filter(|_| state["version"] == 4) {
        for resource in resources.iter().filter(|resource| is_number(resource)) {
            in_state(resource, &mut all);
        }
    } else if state.get("values").is_some() || state.get("format_version").is_some() {
        in_module(&state["values"]["root_module"], &mut all);
    } else {
        return Err(ImportError::NotAState);
    }
    if all.is_empty() { Err(ImportError::NoNumbers) } else { Ok(all) }
}

/// Of both forms of a state; what Terraform only looks up (`data`) it does not own.
fn is_number(resource: &Value) -> bool {
    let kind = resource["type"].as_str().unwrap_or_default();
    resource["mode"] == "managed" && (kind == IN_BLOCKS || kind.starts_with(FLAT))
}

fn in_state(resource: &Value, all: &mut Vec<ImportedNumber>) {
    let word = |name: &str| resource[name].as_str().unwrap_or_default();
    let module = match word("module") {
        "" => String::new(),
        module => format!("{module}."),
    };
    let base = format!("{module}{}.{}", word("type"), word("name"));
    for instance in resource["instances"].as_array().into_iter().flatten() {
        let index = match &instance["index_key"] {
            Value::Null => String::new(),
            key => format!("[{key}]"),
        };
        if let Some(attributes) = instance["attributes"].as_object() {
            all.push(ImportedNumber {
                address: format!("{base}{index}"),
                resource: base.clone(),
                attributes: attributes.clone(),
            });
        }
    }
}

fn in_module(module: &Value, all: &mut Vec<ImportedNumber>) {
    for resource in module["resources"].as_array().into_iter().flatten().filter(|one| is_number(one)) {
        let address = resource["address"].as_str().unwrap_or_default().to_owned();
        let resource_of = address.strip_suffix(']').and_then(|rest| {
            // The last index alone: a module may have one too, and that is a part of the name.
            let dot = rest.rfind(&format!(".{}", resource["name"].as_str()?))?;
            rest[dot..].find('[').map(|at| rest[..dot + at].to_owned())
        });
        if let Some(attributes) = resource["values"].as_object() {
            let resource = resource_of.unwrap_or_else(|| address.clone());
            all.push(ImportedNumber { address, resource, attributes: attributes.clone() });
        }
    }
    for child in module["child_modules"].as_array().into_iter().flatten() {
        in_module(child, all);
    }
}

/// The attributes as a row of the API that both providers write to.
fn as_v2010(attributes: &Map<String, Value>) -> Map<String, Value> {
    let mut row: Map<String, Value> = attributes
        .iter()
        .filter(|(name, value)| {
            // What is computed later, or a filter of the purchase, is nothing of the number.
            !matches!(
                name.as_str(),
                "id" | "uri" | "capabilities" | "voice" | "messaging" | "fax" | "timeouts"
            ) && (value.is_string() || value.is_boolean())
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut put = |name: &str, value: Option<&Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            row.insert(name.to_owned(), value.clone());
        }
    };
    put("status_callback", attributes.get("status_callback_url"));
    // twilio/twilio calls the account of the path by another name.
    if !attributes.contains_key("account_sid") {
        put("account_sid", attributes.get("path_account_sid"));
    }
    for (block, prefix) in [("voice", "voice"), ("messaging", "sms"), ("fax", "voice")] {
        let Some(inner) = attributes.get(block).and_then(|block| match block {
            Value::Array(blocks) => blocks.first()?.as_object(),
            Value::Object(inner) => Some(inner),
            _ => None,
        }) else {
            continue;
        };
        for name in
            ["url", "method", "fallback_url", "fallback_method", "application_sid", "caller_id_lookup"]
        {
            put(&format!("{prefix}_{name}"), inner.get(name));
        }
        if block == "fax" {
            put("voice_receive_mode", Some(&json!("fax")));
        }
    }
    if let Some(capabilities) = capabilities(attributes.get("capabilities")) {
        row.insert("capabilities".to_owned(), capabilities);
    }
    row
}

/// A map of truths in one provider, and of their texts in the other.
fn capabilities(value: Option<&Value>) -> Option<Value> {
    let of = match value? {
        Value::Array(blocks) => blocks.first()?.as_object()?,
        Value::Object(map) => map,
        _ => return None,
    };
    let flag = |value: &Value| value.as_bool().or_else(|| value.as_str()?.parse().ok());
    let flags: Map<String, Value> =
        of.iter().filter_map(|(name, value)| Some((name.to_lowercase(), flag(value)?.into()))).collect();
    (!flags.is_empty()).then_some(Value::Object(flags))
}

/// What Terraform has to be told, so that it does not release the numbers: `removed` blocks.
#[must_use]
pub fn removed_blocks(resources: &BTreeSet<String>) -> String {
    resources
        .iter()
        .map(|resource| {
            format!("removed {{\n  from = {resource}\n  lifecycle {{\n    destroy = false\n  }}\n}}\n")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "AC00000000000000000000000000000001";

    fn state(resources: Value) -> String {
        json!({"version": 4, "terraform_version": "1.9.0", "resources": resources}).to_string()
    }

    #[test]
    fn the_blocks_of_one_provider_and_the_names_of_the_other_are_the_same_settings() {
        let blocks = json!({
            "type": IN_BLOCKS, "mode": "managed", "name": "support",
            "instances": [{"index_key": "ny", "attributes": {
                "sid": "PN00000000000000000000000000000001", "account_sid": MAIN, "phone_number": "+12125550100",
                "friendly_name": "Support", "area_code": "", "status_callback_url": "https://e.example.com/status",
                "voice": [{"url": "https://e.example.com/voice", "method": "POST", "application_sid": "",
                           "caller_id_lookup": false, "fallback_url": "", "fallback_method": "POST"}],
                "messaging": [{"url": "https://e.example.com/sms", "method": "GET"}],
            }}],
        });
        let flat = json!({
            "type": FLAT, "mode": "managed", "name": "support", "module": "module.a",
            "instances": [{"attributes": {
                "sid": "PN00000000000000000000000000000001", "path_account_sid": MAIN, "phone_number": "+12125550100",
                "friendly_name": "Support", "status_callback": "https://e.example.com/status",
                "voice_url": "https://e.example.com/voice", "voice_method": "POST", "voice_fallback_method": "POST",
                "voice_caller_id_lookup": false, "sms_url": "https://e.example.com/sms", "sms_method": "GET",
                "voice_application_sid": null, "emergency_status": "Inactive",
            }}],
        });
        let [blocks, flat] = [blocks, flat].map(|one| import(&state(json!([one])), None).expect("a state"));
        assert_eq!(blocks.export.yaml, flat.export.yaml);
        assert!(flat.export.yaml.contains("api: incoming-phone-numbers"), "{}", flat.export.yaml);
        assert_eq!(blocks.resources.iter().next().map(String::as_str), Some("twilio_phone_number.support"));
        assert_eq!(
            flat.resources.iter().next().map(String::as_str),
            Some("module.a.twilio_api_accounts_incoming_phone_numbers.support")
        );
    }

    #[test]
    fn what_is_looked_up_or_not_a_number_is_left_alone() {
        let other = json!([
            {"type": IN_BLOCKS, "mode": "data", "name": "x", "instances": [{"attributes": {}}]},
            {"type": "twilio_video_room", "mode": "managed", "name": "x", "instances": []},
        ]);
        assert_eq!(import(&state(other), None).expect_err("none"), ImportError::NoNumbers);
        assert_eq!(import("{}", None).expect_err("none"), ImportError::NotAState);
        assert!(matches!(import("numbers:", None), Err(ImportError::NotJson(_))));
    }
}
