//! Asks for what is about to be sent to be written down first: what is not written down is not sent.
//!
//! Whoever keeps the notes hears of all steps whose turns have come meanwhile at once, so that they cost one
//! write to the disk together.

use tokio::sync::{mpsc, oneshot};

/// Where the steps of a run ask for their notes.
#[derive(Debug)]
pub struct Notebook(mpsc::UnboundedSender<Asked>);

/// What is asked for, for whoever keeps the notes.
#[derive(Debug)]
pub struct ToNote(mpsc::UnboundedReceiver<Asked>);

/// A step that is about to be sent.
#[derive(Debug)]
pub struct Asked {
    /// Its place in the plan.
    pub step: usize,
    answer: oneshot::Sender<bool>,
}

/// The note that a step needs before each of its sends.
#[derive(Debug)]
pub(super) struct StepNote<'a> {
    pub(super) step: usize,
    pub(super) notebook: &'a Notebook,
}

impl Notebook {
    /// One, and what is asked for in it.
    #[must_use]
    pub fn new() -> (Self, ToNote) {
        let (ask, asked) = mpsc::unbounded_channel();
        (Self(ask), ToNote(asked))
    }
}

impl ToNote {
    /// All that is asked for by now, once there is anything; `None` when the run is over.
    pub async fn next(&mut self) -> Option<Vec<Asked>> {
        let mut all = vec![self.0.recv().await?];
        while let Ok(more) = self.0.try_recv() {
            all.push(more);
        }
        Some(all)
    }
}

impl Asked {
    /// Says whether it is written down.
    pub fn answer(self, is_noted: bool) {
        // A step that was dropped meanwhile sends nothing.
        let _ = self.answer.send(is_noted);
    }
}

impl StepNote<'_> {
    /// Whether it is made. Without anybody who keeps notes it is not.
    pub(super) async fn made(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        let is_asked = self.notebook.0.send(Asked { step: self.step, answer }).is_ok();
        is_asked && answered.await.unwrap_or(false)
    }
}
