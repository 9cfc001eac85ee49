//! How much a JSON text asks of whoever reads it. A few bytes can be many levels or many values, each of which takes memory, so that the
//! length of a text says little about what it costs.
//!
//! The limits stand above everything that a Kubernetes API can hold: its server takes requests of 3 MiB (`MaxRequestBodyBytes` in
//! apiserver/pkg/server/config.go; etcd's own default is 1.5 MiB) and JSON of 10,000 levels (`maxNestingDepth` of Go's encoding/json and of
//! sigs.k8s.io/json; 64 in CBOR).

/// Levels of lists and objects.
pub const MOST_LEVELS: usize = 10_000;

/// Values of one object. The shortest honest ones (a number and a comma, a text and a comma) make fewer in what etcd takes.
pub const MOST_VALUES: usize = 500_000;

/// Bytes of one object, before it is redacted.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What is too much about a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// It is too long.
    #[error("it is larger than {} MiB", MOST_BYTES / 1024 / 1024)]
    Bytes,
    /// No API server of Kubernetes reads so many levels.
    #[error("it is nested deeper than {MOST_LEVELS} levels")]
    Levels,
    /// It has too many values.
    #[error("it has more than {MOST_VALUES} values")]
    Values,
}

/// What is too much about one object.
pub fn excess(json: &[u8]) -> Option<Excess> {
    // Each level and each value has a sign of its own, inside of texts or not: of an ordinary object, to count these is enough, and fast.
    let signs = || json.iter().filter(|byte| matches!(byte, b'{' | b'[' | b',')).count();
    if json.len() <= MOST_BYTES && signs() <= MOST_LEVELS {
        return None;
    }
    let mut measure = Measure::default();
    if json.len() <= MOST_BYTES {
        measure.add(json);
    } else {
        measure.bytes = json.len();
    }
    measure.of_one()
}

/// Measures a JSON text as it comes, piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Measure {
    bytes: usize,
    open: usize,
    levels: usize,
    values: usize,
    in_text: bool,
    escaped: bool,
}

impl Measure {
    /// The next piece. What begins a list or an object counts as a value, and what a comma begins.
    pub fn add(&mut self, json: &[u8]) {
        self.bytes = self.bytes.saturating_add(json.len());
        let mut at = 0;
        loop {
            if self.in_text {
                // To the end of the text: what stands in it begins nothing.
                if std::mem::take(&mut self.escaped) {
                    at += 1;
                }
                let Some(next) = json.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) else {
                    // The escaped sign may be the first of the next piece.
                    self.escaped = at > json.len();
                    return;
                };
                at += next + 1;
                self.escaped = json.get(at - 1) == Some(&b'\\');
                self.in_text = self.escaped;
                continue;
            }
            let next = json.get(at);
            at += 1;
            match next {
                None => return,
                Some(b'"') => self.in_text = true,
                Some(b'{' | b'[') => {
                    self.open += 1;
                    self.values += 1;
                    self.levels = self.levels.max(self.open);
                }
                Some(b'}' | b']') => self.open = self.open.saturating_sub(1),
                Some(b',') => self.values += 1,
                Some(_) => {}
            }
        }
    }

    /// What is too much where the text is one object, or an answer that is read as a whole.
    pub fn of_one(&self) -> Option<Excess> {
        match () {
            () if self.bytes > MOST_BYTES => Some(Excess::Bytes),
            () if self.values > MOST_VALUES => Some(Excess::Values),
            () => self.of_many(),
        }
    }

    /// What is too much where the text is a page of objects, of which each is measured by itself.
    pub fn of_many(&self) -> Option<Excess> {
        (self.levels > MOST_LEVELS).then_some(Excess::Levels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_values_are_counted_outside_of_texts_however_they_come() {
        for (json, expected) in [
            (&br#"{"a":[1,2,{"b":"[{,\"[{,"}],"c":{}}"#[..], (3, 7)),
            (br#""\\",[]"#, (1, 2)),
            (b"]]}[[", (2, 2)),
            (b"\"never closed [[[", (0, 0)),
        ] {
            for size in 1..=json.len() {
                let mut measure = Measure::default();
                json.chunks(size).for_each(|piece| measure.add(piece));
                assert_eq!((measure.levels, measure.values, measure.bytes), (expected.0, expected.1, json.len()), "{size}");
            }
        }
    }

    #[test]
    fn each_limit_is_the_last_that_is_allowed() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(excess(nested(MOST_LEVELS).as_bytes()), None);
        assert_eq!(excess(nested(MOST_LEVELS + 1).as_bytes()), Some(Excess::Levels));
        let mut page = Measure::default();
        page.add(nested(MOST_LEVELS).as_bytes());
        assert_eq!(page.of_many(), None);
        page.add(nested(MOST_LEVELS + 1).as_bytes());
        assert_eq!(page.of_many(), Some(Excess::Levels));
        let many = |values: usize| format!("[{}0]", "0,".repeat(values - 1));
        assert_eq!(excess(many(MOST_VALUES).as_bytes()), None);
        assert_eq!(excess(many(MOST_VALUES + 1).as_bytes()), Some(Excess::Values));
        assert_eq!(excess(&vec![b' '; MOST_BYTES]), None);
        assert_eq!(excess(&vec![b' '; MOST_BYTES + 1]), Some(Excess::Bytes));
        assert_eq!(Excess::Bytes.to_string(), "it is larger than 16 MiB");
    }
}
