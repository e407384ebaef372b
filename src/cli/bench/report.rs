//! What the bench says: figures, and beside them the ratios that are to hold.

use std::fmt;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::{
    decode::{Content, Decoding, Times},
    handoff::Handed,
    load::{Cost, Run},
};

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub machine: Machine,
    pub figures: Vec<Figure>,
    pub decoding: Vec<Decoding>,
    pub handed: Vec<Handed>,
    pub ratios: Vec<Ratio>,
    /// What was not measured, and why.
    pub left_out: Vec<String>,
}

/// What shared the machine.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub version: &'static str,
    pub cores: usize,
    pub load_average_before: Option<String>,
    pub load_average_after: Option<String>,
    pub databases: Vec<String>,
    /// Seconds of each measurement and how often it was made.
    pub seconds: f64,
    pub rounds: usize,
}

/// One scenario at one gateway.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub subject: String,
    pub senders: &'static str,
    pub connections: usize,
    /// Messages stored before; the endpoint stores none.
    pub stored: Option<u64>,
    /// Requests a second that were asked for; without, as many as it takes.
    pub asked_per_second: Option<f64>,
    pub rounds: Vec<Run>,
}

/// The middle of some values, and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

/// What a ratio must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    AtLeast { least: f64, aim: f64 },
    AtMost { most: f64, aim: f64 },
}

/// One row of what is to hold.
#[derive(Debug, Serialize)]
pub(super) struct Ratio {
    pub name: String,
    #[serde(flatten)]
    pub spread: Spread,
    pub bound: Bound,
    pub held: bool,
}

impl Ratio {
    pub fn new(name: String, values: impl IntoIterator<Item = f64>, bound: Bound) -> Self {
        let spread = Spread::of(values);
        Self { name, spread, bound, held: bound.holds(spread.median) }
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast { least, .. } => value >= least,
            Self::AtMost { most, .. } => value <= most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast { least, aim } => write!(f, "≥ {least} (aim {aim})"),
            Self::AtMost { most, aim } => write!(f, "≤ {most} (aim {aim})"),
        }
    }
}

impl Spread {
    /// Of no values all three are NaN, which holds no bound.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self { median: at(values.len() / 2), min: at(0), max: at(values.len().saturating_sub(1)) }
    }
}

impl Figure {
    pub fn spread(&self, of: impl Fn(&Run) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(of))
    }

    /// The median of what is known of it.
    fn cost(&self, of: impl Fn(&Cost) -> f64) -> String {
        let costs = self.rounds.iter().filter_map(|run| run.cost.as_ref());
        let median = Spread::of(costs.map(of)).median;
        if median > 0.0 { format!("{median:.0}") } else { String::new() }
    }

    fn failed(&self) -> usize {
        self.rounds.iter().map(|run| run.failed).sum()
    }
}

impl Report {
    pub fn holds(&self) -> bool {
        self.ratios.iter().all(|ratio| ratio.held)
            && self.figures.iter().all(|figure| figure.failed() == 0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { version, cores, databases, seconds, rounds, .. } = &self.machine;
        writeln!(f, "frontdesk {version} on {cores} cores, which the load generator, the gateway")?;
        writeln!(f, "and the database shared; every figure is the median of {rounds} rounds of")?;
        writeln!(f, "{seconds} s, in turns. Compare ratios, not machines.")?;
        for database in databases {
            writeln!(f, "{database}")?;
        }
        let average = |average: &Option<String>| average.clone().unwrap_or("unknown".to_owned());
        let before = average(&self.machine.load_average_before);
        let after = average(&self.machine.load_average_after);
        writeln!(f, "Load average {before} before, {after} after.\n")?;
        if !self.figures.is_empty() {
            writeln!(f, "{}\n", figures(&self.figures))?;
        }
        if !self.decoding.is_empty() {
            writeln!(f, "{}\n", decoding(&self.decoding))?;
        }
        if !self.handed.is_empty() {
            writeln!(f, "{}\n", handed(&self.handed))?;
        }
        write!(f, "{}", ratios(&self.ratios))?;
        for left_out in &self.left_out {
            write!(f, "\n\nNot measured: {left_out}.")?;
        }
        Ok(())
    }
}

fn figures(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "subject",
        "senders",
        "connections",
        "stored",
        "asked/s",
        "messages/s",
        "min–max",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "cpu µs",
        "database µs",
        "failed",
    ]);
    for figure in figures {
        let rate = figure.spread(|run| run.per_second);
        table.add_row([
            figure.subject.clone(),
            figure.senders.to_owned(),
            figure.connections.to_string(),
            figure.stored.map(short).unwrap_or_default(),
            figure.asked_per_second.map(|rate| format!("{rate:.0}")).unwrap_or_default(),
            format!("{:.0}", rate.median),
            format!("{:.0}–{:.0}", rate.min, rate.max),
            format!("{:.2}", figure.spread(|run| run.p50).median),
            format!("{:.2}", figure.spread(|run| run.p99).median),
            format!("{:.2}", figure.spread(|run| run.p999).median),
            figure.cost(|cost| cost.server),
            figure.cost(|cost| cost.database),
            figure.failed().to_string(),
        ]);
    }
    table
}

