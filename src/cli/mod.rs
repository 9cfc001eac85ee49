//! The command line: arguments, files, clock, progress and exit codes.

pub mod cases;
