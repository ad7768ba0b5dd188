//! Where a call or a message to a number ends: at its own URL, or where an application, a trunk, a
//! Messaging Service or another region sends it. Pure.
//!
//! Facts: a trunk comes before an application, and both before the number's URLs; a Messaging Service takes
//! what its numbers receive unless it defers to them; where it has no URL either, what comes in is dropped.

use std::collections::BTreeMap;
use std::fmt;

use super::number::{ApplicationSid, NumberSid, PhoneNumber, ServiceSid, TrunkSid};
use super::settings::{Field, Value};

/// Something that may not have been asked for, or not been told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Known<T> {
    /// No one asked: nothing depended on it.
    #[default]
    NotAsked,
    /// It was asked for, and could not be read, with the reason. Unknown is never no.
    Refused(Box<str>),
    Is(T),
}

impl<T> Known<T> {
    /// Why it could not be read.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused(why) => Some(why),
            Self::NotAsked | Self::Is(_) => None,
        }
    }

    /// The value, where it is known.
    pub fn is(&self) -> Option<&T> {
        match self {
            Self::Is(known) => Some(known),
            Self::NotAsked | Self::Refused(_) => None,
        }
    }
}

/// A URL that is asked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// As it is stored.
    pub url: Box<str>,
    pub method: Box<str>,
}

/// A Messaging Service, as far as it decides where messages end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagingService {
    pub friendly_name: Option<Box<str>>,
    /// Where it sends what its numbers receive.
    pub inbound: Option<Hook>,
    /// Whether it leaves that to the number (`use_inbound_webhook_on_number`); `None` where the API does
    /// not say.
    pub defers: Option<bool>,
    /// How many numbers are in it.
    pub members: usize,
}

/// An application, as far as it decides where calls and messages end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    pub friendly_name: Option<Box<str>>,
    /// Asked when a call comes in.
    pub voice: Option<Hook>,
    /// Asked when a message comes in.
    pub sms: Option<Hook>,
}

/// A SIP trunk, as far as it decides where calls end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    pub friendly_name: Option<Box<str>>,
}

/// What an account has that decides where its numbers' calls and messages end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Its Messaging Services; with them, which number is in which is known.
    pub services: Known<BTreeMap<ServiceSid, MessagingService>>,
    pub applications: Known<BTreeMap<ApplicationSid, Application>>,
    pub trunks: Known<BTreeMap<TrunkSid, Trunk>>,
}

/// One number of a Messaging Service.
pub type Member = (NumberSid, Option<PhoneNumber>, ServiceSid);

/// One station on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hop {
    /// The number's own settings.
    Number,
    Application(ApplicationSid),
    Trunk(TrunkSid),
    Service(ServiceSid),
    /// Another region than the one whose settings are shown.
    Region(Box<str>),
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => f.write_str("number"),
            Self::Application(sid) => write!(f, "application:{sid}"),
            Self::Trunk(sid) => write!(f, "trunk:{sid}"),
            Self::Service(sid) => write!(f, "messaging_service:{sid}"),
            Self::Region(region) => write!(f, "region:{region}"),
        }
    }
}

/// Where a call or a message ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteEnd {
    At(Hook),
    /// At whatever the trunk leads to.
    OnTrunk,
    /// Nowhere: no URL is set.
    Nowhere,
    /// Messages are dropped without a trace: the Messaging Service has no URL, and does not defer.
    Dropped,
    /// In another region, whose settings were not read.
    InRegion,
    /// What decides it could not be read, or is not in the account.
    Unknown,
}

impl RouteEnd {
    /// The URL that is requested, where it ends at one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::At(hook) => Some(&hook.url),
            Self::OnTrunk | Self::Nowhere | Self::Dropped | Self::InRegion | Self::Unknown => None,
        }
    }

    /// The word for it, for machines.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::At(_) => "url",
            Self::OnTrunk => "trunk",
            Self::Nowhere => "nothing",
            Self::Dropped => "dropped",
            Self::InRegion => "other_region",
            Self::Unknown => "not_known",
        }
    }
}

