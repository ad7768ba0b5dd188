//! Takes out of a plan what is not to be changed now: drift is planned and shown all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::desired::{AccountIndex, Desired, OnVanished};
use crate::model::hold::{Hold, Standstill, Still};
use crate::model::number::PhoneNumber;
use crate::plan::{HeldReason, Plan, Step};

/// What the files say about when the numbers of a plan may be changed. A saved plan carries it, so
/// that it is held by the same rules as the files that it was made from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Holds {
    pub standstill: Standstill,
    /// Of accounts, by the plan's index.
    pub accounts: BTreeMap<AccountIndex, Hold>,
    /// Of numbers that the plan touches.
    pub numbers: BTreeMap<PhoneNumber, Hold>,
    /// What happens to numbers that have vanished, where they say nothing themselves.
    pub on_vanished: Option<OnVanished>,
    /// What numbers that the plan touches say themselves.
    pub own_on_vanished: BTreeMap<PhoneNumber, OnVanished>,
}

impl Holds {
    /// Those of the files that the plan was made from.
    #[must_use]
    pub fn from_plan(desired: &Desired, plan: &Plan) -> Self {
        let accounts = desired.accounts().filter_map(|(at, account)| Some((at, account.hold.clone()?)));
        Self { accounts: accounts.collect(), ..Self::without_accounts(desired, plan) }
    }

    /// Those of files that may declare other accounts than the plan has: accounts are matched by name.
    #[must_use]
    pub fn named(desired: &Desired, plan: &Plan) -> Self {
        let hold_of =
            |name: &str| desired.accounts.iter().find(|account| *account.name == *name)?.hold.clone();
        let accounts = plan.accounts.iter().zip(0..);
        let accounts = accounts.filter_map(|(account, at)| Some((AccountIndex(at), hold_of(&account.name)?)));
        Self { accounts: accounts.collect(), ..Self::without_accounts(desired, plan) }
    }

    fn without_accounts(desired: &Desired, plan: &Plan) -> Self {
        let mut holds = Self {
            standstill: desired.standstill.clone(),
            on_vanished: Some(desired.policy.on_vanished),
            ..Self::default()
        };
        for step in &plan.steps {
            let Some(declared) = desired.declared(step.action.number()) else { continue };
            if let Some(hold) = &declared.hold {
                holds.numbers.insert(declared.number, (**hold).clone());
            }
            if let Some(own) = declared.on_vanished {
                holds.own_on_vanished.insert(declared.number, own);
            }
        }
        holds
    }

    /// What happens to a number should it have vanished. What no one has said is the default's.
    #[must_use]
    pub fn on_vanished(&self, number: PhoneNumber) -> OnVanished {
        let own = self.own_on_vanished.get(&number).copied();
        own.or(self.on_vanished).unwrap_or(OnVanished::Report)
    }
}

/// Takes out of a plan what is not to be changed now.
pub fn hold_back(plan: &mut Plan, holds: &Holds, signal_paused: bool, now: Duration) {
    let whole = whole(&holds.standstill, signal_paused, now);
    let held_of = |step: &Step| {
        let action = &step.action;
        if let Some(why) = whole {
            return Some(why);
        }
        let number = holds.numbers.get(&action.number());
        let source = action.target().and_then(|target| holds.accounts.get(&target.account));
        let all = [number, holds.accounts.get(&action.account()), source];
        let until = all.into_iter().flatten().filter(|hold| hold.is_on(now)).map(|hold| hold.until).max()?;
        Some(HeldReason::OnHold { until: until.as_second() })
    };
    plan.hold(held_of);
}

