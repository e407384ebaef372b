//! What came of a replay, by channel.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{CellAlignment, Table};

use crate::{
    cli::{
        Exit, fault,
        terminal::{BOLD, print, styled},
    },
    ingest::Difference,
};

/// What came of one request.
pub(super) struct Fate {
    /// The archive's word for it, or `handshake`; `answered` when only the gateway knows.
    pub outcome: &'static str,
    pub events: usize,
    pub duplicates: usize,
    pub status: Option<u16>,
    /// Why it was refused or failed.
    pub detail: Option<String>,
    /// Whether it was refused although it should have proven itself.
    pub is_mistrusted: bool,
    /// What a dry run found.
    pub differences: Vec<Difference>,
}

impl Fate {
    pub fn new(outcome: &'static str) -> Self {
        Self {
            outcome,
            events: 0,
            duplicates: 0,
            status: None,
            detail: None,
            is_mistrusted: false,
            differences: Vec::new(),
        }
    }

    pub fn failed(outcome: &'static str, detail: String) -> Self {
        Self { detail: Some(detail), ..Self::new(outcome) }
    }
}

#[derive(Default)]
pub(super) struct Report {
    rows: BTreeMap<String, Row>,
    /// Channels that do not exist.
    pub unknown: BTreeSet<String>,
    /// How often each channel's requests had each outcome for each reason.
    reasons: BTreeMap<(String, &'static str, String), usize>,
}

#[derive(Default)]
struct Row {
    requests: usize,
    answered: usize,
    new: usize,
    duplicates: usize,
    refused: usize,
    mistrusted: usize,
    failed: usize,
    /// Events that would be read otherwise than they were recorded.
    changed: usize,
}

/// Says what one request would change.
pub(super) fn show_differences(source: &str, differences: &[Difference]) -> anyhow::Result<()> {
    for Difference { kind, provider_id, new, fields, .. } in differences {
        let id = provider_id.as_deref().unwrap_or("without an id");
        let what = match new {
            true => "would be new".to_owned(),
            false => format!("recorded, but read differently today: {}", fields.join(", ")),
        };
        print(format!("{source}: {kind} {id}: {what}"))?;
    }
    Ok(())
}

impl Report {
    pub fn add(&mut self, channel: &str, fate: &Fate) {
        let row = self.rows.entry(channel.to_owned()).or_default();
        row.requests += 1;
        row.answered += usize::from(fate.outcome == "answered");
        row.new += fate.events - fate.duplicates;
        row.duplicates += fate.duplicates;
        row.changed += fate.differences.iter().filter(|difference| !difference.new).count();
        row.refused += usize::from(fate.outcome == "refused");
        row.mistrusted += usize::from(fate.is_mistrusted);
        row.failed += usize::from(matches!(fate.outcome, "failed" | "unknown_channel"));
        if let Some(detail) = &fate.detail
            && !self.unknown.contains(channel)
        {
            let reason = (channel.to_owned(), fate.outcome, detail.clone());
            *self.reasons.entry(reason).or_default() += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether something was refused that should have proven itself.
    pub fn is_mistrusted(&self) -> bool {
        self.total(|row| row.mistrusted) > 0
    }

    /// Says why requests were refused or failed.
    pub fn say_why(&self) {
        for ((channel, outcome, detail), count) in &self.reasons {
            let outcome = if *outcome == "refused" { "refused" } else { "failed" };
            anstream::eprintln!("{channel}: {count} {outcome}: {detail}");
        }
    }

    /// Prints the table; what a gateway elsewhere recorded, its answers do not tell.
    pub fn show(&self, to_gateway: bool) -> anyhow::Result<()> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        if to_gateway {
            table.set_header(["channel", "requests", "answered", "refused", "failed"]);
        } else {
            table.set_header(["channel", "requests", "new", "duplicates", "refused", "failed"]);
        }
        for (channel, row) in &self.rows {
            let numbers = if to_gateway {
                vec![row.requests, row.answered, row.refused, row.failed]
            } else {
                vec![row.requests, row.new, row.duplicates, row.refused, row.failed]
            };
            let numbers = numbers.into_iter().map(|number| number.to_string());
            table.add_row(std::iter::once(channel.clone()).chain(numbers));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Ok(print(table)?)
    }

    /// Says in a sentence what was or would be new.
    pub fn sum_up(&self, dry_run: bool) {
        let requests = self.total(|row| row.requests);
        let new = match (self.total(|row| row.new), dry_run) {
            (0, _) => "nothing new".to_owned(),
            (new, true) => format!("{new} events would be recorded"),
            (new, false) => format!("{new} events recorded"),
        };
        anstream::eprintln!("{}", styled(BOLD, format!("{requests} requests: {new}")));
    }

    /// What has to prove itself may well be refused. Archived requests were so before; of files it
    /// would mean that none was right.
    pub fn exit(&self, dry_run: bool, archived: bool) -> anyhow::Result<Exit> {
        if !self.unknown.is_empty() {
            let channels = self.unknown.iter().cloned().collect::<Vec<_>>().join(", ");
            let message = format!("no such channel: {channels}; `frontdesk apply` makes channels");
            return Err(fault(Exit::NotFound, message));
        }
        let refused = self.total(|row| row.refused);
        let none_is_right = !archived && refused > 0 && refused == self.total(|row| row.requests);
        if none_is_right || self.is_mistrusted() || self.total(|row| row.failed) > 0 {
            return Ok(Exit::Failed);
        }
        let found = self.total(|row| row.new + row.changed);
        Ok(if dry_run && found > 0 { Exit::Findings } else { Exit::Done })
    }

    fn total(&self, of: fn(&Row) -> usize) -> usize {
        self.rows.values().map(of).sum()
    }
}
