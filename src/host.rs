//! The machine that numctl runs on: its own files, the clock, signs of life.
//!
//! In reading order: a file uses only those above it.
//!
//! I/O:
//!
//! - `atomic_file`: writes a file as a whole or not at all
//! - `own_file`: opens numctl's own files without following links
//! - `bounded_file`: reads a file of bounded size
//! - `clock`: the time
//! - `pulse`: whether the daemon's loop is alive
//! - `systemd`: tells systemd that the service is ready and alive

pub mod atomic_file;
pub mod bounded_file;
pub mod clock;
pub mod own_file;
pub mod pulse;
pub mod systemd;
