//! Who asks: a user name and a secret that no output ever shows.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::model::known_secrets;

/// HTTP Basic credentials: an account's SID and its auth token, or an API key and its secret.
#[derive(Clone)]
pub struct Credentials {
    /// The account's SID or the API key's (`SK…`).
    pub user: Arc<str>,
    secret: Arc<SecretString>,
}

impl Credentials {
    /// Takes a user name and its secret, which no text shows from then on.
    #[must_use]
    pub fn new(user: impl Into<Arc<str>>, secret: impl Into<String>) -> Self {
        let secret = secret.into();
        known_secrets::keep(&secret);
        Self { user: user.into(), secret: Arc::new(SecretString::from(secret)) }
    }

    /// The secret, for the `Authorization` header and the key of a plan's digest, and for nothing else.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}:***)", self.user)
    }
}