/// Why a setting has no effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// The number is on a trunk.
    Trunk(TrunkSid),
    /// The number has an application.
    Application(ApplicationSid),
    /// The number is in a Messaging Service with a URL of its own.
    Service(ServiceSid),
    /// The number is in a Messaging Service that drops what comes in.
    SilentService(ServiceSid),
    /// The number's calls are processed in another region.
    Region(Box<str>),
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trunk(sid) => write!(f, "the number is on the trunk {sid}"),
            Self::Application(sid) => write!(f, "the number uses the application {sid}"),
            Self::Service(sid) => {
                write!(f, "the number is in the Messaging Service {sid}, which does not defer to the number")
            }
            Self::SilentService(sid) => write!(
                f,
                "the number is in the Messaging Service {sid}, which has no inbound URL and does not defer to the \
                 number: messages are dropped"
            ),
            Self::Region(region) => write!(f, "the number's calls are processed in region {region}"),
        }
    }
}

/// The way of a call or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The stations, in order.
    pub via: Vec<Hop>,
    pub end: RouteEnd,
    /// The settings that would decide and do not, each with why, in order.
    pub overruled: Vec<(Field, Because)>,
}

/// The fields that say where calls end.
pub const VOICE: [Field; 4] =
    [Field::VoiceUrl, Field::VoiceFallbackUrl, Field::VoiceApplicationSid, Field::VoiceTrunkSid];

/// The fields of the number that say where messages end.
pub const SMS: [Field; 3] = [Field::SmsUrl, Field::SmsFallbackUrl, Field::SmsApplicationSid];

/// The fields that can overrule others: where none is set, and no region decides, every setting has effect.
pub const OVERRULING: [Field; 4] =
    [Field::VoiceTrunkSid, Field::VoiceApplicationSid, Field::SmsServiceSid, Field::SmsApplicationSid];

/// The way of a call to a number whose settings are `own`. `region` is where its calls are processed, if
/// that is another region than the one of these settings.
pub fn voice(own: impl Fn(Field) -> Option<Value>, around: &Surroundings, region: Option<&str>) -> Way {
    let urls = [Field::VoiceUrl, Field::VoiceFallbackUrl];
    if let Some(region) = region {
        let overruled = VOICE.map(|field| (field, Because::Region(region.into()))).to_vec();
        return Way { via: vec![Hop::Region(region.into())], end: RouteEnd::InRegion, overruled };
    }
    if let Some(Value::Trunk(sid)) = own(Field::VoiceTrunkSid) {
        let fields = [Field::VoiceUrl, Field::VoiceFallbackUrl, Field::VoiceApplicationSid];
        let overruled = fields.map(|field| (field, Because::Trunk(sid))).to_vec();
        return Way { via: vec![Hop::Number, Hop::Trunk(sid)], end: RouteEnd::OnTrunk, overruled };
    }
    if let Some(Value::Application(sid)) = own(Field::VoiceApplicationSid) {
        let overruled = urls.map(|field| (field, Because::Application(sid))).to_vec();
        let end = of_application(sid, around, |application| application.voice.clone());
        return Way { via: vec![Hop::Number, Hop::Application(sid)], end, overruled };
    }
    let end = of_number(&own, Field::VoiceUrl, Field::VoiceMethod);
    Way { via: vec![Hop::Number], end, overruled: Vec::new() }
}

/// The way of a message to a number whose settings are `own`, the Messaging Service that it is in
/// included, where that is known.
pub fn sms(own: impl Fn(Field) -> Option<Value>, around: &Surroundings) -> Way {
    let mut via = Vec::new();
    let application = match own(Field::SmsApplicationSid) {
        Some(Value::Application(sid)) => Some(sid),
        Some(_) | None => None,
    };
    let by_application = |sid: ApplicationSid| {
        [Field::SmsUrl, Field::SmsFallbackUrl].map(|field| (field, Because::Application(sid))).to_vec()
    };
    match (own(Field::SmsServiceSid), around.services.is()) {
        (Some(Value::Service(sid)), services) => {
            via.push(Hop::Service(sid));
            let known = services.and_then(|services| services.get(&sid));
            match known.map(|service| (service.defers, &service.inbound)) {
                Some((Some(true), _)) => {}
                Some((Some(false), Some(hook))) => {
                    let overruled = SMS.map(|field| (field, Because::Service(sid))).to_vec();
                    return Way { via, end: RouteEnd::At(hook.clone()), overruled };
                }
                Some((Some(false), None)) => {
                    let overruled = SMS.map(|field| (field, Because::SilentService(sid))).to_vec();
                    return Way { via, end: RouteEnd::Dropped, overruled };
                }
                Some((None, _)) | None => {
                    let overruled = application.map(by_application).unwrap_or_default();
                    return Way { via, end: RouteEnd::Unknown, overruled };
                }
            }
        }
        // In none.
        (_, Some(_)) => {}
        (_, None) => {
            let overruled = application.map(by_application).unwrap_or_default();
            return Way { via, end: RouteEnd::Unknown, overruled };
        }
    }
    via.push(Hop::Number);
    if let Some(sid) = application {
        via.push(Hop::Application(sid));
        let end = of_application(sid, around, |application| application.sms.clone());
        return Way { via, end, overruled: by_application(sid) };
    }
    Way { via, end: of_number(&own, Field::SmsUrl, Field::SmsMethod), overruled: Vec::new() }
}

