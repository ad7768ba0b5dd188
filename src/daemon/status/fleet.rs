//! Which fleet this is, what its limits leave, and what the API says about numbers that the files do not.

use std::sync::Arc;

use url::Url;

use super::{Status, drift};
use crate::desired::Desired;
use crate::guard::DayLeft;
use crate::model::money::Sums;
use crate::model::settings::{Field, Value};
use crate::observed::Observed;

/// Which fleet this is, as the operator calls it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetFigures {
    pub name: Option<Arc<str>>,
    /// `--public-url`: where people open the page.
    pub page: Option<Arc<Url>>,
}

/// What the limits leave, and what the numbers cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowance {
    /// What each limit leaves of the last 24 hours.
    pub left: Vec<DayLeft>,
    /// What the live numbers cost a month; `None` until prices were asked for.
    pub monthly: Option<Sums>,
}

impl Status {
    /// What a cycle found that the limits leave, and what the numbers cost where that is known.
    pub fn allows(&mut self, left: Vec<DayLeft>, monthly: Option<Sums>) {
        self.allowance.left = left;
        if monthly.is_some() {
            self.allowance.monthly = monthly;
        }
    }

    /// What a full look showed: each number's SID, and the names that the files leave to others.
    pub fn seen(&mut self, desired: &Desired, observed: &Observed) {
        let version = self.version + 1;
        let mut is_news = false;
        let mut place = 0;
        let mut sids = Vec::with_capacity(self.rows.len());
        let rows = Arc::make_mut(&mut self.rows);
        for (row, declared) in rows.iter_mut().zip(&desired.numbers) {
            place = observed.place_from(place, row.number);
            let found = observed.find_at(place, row.number).next();
            sids.push(found.as_ref().and_then(|found| found.live.sid));
            if declared.settings.get(Field::FriendlyName).is_some() {
                continue;
            }
            let live = found.and_then(|found| found.live.friendly_name.as_deref());
            if row.name.as_deref() != live {
                let name = live.filter(|name| !name.is_empty());
                let name = name.map(|name| drift::shared(&Value::Text(name.into())));
                if row.name != name {
                    (row.name, row.changed, is_news) = (name, version, true);
                }
            }
        }
        self.sids = Arc::new(sids);
        if is_news {
            self.version = version;
        }
    }
}
