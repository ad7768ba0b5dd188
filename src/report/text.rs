//! The plan for people at a terminal.

use super::names;
use super::narrowed;
use std::fmt::{self, Write};

use anstyle::{AnsiColor, Effects, Style as Ansi};

use crate::guard::Refusal;
use crate::guard::cost::Bill;
use crate::model::action_kind::ActionKind;
use crate::model::settings::Field;
use crate::plan::digest::Digest;
use crate::plan::{Plan, Step};

use super::causes;
use super::claim_words;
use super::cost;
use super::delta::{Delta, DeltaPiece, View};
use super::fit::{self, Wrapped};
use super::group::{self, ActionGroup, GroupChange, GroupText};
use super::shown::{Shown, count, quoted, shown_value};
use super::words::{self, Summary};

/// How text is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Whether colour and emphasis are used.
    pub colour: bool,
    /// Whether every number is listed, however many there are.
    pub full: bool,
    /// The columns of the terminal that it is for: what is longer is wrapped, and long values are cut where
    /// they do not differ. `None` leaves all as it is.
    pub columns: Option<usize>,
}

impl Style {
    /// Text in one style, plain where there is no colour.
    #[must_use]
    pub fn paint(self, ansi: Ansi, text: impl fmt::Display) -> String {
        if self.colour { format!("{ansi}{text}{ansi:#}") } else { text.to_string() }
    }

    fn entries_max(self) -> usize {
        if self.full { usize::MAX } else { ENTRIES_MAX }
    }
}

const BOLD: Ansi = Ansi::new().bold();
const DIMMED: Ansi = Ansi::new().dimmed();
const RED: Ansi = AnsiColor::Red.on_default();
const GREEN: Ansi = AnsiColor::Green.on_default();
const YELLOW: Ansi = AnsiColor::Yellow.on_default();
const CYAN: Ansi = AnsiColor::Cyan.on_default();

/// Numbers or ranges that are listed under one heading.
const ENTRIES_MAX: usize = 10;

/// The sign of a kind, as a plan's margin shows it.
#[must_use]
pub fn symbol(kind: ActionKind) -> char {
    match kind {
        ActionKind::Purchase => '+',
        ActionKind::Transfer => '>',
        ActionKind::Configure => '~',
        ActionKind::Release => '-',
    }
}

/// The colour of a kind.
#[must_use]
pub fn colour(kind: ActionKind) -> Ansi {
    match kind {
        ActionKind::Purchase => GREEN,
        ActionKind::Transfer => CYAN,
        ActionKind::Configure => YELLOW,
        ActionKind::Release => RED,
    }
}

/// Writes a plan, why it is refused where it is, and its cost where that was asked for.
///
/// # Errors
/// Those of `out`.
pub fn plan(
    out: &mut impl Write,
    plan: &Plan,
    refusal: Option<&Refusal>,
    bill: Option<&Bill>,
    style: Style,
) -> fmt::Result {
    let mut lines = Wrapped::new(out, style.columns);
    write_plan(&mut lines, plan, refusal, bill, style)?;
    lines.finish()
}

fn write_plan(
    out: &mut impl Write,
    plan: &Plan,
    refusal: Option<&Refusal>,
    bill: Option<&Bill>,
    style: Style,
) -> fmt::Result {
    for group in &group::groups(plan) {
        write_group(out, plan, group, style)?;
        writeln!(out)?;
    }
    write_said(out, causes::TITLE, &causes::said(plan), style)?;
    write_troubles(out, plan, style)?;
    write_said(out, "Held back", &group::held(plan), style)?;
    write_said(out, "No effect", &group::no_effect(plan), style)?;
    write_said(out, "Warnings", &group::warnings(plan), style)?;
    if let Some(narrowed) = narrowed::narrowed(plan) {
        writeln!(out, "{narrowed}\n")?;
    }
    if let Some(by_tag) = narrowed::by_tag(plan) {
        writeln!(out, "{by_tag}\n")?;
    }
    let summary = Summary::from_plan(plan);
    if summary.release > 0 {
        writeln!(out, "{} {}\n", style.paint(RED.bold(), "Caution:"), words::RELEASE_CAUTION)?;
    }
    if summary.purchase > 0 {
        writeln!(out, "{} {}\n", style.paint(BOLD, "Note:"), words::purchase_caution(plan))?;
    }
    if plan.is_empty() {
        writeln!(out, "{}", style.paint(BOLD, words::verdict(plan)))?;
        writeln!(out, "Plan: {}.", summary.rest())?;
        return bill.map_or(Ok(()), |bill| write_cost(out, plan, bill, style));
    }
    writeln!(out, "{} {}.", style.paint(BOLD, "Plan:"), summary.sentence())?;
    if let Some(bill) = bill {
        write_cost(out, plan, bill, style)?;
    }
    match refusal {
        Some(refusal) => {
            writeln!(out, "Digest: {}\n", refusal.digest)?;
            self::refusal(out, refusal, style)
        }
        None => writeln!(out, "Digest: {}", Digest::from_plan(plan)),
    }
}

