//! What people know a number by beside its digits: its profile, its claim, its tags. Kept in the file only,
//! and never sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::claim::ClaimName;

/// Tags by their names, as they are written.
pub type Tags = BTreeMap<Arc<str>, Arc<str>>;

/// What a number is filtered and grouped by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    pub profile: Option<Arc<str>>,
    /// The claim that it is one of.
    pub claim: Option<ClaimName>,
    /// Its tags: its own over its profile's over the defaults'.
    pub tags: Tags,
}

impl Labels {
    /// Of a number or a claim: what it says itself over what the layers below it say.
    pub(super) fn merged(profile: Option<&str>, layers: [Option<&Tags>; 2], own: Tags) -> Self {
        let mut tags = Tags::new();
        for layer in layers.into_iter().flatten() {
            tags.extend(layer.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        tags.extend(own);
        Self { profile: profile.map(Arc::from), claim: None, tags }
    }

    /// Whether there is nothing to know it by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.profile.is_none() && self.claim.is_none() && self.tags.is_empty()
    }
}
