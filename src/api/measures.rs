//! What is counted, and how it is shown.
//!
//! A process has one recorder, since counting reaches everywhere; all its gateways share it.

use std::sync::OnceLock;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Seconds, from a quick commit to a provider's patience.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Requests in one transaction.
const GROUP_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The counts of this process.
#[derive(Clone)]
pub struct Measures(Option<PrometheusHandle>);

impl std::fmt::Debug for Measures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Measures")
    }
}

impl Measures {
    /// Begins to count, unless somebody else in this process counts in another way.
    #[must_use]
    pub fn install() -> Self {
        static INSTALLED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        Self(INSTALLED.get_or_init(install).clone())
    }

    /// The counts, as text.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.as_ref().map(PrometheusHandle::render).unwrap_or_default()
    }

    /// Sorts what was timed into its buckets; until then every single time is kept.
    pub fn tidy(&self) {
        if let Some(handle) = &self.0 {
            handle.run_upkeep();
        }
    }
}

fn install() -> Option<PrometheusHandle> {
    let group_size = Matcher::Full("frontdesk_group_size".to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(group_size, GROUP_SIZES))
        .and_then(PrometheusBuilder::install_recorder);
    let handle = match handle {
        Ok(handle) => handle,
        Err(error) => {
            tracing::warn!(%error, "nothing is counted: /metrics stays empty");
            return None;
        }
    };
    describe_counter!("frontdesk_inbound_requests_total", "Webhook requests, by outcome.");
    describe_counter!("frontdesk_duplicates_total", "Events that were known already.");
    describe_counter!("frontdesk_signature_failures_total", "Requests nothing proved.");
    describe_counter!("frontdesk_profiles_created_total", "Senders seen for the first time.");
    describe_counter!("frontdesk_interactions_total", "Messages, by what they did.");
    describe_counter!("frontdesk_optouts_total", "Senders who want no more messages.");
    describe_counter!(
        "frontdesk_refused_requests_not_archived_total",
        "Refused requests that came too fast to be kept."
    );
    describe_histogram!("frontdesk_inbound_seconds", "From a webhook request to its answer.");
    describe_histogram!("frontdesk_group_size", "Requests in one transaction.");
    describe_counter!("frontdesk_offers_total", "Items pushed to agents.");
    describe_counter!("frontdesk_offers_timed_out_total", "Offers that nobody took in time.");
    describe_gauge!("frontdesk_queue_depth", "Interactions that wait, by queue.");
    describe_gauge!("frontdesk_queue_oldest_seconds", "How long the oldest of them has waited.");
    describe_histogram!("frontdesk_handoff_seconds", "From an event to a sink's acceptance.");
    describe_gauge!("frontdesk_handoff_backlog", "Events that wait for a sink.");
    describe_gauge!("frontdesk_handoff_oldest_seconds", "The age of the oldest of them.");
    describe_gauge!("frontdesk_dead_letters", "Events that were given up, by sink.");
    describe_gauge!("frontdesk_build_info", "Always 1; the version is a label.");
    metrics::gauge!("frontdesk_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Some(handle)
}
