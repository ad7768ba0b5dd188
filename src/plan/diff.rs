//! The difference between what a file manages of a number and what is live.

use crate::model::live::Live;
use crate::model::settings::{Field, Managed, Value, Want};

/// One field that is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    pub field: Field,
    /// What is live; `None` where it is unset.
    pub before: Option<Value>,
    /// What the file wants.
    pub want: Want,
}

impl FieldChange {
    /// What will be live; `None` where the field is cleared.
    #[must_use]
    pub fn after(&self) -> Option<Value> {
        self.want.effective(self.field)
    }
}

/// The managed fields whose live value is not the wanted one, in order.
///
/// Both sides are compared as they are in effect: null, `""` and the API's default are the same, so
/// nothing is written that could not settle.
#[must_use]
pub fn changes(managed: &Managed, live: &Live) -> Vec<FieldChange> {
    managed
        .iter()
        .filter(|(field, want)| !is_met(*field, want, live))
        .map(|(field, want)| FieldChange { field, before: live.get(field), want: want.clone() })
        .collect()
}

/// Whether a live number already has what the file wants of one field.
#[must_use]
pub fn is_met(field: Field, want: &Want, live: &Live) -> bool {
    // Without making either value, as most of the fields of most of the numbers go.
    if let (Want::Set(wanted), Some(found)) = (want, live.settings.get(field)) {
        return wanted.means(found);
    }
    match (want.effective(field), live.effective(field)) {
        (None, None) => true,
        (Some(wanted), Some(found)) => wanted.means(&found),
        (None, Some(_)) | (Some(_), None) => false,
    }
}