fn write_cost(out: &mut impl Write, plan: &Plan, bill: &Bill, style: Style) -> fmt::Result {
    cost::text(out, &style.paint(BOLD, "Monthly cost:"), plan, bill)
}

/// Writes why a plan is refused, and what would lift that.
///
/// # Errors
/// Those of `out`.
pub fn refusal(out: &mut impl Write, refusal: &Refusal, style: Style) -> fmt::Result {
    writeln!(
        out,
        "{}",
        style.paint(RED.bold(), "Refused: this plan exceeds its limits. Nothing was changed.")
    )?;
    for broken in words::refused(refusal) {
        writeln!(out, "  - {broken}")?;
    }
    writeln!(out, "To apply exactly this plan, and no other: numctl apply --accept {}", refusal.digest)
}

fn write_group(out: &mut impl Write, plan: &Plan, group: &ActionGroup<'_>, style: Style) -> fmt::Result {
    let sign = style.paint(colour(group.kind), symbol(group.kind));
    let word = style.paint(colour(group.kind).bold(), group.kind.as_str());
    let place = place(plan, group);
    let reason = words::reason(group.reason);
    if let Some(step) = group.only() {
        let number = style.paint(BOLD, step.action.number());
        writeln!(out, "{sign} {word} {number} {place}{}", identity(step))?;
        writeln!(out, "    {}", style.paint(DIMMED, reason))?;
        if let Some(claimed) = step.action.claimed() {
            writeln!(out, "    {}", style.paint(DIMMED, claim_words::claimed(claimed)))?;
        }
    } else {
        let many = style.paint(BOLD, names::plural(group.count, "number"));
        writeln!(out, "{sign} {word} {many} {place}")?;
        writeln!(out, "    {}", style.paint(DIMMED, reason))?;
        write_numbers(out, group, style)?;
    }
    if let Some(guard) = plan.unused.filter(|_| group.gives_up()) {
        writeln!(out, "    {}", style.paint(DIMMED, words::unused(guard)))?;
    }
    group.changes.iter().try_for_each(|change| write_change(out, group.kind, change, style))
}

/// `in main`, `from main to emea`.
fn place(plan: &Plan, group: &ActionGroup<'_>) -> String {
    let account = names::account(plan, group.account);
    match (group.kind, group.from) {
        (_, Some(from)) => format!("from {} to {account}", names::account(plan, from)),
        (ActionKind::Release, None) => format!("from {account}"),
        (_, None) => format!("in {account}"),
    }
}

/// ` (PN…, "Support line")`: what else tells people which number that is.
fn identity(step: &Step) -> String {
    let Some(target) = step.action.target() else { return String::new() };
    let sid = target.sid.map_or_else(|| "SID not listed".to_owned(), |sid| sid.to_string());
    match target.before.get(Field::FriendlyName) {
        Some(name) => format!(" ({sid}, {})", quoted(&name.masked())),
        None => format!(" ({sid})"),
    }
}

/// A few numbers one by one, more of them as ranges.
fn write_numbers(out: &mut impl Write, group: &ActionGroup<'_>, style: Style) -> fmt::Result {
    if group.count <= style.entries_max() {
        return group
            .steps()
            .try_for_each(|step| writeln!(out, "      {}{}", step.action.number(), identity(step)));
    }
    let mut left = group.count;
    for range in group::ranges(group.steps().map(|step| step.action.number())).take(style.entries_max()) {
        writeln!(out, "      {range}")?;
        left -= range.count;
    }
    if left > 0 {
        writeln!(out, "      and {} more (all in --format json)", count(left))?;
    }
    Ok(())
}

