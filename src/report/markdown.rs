//! The plan as a pull-request comment.
//!
//! Foreign text is in code only, where no renderer finds mentions, references, links or HTML: in fences
//! longer than any run of backticks inside, or in code spans that hold none.

use super::names;
use super::narrowed;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use crate::guard::Refusal;
use crate::guard::cost::Bill;
use crate::model::action_kind::ActionKind;
use crate::model::settings::Field;
use crate::plan::digest::Digest;
use crate::plan::{Plan, Step};

use super::causes;
use super::cost;
use super::delta::{Delta, DeltaPiece, View, deltas};
use super::group::{self, ActionGroup, GroupChange, GroupText};
use super::names::plural;
use super::shown::{Shown, count, quoted, shown_value};
use super::words::{self, Summary};

/// The first line, which nobody sees: a bot finds its own comment by it.
pub const MARKER: &str = "<!-- numctl-plan -->";

/// So few actions are shown without a click.
const FEW: usize = 10;

/// The most that a comment may have: GitHub refuses more than 65,536 characters, and what posts the
/// comment may add a line of its own. Counted in bytes, of which there are never fewer.
pub const BYTES_MAX: usize = 60_000;

/// What the summary, the refusal and the line about what is left out need at most.
const RESERVE: usize = 4_000;

/// Numbers or ranges that are listed of one group, unless it is of releases.
const ENTRIES_MAX: usize = 20;

/// How much of the comment the numbers of all releases may take, which is most of it: what cannot
/// be taken back is what a reviewer must see.
const RELEASE_BYTES_MAX: usize = 40_000;

/// Writes a plan as a comment of at most [`BYTES_MAX`] bytes, why it is refused where it is, and its
/// cost where that was asked for.
///
/// # Errors
/// Those of `out`.
pub fn plan(
    out: &mut impl Write,
    plan: &Plan,
    refusal: Option<&Refusal>,
    bill: Option<&Bill>,
) -> fmt::Result {
    let summary = Summary::from_plan(plan);
    let mut text = String::new();
    write_head(&mut text, plan, &summary, refusal, bill)?;
    let mut groups = group::groups(plan);
    // Stable: the rest stays in the order of the plan.
    groups.sort_by_key(|group| !group.gives_up());
    let mut release_bytes = RELEASE_BYTES_MAX;
    let mut left_out = NoRoom::default();
    for group in &groups {
        let is_release = group.kind == ActionKind::Release;
        let block = group_block(plan, group, release_bytes)?;
        // One huge group hides itself only, and none of those after it.
        if text.len() + block.len() > BYTES_MAX - RESERVE {
            left_out.groups += 1;
            left_out.actions += group.count;
            left_out.releases += if is_release { group.count } else { 0 };
            continue;
        }
        text.push_str(&block);
        if is_release {
            release_bytes = release_bytes.saturating_sub(block.len());
        }
    }
    if left_out.groups > 0 {
        let releases = match left_out.releases {
            0 => String::new(),
            releases => format!(" ({} among them)", plural(releases, "release")),
        };
        writeln!(
            text,
            "**{}{releases} in {} not shown here: the comment would be too long.** \
             `numctl plan --format json` lists all of them.\n",
            plural(left_out.actions, "more action"),
            if left_out.groups == 1 {
                "1 group is".into()
            } else {
                format!("{} groups are", count(left_out.groups))
            },
        )?;
    }
    for (title, all) in [
        (causes::TITLE, causes::said(plan)),
        ("Held back", group::held(plan)),
        ("No effect", group::no_effect(plan)),
        ("Warnings", group::warnings(plan)),
    ] {
        write_said(&mut text, title, &all)?;
    }
    out.write_str(&text)
}

/// Writes why there is no plan, in as many bytes at most.
///
/// # Errors
/// Those of `out`.
pub fn failed(out: &mut impl Write, error: &str) -> fmt::Result {
    let mut body = String::new();
    for line in error.lines() {
        if body.len() + line.len() > BYTES_MAX - RESERVE {
            body.push_str("(cut: the comment would be too long)\n");
            break;
        }
        writeln!(body, "{line}")?;
    }
    let fence = fence(&body);
    writeln!(
        out,
        "{MARKER}\n### numctl plan: failed\n\nThere is no plan. Nothing was changed.\n\n{fence}text\n{body}{fence}"
    )
}

