//! Numbers that are written in two ways and reach the same person.
//!
//! Matching looks at all spellings of a number; nothing stored is ever rewritten, and two profiles
//! are never merged because of it.

/// One pair of spellings: `long` has `extra` digits after `prefix` that `short` lacks.
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    /// Country, and why there are two spellings.
    pub why: &'static str,
    /// Where the rule stands.
    pub source: &'static str,
    /// `+`, country code, and how many digits of area code follow it before the difference.
    pub prefix: &'static str,
    /// Digits of area code between `prefix` and `extra`.
    pub area: usize,
    /// What the long spelling inserts.
    pub extra: &'static str,
    /// Digits after the difference.
    pub rest: usize,
    /// What the digits after the difference may begin with; empty for anything.
    pub rest_begins: &'static [&'static str],
}

/// The pairs we know.
pub const TWINS: &[Twin] = &[
    Twin {
        why: "Brazil put a 9 before mobile numbers, 2012 to 2016; WhatsApp ids of older accounts lack it",
        source: "Anatel, Resolução 553/2010 (nono dígito); https://www.gov.br/anatel",
        prefix: "+55",
        area: 2,
        extra: "9",
        rest: 8,
        rest_begins: &["6", "7", "8", "9"],
    },
    Twin {
        why: "Mexico dropped the 1 that calls from abroad to mobiles needed, August 2019; WhatsApp ids keep it",
        source: "IFT, Plan Técnico Fundamental de Numeración 2018; ITU Operational Bulletin 1175",
        prefix: "+52",
        area: 0,
        extra: "1",
        rest: 10,
        rest_begins: &[],
    },
    Twin {
        why: "Argentina writes a 9 before mobile numbers called from abroad; SMS networks leave it out",
        source: "ITU National Numbering Plan of Argentina (+54), section on mobile services",
        prefix: "+54",
        area: 0,
        extra: "9",
        rest: 10,
        rest_begins: &[],
    },
];

/// The other spellings of `number`, which is given with its `+`.
pub fn twins(number: &str) -> Vec<String> {
    TWINS.iter().filter_map(|twin| twin.other(number)).collect()
}

impl Twin {
    fn other(&self, number: &str) -> Option<String> {
        let national = number.strip_prefix(self.prefix)?;
        if !national.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (area, local) = national.split_at_checked(self.area)?;
        let rest_fits = |rest: &str| {
            rest.len() == self.rest
                && (self.rest_begins.is_empty()
                    || self.rest_begins.iter().any(|start| rest.starts_with(start)))
        };
        if rest_fits(local) {
            return Some(format!("{}{area}{}{local}", self.prefix, self.extra));
        }
        let rest = local.strip_prefix(self.extra)?;
        rest_fits(rest).then(|| format!("{}{area}{rest}", self.prefix))
    }
}
