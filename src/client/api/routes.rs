//! What is where: the URL of each operation, by API. The paths are those of Twilio's pages.

use url::Url;

use super::endpoint::{Endpoint, Product};
use crate::model::number::{AccountSid, NumberSid, PhoneNumber, ServiceSid};
pub use crate::model::number_type::NumberType;
use crate::model::provider::Api;
use crate::model::traffic::Medium;

/// The paths of one account over one API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    endpoint: Endpoint,
    pub api: Api,
    pub account: AccountSid,
}

impl Routes {
    /// The paths of an account.
    #[must_use]
    pub fn new(endpoint: Endpoint, api: Api, account: AccountSid) -> Self {
        Self { endpoint, api, account }
    }

    /// The same paths on other hosts.
    pub fn move_to(&mut self, endpoint: Endpoint) {
        self.endpoint = endpoint;
    }

    /// Where the numbers are: see [`Endpoint::world`].
    #[must_use]
    pub fn world(&self) -> String {
        self.endpoint.world()
    }

    /// The region of the account: see [`Endpoint::region`].
    #[must_use]
    pub fn home_region(&self) -> &str {
        self.endpoint.region()
    }

    /// The paths of the same account over another API.
    #[must_use]
    pub fn over(&self, api: Api) -> Self {
        Self { api, ..self.clone() }
    }

    /// `/Numbers/ActiveNumbers`, or `/2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers.json`:
    /// lists and, by POST, buys.
    #[must_use]
    pub fn numbers(&self) -> Url {
        match self.api {
            Api::ActiveNumbers => self.active("/ActiveNumbers"),
            Api::IncomingPhoneNumbers => self.of_account(self.account, "/IncomingPhoneNumbers.json"),
        }
    }

    /// The live numbers of a type, where the API has a path for that.
    #[must_use]
    pub fn numbers_of(&self, kind: NumberType) -> Url {
        match self.api {
            Api::ActiveNumbers => self.numbers(),
            Api::IncomingPhoneNumbers => {
                self.of_account(self.account, &format!("/IncomingPhoneNumbers/{}.json", kind.segment()))
            }
        }
    }

    /// One number: GET reads, POST configures, DELETE releases.
    #[must_use]
    pub fn number(&self, sid: NumberSid) -> Url {
        match self.api {
            Api::ActiveNumbers => self.active(&format!("/ActiveNumbers/{sid}")),
            Api::IncomingPhoneNumbers => {
                self.of_account(self.account, &format!("/IncomingPhoneNumbers/{sid}.json"))
            }
        }
    }

    /// Where a number of `from` is moved away: over ActiveNumbers with the suffix `.json`, which its
    /// page shows for transfers only; over v2010 in the path of the account that loses it.
    #[must_use]
    pub fn transfer(&self, from: AccountSid, sid: NumberSid) -> Url {
        match self.api {
            Api::ActiveNumbers => self.active(&format!("/ActiveNumbers/{sid}.json")),
            Api::IncomingPhoneNumbers => self.of_account(from, &format!("/IncomingPhoneNumbers/{sid}.json")),
        }
    }

    /// `/Numbers/AvailableNumbers`: what ActiveNumbers has available.
    #[must_use]
    pub fn available_numbers(&self) -> Url {
        self.active("/AvailableNumbers")
    }

    /// `/AvailablePhoneNumbers/{Country}/{Type}.json`: what v2010 has available. `country` has two
    /// letters.
    #[must_use]
    pub fn available_phone_numbers(&self, country: &str, kind: NumberType) -> Url {
        self.of_account(self.account, &format!("/AvailablePhoneNumbers/{country}/{}.json", kind.segment()))
    }

    /// The live numbers of another account of the same parent, over v2010.
    #[must_use]
    pub fn numbers_in(&self, account: AccountSid) -> Url {
        self.of_account(account, "/IncomingPhoneNumbers.json")
    }

    /// The URL of the account resource itself.
    #[must_use]
    pub fn account(&self, account: AccountSid) -> Url {
        self.endpoint.url(Product::Api, &format!("/2010-04-01/Accounts/{account}.json"))
    }

