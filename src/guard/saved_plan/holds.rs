//! When a saved plan may be carried out: the windows of its files, and what they say of numbers that
//! have vanished. A pause or a hold that was on when the plan was made has left its steps out.

use std::collections::BTreeMap;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{SavedPlanError, malformed};
use crate::desired::OnVanished;
use crate::guard::standstill::Holds;
use crate::model::hold::{Standstill, Window};
use crate::model::number::PhoneNumber;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileHolds {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    windows: Vec<FileWindow>,
    on_vanished: String,
    /// Numbers that say it themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    on_vanished_of: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWindow {
    /// 1 is Monday; none is every day.
    days: Vec<i8>,
    from: String,
    to: String,
    zone: String,
}

fn on_vanished(text: &str) -> Result<OnVanished, SavedPlanError> {
    OnVanished::parse(text).ok_or_else(|| malformed("what happens to vanished numbers", text))
}

fn time(text: &str) -> Result<Time, SavedPlanError> {
    text.parse().map_err(|_| malformed("a time of day", text))
}

impl FileHolds {
    pub(super) fn new(holds: &Holds) -> Self {
        let window = |window: &Window| FileWindow {
            days: window.days.iter().map(|day| day.to_monday_one_offset()).collect(),
            from: window.from.to_string(),
            to: window.to.to_string(),
            zone: window.zone.iana_name().unwrap_or("UTC").to_owned(),
        };
        let own = holds.own_on_vanished.iter();
        Self {
            windows: holds.standstill.windows.iter().map(window).collect(),
            on_vanished: holds.on_vanished.unwrap_or(OnVanished::Report).as_str().to_owned(),
            on_vanished_of: own.map(|(number, own)| (number.to_string(), own.as_str().to_owned())).collect(),
        }
    }

    pub(super) fn holds(&self) -> Result<Holds, SavedPlanError> {
        let window = |window: &FileWindow| {
            let days = window.days.iter().map(|day| {
                Weekday::from_monday_one_offset(*day)
                    .map_err(|_| malformed("a day of the week", &day.to_string()))
            });
            Ok(Window {
                days: days.collect::<Result<_, _>>()?,
                from: time(&window.from)?,
                to: time(&window.to)?,
                zone: TimeZone::get(&window.zone).map_err(|_| malformed("a time zone", &window.zone))?,
            })
        };
        let windows = self.windows.iter().map(window).collect::<Result<_, SavedPlanError>>()?;
        let own = self.on_vanished_of.iter().map(|(number, own)| {
            let parsed = PhoneNumber::observed(number).ok_or_else(|| malformed("a phone number", number))?;
            Ok((parsed, on_vanished(own)?))
        });
        Ok(Holds {
            standstill: Standstill { windows, ..Standstill::default() },
            on_vanished: Some(on_vanished(&self.on_vanished)?),
            own_on_vanished: own.collect::<Result<_, SavedPlanError>>()?,
            ..Holds::default()
        })
    }
}
