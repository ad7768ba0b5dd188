//! The nouns: what a number, an account, a price and a setting are. Pure.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `action_kind`: the four kinds of action
//! - `base_url`: scheme, host and port that credentials may be sent to
//! - `known_secrets`: the process's own credentials, removed from everything it shows
//! - `secret_url`: webhook URLs with their secrets masked
//! - `named_secret`: secrets that a webhook URL names, and the hosts that may receive them
//! - `number`: phone numbers and SIDs
//! - `number_type`: the types of numbers that Twilio sells
//! - `claim`: claims, their slots, and the mark that binds a number to one
//! - `country`: the country of a calling code
//! - `credentials`: credentials that cannot be printed
//! - `hold`: pauses, maintenance windows, and holds
//! - `inert`: makes text from outside harmless
//! - `provider`: Twilio's two APIs and its regions
//! - `settings`: what can be configured on a number
//! - `audit`: who changed what, from Twilio's audit log
//! - `webhook`: a webhook that files declare, and what may be wrong with it
//! - `routing`: where a call or a message to a number ends
//! - `tariff`: country and type that decide a number's price
//! - `live`: a live number, as either API shows it
//! - `money`: exact amounts, each in one currency
//! - `coordinates`: places on the globe and the distance between them
//! - `offer`: an available number, and whether it matches a claim
//! - `quarantine`: the mark of a number in quarantine, and since when it is there
//! - `traffic`: when a number was last used

pub mod action_kind;
pub mod audit;
pub mod base_url;
pub mod claim;
pub mod coordinates;
pub mod country;
pub mod credentials;
pub mod hold;
pub mod inert;
pub mod known_secrets;
pub mod live;
pub mod money;
pub mod named_secret;
pub mod number;
pub mod number_type;
pub mod offer;
pub mod provider;
pub mod quarantine;
pub mod routing;
pub mod secret_url;
pub mod settings;
pub mod tariff;
pub mod traffic;
pub mod webhook;
