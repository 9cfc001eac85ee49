//! The series of `/metrics` that a snapshot holds: what one API server did since its process started.
//!
//! Counters are stored as `0` or `>0` (`collect/metrics.rs`), so only two things are ever concluded from one: that something has
//! happened since the process started, or, where the server writes the counter at 0, that it has not. A series that is not there
//! proves nothing, except where a table says why.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::FactsError;
use super::table::read::Reader;
use crate::model::sources::METRICS;
use crate::model::{Evidence, Grade, Unseen};

#[derive(Deserialize)]
struct Stored {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    value: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(f64),
}

/// One series.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) labels: BTreeMap<String, String>,
    /// As stored: `0`, `>0`, or the server's own text.
    pub(super) value: String,
    pub(super) origin: Evidence,
}

impl Sample {
    /// A label; series without it have it empty (Prometheus data model).
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
    /// Whether it counts anything.
    pub(super) fn moved(&self) -> bool {
        self.value == ">0" || self.value.parse::<f64>().is_ok_and(|number| number > 0.0)
    }
}

/// All series by name.
pub(super) struct Metrics {
    families: BTreeMap<String, Vec<Sample>>,
    gap: Option<Unseen>,
}

impl Metrics {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut families: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
        reader.each_stored(&METRICS, |stored| match serde_json::from_str::<Stored>(&stored.json) {
            Ok(Stored { name, labels, value }) => {
                let value = match value {
                    Value::Text(text) => text,
                    Value::Number(number) => number.to_string(),
                };
                let mut origin = reader.origin(&METRICS, &Default::default(), &stored, Grade::LiveEffect);
                origin.pointer = "/value".into();
                families.entry(name).or_default().push(Sample { labels, value, origin });
            }
            Err(error) => reader.not_understood(&METRICS, &stored, &error.to_string()),
        })?;
        for samples in families.values_mut() {
            samples.sort_by(|a, b| (&a.labels, &a.value).cmp(&(&b.labels, &b.value)));
        }
        Ok(Self { families, gap: reader.gap(&METRICS) })
    }

    /// The series of that name, sorted by their labels.
    pub(super) fn family(&self, name: &str) -> &[Sample] {
        self.families.get(name).map_or(&[], Vec::as_slice)
    }

    /// When the process started that counted, to be shown beside what its counters say.
    pub(super) fn start(&self) -> Option<&Sample> {
        self.family("process_start_time_seconds").first()
    }

    /// Any series: what a row rests on that no single series decides.
    pub(super) fn any(&self) -> Option<&Evidence> {
        self.start().or_else(|| self.families.values().flatten().next()).map(|sample| &sample.origin)
    }

    /// Why `what` is not known: the page was not read, or `silent` where it was and says nothing.
    pub(super) fn unseen(&self, what: &str, silent: &str, how_to_see: &str) -> Unseen {
        if let Some(gap) = &self.gap {
            return Unseen { what: what.to_owned(), ..gap.clone() };
        }
        let why = match self.families.is_empty() {
            true => "the server offers no /metrics",
            false => silent,
        };
        Unseen::not_visible(what.to_owned(), why.to_owned(), how_to_see.to_owned())
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::sync::Arc;

    use super::*;
    use crate::model::Reading;

    /// A page with these series: name, labels, value.
    pub(in crate::facts) fn metrics<const N: usize>(series: &[(&str, [(&str, &str); N], &str)]) -> Metrics {
        let mut families: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
        for (name, labels, value) in series {
            let reading = Reading {
                source: METRICS,
                object: None,
                resource_version: None,
                sha256: String::new(),
                collected_at: Arc::from(""),
                request: None,
            };
            let origin = Evidence { grade: Grade::LiveEffect, reading: Arc::new(reading), pointer: "/value".into() };
            let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            families.entry((*name).to_owned()).or_default().push(Sample { labels, value: (*value).to_owned(), origin });
        }
        Metrics { families, gap: None }
    }
}
