//! `bag-info.txt`: a few lines about the bag, in a fixed order.

use super::seal::About;

/// The labels, in their order.
const LABELS: [&str; 5] = ["Bag-Software-Agent", "Bagging-Date", "External-Description", "External-Identifier", "Payload-Oxum"];

/// Number of bytes and of files below `data/`, as BagIt writes it.
pub(super) fn oxum(bytes: u64, files: u64) -> String {
    format!("{bytes}.{files}")
}

/// The identity of a cluster that did not say it.
pub(super) const UNKNOWN: &str = "unknown";

/// The day of a time in RFC 3339.
pub(super) fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

/// The text about a bag with this payload.
pub(super) fn written(about: &About, oxum: &str) -> String {
    let description = format!(
        "Evidence observed in the Kubernetes cluster {} between {} and {}",
        one_line(&about.cluster),
        one_line(&about.started),
        one_line(&about.finished)
    );
    let values = [
        format!("kube-hipaa {}", one_line(&about.version)),
        one_line(day(&about.finished)),
        description,
        one_line(about.uid.as_deref().unwrap_or(UNKNOWN)),
        oxum.to_owned(),
    ];
    LABELS.iter().zip(values).map(|(label, value)| format!("{label}: {value}\n")).collect()
}

/// What the text says of the payload, of the cluster and of the day.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) oxum: String,
    pub(super) identifier: String,
    pub(super) day: String,
}

/// Reads it; it has one form.
pub(super) fn read(bytes: &[u8]) -> Result<Info, &'static str> {
    const FORM: &str = "it has not the lines that this file has in a bundle";
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    let lines: Option<Vec<(&str, &str)>> = text.split_terminator('\n').map(|line| line.split_once(": ")).collect();
    let lines = lines.filter(|lines| text.ends_with('\n') && lines.iter().map(|(label, _)| *label).eq(LABELS)).ok_or(FORM)?;
    let value = |label: &str| lines.iter().find(|(known, _)| *known == label).map(|(_, value)| (*value).to_owned()).unwrap_or_default();
    Ok(Info { oxum: value("Payload-Oxum"), identifier: value("External-Identifier"), day: value("Bagging-Date") })
}

/// Text of a cluster on one line, without what could begin another.
pub(super) fn one_line(text: &str) -> String {
    let short: String = text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_names_of_clusters_add_no_line() {
        let about = About {
            version: "0.1.0".to_owned(),
            cluster: "a\nPayload-Oxum: 1.1\n".to_owned(),
            uid: None,
            started: "2026-11-28T16:00:00Z".to_owned(),
            finished: "2026-11-28T16:03:00Z".to_owned(),
        };
        let text = written(&about, "12.3");
        let info = Info { oxum: "12.3".to_owned(), identifier: "unknown".to_owned(), day: "2026-11-28".to_owned() };
        assert_eq!(read(text.as_bytes()), Ok(info));
        for bad in [text.trim_end(), &format!("{text}X: y\n"), &text.replace("Oxum: ", "Oxum:"), ""] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
