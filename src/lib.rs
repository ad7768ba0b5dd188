//! numctl keeps a fleet of Twilio phone numbers in a declared state.
//!
//! Data goes one way, and every command shares this one path:
//!
//! ```text
//! files -> Desired ─┐
//!                   ├─ plan -> Plan ─ approve -> Approved ─ execute -> Report ─ render
//! API -> Observed ──┘
//! ```
//!
//! Every choice is made in the plan. The executor decides only whether to try again. Only
//! [`guard::approve`] makes an `Approved`, and only [`execute::execute`] takes one.
//!
//! # The map, in reading order
//!
//! A module uses only modules that stand above it here. `tests/it/tidy.rs` reads this list and
//! holds the code to it.
//!
//! Pure: no runtime, no network, no files, no environment, no clock, no logs.
//!
//! - [`base_url`]: scheme, host and port over which a secret may be sent
//! - [`known_secrets`]: the process's own credentials, cut out of what it shows
//! - [`secret_url`]: webhook URLs without their secrets
//! - [`inert`]: messages that quote foreign text, of which nothing acts
//! - [`number`]: phone numbers and SIDs, parsed once
//! - [`number_type`]: the types of numbers that are sold
//! - [`country`]: the country that a calling code tells
//! - [`claim`]: numbers by need, and the mark that binds a number to one
//! - [`quarantine`]: where a number waits that is to be released, and since when
//! - [`traffic`]: what a number was used for, and how far back that is looked for
//! - [`money`]: exact amounts, each of one currency
//! - [`tariff`]: what a number is charged as
//! - [`offer`]: a number on offer, and whether it is what a claim needs
//! - [`provider`]: the vendor's two APIs, and its regions
//! - [`settings`]: what can be configured on a number; live values and managed ones
//! - [`hold`]: pauses, maintenance windows, and holds that end
//! - [`desired`]: what the files declare, parsed and checked, with findings at their places
//! - [`observed`]: what is live, from complete listings only
//! - [`diff`]: what a file manages of a number against what is live
//! - [`claims`]: which numbers a claim has, which it lacks, and which it would buy
//! - [`plan`]: desired and observed to actions, each with its reason
//! - [`standstill`]: takes out of a plan what is not to be changed now
//! - [`last_use`]: takes out of a plan the releases of numbers that are still in use
//! - [`digest`]: the name of exactly one plan
//! - [`stale`]: whether a saved plan still fits what is live
//! - [`saved_plan`]: a plan in a file
//! - [`credentials`]: who asks, with a secret that no output shows
//! - [`environment`]: which account reads which variables, which the caller looks up
//! - [`hosts`]: which host an account's credentials may go to
//! - [`transport`]: the seam: one request in, its answer or the way it was lost out
//! - [`api`]: both APIs as values: requests, answers, typed errors
//! - [`cost`]: what the numbers cost a month, and what a plan makes of that
//! - [`backoff`]: whether to try again, and when
//! - [`retry_budget`]: how many retries an account can afford
//! - [`circuit`]: stops asking an API that does not answer
//! - [`throttle`]: how fast, and how many at once, by what the API answers
//! - [`report`]: what became of every action
//! - [`intents`]: purchases for claims that may still be on their way
//! - [`budget`]: what was spent over time, counted before it is sent
//! - [`contents`]: which contents of the files were in force, and which is older
//! - [`guard`]: limits, and who may lift them
//! - [`journal`]: what was there before each run, what it did, and what takes it back
//! - [`memory`]: what the loop remembers from look to look, and leaves alone because of it
//! - [`lease`]: one writer across hosts: client-go's leader election
//! - [`render`]: plans and reports for people and machines
//! - [`doctor`]: what the answers say about an account's health
//! - [`export`]: a desired-state file for what is live
//! - [`idle`]: which numbers nobody uses, for people and machines, and as tombstones
//! - [`tally`]: requests, counted by how they ended
//! - [`status`]: the daemon's state as it is shown to the outside
//! - [`metrics`]: that state as Prometheus reads it
//! - [`announce`]: when somebody is told of it
//!
//! I/O: a thin shell round the above.
//!
//! - [`clock`]: what time it is
//! - [`pulse`]: whether the loop moves
//! - [`systemd`]: tells systemd that the service is ready, and that it moves
//! - [`own_file`]: numctl's own files and directories, which no link leads away from
//! - [`atomic_file`]: a file as a whole or not at all
//! - [`bounded_file`]: a file that has an end, read as a whole
//! - [`http`]: the transport over the network
//! - [`kube`]: one Lease at a Kubernetes API server
//! - [`leadership`]: keeps a Lease, and says for how long
//! - [`writer`]: whether a write may start, and until when
//! - [`pace`]: who may send next, and when
//! - [`client`]: one account's view of the API
//! - [`observe`]: lists every account
//! - [`offers`]: what is on offer for claims
//! - [`usage`]: whether numbers are in use, in few requests
//! - [`survey`]: a second look where numbers are missing
//! - [`prices`]: asks what numbers cost
//! - [`refresh`]: a few numbers anew, instead of every account
//! - [`execute`]: carries out an approved plan
//! - [`journal_file`]: where the journal lasts
//! - [`ledger`]: where the budget lasts
//! - [`reconcile`]: one pass of the whole line
//! - [`load`]: reads what `-f` names
//! - [`lock`]: one writer per account on a host
//! - [`fence`]: puts the locks and the lease round every account's writes
//! - [`watch`]: wakes the daemon when a file may have changed
//! - [`daemon`]: the loop over that pass
//! - [`board`]: the state of the loop, for all who look at it
//! - [`listener`]: shows it over HTTP
//! - [`messenger`]: tells of it by webhook
//! - [`sandbox`]: the API seen from the other side, in memory and over HTTP
//! - [`cli`]: arguments in, exit code out

pub mod announce;
pub mod api;
pub mod atomic_file;
pub mod backoff;
pub mod base_url;
pub mod board;
pub mod bounded_file;
pub mod budget;
pub mod circuit;
pub mod claim;
pub mod claims;
pub mod cli;
pub mod client;
pub mod clock;
pub mod contents;
pub mod cost;
pub mod country;
pub mod credentials;
pub mod daemon;
pub mod desired;
pub mod diff;
pub mod digest;
pub mod doctor;
pub mod environment;
pub mod execute;
pub mod export;
pub mod fence;
pub mod guard;
pub mod hold;
pub mod hosts;
pub mod http;
pub mod idle;
pub mod inert;
pub mod intents;
pub mod journal;
pub mod journal_file;
pub mod known_secrets;
pub mod kube;
pub mod last_use;
pub mod leadership;
pub mod lease;
pub mod ledger;
pub mod listener;
pub mod load;
pub mod lock;
pub mod memory;
pub mod messenger;
pub mod metrics;
pub mod money;
pub mod number;
pub mod number_type;
pub mod observe;
pub mod observed;
pub mod offer;
pub mod offers;
pub mod own_file;
pub mod pace;
pub mod plan;
pub mod prices;
pub mod provider;
pub mod pulse;
pub mod quarantine;
pub mod reconcile;
pub mod refresh;
pub mod render;
pub mod report;
pub mod retry_budget;
pub mod sandbox;
pub mod saved_plan;
pub mod secret_url;
pub mod settings;
pub mod stale;
pub mod standstill;
pub mod status;
pub mod survey;
pub mod systemd;
pub mod tally;
pub mod tariff;
pub mod throttle;
pub mod traffic;
pub mod transport;
pub mod usage;
pub mod watch;
pub mod writer;
