//! The ActiveNumbers API as values: requests out, answers in. Pure; [`crate::client`] sends them.
//!
//! Source: the API's page, "Active Numbers Resource". Its oddities are read, not fought: both
//! `configuration` and `configurations`, `status_callback_url` and `status_callback`, a bare object
//! and an `items` wrapper, null and `""`, numbers where texts are expected, unknown fields.

pub mod endpoint;
pub mod error;
pub mod filter;
pub mod page_link;
pub mod resource;
pub mod wire;