fn write_change(
    out: &mut impl Write,
    kind: ActionKind,
    change: &GroupChange<'_>,
    style: Style,
) -> fmt::Result {
    match change {
        GroupChange::Same(delta) => write_delta(out, kind, delta.field.json_name(), delta, style),
        GroupChange::From { field, before, after } => {
            let after =
                after.as_ref().map_or_else(|| "(cleared)".into(), |value| shown_value(Some(&**value)));
            let before = style.paint(RED, format_args!("({} different values)", count(*before)));
            writeln!(out, "    {field}: {before} -> {}", style.paint(GREEN, after))
        }
        GroupChange::Varied { field, changes, example: (number, delta) } => {
            let label = format!("{field} ({} different changes; that of {number})", count(*changes));
            write_delta(out, kind, &label, delta, style)
        }
    }
}

fn write_delta(
    out: &mut impl Write,
    kind: ActionKind,
    label: &str,
    delta: &Delta<'_>,
    style: Style,
) -> fmt::Result {
    match delta.view() {
        View::Lines { before, after } => {
            let room = style.columns.map_or(usize::MAX, |columns| columns.saturating_sub("      - ".len()));
            let (before, after) = fit::cut(before, after, room);
            writeln!(out, "    {label}:")?;
            writeln!(out, "      {} {}", style.paint(RED, '-'), pieces(&before, RED, style))?;
            writeln!(out, "      {} {}", style.paint(GREEN, '+'), pieces(&after, GREEN, style))
        }
        // A new number had nothing before.
        View::Arrow { after, .. } if kind == ActionKind::Purchase => {
            let room = style.columns.map_or(usize::MAX, |columns| columns.saturating_sub(label.len() + 6));
            let after = fit::middle_cut(&after, room);
            writeln!(out, "    {label}: {}", style.paint(GREEN, after))
        }
        View::Arrow { before, after } => {
            writeln!(out, "    {label}: {} -> {}", style.paint(RED, before), style.paint(GREEN, after))
        }
        View::Note(note) => writeln!(out, "    {label}: {note}"),
    }
}

/// A value whose changed parts stand out.
fn pieces(pieces: &[DeltaPiece], ansi: Ansi, style: Style) -> String {
    pieces
        .iter()
        .map(|piece| {
            let effects = if piece.changed { Effects::BOLD | Effects::UNDERLINE } else { Effects::new() };
            style.paint(ansi.effects(effects), &piece.text)
        })
        .collect()
}

/// Accounts in which nothing is planned.
fn write_troubles(out: &mut impl Write, plan: &Plan, style: Style) -> fmt::Result {
    if plan.troubles.is_empty() {
        return Ok(());
    }
    let title = format!("Errors ({}), and nothing is planned in:", count(plan.troubles.len()));
    writeln!(out, "{}", style.paint(RED.bold(), title))?;
    for (account, trouble) in &plan.troubles {
        writeln!(out, "  ! {}", words::trouble(plan.account(*account), trouble))?;
        if let Some(help) = &trouble.help {
            writeln!(out, "      help: {}", Shown(help))?;
        }
        if let Some(request_id) = &trouble.request_id {
            writeln!(out, "      request id: {}", Shown(request_id))?;
        }
    }
    writeln!(out)
}

fn write_said(out: &mut impl Write, title: &str, all: &[GroupText], style: Style) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    let total: usize = all.iter().map(GroupText::count).sum();
    writeln!(out, "{}", style.paint(YELLOW.bold(), format_args!("{title} ({}):", count(total))))?;
    for said in all {
        let (entries, left) = said.entries(style.entries_max());
        if said.count() == 1 {
            writeln!(out, "  ! {}: {}", entries.join(", "), said.message)?;
            continue;
        }
        writeln!(out, "  ! {}: {}", said.how_many(), said.message)?;
        for entry in entries {
            writeln!(out, "      {entry}")?;
        }
        if left > 0 {
            writeln!(out, "      and {} more (all in --format json)", count(left))?;
        }
    }
    writeln!(out)
}
