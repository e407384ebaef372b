//! A bell that is rung after a commit, for whoever waits to tell what it brought.

use std::sync::Arc;

use tokio::sync::watch;

/// Rings for everybody who listens. One that rang while nobody listened is heard all the same.
#[derive(Clone, Debug)]
pub struct Bell(Arc<watch::Sender<()>>);

/// Hears a [`Bell`].
#[derive(Debug)]
pub struct Ear(watch::Receiver<()>);

impl Default for Bell {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

impl Bell {
    /// Says that something has been committed.
    pub fn ring(&self) {
        self.0.send_replace(());
    }

    /// Somebody who will hear it from now on.
    #[must_use]
    pub fn ear(&self) -> Ear {
        Ear(self.0.subscribe())
    }
}

impl Ear {
    /// Waits until it has rung since the last time.
    pub async fn heard(&mut self) {
        if self.0.changed().await.is_err() {
            // The bell is gone; whoever waits has other reasons to wake up.
            std::future::pending::<()>().await;
        }
    }
}
