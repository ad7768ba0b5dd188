//! Where the calls and messages of one number end, for people and machines.

use std::{fmt, io};

use serde::Serialize;

use super::shown::Shown;
use crate::desired::AccountRef;
use crate::model::live::Live;
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::routing::{Because, Hop, RouteEnd, Surroundings, Way, unique_name};
use crate::model::secret_url::{masked, masked_in_text};
use crate::model::settings::{Field, Value};

/// Where the calls and messages of one number end.
#[derive(Debug)]
pub struct Route<'a> {
    pub number: PhoneNumber,
    /// What people call it.
    pub friendly_name: Option<&'a str>,
    /// The account that has it.
    pub account: &'a AccountRef,
    /// The number as it is live.
    pub live: &'a Live,
    /// The way of its calls.
    pub voice: Way,
    /// The way of its messages; `None` where the number has none.
    pub sms: Option<Way>,
    /// What the account has, for names.
    pub around: &'a Surroundings,
    /// What could not be read.
    pub not_known: Vec<String>,
}

#[derive(Serialize)]
struct RouteJson<'a> {
    phone_number: PhoneNumber,
    friendly_name: Option<&'a str>,
    account: &'a str,
    account_sid: AccountSid,
    voice: WayJson,
    sms: Option<WayJson>,
    not_known: &'a [String],
}

#[derive(Serialize)]
struct WayJson {
    /// Where it ends, in one word: `url`, `trunk`, `nothing`, `dropped`, `other_region`, `not_known`.
    ends: &'static str,
    url: Option<String>,
    method: Option<String>,
    via: Vec<String>,
    no_effect: Vec<OverruledJson>,
}

#[derive(Serialize)]
struct OverruledJson {
    field: Field,
    value: String,
    because: String,
    effective_url: Option<String>,
}

impl Route<'_> {
    /// The settings that are set and decide nothing.
    fn overruled<'w>(&'w self, way: &'w Way) -> impl Iterator<Item = (Field, String, &'w Because)> {
        way.overruled
            .iter()
            .filter_map(|(field, because)| Some((*field, self.live.get(*field)?.masked(), because)))
    }

    fn way_json(&self, way: &Way) -> WayJson {
        let url = way.end.url().map(masked);
        let no_effect = self
            .overruled(way)
            .map(|(field, value, because)| OverruledJson {
                field,
                value,
                because: because.to_string(),
                effective_url: url.clone(),
            })
            .collect();
        let method = match &way.end {
            RouteEnd::At(hook) => Some(hook.method.to_string()),
            _ => None,
        };
        let via = way.via.iter().map(ToString::to_string).collect();
        WayJson { ends: way.end.as_str(), url, method, via, no_effect }
    }

    /// For machines.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn json(&self, mut out: impl io::Write) -> io::Result<()> {
        let route = RouteJson {
            phone_number: self.number,
            friendly_name: self.friendly_name,
            account: &self.account.name,
            account_sid: self.account.sid,
            voice: self.way_json(&self.voice),
            sms: self.sms.as_ref().map(|way| self.way_json(way)),
            not_known: &self.not_known,
        };
        super::json::value(&mut out, &route)?;
        writeln!(out)
    }

    /// For people.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn text(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}", self.number)?;
        if let Some(name) = self.friendly_name {
            write!(out, " \"{}\"", Shown(&masked_in_text(name)))?;
        }
        writeln!(out, " in {} ({})", Shown(&self.account.name), self.account.sid)?;
        self.way_text(out, "Calls", &self.voice)?;
        match &self.sms {
            Some(way) => self.way_text(out, "Messages", way)?,
            None => writeln!(out, "Messages: the number has no SMS")?,
        }
        self.not_known.iter().try_for_each(|what| writeln!(out, "Not known: {}", Shown(what)))
    }

    fn way_text(&self, out: &mut impl fmt::Write, what: &str, way: &Way) -> fmt::Result {
        match &way.end {
            RouteEnd::At(hook) => {
                writeln!(out, "{what}: {} {}", Shown(&hook.method), Shown(&masked(&hook.url)))?;
            }
            RouteEnd::OnTrunk => writeln!(out, "{what}: to the trunk")?,
            RouteEnd::Nowhere => writeln!(out, "{what}: not answered, since no URL is set")?,
            RouteEnd::Dropped => {
                writeln!(
                    out,
                    "{what}: dropped without a trace, since the Messaging Service has no inbound URL"
                )?;
            }
            RouteEnd::InRegion => writeln!(out, "{what}: processed in another region")?,
            RouteEnd::Unknown => writeln!(out, "{what}: not known")?,
        }
        let via: Vec<String> = way.via.iter().map(|hop| self.hop(hop)).collect();
        writeln!(out, "  by way of {}", via.join(" -> "))?;
        for (field, value, because) in self.overruled(way) {
            writeln!(out, "  {field} ({}) has no effect: {because}", Shown(&value))?;
        }
        Ok(())
    }

    fn hop(&self, hop: &Hop) -> String {
        let value = match hop {
            Hop::Application(sid) => Value::Application(*sid),
            Hop::Trunk(sid) => Value::Trunk(*sid),
            Hop::Service(sid) => Value::Service(*sid),
            Hop::Number | Hop::Region(_) => return hop.to_string(),
        };
        match unique_name(&value, self.around) {
            Some(name) => format!("{hop} (\"{}\")", Shown(&name)),
            None => hop.to_string(),
        }
    }
}
