//! Price lists over time: what is kept is good for a day, whatever the clock and the process do meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use numctl::client::api::price::{Prices, read_prices};
use numctl::guard::cost::KeptPrices;
use numctl::model::tariff::{Country, KindOnBill, Tariff};
use proptest::prelude::*;

/// A day, not the constant: a list that is good for longer is a limit on money that is not kept.
const DAY: u64 = 86_400;
const BEGIN: u64 = 1_800_000_000;

#[derive(Debug, Clone)]
enum Event {
    /// The clock, in seconds; it may be set back.
    Passes(i64),
    Prices(usize, u16),
    Offer(usize, bool),
    /// A process ends, and another one reads its file.
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let passes = prop_oneof![
        4 => 1..40_000_i64,
        2 => prop::sample::select(&[86_399_i64, 86_400, 86_401, 8_640_000]),
        1 => -90_000..-1_i64,
    ];
    prop_oneof![
        4 => passes.prop_map(Event::Passes),
        3 => (0..3_usize, 1..9_u16).prop_map(|(key, cents)| Event::Prices(key, cents)),
        2 => (0..3_usize, any::<bool>()).prop_map(|(key, mobile)| Event::Offer(key, mobile)),
        1 => Just(Event::Restart),
    ]
}

fn prices(cents: u16) -> Prices {
    let text = format!(
        r#"{{"price_unit":"USD","phone_number_prices":[{{"number_type":"local","current_price":"1.0{cents}"}}]}}"#
    );
    read_prices(text.as_bytes()).expect("prices")
}

fn offer(mobile: bool) -> Tariff {
    Tariff {
        country: Country::observed("GB"),
        kind: Some(if mobile { KindOnBill::Mobile } else { KindOnBill::Local }),
    }
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Prices(u16),
    Offer(bool),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_good_for_a_day_and_no_second_longer(events in prop::collection::vec(event(), 1..40)) {
        let keys = ["a", "b", "c"];
        let (mut kept, mut now) = (KeptPrices::default(), BEGIN);
        let mut known: BTreeMap<usize, (u64, Answer)> = BTreeMap::new();
        for event in events {
            // What is too old, or from a clock that has been set back, goes with the next answer.
            let is_good = |at: u64, now: u64| at <= now && now < at + DAY;
            match event {
                Event::Passes(seconds) => now = now.saturating_add_signed(seconds),
                Event::Prices(key, cents) => {
                    known.retain(|_, (at, _)| is_good(*at, now));
                    known.insert(key, (now, Answer::Prices(cents)));
                    kept.keep_prices(keys[key].to_owned(), prices(cents), Duration::from_secs(now));
                }
                Event::Offer(key, mobile) => {
                    known.retain(|_, (at, _)| is_good(*at, now));
                    known.insert(key, (now, Answer::Offer(mobile)));
                    kept.keep_offer(keys[key].to_owned(), offer(mobile), Duration::from_secs(now));
                }
                Event::Restart => kept = KeptPrices::from_json(&kept.to_json()),
            }
            for (key, name) in keys.into_iter().enumerate() {
                let good = known.get(&key).filter(|(at, _)| is_good(*at, now)).map(|(_, answer)| *answer);
                let at = Duration::from_secs(now);
                let (list, told) = match good {
                    Some(Answer::Prices(cents)) => (Some(prices(cents)), None),
                    Some(Answer::Offer(mobile)) => (None, Some(offer(mobile))),
                    None => (None, None),
                };
                prop_assert_eq!(kept.prices(name, at), list.as_ref());
                prop_assert_eq!(kept.offer(name, at), told);
            }
        }
    }
}

/// A file that somebody else may have grown takes no more memory than this.
#[test]
fn no_more_than_ten_thousand_answers_are_kept() {
    let now = Duration::from_secs(BEGIN);
    let name = |at: usize| format!("{at:05}");
    let answers: Vec<String> =
        (0..9_999).map(|at| format!(r#""{}":{{"at":{BEGIN},"country":"GB"}}"#, name(at))).collect();
    let mut kept = KeptPrices::from_json(&format!(r#"{{"version":1,"answers":{{{}}}}}"#, answers.join(",")));
    for at in 9_999..10_003 {
        kept.keep_offer(name(at), offer(true), now);
    }
    let there = |at: usize| kept.offer(&name(at), now).is_some();
    assert!(there(0) && there(9_998) && there(9_999));
    assert!(!there(10_000) && !there(10_002));
}
