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
///
/// Brazilian subscribers that begin with 7 are left out: short ones may be radios of their own.
/// Those that begin with 2 to 5 are fixed lines, and with a 9 before them somebody else's mobile.
pub const TWINS: &[Twin] = &[
    Twin {
        why: "Brazil put a 9 before mobile numbers from 2012 to 2016; older WhatsApp ids lack it",
        source: "Anatel, Resolução 553/2010, art. 2, and Ato 6.305/2012 (schedule by area code)",
        prefix: "+55",
        area: 2,
        extra: "9",
        rest: 8,
        rest_begins: &["6", "8", "9"],
    },
    Twin {
        why: "Mexico dropped the 1 before mobiles in August 2019; older WhatsApp ids keep it",
        source: "IFT, Plan Técnico Fundamental de Numeración, DOF 11 May 2018, in force 3 August 2019",
        prefix: "+52",
        area: 0,
        extra: "1",
        rest: 10,
        rest_begins: &["2", "3", "4", "5", "6", "7", "8", "9"],
    },
    Twin {
        why: "Argentina writes a 9 before mobiles called from abroad; SMS networks leave it out",
        source: "Secretaría de Comunicaciones, ten-digit plan; libphonenumber metadata 9.0.43, AR",
        prefix: "+54",
        area: 0,
        extra: "9",
        rest: 10,
        rest_begins: &["1", "2", "3"],
    },
    Twin {
        why: "Benin put 01 before every number on 30 November 2024",
        source: "ARCEP Bénin, as reported by AllAfrica, 30 November 2024",
        prefix: "+229",
        area: 0,
        extra: "01",
        rest: 8,
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
