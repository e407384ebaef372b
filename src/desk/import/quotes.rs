//! Whether a CSV file ends within quotes, which the CSV library takes for the end of a cell.
//!
//! It looks at the bytes on their way to the library and takes quotes as that does: they open a cell
//! only as its first character, and are written twice within.

use std::io::{self, Read};

/// A source of CSV that knows whether it ended within quotes.
#[derive(Debug)]
pub(super) struct Quotes<R> {
    source: R,
    place: Place,
    has_ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first character of a cell.
    Start,
    /// In a cell without quotes, or after those of one.
    Plain,
    Quoted,
    /// After a quote within quotes: it closes the cell unless another follows.
    Closing,
}

impl Place {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Start | Self::Closing, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::Closing,
            (Self::Quoted, _) => Self::Quoted,
            (Self::Start | Self::Plain | Self::Closing, b',' | b'\n') => Self::Start,
            (Self::Start | Self::Plain | Self::Closing, _) => Self::Plain,
        }
    }
}

impl<R> Quotes<R> {
    pub fn new(source: R) -> Self {
        Self { source, place: Place::Start, has_ended: false }
    }

    /// Whether the end is read, and is within quotes.
    pub fn is_open_at_end(&self) -> bool {
        self.has_ended && self.place == Place::Quoted
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(into)?;
        self.has_ended = length == 0 && !into.is_empty();
        self.place = into[..length].iter().fold(self.place, |place, byte| place.after(*byte));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_quotes_that_begin_a_cell_stay_open() {
        for (text, is_open) in [
            ("a,b\n\"c\",d\n", false),
            ("a,\"b", true),
            ("a,\"b\n\nc,d\n", true),
            ("a,\"b\"\"", true),
            ("a,\"b\"\"c\"", false),
            ("a,5\" wide\n", false),
            ("a,\"b\" wide\n", false),
            ("", false),
        ] {
            let mut quotes = Quotes::new(text.as_bytes());
            assert!(!quotes.is_open_at_end());
            io::copy(&mut quotes, &mut io::sink()).expect("bytes");
            assert_eq!(quotes.is_open_at_end(), is_open, "{text}");
        }
    }
}
