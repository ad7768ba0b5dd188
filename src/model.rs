//! The nouns: what a number, an account, a price and a setting are. Pure.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `action_kind`: the four kinds of action
//! - `base_url`: scheme, host and port over which a secret may be sent
//! - `known_secrets`: the process's own credentials, cut out of what it shows
//! - `secret_url`: webhook URLs without their secrets
//! - `number`: phone numbers and SIDs, parsed once
//! - `number_type`: the types of numbers that are sold
//! - `claim`: numbers by need, and the mark that binds a number to one
//! - `country`: the country that a calling code tells
//! - `credentials`: who asks, with a secret that no output shows
//! - `hold`: pauses, maintenance windows, and holds that end
//! - `inert`: messages that quote foreign text, of which nothing acts
//! - `provider`: the vendor's two APIs, and its regions
//! - `settings`: what can be configured on a number; live values and managed ones
//! - `audit`: who changed what, as the vendor's audit log tells it
//! - `webhook`: a webhook that files declare, and what may be wrong with it
//! - `routing`: where a call or a message to a number ends
//! - `tariff`: what a number is charged as
//! - `live`: A live number, as either API shows it
//! - `money`: exact amounts, each of one currency
//! - `offer`: a number on offer, and whether it is what a claim needs
//! - `quarantine`: where a number waits that is to be released, and since when
//! - `traffic`: what a number was used for, and how far back that is looked for

pub mod action_kind;
pub mod audit;
pub mod base_url;
pub mod claim;
pub mod country;
pub mod credentials;
pub mod hold;
pub mod inert;
pub mod known_secrets;
pub mod live;
pub mod money;
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
