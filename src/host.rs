//! The machine that numctl runs on: its own files, the clock, signs of life.
//!
//! In reading order: a file uses only those above it.
//!
//! I/O:
//!
//! - `atomic_file`: a file as a whole or not at all
//! - `own_file`: numctl's own files and directories, which no link leads away from
//! - `bounded_file`: a file that has an end, read as a whole
//! - `clock`: what time it is
//! - `pulse`: whether the loop moves
//! - `systemd`: tells systemd that the service is ready, and that it moves

pub mod atomic_file;
pub mod bounded_file;
pub mod clock;
pub mod own_file;
pub mod pulse;
pub mod systemd;
