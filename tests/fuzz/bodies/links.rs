//! Page links: credentials go where they lead.

use numctl::client::api::endpoint::Endpoint;
use numctl::client::api::error::ApiError;
use numctl::client::api::page_link;
use numctl::client::api::routes::Routes;
use numctl::model::number::AccountSid;
use numctl::model::provider::Api;

use super::clean::{is_secret, one_line, quiet};

/// A link that is followed stays on the listing of the very host that was asked, holds no
/// credentials of its own, and is the same when it is resolved again.
pub(crate) fn page_link(data: &[u8]) {
    let Ok(link) = std::str::from_utf8(data) else { return };
    for base in ["https://preview.example.com", "http://127.0.0.1:8080"] {
        let account = AccountSid::observed("AC00000000000000000000000000000001").expect("a SID");
        let routes = |api| Routes::new(Endpoint::at(base).expect("a base URL"), api, account);
        let active = routes(Api::ActiveNumbers);
        let v2010 = routes(Api::IncomingPhoneNumbers).numbers();
        for listing in [active.numbers(), active.available_numbers(), v2010] {
            match page_link::resolve(&listing, link) {
                Ok(url) => {
                    assert_eq!(url.origin(), listing.origin(), "{url}");
                    assert_eq!(url.path().trim_end_matches('/'), listing.path(), "{url}");
                    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
                    assert!(
                        url.fragment().is_none() && url.query().is_some_and(|query| !query.is_empty()),
                        "{url}"
                    );
                    assert_eq!(page_link::resolve(&listing, url.as_str()).as_ref(), Ok(&url));
                    let start = format!("{}?", listing.as_str());
                    assert!(
                        url.as_str().replacen("/?", "?", 1).starts_with(&start)
                            || url.path() != listing.path()
                    );
                }
                Err(error) => {
                    let shown = ApiError::page_link(&error).to_string();
                    one_line(&shown);
                    quiet(is_secret(link), &shown);
                    assert!(shown.len() < 4_000, "{} bytes about a link", shown.len());
                }
            }
        }
    }
}
