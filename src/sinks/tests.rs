//! What a sink wants, what it may be, and signatures that others computed or check.

use frontdesk_adapters::{Account, Method, Request, Timestamp, providers};
use serde_json::json;

use super::*;
