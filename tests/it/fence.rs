//! Law 10: nothing is written outside a held lock, whenever it is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use numctl::client::api::endpoint::Endpoint;
use numctl::client::api::routes::Routes;
use numctl::client::pace::Pace;
use numctl::client::{Client, Dice, Manner, Writer};
use numctl::desired::AccountRef;
use numctl::desired::{Desired, Format, Source};
use numctl::execute::Stop;
use numctl::guard::budget::Generation;
use numctl::model::credentials::Credentials;
use numctl::model::number::AccountSid;
use numctl::model::provider::Api;
use numctl::plan::outcome::{Failure, Outcome, Skip};
use numctl::reconcile::Pass;
use numctl::sandbox::{AUTH_TOKEN, InMemory, MAIN_SID, Sandbox, SharedSandbox, World};
use tokio::sync::watch;

use crate::one_pass::{OnePass, one_pass};

const FILE: &str = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - phone_number: \"+15552230100\"\n  \
                    - {phone_number: \"+15552230000\", friendly_name: New}\n  - {phone_number: \"+15552230001\", friendly_name: New}\n  \
                    - {phone_number: \"+15552230002\", state: released}\n";

/// The writes that arrived, and the ends of the pass, when the lock is there for the first `asked`
/// times that somebody asks.
async fn with_a_lock_for(asked: usize) -> (usize, Vec<Outcome>) {
    let sandbox = SharedSandbox::new(Sandbox::new(World::demo(4), "".parse().expect("no faults")));
    let source = Source { name: "f".into(), text: FILE.to_owned(), format: Format::Yaml };
    let desired = Desired::parse(std::slice::from_ref(&source)).expect("a good file").desired;
    let sid = AccountSid::declared(MAIN_SID).expect("a SID");
    let mut client = Client::new(
        Routes::new(Endpoint::at("http://127.0.0.1:1").expect("a URL"), Api::ActiveNumbers, sid),
        Arc::new(InMemory::new(sandbox.clone())),
        Credentials::new(MAIN_SID, AUTH_TOKEN),
        Manner { page_size: 1000, timeout: Duration::from_secs(15), dice: Arc::new(Dice::seeded(1)) },
        Pace::new(4, None),
    );
    let so_far = AtomicUsize::new(0);
    client.fence(Writer::new(move || so_far.fetch_add(1, Ordering::SeqCst) < asked));
    let (_running, stop) = watch::channel(Stop::Run);
    let one = OnePass {
        desired: &desired,
        generation: Generation::from_sources(&[source]),
        accounts: &[AccountRef { name: "default".into(), sid, parent: None }],
        clients: &[client],
        numbers_at_once: 1,
    };
    let Pass::Executed(report) = one_pass(&one, stop).await else { panic!("not carried out") };
    let sandbox = sandbox.lock();
    let writes = sandbox.requests().log.iter().filter(|entry| entry.method != "GET").count();
    (writes, report.ends.into_iter().map(|end| end.outcome).collect())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_without_the_lock() {
    // Each write asks once its turn has come.
    for asked in 0..6 {
        let (writes, ends) = with_a_lock_for(asked).await;
        assert_eq!(writes, asked.min(4), "{asked}: {ends:?}");
        assert_eq!(ends.iter().filter(|end| **end == Outcome::Succeeded).count(), writes);
        for end in ends.iter().filter(|end| **end != Outcome::Succeeded) {
            assert!(
                matches!(
                    end,
                    Outcome::Skipped(Skip::LostLock | Skip::ReplacementMissing)
                        | Outcome::Failed(Failure::LostLock)
                ),
                "{asked}: {end:?}"
            );
        }
    }
}
