//! Authority is not handed over without the content that it rests on: a process whose files are older than
//! those that were last in force only configures, until it has the same, or has had its own for a while.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::client::transport::Transport;
use crate::execute::ledger::LedgerError;
use crate::guard::budget::Generation;
use crate::guard::contents::{Age, Contents};
use crate::plan::ContentDoubt;

use super::{Daemon, InForce};

/// After this long without another change, an older content is taken for a deliberate return to it. Copies of
/// a ConfigMap arrive within two minutes of each other.
const OLDER_FOR: Duration = Duration::from_secs(180);

/// What this process knows of the contents that were in force.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// The last one that it wrote down itself: it saw the edits since then.
    own: Option<Generation>,
    /// Since when it has a content that is older than the last one.
    older: Option<(Generation, Instant)>,
}

impl<T: Transport> Daemon<'_, T> {
    /// Whether another content was in force last; writes this one down where it may act.
    pub(super) async fn hand_over(
        &self,
        force: &InForce<T>,
        known: &mut Handover,
    ) -> Result<Option<ContentDoubt>, LedgerError> {
        if self.options.dry_run {
            return Ok(None);
        }
        let contents = self.write_access.ledger.contents()?;
        let content = force.generation;
        let is_older = contents.age(content) == Age::Older && known.own != contents.latest();
        if is_older && known.older.is_none_or(|(older, _)| older != content) {
            known.older = Some((content, Instant::now()));
            warn!(
                in_force = %content,
                last = ?contents.latest(),
                wait = ?OLDER_FOR,
                "newer files were in force before: nothing is bought, moved or released until these files are as new, or have not changed for a while"
            );
        }
        if is_older && known.older.is_some_and(|(_, since)| since.elapsed() < OLDER_FOR) {
            return Ok(Some(ContentDoubt::OtherContentInForce));
        }
        known.older = None;
        self.note_content(contents, content).await?;
        known.own = Some(content);
        Ok(None)
    }

    async fn note_content(&self, contents: Contents, content: Generation) -> Result<(), LedgerError> {
        if contents.latest() == Some(content) {
            return Ok(());
        }
        self.write_access.ledger.note_contents(&contents.followed_by(content)).await
    }
}
