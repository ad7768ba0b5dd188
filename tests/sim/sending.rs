//! A request, by what it means.

use numctl::model::action_kind::ActionKind;
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::provider::Api;
use numctl::model::settings::Field;
use numctl::sandbox::HttpRequest;
use url::form_urlencoded;

use crate::fleet::MAIN;
use crate::state::{State, account};

#[derive(Debug, Clone)]
pub enum Sending {
    List {
        account: AccountSid,
        is_first: bool,
    },
    LookUp {
        account: AccountSid,
        number: PhoneNumber,
    },
    Fetch {
        sid: NumberSid,
    },
    /// A read that only asks whether anybody answers.
    Probe,
    Purchase {
        account: AccountSid,
        number: PhoneNumber,
        fields: Vec<Field>,
    },
    Configure {
        number: Option<PhoneNumber>,
        fields: Vec<Field>,
    },
    Transfer {
        number: Option<PhoneNumber>,
        sid: NumberSid,
        to: String,
    },
    Release {
        account: AccountSid,
        sid: NumberSid,
        number: Option<PhoneNumber>,
    },
    /// To another product than the one that has the numbers.
    Aside,
    Other,
}

impl Sending {
    pub fn read(state: &State, request: &HttpRequest) -> Self {
        let account = asking(request);
        let query: Vec<_> = form_urlencoded::parse(request.query.as_bytes()).collect();
        let form: Vec<_> = form_urlencoded::parse(request.form.as_bytes()).collect();
        let value = |pairs: &[(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)], key: &str| {
            pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.to_string())
        };
        let api = api_of(request);
        if !request.path.contains("/ActiveNumbers") && !request.path.contains("/IncomingPhoneNumbers") {
            // The second look (accounts, offers, regulations), or Messaging Services.
            return if request.path.starts_with("/v1/Services") { Self::Aside } else { Self::Other };
        }
        let last = request.path.rsplit('/').next().unwrap_or_default();
        let sid = NumberSid::observed(last.strip_suffix(".json").unwrap_or(last));
        let number = |pairs| value(pairs, "PhoneNumber").and_then(|text| PhoneNumber::observed(&text));
        let fields = || {
            let is_sent = |name: &str| form.iter().any(|(key, _)| key == name);
            Field::all().filter(|field| field.parameter(api).name().is_some_and(is_sent)).collect()
        };
        match (request.method.as_str(), sid) {
            ("GET", None) => match number(&query) {
                Some(number) => Self::LookUp { account, number },
                None if value(&query, "PageSize").as_deref() == Some("1") => Self::Probe,
                None => Self::List { account, is_first: value(&query, "Page").is_none() },
            },
            ("GET", Some(sid)) => Self::Fetch { sid },
            ("POST", None) => match number(&form) {
                Some(number) => Self::Purchase { account, number, fields: fields() },
                None => Self::Other,
            },
            ("POST", Some(sid)) => match value(&form, "AccountSid") {
                Some(to) => Self::Transfer { number: number_of(state, sid), sid, to },
                None => Self::Configure { number: number_of(state, sid), fields: fields() },
            },
            ("DELETE", Some(sid)) => Self::Release { account, sid, number: number_of(state, sid) },
            _ => Self::Other,
        }
    }

    /// What it changes, where it changes anything.
    pub fn write(&self) -> Option<(ActionKind, Option<PhoneNumber>)> {
        match self {
            Self::Purchase { number, .. } => Some((ActionKind::Purchase, Some(*number))),
            Self::Configure { number, .. } => Some((ActionKind::Configure, *number)),
            Self::Transfer { number, .. } => Some((ActionKind::Transfer, *number)),
            Self::Release { number, .. } => Some((ActionKind::Release, *number)),
            Self::List { .. }
            | Self::LookUp { .. }
            | Self::Fetch { .. }
            | Self::Probe
            | Self::Aside
            | Self::Other => None,
        }
    }
}

/// The account that a request is made for: whose credentials came along or, over v2010, the one in
/// its path, to which a parent's credentials reach too. A move is the parent's own.
pub fn asking(request: &HttpRequest) -> AccountSid {
    let user = request.credentials.as_ref().map_or(MAIN, |(user, _)| user.as_str());
    let in_path = request.path.strip_prefix(V2010).and_then(|rest| rest.split(['/', '.']).next());
    let is_move = request.method == "POST" && request.form.contains("AccountSid=");
    account(in_path.filter(|sid| !is_move && sid.starts_with("AC")).unwrap_or(user))
}

const V2010: &str = "/2010-04-01/Accounts/";

/// The API that a request is for.
pub fn api_of(request: &HttpRequest) -> Api {
    match request.path.starts_with(V2010) {
        true => Api::IncomingPhoneNumbers,
        false => Api::ActiveNumbers,
    }
}

fn number_of(state: &State, sid: NumberSid) -> Option<PhoneNumber> {
    let held = state.holdings.iter().find(|(_, holding)| holding.sid == sid).map(|(number, _)| *number);
    held.or_else(|| state.passes.values().find_map(|pass| pass.listed.get(&sid)?.number))
}