/// Why nothing at all is changed now.
fn whole(standstill: &Standstill, signal_paused: bool, now: Duration) -> Option<HeldReason> {
    match (signal_paused, standstill.still(now)) {
        (true, _) | (_, Some(Still::Paused)) => Some(HeldReason::Paused),
        (false, Some(Still::OutsideWindows)) => Some(HeldReason::OutsideWindows),
        (false, Some(Still::OnHold(until))) => Some(HeldReason::OnHold { until }),
        (false, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{AccountRef, Format, Source};
    use crate::model::number::AccountSid;
    use crate::model::settings::{Managed, Settings};
    use crate::plan::{Action, Reason, Target};

    /// 2026-12-01T09:00:00Z, when what is held below goes on.
    const END: Duration = Duration::from_secs(1_796_115_600);
    const SECOND: Duration = Duration::from_secs(1);

    fn desired() -> Desired {
        let hold = |at: &str| format!("hold: {{until: {at}, why: audit}}");
        let text = format!(
            "version: 1\naccounts:\n  alpha: {{sid: AC{0}, credentials: {{env: ALPHA}}}}\n  beta: {{sid: AC{1}, parent: alpha, \
             credentials: {{env: BETA}}, {2}}}\ndefaults: {{account: alpha}}\npolicy: {{on_vanished: rebuy}}\nnumbers:\n  \
             - {{phone_number: \"+15552230000\", {3}, on_vanished: report}}\n  - phone_number: \"+15552230001\"\n",
            "a".repeat(32),
            "b".repeat(32),
            hold("2026-12-01T09:00:00Z"),
            hold("2026-12-02T09:00:00Z"),
        );
        let source = Source { name: "fleet.yaml".into(), text, format: Format::Yaml };
        Desired::parse(&[source]).map_err(|_| "a good file").expect("a good file").desired
    }

    fn number(at: u8) -> PhoneNumber {
        PhoneNumber::declared(&format!("+155522300{at:02}")).expect("a number")
    }

    /// Buys the first number and moves two more, of which one comes from the account that is on hold.
    fn plan(names: [&str; 2]) -> Plan {
        let account = |name: &str, letter: &str| AccountRef {
            name: name.into(),
            sid: AccountSid::declared(&format!("AC{}", letter.repeat(32))).expect("a SID"),
            parent: None,
        };
        let settings = Managed::default;
        let moved = |at: u8, from: u16, to: u16| Action::Transfer {
            target: Target {
                number: number(at),
                sid: None,
                account: AccountIndex(from),
                before: Settings::default(),
            },
            to: AccountIndex(to),
            settings: settings(),
        };
        let buy = Action::Purchase {
            number: number(0),
            account: AccountIndex(0),
            settings: settings(),
            claim: None,
        };
        let stay = Action::Configure {
            target: Target {
                number: number(3),
                sid: None,
                account: AccountIndex(0),
                before: Settings::default(),
            },
            account: AccountIndex(0),
            changes: Vec::new(),
        };
        let steps = [buy, moved(1, 1, 0), moved(2, 0, 1), stay];
        let steps = steps.map(|action| Step { action, reason: Reason::WrongAccount });
        Plan::from_steps(vec![account(names[0], "a"), account(names[1], "b")], steps.into())
    }

    fn held(holds: &Holds, paused: bool, now: Duration) -> Vec<(PhoneNumber, HeldReason)> {
        let mut plan = plan(["alpha", "beta"]);
        hold_back(&mut plan, holds, paused, now);
        plan.waiting.into_iter().map(|(step, why)| (step.action.number(), why)).collect()
    }

    /// A number on hold, and whatever leaves or enters an account on hold, waits for the longer of the two.
    #[test]
    fn what_is_on_hold_waits_until_its_end_and_no_longer() {
        let holds = Holds::from_plan(&desired(), &plan(["alpha", "beta"]));
        let on_hold =
            |end: Duration| HeldReason::OnHold { until: i64::try_from(end.as_secs()).expect("a time") };
        let day = Duration::from_secs(86_400);
        let [first, second, third] = [0, 1, 2].map(number);
        let all = vec![(first, on_hold(END + day)), (second, on_hold(END)), (third, on_hold(END))];
        assert_eq!(held(&holds, false, END - SECOND), all);
        assert_eq!(held(&holds, false, END), all[..1]);
        assert_eq!(held(&holds, false, END + day), []);
        // A signal that pauses holds everything.
        let paused = held(&holds, true, END + day);
        assert!(paused.len() == 4 && paused.iter().all(|(_, why)| *why == HeldReason::Paused), "{paused:?}");
    }

    #[test]
    fn a_hold_of_everything_is_until_its_end() {
        let mut holds = Holds::default();
        holds.standstill.hold =
            desired().declared(number(0)).and_then(|declared| declared.hold.as_deref().cloned());
        let until = i64::try_from(END.as_secs()).expect("a time") + 86_400;
        let all = held(&holds, false, END);
        assert!(all.len() == 4 && all.iter().all(|(_, why)| *why == HeldReason::OnHold { until }), "{all:?}");
    }

    /// A saved plan has its own accounts: those of the files are found by their names.
    #[test]
    fn a_hold_of_an_account_is_found_by_its_name() {
        let held = |names| Holds::named(&desired(), &plan(names)).accounts.into_keys().collect::<Vec<_>>();
        assert_eq!(held(["alpha", "beta"]), [AccountIndex(1)]);
        assert_eq!(held(["beta", "alpha"]), [AccountIndex(0)]);
        assert_eq!(held(["alpha", "other"]), []);
    }

    #[test]
    fn a_number_says_itself_what_happens_should_it_vanish() {
        let holds = Holds::from_plan(&desired(), &plan(["alpha", "beta"]));
        assert_eq!(holds.on_vanished(number(0)), OnVanished::Report);
        assert_eq!(holds.on_vanished(number(1)), OnVanished::Rebuy);
        assert_eq!(Holds::default().on_vanished(number(1)), OnVanished::Report);
    }
}