/// What there was no room for.
#[derive(Default)]
struct NoRoom {
    groups: usize,
    actions: usize,
    releases: usize,
}

fn write_head(
    text: &mut String,
    plan: &Plan,
    summary: &Summary,
    refusal: Option<&Refusal>,
    bill: Option<&Bill>,
) -> fmt::Result {
    let verdict = match refusal {
        Some(_) => "refused: it exceeds its limits".to_owned(),
        None if plan.is_empty() && plan.has_errors() => "errors, and no changes".to_owned(),
        None if plan.is_empty() && plan.leaves_nothing() && summary.no_effect > 0 => {
            format!("no changes, {} with settings without effect", plural(summary.no_effect, "number"))
        }
        None if plan.is_empty() && plan.leaves_nothing() => "no changes".to_owned(),
        None if plan.is_empty() => {
            format!("no changes, {} held back", count(summary.held + plan.short.len()))
        }
        None if summary.held > 0 => {
            format!("changes to {}, {} held back", plural(plan.touched(), "number"), count(summary.held))
        }
        None => format!("changes to {}", plural(plan.touched(), "number")),
    };
    writeln!(text, "{MARKER}\n### numctl plan: {verdict}\n")?;
    for line in [narrowed::narrowed(plan), narrowed::by_tag(plan)].into_iter().flatten() {
        writeln!(text, "{}\n", html(&line))?;
    }
    if let Some(refusal) = refusal {
        writeln!(text, "> [!CAUTION]\n> This plan exceeds its limits and will not be applied:")?;
        for broken in words::refused(refusal) {
            writeln!(text, "> - {}", broken.replace('_', "\\_"))?;
        }
        writeln!(
            text,
            ">\n> To apply exactly this plan, and no other: `numctl apply --accept {}`\n",
            refusal.digest
        )?;
    }
    if !plan.troubles.is_empty() {
        let mut body = String::new();
        for (account, trouble) in plan.troubles.iter().take(ENTRIES_MAX) {
            writeln!(body, "{}", words::trouble(plan.account(*account), trouble))?;
            if let Some(help) = &trouble.help {
                writeln!(body, "  help: {}", Shown(help))?;
            }
        }
        if let Some(more) = plan.troubles.len().checked_sub(ENTRIES_MAX).filter(|more| *more > 0) {
            writeln!(body, "and {} more", count(more))?;
        }
        let many = plural(plan.troubles.len(), "account");
        text.push_str(&details_in(
            "text",
            &format!("<b>Errors</b>: nothing is planned in {many}"),
            &body,
            true,
        )?);
    }
    // A column that few have.
    let (head, line, no_effect) = match summary.no_effect {
        0 => ("", "", String::new()),
        numbers => (" no effect |", " ---: |", format!(" **{}** |", count(numbers))),
    };
    writeln!(text, "| purchase | configure | transfer | release | unchanged |{head} held back | unlisted |")?;
    writeln!(text, "| ---: | ---: | ---: | ---: | ---: |{line} ---: | ---: |")?;
    let cell = |n: usize| if n == 0 { "0".to_owned() } else { format!("**{}**", count(n)) };
    writeln!(
        text,
        "| {} | {} | {} | {} | {} |{no_effect} {} | {} |\n",
        cell(summary.purchase),
        cell(summary.configure),
        cell(summary.transfer),
        cell(summary.release),
        count(summary.unchanged),
        cell(summary.held),
        count(summary.unlisted),
    )?;
    if let Some(bill) = bill {
        write_cost(text, plan, bill)?;
    }
    if plan.is_empty() {
        return writeln!(text, "{}\n", words::verdict(plan));
    }
    writeln!(text, "Digest: `{}`\n", Digest::from_plan(plan))?;
    if summary.release > 0 {
        let many = plural(summary.release, "number");
        writeln!(text, "> [!CAUTION]\n> **This plan releases {many}.** {}\n", words::RELEASE_CAUTION)?;
    }
    if summary.purchase > 0 {
        writeln!(text, "{}\n", words::purchase_caution(plan))?;
    }
    Ok(())
}

