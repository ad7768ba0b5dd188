//! numctl keeps a fleet of Twilio phone numbers in a declared state.
pub mod credentials;
pub mod desired;
pub mod diff;
pub mod digest;
pub mod guard;
pub mod load;
pub mod number;
pub mod observed;
pub mod plan;
pub mod secret_url;
pub mod settings;
pub mod transport;
