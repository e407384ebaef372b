//! Reading a body, as far as this gateway takes it.
//!
//! Some senders look for an answer only after they have sent everything; if the connection breaks
//! before, they never see it. What is too much is therefore read on and dropped beside the answer,
//! up to a bound in bytes and time.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;

use super::error;

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of what is too much is read and dropped.
const DROPPED_BYTES: usize = 8 * 1024 * 1024;

/// What is made room for before anything has come, whatever is announced.
const FIRST_BYTES: usize = 64 * 1024;

/// Reads a body of at most `max` bytes; the error is the answer to what is none.
pub(super) async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Vec<u8>, Response> {
    let mut frames = body.into_data_stream();
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let announced = announced.unwrap_or(0);
    if announced > max {
        // Whoever waits for a word before sending has it now.
        if !headers.contains_key(header::EXPECT) && announced - max <= DROPPED_BYTES {
            drop_rest(frames);
        }
        return Err(error::too_large());
    }
    let mut read = Vec::with_capacity(announced.min(FIRST_BYTES));
    let reading = async {
        while let Some(frame) = frames.next().await {
            let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
            if frame.len() > max - read.len() {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            read.extend_from_slice(&frame);
        }
        Ok(())
    };
    match tokio::time::timeout(TIMEOUT, reading).await {
        Ok(Ok(())) => Ok(read),
        Ok(Err(StatusCode::PAYLOAD_TOO_LARGE)) => {
            drop_rest(frames);
            Err(error::too_large())
        }
        Ok(Err(status)) => Err(status.into_response()),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT.into_response()),
    }
}

/// Reads on beside the answer. Where the bound is met, the connection is closed.
fn drop_rest(mut frames: BodyDataStream) {
    tokio::spawn(tokio::time::timeout(TIMEOUT, async move {
        let mut left = DROPPED_BYTES;
        while let Some(Ok(frame)) = frames.next().await {
            match left.checked_sub(frame.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    }));
}