fn write_cost(text: &mut String, plan: &Plan, bill: &Bill) -> fmt::Result {
    writeln!(text, "**Monthly cost:** {}\n", cost::lines(bill).join("<br>"))?;
    let left_out = cost::left_out(plan, bill);
    if left_out.is_empty() {
        return Ok(());
    }
    let mut body = String::new();
    for line in left_out.iter().take(ENTRIES_MAX) {
        writeln!(body, "{line}")?;
    }
    if let Some(more) = left_out.len().checked_sub(ENTRIES_MAX).filter(|more| *more > 0) {
        writeln!(body, "and {} more", count(more))?;
    }
    text.push_str(&details_in("text", "<b>Not included in the cost</b>: what is not known", &body, true)?);
    Ok(())
}

/// One group: folded where there are many, open where it gives numbers up.
fn group_block(plan: &Plan, group: &ActionGroup<'_>, release_bytes: usize) -> Result<String, fmt::Error> {
    let place = match group.from {
        Some(from) => format!(
            "from <code>{}</code> to <code>{}</code>",
            html(&names::account(plan, from)),
            html(&names::account(plan, group.account))
        ),
        None if group.kind == ActionKind::Release => {
            format!("from <code>{}</code>", html(&names::account(plan, group.account)))
        }
        None => format!("in <code>{}</code>", html(&names::account(plan, group.account))),
    };
    let what = match group.only() {
        Some(step) => step.action.number().to_string(),
        None => plural(group.count, "number"),
    };
    let title = format!(
        "<b>{}</b> {what} {place}: {}",
        group.kind.as_str(),
        words::reason(group.reason).replace("state: released", "<code>state: released</code>")
    );
    let unused = plan.unused.filter(|_| group.gives_up());
    let title = title + &unused.map_or_else(String::new, |guard| format!("; {}", words::unused(guard)));
    let title = title + &fields(group);
    let body = group_body(group, release_bytes)?;
    details(&title, &body, group.gives_up() || plan.steps.len() <= FEW)
}

/// The fields that many numbers of a group change, each with how many: `voice.url (300), sms.url (12)`.
fn fields(group: &ActionGroup<'_>) -> String {
    if group.count < 2 || group.kind != ActionKind::Configure {
        return String::new();
    }
    let mut counts: BTreeMap<Field, usize> = BTreeMap::new();
    for delta in group.steps().flat_map(|step| deltas(&step.action)) {
        *counts.entry(delta.field).or_default() += 1;
    }
    let shown: Vec<String> = counts
        .iter()
        .map(|(field, many)| format!("<code>{}</code> ({})", html(field.json_name()), count(*many)))
        .collect();
    if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) }
}

fn group_body(group: &ActionGroup<'_>, release_bytes: usize) -> Result<String, fmt::Error> {
    let mut body = String::new();
    let sign = match group.kind {
        ActionKind::Purchase => '+',
        ActionKind::Release => '-',
        // `!` is what colours a line in a diff fence without saying that it comes or goes.
        ActionKind::Transfer | ActionKind::Configure => '!',
    };
    write_numbers(&mut body, sign, group, release_bytes)?;
    group.changes.iter().try_for_each(|change| write_change(&mut body, group.kind, change))?;
    Ok(body)
}

/// The numbers one by one while there is room for that, else as ranges.
fn write_numbers(
    body: &mut String,
    sign: char,
    group: &ActionGroup<'_>,
    release_bytes: usize,
) -> fmt::Result {
    let is_release = group.kind == ActionKind::Release;
    if is_release || group.count <= ENTRIES_MAX {
        let start = body.len();
        let fits = group.steps().all(|step| {
            body.extend([sign, ' ']);
            body.push_str(&line(step));
            body.push('\n');
            !is_release || body.len() - start <= release_bytes
        });
        if fits {
            return Ok(());
        }
        body.truncate(start);
    }
    let mut left = group.count;
    let ranges = group::ranges(group.steps().map(|step| step.action.number()));
    for (at, range) in ranges.enumerate() {
        let line = format!("{sign} {range}\n");
        let fits = if is_release { body.len() + line.len() <= release_bytes } else { at < ENTRIES_MAX };
        if !fits {
            break;
        }
        body.push_str(&line);
        left -= range.count;
    }
    if left > 0 {
        writeln!(body, "! and {} more (all in --format json)", count(left))?;
    }
    Ok(())
}

