//! The tags of declared numbers, and how the numbers with each of them stand.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{NumberStanding, Status};
use crate::desired::{Desired, Labels};
use crate::model::number::PhoneNumber;

/// At most this many tags are counted, those of the most numbers first: a metric has few series, whatever
/// people write into their files.
const TAGS_MAX: usize = 25;

/// The numbers with a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged<'a> {
    /// The tag's name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
    /// How many of its numbers stand how, by [`NumberStanding::ALL`].
    pub standings: [usize; NumberStanding::ALL.len()],
}

impl Tagged<'_> {
    /// How many numbers have it.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.standings.iter().sum()
    }
}

/// What the files say of their numbers, where they say anything.
pub(super) fn declared(desired: &Desired) -> Arc<BTreeMap<PhoneNumber, Arc<Labels>>> {
    let tagged = desired.numbers.iter().filter_map(|declared| {
        let labels = declared.labels.as_ref().filter(|labels| !labels.tags.is_empty())?;
        Some((declared.number, labels.clone()))
    });
    Arc::new(tagged.collect())
}

impl Status {
    /// How the numbers with each tag stand.
    #[must_use]
    pub fn by_tag(&self) -> Vec<Tagged<'_>> {
        let mut counts: BTreeMap<(&str, &str), [usize; NumberStanding::ALL.len()]> = BTreeMap::new();
        if self.tags.is_empty() {
            return Vec::new();
        }
        for row in self.rows.iter() {
            let tags = self.tags.get(&row.number).into_iter().flat_map(|labels| &labels.tags);
            for (name, value) in tags {
                counts.entry((name, value)).or_default()[row.verdict.standing as usize] += 1;
            }
        }
        let all = counts.into_iter().map(|((name, value), standings)| Tagged { name, value, standings });
        let mut all: Vec<Tagged<'_>> = all.collect();
        all.sort_by_key(|tagged| Reverse(tagged.numbers()));
        all.truncate(TAGS_MAX);
        all
    }

    /// The tags of a number, as people write them: `team=support, cost-centre=42`.
    #[must_use]
    pub fn tags_of(&self, number: PhoneNumber) -> Option<String> {
        let labels = self.tags.get(&number)?;
        let tags = labels.tags.iter().map(|(name, value)| format!("{name}={value}"));
        Some(tags.collect::<Vec<_>>().join(", "))
    }
}
