//! Everything that is tested through its boundary, in one binary.

mod cli;
