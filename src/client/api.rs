//! Both of Twilio's APIs as values: requests out, answers in. Pure; [`crate::client`] sends them.
//!
//! Sources: the API's page, "Active Numbers Resource", and Twilio's OpenAPI description of
//! v2010. Oddities are read, not fought: both `configuration` and `configurations`,
//! `status_callback_url` and `status_callback`, a bare object and an `items` wrapper, null and `""`,
//! numbers where texts are expected, unknown fields.

pub mod account;
pub mod ages;
pub mod audit;
pub mod endpoint;
pub mod error;
pub mod filter;
pub mod offers;
pub mod operation;
pub mod page_link;
pub mod papers;
pub mod price;
pub mod resource;
pub mod routes;
pub mod routing;
pub mod subject;
pub mod traffic;
pub mod wire;
