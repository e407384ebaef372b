//! Lines of the log as JSON, with the causes of errors, which the usual form leaves out.

use std::{error::Error, fmt};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Json, JsonFields, Writer},
    },
    registry::LookupSpan,
};

/// Writes `error.sources` beside `error`, as the text form does.
pub(super) struct WithCauses(Format<Json>);

impl WithCauses {
    pub fn new() -> Self {
        Self(Format::default().json().flatten_event(true))
    }

    /// What fields of spans are written as.
    pub fn fields() -> JsonFields {
        JsonFields::new()
    }
}

impl<S, N> FormatEvent<S, N> for WithCauses
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut causes = Causes::default();
        event.record(&mut causes);
        if causes.0.is_empty() {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        match serde_json::from_str::<Map<String, Value>>(&line) {
            Ok(mut fields) => {
                fields.extend(causes.0);
                writeln!(writer, "{}", Value::Object(fields))
            }
            Err(_) => writer.write_str(&line),
        }
    }
}

/// The causes of each error, by the field's name.
#[derive(Default)]
struct Causes(Map<String, Value>);

impl Visit for Causes {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        let mut causes: Vec<Value> = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string().into());
            next = cause.source();
        }
        if !causes.is_empty() {
            self.0.insert(format!("{field}.sources"), causes.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex, PoisonError},
    };

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::db::StoreError;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_line_says_why() {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt()
            .with_writer(lines.clone())
            .fmt_fields(WithCauses::fields())
            .event_format(WithCauses::new())
            .finish();
        tracing::subscriber::with_default(log, || {
            let error = StoreError::Failed(sqlx::Error::Io(io::Error::other("the disk is full")));
            let cause = &error as &dyn Error;
            tracing::warn!(error = cause, requests = 3, "a group could not be recorded");
            tracing::info!(requests = 4, "fine");
        });
        let bytes = lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(bytes).expect("text");
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["error"], "the database failed");
        assert_eq!(lines[0]["level"], "WARN");
        assert_eq!(lines[0]["requests"], 3);
        let causes = lines[0]["error.sources"].to_string();
        assert!(causes.contains("the disk is full"), "{causes}");
        assert_eq!((&lines[1]["message"], lines[1].get("error.sources")), (&"fine".into(), None));
    }
}