/// The least of each time: what shared the machine only ever added to one.
fn decoding(decoding: &[Decoding]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "provider",
        "content",
        "bytes",
        "MAC and parsing µs",
        "verify, parse, answer µs",
        "line of --jsonl µs",
        "lines/s on one core",
    ]);
    for decoding in decoding {
        let least = |of: fn(&Times) -> f64| Spread::of(decoding.rounds.iter().map(of)).min;
        let line = least(|times| times.line);
        table.add_row([
            decoding.provider.to_owned(),
            match decoding.content {
                Content::Form => "form".to_owned(),
                Content::Json => "JSON".to_owned(),
                Content::Other => "other".to_owned(),
            },
            decoding.bytes.to_string(),
            format!("{:.2}", least(|times| times.bare)),
            format!("{:.2}", least(|times| times.ours)),
            format!("{line:.2}"),
            format!("{:.0}", 1e6 / line),
        ]);
    }
    table
}

fn handed(handed: &[Handed]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["handed on once nothing came in", "events/s", "min–max"]);
    for handed in handed {
        let Spread { median, min, max } = Spread::of(handed.per_second.iter().copied());
        let cells = [handed.subject.clone(), format!("{median:.0}"), format!("{min:.0}–{max:.0}")];
        table.add_row(cells);
    }
    table
}

pub(super) fn ratios(ratios: &[Ratio]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["to hold", "bound", "median", "min–max", "held"]);
    for ratio in ratios {
        let Spread { median, min, max } = ratio.spread;
        table.add_row([
            ratio.name.clone(),
            ratio.bound.to_string(),
            format!("{median:.2}"),
            format!("{min:.2}–{max:.2}"),
            if ratio.held { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    table
}

/// A count as people write it: `10k`, `5M`.
pub(super) fn short(count: u64) -> String {
    match count {
        0 => "0".to_owned(),
        count if count % 1_000_000 == 0 => format!("{}M", count / 1_000_000),
        count if count % 1_000 == 0 => format!("{}k", count / 1_000),
        count => count.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_holds_by_its_median() {
        let least = Bound::AtLeast { least: 6.0, aim: 10.0 };
        assert!(Ratio::new(String::new(), [5.0, 7.0, 6.0], least).held);
        assert!(!Ratio::new(String::new(), [5.0, 9.0, 5.5], least).held);
        assert!(!Ratio::new(String::new(), [], least).held);
        let most = Bound::AtMost { most: 2.0, aim: 1.5 };
        assert_eq!(
            Ratio::new(String::new(), [3.0, 1.0, 2.0], most).spread,
            Spread { median: 2.0, min: 1.0, max: 3.0 }
        );
    }

    #[test]
    fn counts_are_short() {
        assert_eq!([10_000, 5_000_000, 1_234].map(short), ["10k", "5M", "1234"]);
    }
}
