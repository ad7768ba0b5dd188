//! End to end: the real binary, real HTTP, the sandbox as the other side. By subject; the harness
//! waits for events (a line, a logged request), never for time.

mod accounts;
mod claims;
mod commands;
mod crash;
mod crowd;
mod daemon;
mod deploy;
mod doctor;
mod doors;
mod early;
mod exits;
mod faults;
mod harness;
mod held;
mod hostile;
mod hosts;
mod journal;
mod kills;
mod lease;
mod line;
mod memory;
mod money;
mod outside;
mod process;
mod quarantine;
mod quickstart;
mod real_clients;
mod replicas;
mod requests;
mod saved;
mod secrets;
mod shares;
mod standstill;
mod traffic;
mod v2010;
