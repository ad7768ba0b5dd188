//! numctl keeps a fleet of Twilio phone numbers in a declared state.
pub mod credentials;
pub mod desired;
pub mod diff;
pub mod digest;
pub mod export;
pub mod guard;
pub mod number;
pub mod observed;
pub mod plan;
pub mod render;
pub mod secret_url;
pub mod settings;
pub mod transport;
