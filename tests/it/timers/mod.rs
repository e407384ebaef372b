//! What happens because time passed, with a clock that the tests move.

mod actions;
mod wrap_up;