fn of_number(own: &impl Fn(Field) -> Option<Value>, url: Field, method: Field) -> RouteEnd {
    let Some(value @ (Value::Url(_) | Value::SecretUrl(_) | Value::Foreign(_))) = own(url) else {
        return RouteEnd::Nowhere;
    };
    let method = own(method).map_or_else(|| "POST".to_owned(), |method| method.wire());
    RouteEnd::At(Hook { url: value.wire().into(), method: method.into() })
}

fn of_application(
    sid: ApplicationSid,
    around: &Surroundings,
    hook: impl Fn(&Application) -> Option<Hook>,
) -> RouteEnd {
    // What the API does with an application that the account does not have is not documented.
    let Some(application) = around.applications.is().and_then(|all| all.get(&sid)) else {
        return RouteEnd::Unknown;
    };
    hook(application).map_or(RouteEnd::Nowhere, RouteEnd::At)
}

/// The SID that a friendly name stands for in an account, by what kind of field it is in.
///
/// # Errors
/// Where it is for none, for several, or cannot be read.
pub fn resolve(field: Field, name: &str, around: &Surroundings) -> Result<Value, Unresolved> {
    match field {
        Field::SmsServiceSid => {
            pick(name, &around.services, |service| service.friendly_name.as_deref()).map(Value::Service)
        }
        Field::VoiceTrunkSid => {
            pick(name, &around.trunks, |trunk| trunk.friendly_name.as_deref()).map(Value::Trunk)
        }
        _ => pick(name, &around.applications, |application| application.friendly_name.as_deref())
            .map(Value::Application),
    }
}

/// The longest friendly name of an application, a trunk or a Messaging Service.
const NAME_MAX_CHARACTERS: usize = 255;

/// Why a text cannot be used in a file as the friendly name of a resource.
#[must_use]
pub fn why_not_a_name(name: &str) -> Option<&'static str> {
    if name.chars().any(char::is_control) {
        Some("it contains a control character")
    } else if name.contains("${") || name.contains("{{") {
        Some("it holds a placeholder, and numctl replaces none")
    } else if name.chars().count() > NAME_MAX_CHARACTERS {
        Some("it is longer than a friendly name can be")
    } else if name.trim() != name {
        Some("it has white space around it")
    } else {
        None
    }
}

/// Why a name does not match exactly one SID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unresolved {
    /// No resource has the name; these names there are.
    NoSuchName(Vec<Box<str>>),
    Several(Vec<Box<str>>),
    /// What there is could not be read.
    NotKnown(Box<str>),
}

fn pick<S: Copy + Ord + fmt::Display, R>(
    name: &str,
    known: &Known<BTreeMap<S, R>>,
    name_of: impl Fn(&R) -> Option<&str>,
) -> Result<S, Unresolved> {
    let all = match known {
        Known::Is(all) => all,
        Known::Refused(why) => return Err(Unresolved::NotKnown(why.clone())),
        Known::NotAsked => return Err(Unresolved::NotKnown("it was not asked for".into())),
    };
    let found: Vec<S> =
        all.iter().filter(|(_, resource)| name_of(resource) == Some(name)).map(|(sid, _)| *sid).collect();
    match found[..] {
        [one] => Ok(one),
        [] => {
            let mut names: Vec<Box<str>> = all.values().filter_map(&name_of).map(Box::from).collect();
            names.sort();
            names.dedup();
            Err(Unresolved::NoSuchName(names))
        }
        _ => Err(Unresolved::Several(found.iter().map(|sid| sid.to_string().into()).collect())),
    }
}

