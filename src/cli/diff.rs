//! `numctl diff`: the plan's differences alone.

use crate::report::difference;

use super::arguments::{DiffArgs, Global, TextOrJson};
use super::plan::{Planning, planned};
use super::{Ended, Exit, output, secrets};
use crate::guard::OperatorLimits;
use crate::reconcile::Pricing;

pub(super) async fn run(global: &Global, args: &DiffArgs) -> Ended {
    let planning = Planning {
        files: &args.files.files,
        narrow: &args.narrow,
        state: &args.state,
        journal: &args.journal,
        // Nothing is carried out that a limit or a price could keep from it.
        pricing: Pricing::WhereLimited,
        operator: OperatorLimits::default(),
    };
    let (_, _, (plan, _, _)) = planned(global, &planning, &secrets::provider(global)).await?;
    match args.format {
        TextOrJson::Text => {
            output::print_text(|out| difference::text(out, &plan, output::style()))?;
            output::note(difference::summary(&plan));
        }
        TextOrJson::Json => output::print_with(|out| difference::json(out, &plan))?,
    }
    for (at, trouble) in &plan.troubles {
        output::error(&crate::report::words::trouble(plan.account(*at), trouble));
    }
    Ok(match (plan.has_errors(), args.detailed_exitcode && difference::is_any(&plan)) {
        (true, _) => Exit::Error,
        (false, true) => Exit::Pending,
        (false, false) => Exit::Done,
    })
}
