//! Feature gates, as the API server that answered says: they decide before its version does.
//!
//! `kubernetes_feature_enabled` holds every gate that the binary knows under its emulated version, with 1 or 0 after flags and
//! `AllAlpha`/`AllBeta` were applied (component-base featuregate/feature_gate.go, AddMetrics; kube-apiserver calls it at its start,
//! since 1.26). The counters of the other programs are pages of their own, which are not read: the series speaks for kube-apiserver.

use std::collections::BTreeMap;

use crate::facts::Known;
use crate::facts::metrics::{Metrics, Sample};
use crate::model::{Evidence, Unseen};

const SERIES: &str = "kubernetes_feature_enabled";

/// The feature gates of the API server that answered `/metrics`. Rests on the source METRICS alone.
pub(in crate::facts) struct Gates {
    /// On or off by name; nothing where two series of one gate disagree or one cannot be read.
    listed: BTreeMap<String, (Option<bool>, Evidence)>,
    /// Why no gate is known, where none was reported.
    unseen: Option<Unseen>,
}

impl Gates {
    /// Those of a page that was read: `Gates::of(&Metrics::read(reader)?)`.
    pub(in crate::facts) fn of(metrics: &Metrics) -> Self {
        let mut listed: BTreeMap<String, (Option<bool>, Evidence)> = BTreeMap::new();
        for sample in metrics.family(SERIES) {
            let said = on(sample);
            listed
                .entry(sample.label("name").to_owned())
                .and_modify(|(known, _)| *known = known.filter(|known| Some(*known) == said))
                .or_insert_with(|| (said, sample.origin.clone()));
        }
        let unseen = listed.is_empty().then(|| {
            metrics.unseen(
                "which feature gates of the API server are on",
                "it does not say which feature gates are on, as servers do since 1.26",
                "Ask whoever operates the control plane for the value of --feature-gates.",
            )
        });
        Self { listed, unseen }
    }

    /// Whether a gate is on. Nothing where the server reports its gates and this is not among them: its version does not have the
    /// gate yet or no more, and the version alone decides.
    pub(in crate::facts) fn enabled(&self, gate: &str) -> Known<Option<bool>> {
        if let Some(unseen) = &self.unseen {
            return Known::Unknown(Unseen { what: format!("whether the feature gate {gate} of the API server is on"), ..unseen.clone() });
        }
        match self.listed.get(gate) {
            None => Known::Known(None),
            Some((Some(on), _)) => Known::Known(Some(*on)),
            Some((None, _)) => Known::Unknown(super::not_visible("kube-apiserver", "feature-gates", "its /metrics say neither on nor off")),
        }
    }

    /// Where the server says so.
    pub(in crate::facts) fn evidence(&self, gate: &str) -> Option<&Evidence> {
        self.listed.get(gate).map(|(_, origin)| origin)
    }
}

/// A gauge of 0 or 1.
fn on(sample: &Sample) -> Option<bool> {
    match sample.value.parse::<f64>() {
        Ok(1.0) => Some(true),
        Ok(0.0) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::metrics::testing::metrics;

    fn gates(series: &[(&str, &str)]) -> Gates {
        let lines: Vec<_> = series.iter().map(|(gate, value)| (SERIES, [("name", *gate), ("stage", "BETA")], *value)).collect();
        Gates::of(&metrics(&lines))
    }

    #[test]
    fn a_gate_is_what_the_server_says_of_it() {
        let gates = gates(&[("AllAlpha", "0"), ("KMSv1", "1")]);
        assert_eq!(gates.enabled("KMSv1"), Known::Known(Some(true)));
        assert_eq!(gates.enabled("AllAlpha"), Known::Known(Some(false)));
        assert_eq!(gates.enabled("NotThere"), Known::Known(None), "the version decides");
        assert!(gates.evidence("KMSv1").is_some() && gates.evidence("NotThere").is_none());
    }

    #[test]
    fn what_contradicts_itself_or_is_no_switch_is_not_known() {
        assert!(matches!(gates(&[("KMSv1", "1"), ("KMSv1", "0")]).enabled("KMSv1"), Known::Unknown(_)));
        assert!(matches!(gates(&[("KMSv1", "NaN")]).enabled("KMSv1"), Known::Unknown(_)));
    }

    #[test]
    fn without_the_series_no_gate_is_known() {
        assert!(matches!(gates(&[]).enabled("KMSv1"), Known::Unknown(_)));
    }
}