/// The name of a SID in an account, where no other of its kind has the same.
#[must_use]
pub fn unique_name(value: &Value, around: &Surroundings) -> Option<Box<str>> {
    fn look_up<S: Ord, R>(
        sid: &S,
        known: &Known<BTreeMap<S, R>>,
        name_of: impl Fn(&R) -> Option<&str>,
    ) -> Option<Box<str>> {
        let all = known.is()?;
        let name = name_of(all.get(sid)?).filter(|name| !name.is_empty())?;
        (all.values().filter(|other| name_of(other) == Some(name)).count() == 1).then(|| name.into())
    }
    match value {
        Value::Service(sid) => look_up(sid, &around.services, |service| service.friendly_name.as_deref()),
        Value::Trunk(sid) => look_up(sid, &around.trunks, |trunk| trunk.friendly_name.as_deref()),
        Value::Application(sid) => look_up(sid, &around.applications, |found| found.friendly_name.as_deref()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::settings::{HttpMethod, Settings};

    fn application(n: u8) -> ApplicationSid {
        ApplicationSid::observed(&format!("AP{n:032x}")).expect("a SID")
    }

    fn trunk(n: u8) -> TrunkSid {
        TrunkSid::observed(&format!("TK{n:032x}")).expect("a SID")
    }

    fn service(n: u8) -> ServiceSid {
        ServiceSid::observed(&format!("MG{n:032x}")).expect("a SID")
    }

    fn hook(url: &str) -> Hook {
        Hook { url: url.into(), method: "POST".into() }
    }

    fn of_service(defers: Option<bool>, inbound: Option<Hook>) -> Surroundings {
        let one = MessagingService { friendly_name: Some("Alerts".into()), inbound, defers, members: 1 };
        Surroundings { services: Known::Is([(service(1), one)].into()), ..Surroundings::default() }
    }

    fn own(entries: &[(Field, Value)]) -> Settings {
        entries.iter().cloned().collect()
    }

    fn url(text: &str) -> Value {
        Value::Url(text.into())
    }

    #[test]
    fn a_service_takes_the_messages_unless_it_defers() {
        let own = own(&[
            (Field::SmsUrl, url("https://own.example/")),
            (Field::SmsServiceSid, Value::Service(service(1))),
        ]);
        let way = |around: &Surroundings| sms(|field| own.get(field).cloned(), around);
        let taken = way(&of_service(Some(false), Some(hook("https://service.example/"))));
        assert_eq!(taken.end.url(), Some("https://service.example/"));
        assert_eq!(taken.via, [Hop::Service(service(1))]);
        assert!(taken.overruled.contains(&(Field::SmsUrl, Because::Service(service(1)))));
        let dropped = way(&of_service(Some(false), None));
        assert_eq!(dropped.end, RouteEnd::Dropped);
        assert!(dropped.overruled.contains(&(Field::SmsUrl, Because::SilentService(service(1)))));
        let deferred = way(&of_service(Some(true), Some(hook("https://service.example/"))));
        assert_eq!(deferred.end.url(), Some("https://own.example/"));
        assert_eq!(deferred.via, [Hop::Service(service(1)), Hop::Number]);
        assert!(deferred.overruled.is_empty());
        // Unknown is never no.
        assert_eq!(way(&of_service(None, None)).end, RouteEnd::Unknown);
        let unknown =
            way(&Surroundings { services: Known::Refused("403".into()), ..Surroundings::default() });
        assert_eq!((unknown.end, unknown.overruled.is_empty()), (RouteEnd::Unknown, true));
    }

    #[test]
    fn a_name_stands_for_one_or_for_none() {
        let app = |name: &str| Application { friendly_name: Some(name.into()), voice: None, sms: None };
        let all =
            [(application(1), app("ivr")), (application(2), app("twice")), (application(3), app("twice"))];
        let around = Surroundings { applications: Known::Is(all.into()), ..Surroundings::default() };
        let resolved = |name| resolve(Field::VoiceApplicationSid, name, &around);
        assert_eq!(resolved("ivr"), Ok(Value::Application(application(1))));
        assert_eq!(resolved("IVR"), Err(Unresolved::NoSuchName(vec!["ivr".into(), "twice".into()])));
        assert!(matches!(resolved("twice"), Err(Unresolved::Several(sids)) if sids.len() == 2));
        assert!(matches!(resolve(Field::VoiceTrunkSid, "x", &around), Err(Unresolved::NotKnown(_))));
        assert_eq!(unique_name(&Value::Application(application(1)), &around).as_deref(), Some("ivr"));
        assert_eq!(unique_name(&Value::Application(application(2)), &around), None);
    }

    fn any_settings() -> impl Strategy<Value = Settings> {
        let set = proptest::bool::ANY;
        (set, set, set, set, set, set, set, set, set).prop_map(|(a, b, c, d, e, f, g, h, i)| {
            [
                (a, Field::VoiceUrl, url("https://v.example/")),
                (b, Field::VoiceFallbackUrl, url("https://vf.example/")),
                (c, Field::VoiceApplicationSid, Value::Application(application(1))),
                (d, Field::VoiceTrunkSid, Value::Trunk(trunk(1))),
                (e, Field::SmsUrl, url("https://s.example/")),
                (f, Field::SmsFallbackUrl, url("https://sf.example/")),
                (g, Field::SmsApplicationSid, Value::Application(application(2))),
                (h, Field::SmsServiceSid, Value::Service(service(1))),
                (i, Field::SmsMethod, Value::Method(HttpMethod::Get)),
            ]
            .into_iter()
            .filter(|(is_set, _, _)| *is_set)
            .map(|(_, field, value)| (field, value))
            .collect()
        })
    }

    fn any_surroundings() -> impl Strategy<Value = Surroundings> {
        let inbound = proptest::option::of(Just(hook("https://service.example/")));
        let defers = proptest::option::of(proptest::bool::ANY);
        let answers = proptest::option::of(Just(hook("https://app.example/")));
        (inbound, defers, answers, 0..3_u8, 0..3_u8).prop_map(|(inbound, defers, answers, services, apps)| {
            let one = MessagingService { friendly_name: None, inbound, defers, members: 0 };
            let app = Application { friendly_name: None, voice: answers.clone(), sms: answers };
            Surroundings {
                services: match services {
                    0 => Known::NotAsked,
                    1 => Known::Refused("403".into()),
                    _ => Known::Is([(service(1), one)].into()),
                },
                applications: match apps {
                    0 => Known::NotAsked,
                    1 => Known::Is(BTreeMap::new()),
                    _ => Known::Is([(application(1), app.clone()), (application(2), app)].into()),
                },
                trunks: Known::NotAsked,
            }
        })
    }

    proptest! {
        /// What is said to have no effect has none: with another value, or none, the way is the same.
        #[test]
        fn what_is_overruled_decides_nothing(own in any_settings(), around in any_surroundings()) {
            let get = |field: Field| own.get(field).cloned();
            for (way, again) in [
                (voice(get, &around, None), &(|own: &dyn Fn(Field) -> Option<Value>| voice(own, &around, None))
                    as &dyn Fn(&dyn Fn(Field) -> Option<Value>) -> Way),
                (sms(get, &around), &|own| sms(own, &around)),
            ] {
                for (field, _) in &way.overruled {
                    let without = again(&|other| (other != *field).then(|| own.get(other).cloned()).flatten());
                    prop_assert_eq!(&without.end, &way.end);
                    prop_assert_eq!(&without.via, &way.via);
                    let other = |name: Field| match name {
                        _ if name != *field => own.get(name).cloned(),
                        Field::VoiceUrl | Field::VoiceFallbackUrl | Field::SmsUrl | Field::SmsFallbackUrl => {
                            Some(url("https://other.example/"))
                        }
                        _ => Some(Value::Application(application(9))),
                    };
                    prop_assert_eq!(again(&other).end, way.end.clone());
                }
            }
        }

        /// A URL that is set and not overruled is where it ends, unless something is not known.
        #[test]
        fn what_has_effect_decides(own in any_settings(), around in any_surroundings()) {
            let get = |field: Field| own.get(field).cloned();
            for (way, field) in [(voice(get, &around, None), Field::VoiceUrl), (sms(get, &around), Field::SmsUrl)] {
                let is_overruled = way.overruled.iter().any(|(overruled, _)| *overruled == field);
                match own.get(field) {
                    Some(value) if !is_overruled && way.end != RouteEnd::Unknown => {
                        prop_assert_eq!(way.end.url(), Some(&*value.wire()));
                    }
                    _ => {}
                }
            }
        }

        /// Unknown is never no: where the services could not be read, no setting is said to be overruled by one.
        #[test]
        fn what_is_not_known_overrules_nothing(own in any_settings(), around in any_surroundings()) {
            let around = Surroundings { services: Known::Refused("403".into()), ..around };
            let way = sms(|field| own.get(field).cloned(), &around);
            let by_service = |because: &Because| matches!(because, Because::Service(_) | Because::SilentService(_));
            prop_assert!(!way.overruled.iter().any(|(_, because)| by_service(because)));
        }
    }
}
