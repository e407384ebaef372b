//! .

mod api;