    /// The account and its subaccounts.
    #[must_use]
    pub fn accounts(&self) -> Url {
        self.endpoint.url(Product::Api, "/2010-04-01/Accounts.json")
    }

    /// What numbers of a country cost.
    #[must_use]
    pub fn prices(&self, country: &str) -> Url {
        self.endpoint.url(Product::Pricing, &format!("/v1/PhoneNumbers/Countries/{country}"))
    }

    /// What a country wants of those who buy its numbers.
    #[must_use]
    pub fn regulations(&self) -> Url {
        self.endpoint.url(Product::Numbers, "/v2/RegulatoryCompliance/Regulations")
    }

    /// The account's calls or messages.
    #[must_use]
    pub fn traffic(&self, medium: Medium) -> Url {
        let path = match medium {
            Medium::Call => "/Calls.json",
            Medium::Message => "/Messages.json",
        };
        self.of_account(self.account, path)
    }

    /// Who changed what in the account: that of the credentials, which the path does not name.
    #[must_use]
    pub fn events(&self) -> Url {
        self.endpoint.url(Product::Monitor, "/v1/Events")
    }

    /// The account's Messaging Services.
    #[must_use]
    pub fn services(&self) -> Url {
        self.endpoint.url(Product::Messaging, "/v1/Services")
    }

    /// The numbers in a Messaging Service: GET lists, POST puts one in.
    #[must_use]
    pub fn members(&self, service: ServiceSid) -> Url {
        self.endpoint.url(Product::Messaging, &format!("/v1/Services/{service}/PhoneNumbers"))
    }

    /// One number in a Messaging Service: GET reads, DELETE takes it out.
    #[must_use]
    pub fn member(&self, service: ServiceSid, number: NumberSid) -> Url {
        self.endpoint.url(Product::Messaging, &format!("/v1/Services/{service}/PhoneNumbers/{number}"))
    }

    /// The URL of the listing of the account's applications.
    #[must_use]
    pub fn applications(&self) -> Url {
        self.of_account(self.account, "/Applications.json")
    }

    /// The account's SIP trunks.
    #[must_use]
    pub fn trunks(&self) -> Url {
        self.endpoint.url(Product::Trunking, "/v1/Trunks")
    }

    /// Where a number's calls are processed.
    #[must_use]
    pub fn region(&self, number: PhoneNumber) -> Url {
        self.endpoint.url(Product::Routes, &format!("/v2/PhoneNumbers/{number}"))
    }

    fn active(&self, path: &str) -> Url {
        self.endpoint.url(Product::Preview, &format!("/Numbers{path}"))
    }

    fn of_account(&self, account: AccountSid, path: &str) -> Url {
        self.endpoint.url(Product::Api, &format!("/2010-04-01/Accounts/{account}{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::provider::Site;

    #[test]
    fn types_are_read_however_they_are_written() {
        for text in ["tollfree", "TollFree", "toll-free", "toll free"] {
            assert_eq!(NumberType::parse(text), Some(NumberType::TollFree), "{text}");
        }
        assert_eq!(NumberType::parse("shortcode"), None);
    }

    #[test]
    fn a_transfer_names_the_account_that_loses_the_number() {
        let sid = |text: &str| AccountSid::observed(&format!("AC{}", text.repeat(32))).expect("a SID");
        let number = NumberSid::observed(&format!("PN{}", "c".repeat(32))).expect("a SID");
        let endpoint = Endpoint::vendor(&Site::default()).expect("the vendor's hosts");
        let path = |api| Routes::new(endpoint.clone(), api, sid("a")).transfer(sid("b"), number).to_string();
        let (b, c) = ("b".repeat(32), "c".repeat(32));
        assert_eq!(
            path(Api::IncomingPhoneNumbers),
            format!("https://api.twilio.com/2010-04-01/Accounts/AC{b}/IncomingPhoneNumbers/PN{c}.json")
        );
        assert_eq!(
            path(Api::ActiveNumbers),
            format!("https://preview.twilio.com/Numbers/ActiveNumbers/PN{c}.json")
        );
    }
}