fn line(step: &Step) -> String {
    let mut line = step.action.number().to_string();
    if let Some(target) = step.action.target() {
        match target.sid {
            Some(sid) => line.push_str(&format!("  {sid}")),
            None => line.push_str("  SID not listed"),
        }
        if let Some(name) = target.before.get(Field::FriendlyName) {
            line.push_str(&format!("  {}", quoted(&name.masked())));
        }
    }
    line
}

fn write_change(body: &mut String, kind: ActionKind, change: &GroupChange<'_>) -> fmt::Result {
    match change {
        GroupChange::Same(delta) => write_delta(body, kind, delta),
        GroupChange::From { field, before, after } => {
            writeln!(body, "- {field}: ({} different values)", count(*before))?;
            let after =
                after.as_ref().map_or_else(|| "(cleared)".into(), |value| shown_value(Some(&**value)));
            writeln!(body, "+ {field}: {after}")
        }
        GroupChange::Varied { field, changes, example: (number, delta) } => {
            writeln!(body, "! {field}: {} different changes; that of {number}:", count(*changes))?;
            write_delta(body, kind, delta)
        }
    }
}

fn write_delta(body: &mut String, kind: ActionKind, delta: &Delta<'_>) -> fmt::Result {
    let text = |pieces: &[DeltaPiece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
    let field = delta.field;
    let (before, after) = match delta.view() {
        View::Lines { before, after } => (text(&before), text(&after)),
        // A new number had nothing before.
        View::Arrow { after, .. } if kind == ActionKind::Purchase => {
            return writeln!(body, "+ {field}: {after}");
        }
        View::Arrow { before, after } => (before, after),
        View::Note(note) => return writeln!(body, "! {field}: {note}"),
    };
    writeln!(body, "- {field}: {before}\n+ {field}: {after}")
}

/// Held entries or warnings, as many as there is room for.
fn write_said(text: &mut String, title: &str, all: &[GroupText]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    let total: usize = all.iter().map(GroupText::count).sum();
    let mut body = String::new();
    let mut left = 0;
    for said in all {
        let (entries, more) = said.entries(10);
        let mut block = String::new();
        writeln!(block, "{}:", said.message)?;
        for entry in entries {
            writeln!(block, "  {entry}")?;
        }
        if more > 0 {
            writeln!(block, "  and {} more (all in --format json)", count(more))?;
        }
        if left == 0 && text.len() + body.len() + block.len() <= BYTES_MAX - RESERVE / 2 {
            body.push_str(&block);
        } else {
            left += said.count();
        }
    }
    if left > 0 {
        writeln!(body, "and {} more (all in --format json)", count(left))?;
    }
    let block = details_in("text", &format!("<b>{title}</b> ({})", count(total)), &body, false)?;
    text.push_str(&block);
    Ok(())
}

fn details(title: &str, body: &str, open: bool) -> Result<String, fmt::Error> {
    details_in("diff", title, body, open)
}

fn details_in(language: &str, title: &str, body: &str, open: bool) -> Result<String, fmt::Error> {
    let mut block = String::new();
    let open = if open { " open" } else { "" };
    writeln!(block, "<details{open}><summary>{title}</summary>\n")?;
    let fence = fence(body);
    writeln!(block, "{fence}{language}\n{body}{fence}\n\n</details>\n")?;
    Ok(block)
}

/// A fence that nothing in `body` can close.
#[must_use]
pub fn fence(body: &str) -> String {
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(3.max(longest + 1))
}

/// Text inside an HTML element on one line.
fn html(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Not even inside <code> is Markdown or a mention to be found.
            '`' | '*' | '_' | '[' | ']' | '@' | '#' | '|' | '\\' | ':' | '~' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}
