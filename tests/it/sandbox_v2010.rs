//! The sandbox against Twilio's OpenAPI files: v2010, accounts, prices and regulations, and that they show
//! the same model as ActiveNumbers.

mod access;
mod buying;
mod catalogue;
mod paging;
mod search;
mod transfers;
mod writing;

use numctl::model::number::PhoneNumber;
use numctl::sandbox::{AUTH_TOKEN, Faults, HttpAnswer, HttpRequest, MAIN_SID, Sandbox, World};
use serde_json::Value;

use crate::sandbox_request::request;

const ACCOUNTS: &str = "/2010-04-01/Accounts.json";
const ACTIVE: &str = "/Numbers/ActiveNumbers";
const COUNTRIES: &str = "/v1/PhoneNumbers/Countries";
const REGULATIONS: &str = "/v2/RegulatoryCompliance/Regulations";
const SECOND_SUBACCOUNT: &str = "AC00000000000000000000000000000003";
const STRANGER: &str = "AC00000000000000000000000000000009";
const KEY: (&str, &str) = ("SK00000000000000000000000000000001", "secret");
const FIRST: &str = "+15552230000";
const UNOWNED: &str = "+14155551234";
const GB_MOBILE: &str = "+447700900123";
const DE_LOCAL: &str = "+493023125000";
const AU_MOBILE: &str = "+61491570000";

/// The parameters of a POST.
type Form<'a> = &'a [(&'a str, &'a str)];

/// The keys of `api.v2010.account.incoming_phone_number`, and the older `subresource_uris`; without
/// `voice_receive_mode`, which live answers lack.
const ROW: &[&str] = &[
    "account_sid",
    "address_requirements",
    "address_sid",
    "api_version",
    "beta",
    "bundle_sid",
    "capabilities",
    "date_created",
    "date_updated",
    "emergency_address_sid",
    "emergency_address_status",
    "emergency_status",
    "friendly_name",
    "identity_sid",
    "origin",
    "phone_number",
    "sid",
    "sms_application_sid",
    "sms_fallback_method",
    "sms_fallback_url",
    "sms_method",
    "sms_url",
    "status",
    "status_callback",
    "status_callback_method",
    "subresource_uris",
    "trunk_sid",
    "type",
    "uri",
    "voice_application_sid",
    "voice_caller_id_lookup",
    "voice_fallback_method",
    "voice_fallback_url",
    "voice_method",
    "voice_url",
];

/// A sandbox, and who is asking it.
struct Client {
    sandbox: Sandbox,
    user: (String, String),
}

impl Client {
    fn new(numbers: usize, faults: &str) -> Self {
        let mut client = Self {
            sandbox: Sandbox::new(World::demo(numbers), Faults::default()),
            user: (MAIN_SID.into(), AUTH_TOKEN.into()),
        };
        client.dialect(faults);
        client
    }

    fn dialect(&mut self, faults: &str) {
        self.sandbox.faults = faults.parse().expect("a fault specification");
    }

    fn be(&mut self, user: &str) {
        self.user = (user.into(), AUTH_TOKEN.into());
    }

    fn account(&mut self, sid: &str) -> &mut numctl::sandbox::SandboxAccount {
        self.sandbox.world.account_mut(sid).expect("an account")
    }

    fn give(&mut self, number: &str, account: &str) {
        self.sandbox.world.give(number.parse().expect("a number"), account);
    }

    fn send(&mut self, method: &str, path: &str, form: &[(&str, &str)]) -> HttpAnswer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.sandbox.handle(&HttpRequest {
            credentials: Some(self.user.clone()),
            base: "http://127.0.0.1:4010".into(),
            ..request(method, path, query, form)
        })
    }

    fn get(&mut self, path: &str) -> Value {
        let answer = self.send("GET", path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        body(&answer)
    }

    /// What a POST answers with this status.
    fn post(&mut self, status: u16, path: &str, form: &[(&str, &str)]) -> Value {
        let answer = self.send("POST", path, form);
        assert_eq!(answer.status, status, "{path} {form:?}: {}", String::from_utf8_lossy(&answer.body));
        body(&answer)
    }

    /// The status and the code of an error; 0 where it has none.
    fn refused(&mut self, method: &str, path: &str, form: &[(&str, &str)]) -> (u16, u64) {
        let answer = self.send(method, path, form);
        assert!(answer.status >= 400, "{method} {path} {form:?}: {}", answer.status);
        let body = body(&answer);
        assert_eq!(body["status"], answer.status);
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()));
        (answer.status, body["code"].as_u64().unwrap_or(0))
    }

    fn path(&self, number: &str) -> String {
        let number: PhoneNumber = number.parse().expect("a number");
        let (account, sid) = self.sandbox.world.owner(number).expect("owned");
        format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json")
    }

    /// The numbers that a list or a search gives, in its order.
    fn numbers(&mut self, path: &str) -> Vec<String> {
        let body = self.get(path);
        let rows = rows(&body);
        rows.iter().map(|row| row["phone_number"].as_str().unwrap_or("null").to_owned()).collect()
    }
}

fn body(answer: &HttpAnswer) -> Value {
    serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&answer.body)))
}

/// The rows of a list: the value of its only key that holds an array, as Twilio's CLI finds it.
fn rows(body: &Value) -> &Vec<Value> {
    let mut arrays = body.as_object().expect("an object").values().filter_map(Value::as_array);
    let rows = arrays.next().expect("rows");
    assert!(arrays.next().is_none(), "one collection: {body}");
    rows
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn list(account: &str) -> String {
    format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json")
}

fn typed(number_type: &str) -> String {
    format!("/2010-04-01/Accounts/{MAIN_SID}/IncomingPhoneNumbers/{number_type}.json")
}

fn offers(rest: &str) -> String {
    format!("/2010-04-01/Accounts/{MAIN_SID}/AvailablePhoneNumbers/{rest}")
}

fn account(sid: &str) -> String {
    format!("/2010-04-01/Accounts/{sid}.json")
}

fn sid(prefix: &str) -> String {
    format!("{prefix}{}", "a".repeat(32))
}
