//! The bugs of `mutants.rs`: what each is, and where it goes.

/// A place in the sources with one bug or more.
pub struct Edit {
    pub file: &'static str,
    /// There exactly once.
    pub find: &'static str,
    /// The same with the bugs in it, each behind `@name@`.
    pub replace: &'static str,
    /// The names, and what each does wrong.
    pub bugs: &'static [(&'static str, &'static str)],
}

pub const EDITS: &[Edit] = &[
    Edit {
        file: "src/reconcile/notes.rs",
        find: "        let kept = if opened.is_empty() {",
        replace: "        let kept = if opened.is_empty() || @claim-intent-not-kept@ {",
        bugs: &[("claim-intent-not-kept", "a crash forgets what was about to be bought for a claim")],
    },
    Edit {
        file: "src/guard/intents.rs",
        find: "        self.open.retain(|_, intent| intent.seen || !intent.is_over(now));\n",
        replace: "        self.open.retain(|_, intent| !(intent.seen && @claim-seen-is-over@) && (intent.seen || !intent.is_over(now)));\n",
        bugs: &[("claim-seen-is-over", "a number that one look shows is not remembered")],
    },
    Edit {
        file: "src/guard/intents.rs",
        find: "        matches!(self.phase, PurchasePhase::Over(at) if now >= at.saturating_add(BOUND))\n",
        replace: "        matches!(self.phase, PurchasePhase::Over(at) if now >= at.saturating_add(if @claim-bound-too-short@ { BOUND / 100 } else { BOUND }))\n",
        bugs: &[("claim-bound-too-short", "what is on its way is given up after nine seconds")],
    },
    Edit {
        file: "src/observed/offers.rs",
        find: "        let is_there = is_anywhere(clients, number).await;\n",
        replace: "        let is_there = !@claim-listing-believed@ && is_anywhere(clients, number).await;\n",
        bugs: &[("claim-listing-believed", "a claim's number that a listing skips is bought anew")],
    },
    Edit {
        file: "src/execute/ledger.rs",
        find: "            Self::InMemory => Ok(Intents::unkept(now)),\n",
        replace: "            Self::InMemory if @claim-starts-at-once@ => Ok(Intents::default()),\n            \
            Self::InMemory => Ok(Intents::unkept(now)),\n",
        bugs: &[(
            "claim-starts-at-once",
            "without a store, a start does not wait for what was sent before it",
        )],
    },
    Edit {
        file: "src/execute/purchase.rs",
        find: "            if !is_sold || self.stopping() {\n",
        replace: "            if (!is_sold && !(@claim-substitutes-in-doubt@ && matches!(&bought, Err(Outcome::Unknown(_))))) || self.stopping() {\n",
        bugs: &[("claim-substitutes-in-doubt", "another number is bought while the first may be on its way")],
    },
    Edit {
        file: "src/client/backoff.rs",
        find: "    match (action, error) {\n",
        replace: "    match (action, error) {\n        \
            (ActionKind::Purchase, ErrorKind::TimedOut | ErrorKind::Lost) if @purchase-resent-blindly@ => Next::Resend,\n        \
            (ActionKind::Purchase, ErrorKind::Server { .. }) if @purchase-resent-after-5xx@ => Next::Resend,\n        \
            (ActionKind::Release, ErrorKind::TimedOut | ErrorKind::Lost) if @release-in-doubt-given-up@ => Next::Stop,\n        \
            (_, ErrorKind::TimedOut | ErrorKind::Lost) if @time-out-is-a-no@ => Next::Stop,\n        \
            (_, ErrorKind::NotTheApi) if @html-is-a-no@ => Next::Stop,\n        \
            (_, ErrorKind::Conflict) if @conflict-is-a-no@ => Next::Stop,\n",
        bugs: &[
            ("purchase-resent-blindly", "a purchase is sent again after a time-out, without a look"),
            ("purchase-resent-after-5xx", "a 5xx is taken for a purchase that was not made"),
            ("release-in-doubt-given-up", "a release whose answer was lost is called failed"),
        ],
    },
    Edit {
        file: "src/client/api/error.rs",
        find: "Self::TimedOut | Self::Lost | Self::Server { .. } | Self::NotTheApi | Self::Conflict => true,",
        replace: "Self::TimedOut | Self::Lost if @time-out-is-a-no@ || @release-in-doubt-given-up@ => false,\n            \
            Self::NotTheApi if @html-is-a-no@ => false,\n            \
            Self::Conflict if @conflict-is-a-no@ => false,\n            \
            Self::TimedOut | Self::Lost | Self::Server { .. } | Self::NotTheApi | Self::Conflict => true,",
        bugs: &[
            ("time-out-is-a-no", "a lost answer is counted as not processed"),
            ("html-is-a-no", "a proxy's page is counted as not processed"),
            ("conflict-is-a-no", "a 409 is counted as not processed"),
        ],
    },
    Edit {
        file: "src/execute/purchase.rs",
        find: "        course.reads += 1;\n",
        replace: "        course.reads += 1;\n        \
            if @purchase-without-a-look@ && course.reads == 1 { return Ok(AttemptLook::NotYet(tokio::time::Instant::now())); }\n",
        bugs: &[("purchase-without-a-look", "no look-up before a purchase")],
    },
    Edit {
        file: "src/execute/attempt.rs",
        find: "                    course.doubt = Some(error);\n                    step = AttemptStep::Look;\n",
        replace: "                    course.doubt = Some(error);\n                    \
            step = match ground { Ground::Read if @no-look-after-doubt@ => AttemptStep::Send(read_at), _ => AttemptStep::Look };\n",
        bugs: &[(
            "no-look-after-doubt",
            "a purchase in doubt is sent again on the strength of the first look",
        )],
    },
    Edit {
        file: "src/execute/purchase.rs",
        find: "            (Ok((Sighting::There(_), _)), None) => Err(",
        replace: "            (Ok((Sighting::There(_), at)), None) if @look-not-believed@ => Ok(AttemptLook::NotYet(at)),\n            \
            (Ok((Sighting::There(_), _)), None) => Err(",
        bugs: &[("look-not-believed", "the look-up shows the number, and it is bought all the same")],
    },
    Edit {
        file: "src/execute/release.rs",
        find: "            if !is_as_planned(target, sid, run.plan, &fresh, self.has_unregistered) {",
        replace: "            if !@fresh-read-not-compared@ && !is_as_planned(target, sid, run.plan, &fresh, self.has_unregistered) {",
        bugs: &[("fresh-read-not-compared", "a number is released whatever the fresh read shows")],
    },
    Edit {
        file: "src/execute/release.rs",
        find: "            let (fresh, read_at) = match client.fetch(trace.lane(), number, Owner::Any).await {",
        replace: "            let from_plan = crate::model::live::Live {\n                \
                number: Some(target.number), raw_number: None, sid: Some(sid), account_sid: None,\n                \
                friendly_name: target.before.get(Field::FriendlyName).map(|name| name.wire().into()),\n                \
                settings: std::sync::Arc::new(target.before.clone()), sms: None, emergency_address_status: None,\n                tariff: Default::default(),\n            };\n            \
            let read = if @release-without-a-read@ { Ok((Some(from_plan), tokio::time::Instant::now())) } else { client.fetch(trace.lane(), number, Owner::Any).await };\n            \
            let (fresh, read_at) = match read {",
        bugs: &[("release-without-a-read", "the listing stands in for the fresh read before a release")],
    },
    Edit {
        file: "src/execute/release.rs",
        find: "                return match run.is_gone(target, sid, trace).await {",
        replace: "                if @one-404-is-proof@ { return Ok(AttemptLook::Made(())); }\n                \
            return match run.is_gone(target, sid, trace).await {",
        bugs: &[("one-404-is-proof", "one 404 is taken for a release that worked")],
    },
    Edit {
        file: "src/execute/release.rs",
        find: "        let others = self.clients.iter().filter(|client| client.account != own.account);",
        replace: "        let others = self.clients.iter().filter(|client| client.account != own.account && !@moved-is-released@);",
        bugs: &[("moved-is-released", "a number that somebody moved meanwhile counts as released")],
    },
    Edit {
        file: "src/execute/release.rs",
        find: "        Some(error) => Outcome::Unknown(Failure::ChangedMeanwhile(error)),",
        replace: "        Some(_) if @doubt-is-skipped@ => Outcome::Skipped(Skip::Changed),\n        \
            Some(error) => Outcome::Unknown(Failure::ChangedMeanwhile(error)),",
        bugs: &[("doubt-is-skipped", "a release that may have been under way is reported as skipped")],
    },
    Edit {
        file: "src/execute.rs",
        find: "chains.into_iter().partition(|((gives_up, _), _)| *gives_up);",
        replace: "chains.into_iter().partition(|((gives_up, _), _)| *gives_up && !@releases-beside-purchases@);",
        bugs: &[("releases-beside-purchases", "releases do not wait for purchases and transfers")],
    },
    Edit {
        file: "src/execute.rs",
        find: "    if replaced {\n",
        replace: "    if replaced || @release-after-a-failed-purchase@ {\n",
        bugs: &[(
            "release-after-a-failed-purchase",
            "numbers are released although their replacement failed",
        )],
    },
    Edit {
        file: "src/execute/configure.rs",
        find: "        if missing(&wants, &echo).is_empty() {",
        replace: "        if @echo-not-compared@ || missing(&wants, &echo).is_empty() {",
        bugs: &[("echo-not-compared", "a 200 is believed, whatever it echoes")],
    },
    Edit {
        file: "src/execute/transfer.rs",
        find: "                Some(account) => Ok((account == client.account).then_some(live)),",
        replace: "                Some(account) => Ok((account == client.account || @parent-sees-child@).then_some(live)),",
        bugs: &[(
            "parent-sees-child",
            "a transfer in doubt is believed, since the parent can fetch the number",
        )],
    },
    Edit {
        file: "src/execute/chain.rs",
        find: "                // Nothing differed before the move; what the move cleared is put back at once.\n",
        replace: "                if @cleared-by-the-move@ { return Ok(()); }\n",
        bugs: &[("cleared-by-the-move", "what a transfer cleared is not put back")],
    },
    Edit {
        file: "src/execute/trace.rs",
        find: "pub(super) const FRESH_FOR: Duration = Duration::from_secs(5);",
        replace: "pub(super) const FRESH_FOR: Duration = Duration::from_secs(5);\n\
            fn fresh_for() -> Duration { if @old-read-will-do@ { Duration::from_secs(3600) } else { FRESH_FOR } }",
        bugs: &[("old-read-will-do", "a write rests on a read however old it is")],
    },
    Edit {
        file: "src/execute/trace.rs",
        find: "        match timeout_at(read_at + FRESH_FOR, waiting).await {",
        replace: "        match timeout_at(read_at + fresh_for(), waiting).await {",
        bugs: &[],
    },
    Edit {
        file: "src/execute/trace.rs",
        find: "            Ok(Ok(_)) if read_at.elapsed() > FRESH_FOR => Ok(None),",
        replace: "            Ok(Ok(_)) if read_at.elapsed() > fresh_for() => Ok(None),",
        bugs: &[],
    },
    Edit {
        file: "src/execute/trace.rs",
        find: "            Stage::TookEffect => Outcome::Failed(Failure::Incomplete),",
        replace: "            Stage::TookEffect if @half-done-is-skipped@ => Outcome::Skipped(Skip::Interrupted),\n            \
            Stage::TookEffect => Outcome::Failed(Failure::Incomplete),",
        bugs: &[("half-done-is-skipped", "an action that was stopped half-way is reported as not tried")],
    },
    Edit {
        file: "src/client/listing.rs",
        find: "        let Some(next) = page.next else {",
        replace: "        let Some(next) = page.next.filter(|_| !@partial-listing-will-do@) else {",
        bugs: &[("partial-listing-will-do", "a listing is taken as whole without its later pages")],
    },
    Edit {
        file: "src/client/account/writes.rs",
        find: "        match self.writer.admit(is_irreversible(operation)).await {\n            Some(Admission::WithoutEnd) => Ok(turn),",
        replace: "        match self.writer.admit(is_irreversible(operation)).await {\n            \
            None if @lock-not-asked@ || @authority-lease-not-asked@ => Ok(turn),\n            Some(Admission::WithoutEnd) => Ok(turn),",
        bugs: &[
            ("lock-not-asked", "a write goes out after the lock was lost"),
            ("authority-lease-not-asked", "a write goes out after the lease was lost"),
        ],
    },
    Edit {
        file: "src/client/account/writes.rs",
        find: "        if response.status != 204 || !response.body.is_empty() {",
        replace: "        if !@any-2xx-is-a-release@ && (response.status != 204 || !response.body.is_empty()) {",
        bugs: &[("any-2xx-is-a-release", "a proxy's page with 200 is taken for a release")],
    },
    Edit {
        file: "src/client/account/writes.rs",
        find: "        let pairs: Vec<_> = self.parameters(settings).collect();",
        replace: "        let mut pairs: Vec<_> = self.parameters(settings).collect();\n        \
            if @unmanaged-field-cleared@ { pairs.push((\"Configurations.StatusCallback\".to_owned(), String::new())); }",
        bugs: &[("unmanaged-field-cleared", "a configure sends an empty value for what is not managed")],
    },
    Edit {
        file: "src/client/api/page_link.rs",
        find: " || url.origin() != listing.origin() {",
        replace: " || (url.origin() != listing.origin() && !@foreign-link-followed@) {",
        bugs: &[("foreign-link-followed", "a page link to another host is followed, with credentials")],
    },
    Edit {
        file: "src/client/listing.rs",
        find: "            && found != expected\n",
        replace: "            && found != expected && !@any-page-will-do@\n",
        bugs: &[("any-page-will-do", "a page that was skipped or repeated is not noticed")],
    },
    Edit {
        file: "src/client/listing.rs",
        find: "            && found != self.account\n",
        replace: "            && found != self.account && !@any-account-will-do@\n",
        bugs: &[("any-account-will-do", "a listing of another account is taken for this one's")],
    },
    Edit {
        file: "src/plan/stale.rs",
        find: "        .iter()\n        .filter_map(|step| {",
        replace: "        .iter()\n        .filter(|_| !@saved-plan-never-stale@)\n        .filter_map(|step| {",
        bugs: &[("saved-plan-never-stale", "a saved plan is applied to a fleet that has moved on")],
    },
    Edit {
        file: "src/guard/approve.rs",
        find: "        .flat_map(|(limit, file, operator)| {\n",
        replace: "        .filter(|(limit, ..)| match limit {\n            \
            LimitName::Purchases => !@no-limit-on-purchases@,\n            \
            LimitName::Releases => !@no-limit-on-releases@,\n            \
            LimitName::Changes => !@no-limit-on-changes@,\n        })\n        \
            .flat_map(|(limit, file, operator)| {\n",
        bugs: &[
            ("no-limit-on-purchases", "max_purchases is not looked at"),
            ("no-limit-on-releases", "max_releases is not looked at"),
            ("no-limit-on-changes", "max_changes is not looked at"),
        ],
    },
    Edit {
        file: "src/guard/approve.rs",
        find: "        (Over::Generation, outlook.generation.as_ref()),\n        (Over::Day, outlook.day.as_ref()),\n",
        replace: "        (Over::Generation, outlook.generation.as_ref().filter(|_| !@limits-per-cycle-only@)),\n        \
            (Over::Day, outlook.day.as_ref().filter(|_| !@limits-per-cycle-only@ && !@no-limit-over-a-day@)),\n",
        bugs: &[
            ("limits-per-cycle-only", "limits hold for one cycle, and for the next one anew"),
            ("no-limit-over-a-day", "an edit of the file makes room under the limits"),
        ],
    },
    Edit {
        file: "src/guard/approve.rs",
        find: "                let live = plan.live_in(index).saturating_sub(bought_before);\n",
        replace: "                let live = plan.live_in(index).saturating_sub(bought_before);\n                \
            let live = if @share-of-what-is-declared@ { live.max(plan.unchanged + plan.touched()) } else { live };\n",
        bugs: &[("share-of-what-is-declared", "tombstones of numbers that were never there raise a share")],
    },
    Edit {
        file: "src/guard/budget.rs",
        find: "kind == ActionKind::Purchase && bought.contains(&number);",
        replace: "kind == ActionKind::Purchase && bought.contains(&number) && !@bought-back-silently@;",
        bugs: &[("bought-back-silently", "a number that was bought and taken away is bought again")],
    },
    Edit {
        file: "src/guard/budget.rs",
        find: "            kind != BudgetKind::Release && error.operation == Operation::Configure\n",
        replace: "            kind != BudgetKind::Release && error.operation == Operation::Configure && !@bought-and-forgotten@\n",
        bugs: &[("bought-and-forgotten", "a purchase whose configuration failed does not count as bought")],
    },
    Edit {
        file: "src/reconcile/steps.rs",
        find: "    if let Err(error) = hooks.record(approved.plan(), &spent).await {",
        replace: "    if !@spent-before-recorded@ && let Err(error) = hooks.record(approved.plan(), &spent).await {",
        bugs: &[("spent-before-recorded", "a crash forgets what the daemon was about to spend")],
    },
    Edit {
        file: "src/daemon/writing.rs",
        find: "            if !writing.locks.are_held() {",
        replace: "            if !writing.locks.are_held() && !@lost-lock-kept@ {",
        bugs: &[("lost-lock-kept", "a daemon that lost its lock never takes another")],
    },
    Edit {
        file: "src/daemon/cycle.rs",
        find: "                if let Some(earlier) = writing.earlier.take() {",
        replace: "                if let Some(earlier) = writing.earlier.take().filter(|_| !@budget-lost-with-the-lock@) {",
        bugs: &[("budget-lost-with-the-lock", "what a full disk did not keep is forgotten with the lock")],
    },
    Edit {
        file: "src/daemon/handover.rs",
        find: "        if is_older && known.older.is_some_and(",
        replace: "        if is_older && !@authority-older-content-acts@ && known.older.is_some_and(",
        bugs: &[("authority-older-content-acts", "a leader buys and releases by an older copy of the files")],
    },
    Edit {
        file: "src/daemon/handover.rs",
        find: "        self.note_content(contents, content).await?;\n",
        replace: "        if !@authority-content-not-noted@ { self.note_content(contents, content).await?; }\n",
        bugs: &[("authority-content-not-noted", "the next leader does not hear which content was in force")],
    },
    Edit {
        file: "src/daemon/removal.rs",
        find: "    let lost = before\n",
        replace: "    if @authority-lost-file-not-missed@ { return None; }\n    let lost = before\n",
        bugs: &[("authority-lost-file-not-missed", "a file that is away takes its numbers with it")],
    },
    Edit {
        file: "src/daemon/removal.rs",
        find: "    dropped || turned || claims || accounts || unlisted || quarantine\n",
        replace: "    (dropped && !@authority-moved-line-released@) || turned || claims || accounts || unlisted || quarantine\n",
        bugs: &[("authority-moved-line-released", "a line between two files is taken for one that is gone")],
    },
    Edit {
        file: "src/reconcile/steps.rs",
        find: "        if *self.paused.borrow() {\n",
        replace: "        if *self.paused.borrow() && !@authority-pause-waits-for-the-next-run@ {\n",
        bugs: &[(
            "authority-pause-waits-for-the-next-run",
            "a pause in the middle of a run does not stop it",
        )],
    },
    Edit {
        file: "src/reconcile/steps.rs",
        find: "        holds.iter().find_map(",
        replace: "        holds.iter().filter(|_| !@authority-window-asked-once@).find_map(",
        bugs: &[(
            "authority-window-asked-once",
            "a window that ends in the middle of a run does not stop it",
        )],
    },
    Edit {
        file: "src/reconcile/steps.rs",
        find: "    if !moved_on.is_empty() {\n",
        replace: "    if !moved_on.is_empty() && !@authority-answer-not-checked@ {\n",
        bugs: &[("authority-answer-not-checked", "what changed while the question stood is written over")],
    },
    Edit {
        file: "src/reconcile/steps.rs",
        find: "    if !(job.authority.is_in_force)() {\n",
        replace: "    if !(job.authority.is_in_force)() && !@authority-files-behind-the-question@ {\n",
        bugs: &[(
            "authority-files-behind-the-question",
            "a yes to files that have changed since is carried out",
        )],
    },
    Edit {
        file: "src/daemon/files.rs",
        find: "            if removes(before, &desired) {",
        replace: "            if removes(before, &desired) && !@removal-taken-at-once@ {",
        bugs: &[("removal-taken-at-once", "what an edit takes out is released before the next save")],
    },
    Edit {
        file: "src/reconcile/steps.rs",
        find: "        if !(self.is_in_force)() {",
        replace: "        if !(self.is_in_force)() && !@replaced-content-goes-on@ {",
        bugs: &[("replaced-content-goes-on", "a run goes on by files that were replaced")],
    },
    Edit {
        file: "src/reconcile/steps.rs",
        find: "    if let Some(doubt) = job.authority.doubt {",
        replace: "    if let Some(doubt) = job.authority.doubt.filter(|_| !@doubted-content-trusted@) {",
        bugs: &[(
            "doubted-content-trusted",
            "while the file is not good, the one before it buys and releases",
        )],
    },
    Edit {
        file: "src/daemon/files.rs",
        find: "        if let Some(cut) = cut {",
        replace: "        if let Some(cut) = cut.filter(|_| !@cut-file-taken@) {",
        bugs: &[("cut-file-taken", "a file that has lost its end marker is taken")],
    },
    Edit {
        file: "src/daemon/files.rs",
        find: "            sleep(SETTLE).await;",
        replace: "            if !@half-written-file-taken@ { sleep(SETTLE).await; }",
        bugs: &[("half-written-file-taken", "a file is taken while it is being written")],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "        if moves && declared.protect {",
        replace: "        if moves && declared.protect && !@protection-ignored@ {",
        bugs: &[("protection-ignored", "a protected number is moved")],
    },
    Edit {
        file: "src/plan/whole.rs",
        find: "        self.short.is_empty() && self.steps.iter().all(",
        replace: "        @anything-on-an-old-look@ || self.short.is_empty() && self.steps.iter().all(",
        bugs: &[("anything-on-an-old-look", "a daemon buys and releases by what it listed earlier")],
    },
    Edit {
        file: "src/guard/memory/last_look.rs",
        find: "        let mut numbers = self.acted_on.clone();\n        numbers.extend(draft.steps.iter().map(|step| step.action.number()));\n",
        replace: "        let mut numbers = self.acted_on.clone();\n        \
            if !@old-look-believed@ && !(@trusts-an-event@ && self.told) {\n            \
            numbers.extend(draft.steps.iter().map(|step| step.action.number()));\n        }\n",
        bugs: &[
            ("old-look-believed", "a daemon configures by what it listed earlier"),
            (
                "trusts-an-event",
                "once events have told something, what none of them names is taken to be as it was",
            ),
        ],
    },
    // That events have told something since the process began.
    Edit {
        file: "src/guard/memory/last_look.rs",
        find: "    hinted: BTreeSet<PhoneNumber>,\n}\n",
        replace: "    hinted: BTreeSet<PhoneNumber>,\n    pub(super) told: bool,\n}\n",
        bugs: &[],
    },
    Edit {
        file: "src/guard/memory/last_look.rs",
        find: "hinted: BTreeSet::new() }\n",
        replace: "hinted: BTreeSet::new(), told: false }\n",
        bugs: &[],
    },
    Edit {
        file: "src/guard/memory.rs",
        find: "    webhooks: Verdicts,\n}\n",
        replace: "    webhooks: Verdicts,\n    told: bool,\n}\n",
        bugs: &[],
    },
    Edit {
        file: "src/guard/memory.rs",
        find: "            webhooks: Verdicts::default(),\n",
        replace: "            webhooks: Verdicts::default(),\n            told: false,\n",
        bugs: &[],
    },
    Edit {
        file: "src/guard/memory.rs",
        find: "        self.last_look.as_mut().map_or(0, |last| last.hint(sids))\n",
        replace: "        let known = self.last_look.as_mut().map_or(0, |last| last.hint(sids));\n        \
            self.told |= known > 0;\n        \
            if let Some(last) = &mut self.last_look { last.told = self.told; }\n        known\n",
        bugs: &[],
    },
    Edit {
        file: "src/guard/memory.rs",
        find: "        self.last_look = Some(LastLook::new(observed, accounts, at));\n",
        replace: "        let mut last = LastLook::new(observed, accounts, at);\n        \
            last.told = self.told;\n        self.last_look = Some(last);\n",
        bugs: &[],
    },
    Edit {
        file: "src/daemon/looping.rs",
        find: "            Ok((_, Extent::Full)) | Err(_) => now + wait,\n",
        replace: "            Ok((_, Extent::Full)) if @skips-the-resync@ && self.events.is_some() => now + wait * 100_000,\n            \
            Ok((_, Extent::Full)) | Err(_) => now + wait,\n",
        bugs: &[("skips-the-resync", "what events do not tell is never found")],
    },
    Edit {
        file: "src/client/event_feed.rs",
        find: "            if self.seen.insert(name_of(event), event.cause.at).is_none() {\n",
        replace: "            if self.seen.insert(name_of(event), event.cause.at).is_none() || @own-echo-for-ever@ {\n",
        bugs: &[(
            "own-echo-for-ever",
            "each poll looks again because of the same events, our own among them",
        )],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "                if found.account == declared.account || self.is_in_quarantine(found) =>\n",
        replace: "                if found.account == declared.account || self.is_in_quarantine(found) || @tombstone-anywhere@ =>\n",
        bugs: &[("tombstone-anywhere", "a tombstone releases the number in whatever account it is")],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "                Unlisted::Ignore => {\n",
        replace: "                Unlisted::Ignore if @unlisted-released@ => {\n                    \
            self.step(Action::Release { target: target(number, found) }, Reason::Unlisted);\n                }\n                \
            Unlisted::Ignore => {\n",
        bugs: &[("unlisted-released", "what the file does not name is released without its word")],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "        let (number, account) = (declared.number, declared.account);\n",
        replace: "        let first = crate::desired::AccountIndex(0);\n        \
            let (number, account) = (declared.number, if @bought-by-the-first-account@ { first } else { declared.account });\n",
        bugs: &[(
            "bought-by-the-first-account",
            "a number is bought for another account than the declared one",
        )],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "        let changes = diff::changes(&managed, found.live);\n",
        replace: "        let mut changes = diff::changes(&managed, found.live);\n        \
            if @everything-sent@ && !changes.is_empty() {\n            \
            changes = managed.iter().map(|(field, want)| FieldChange { field, before: found.live.get(field), want: want.clone() }).collect();\n        }\n",
        bugs: &[("everything-sent", "a configure sends every managed field, changed or not")],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "        (rung, action.account(), action.number(), kind)\n",
        replace: "        let kind = if @configured-before-it-moves@ && kind == ActionKind::Configure { ActionKind::Purchase } else { kind };\n        \
        (rung, action.account(), action.number(), kind)\n",
        bugs: &[("configured-before-it-moves", "a number is configured before it is where it will live")],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "        if let Some(parked) = parked.filter(|_| account == quarantine.account) {\n",
        replace: "        if @quarantine-without-a-mark@ && parked.is_none() && account == quarantine.account {\n            \
            return self.step(Action::Release { target }, why);\n        }\n        \
            if let Some(parked) = parked.filter(|_| account == quarantine.account || @quarantine-anywhere@) {\n",
        bugs: &[
            (
                "quarantine-without-a-mark",
                "a number that is there and says not since when is released at once",
            ),
            ("quarantine-anywhere", "a mark counts in any account"),
        ],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "&& parked.is_none_or(|parked| parked.since == today) {",
        replace: "&& (@quarantine-old-mark@ || parked.is_none_or(|parked| parked.since == today)) {",
        bugs: &[("quarantine-old-mark", "a number goes there with the mark of the last time")],
    },
    Edit {
        file: "src/plan/planner.rs",
        find: "        let managed = self.brought_back(declared, found.live, managed);\n",
        replace: "        let managed = if @quarantine-name-lost@ { managed } else { self.brought_back(declared, found.live, managed) };\n",
        bugs: &[("quarantine-name-lost", "a number that comes back keeps the mark")],
    },
    Edit {
        file: "src/reconcile/look.rs",
        find: "        if look_behind_a_new_record(clients, desired, &marks, &mut observed).await {\n",
        replace: "        if !@claim-new-record-believed@ && look_behind_a_new_record(clients, desired, &marks, &mut observed).await {\n",
        bugs: &[(
            "claim-new-record-believed",
            "a record that was lost is taken for one in which there is nothing",
        )],
    },
    Edit {
        file: "src/model/quarantine.rs",
        find: "i64::from(self.0).saturating_add(1).days()",
        replace: "i64::from(self.0).saturating_add(i64::from(!@quarantine-a-day-early@)).days()",
        bugs: &[("quarantine-a-day-early", "the day on which it came counts as a whole one")],
    },
    Edit {
        file: "src/plan/diff.rs",
        find: "        return wanted.means(found);",
        replace: "        return if @urls-compared-as-text@ { wanted == found } else { wanted.means(found) };",
        bugs: &[("urls-compared-as-text", "what the server normalises is written in every cycle")],
    },
    Edit {
        file: "src/client/account.rs",
        find: "                    hold: retry_after.unwrap_or_else(",
        replace: "                    hold: retry_after.filter(|_| !@retry-after-ignored@).unwrap_or_else(",
        bugs: &[("retry-after-ignored", "after a 429 the account's other requests go on as before")],
    },
];
