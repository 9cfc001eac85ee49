//! Until when whoever publishes the operating system of a node mends it.

use crate::facts::Known;
use crate::model::Unseen;
use crate::model::sources::NODES;

/// A release of an operating system, and when fixes for it end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Release {
    /// As `status.nodeInfo.osImage` begins with it (`PRETTY_NAME` of os-release(5)), up to where a further digit would name another one.
    begins: &'static str,
    /// Last day on which the publisher's fixes come without a further contract.
    ends: &'static str,
    /// Last day of longer support that has to be bought; empty where none is sold by the publisher.
    bought: &'static str,
}

const fn release(begins: &'static str, ends: &'static str, bought: &'static str) -> Release {
    Release { begins, ends, bought }
}

/// Days as the publishers announce them, collected by endoflife.date (products/*.md; read 2026-11 at its state of 2026-08-22): `eol`, and
/// `eoes` where longer support is sold. For Ubuntu that is fifteen years, since Canonical sells Legacy support (announced in November 2025).
/// For Debian it is the end of its long term support, which comes without a contract.
#[rustfmt::skip]
const RELEASES: &[Release] = &[
    release("Ubuntu 14.04", "2019-04-02", "2029-04-30"), release("Ubuntu 16.04", "2021-04-02", "2031-04-30"),
    release("Ubuntu 18.04", "2023-05-31", "2033-04-30"), release("Ubuntu 20.04", "2025-05-31", "2035-04-30"),
    release("Ubuntu 22.04", "2027-04-01", "2037-04-30"), release("Ubuntu 23.04", "2024-01-20", ""),
    release("Ubuntu 23.10", "2024-07-12", ""), release("Ubuntu 24.04", "2029-05-31", "2039-04-30"),
    release("Ubuntu 24.10", "2025-07-10", ""), release("Ubuntu 25.04", "2026-01-17", ""),
    release("Ubuntu 25.10", "2026-07-01", ""), release("Ubuntu 26.04", "2031-04-30", "2041-04-30"),
    release("Debian GNU/Linux 9", "2022-07-01", ""), release("Debian GNU/Linux 10", "2024-06-30", ""),
    release("Debian GNU/Linux 11", "2026-08-31", ""), release("Debian GNU/Linux 12", "2028-06-30", ""),
    release("Debian GNU/Linux 13", "2030-06-30", ""),
    release("Amazon Linux 2", "2026-06-30", ""), release("Amazon Linux 2023", "2029-06-30", ""),
    release("Amazon Linux AMI", "2023-12-31", ""),
    release("Red Hat Enterprise Linux Server 7", "2024-06-30", "2029-05-31"), release("Red Hat Enterprise Linux 8", "2029-05-31", "2033-05-31"),
    release("Red Hat Enterprise Linux 9", "2032-05-31", "2036-05-31"), release("Red Hat Enterprise Linux 10", "2035-05-31", "2039-05-31"),
    release("Rocky Linux 8", "2029-05-31", ""), release("Rocky Linux 9", "2032-05-31", ""), release("Rocky Linux 10", "2035-05-31", ""),
    release("AlmaLinux 8", "2029-05-31", ""), release("AlmaLinux 9", "2032-05-31", ""), release("AlmaLinux 10", "2035-05-31", ""),
    release("CentOS Linux 7", "2024-06-30", ""), release("CentOS Linux 8", "2021-12-31", ""),
    release("CentOS Stream 8", "2024-05-31", ""), release("CentOS Stream 9", "2027-05-31", ""), release("CentOS Stream 10", "2030-05-31", ""),
    release("Oracle Linux Server 7", "2024-12-31", "2028-06-30"), release("Oracle Linux Server 8", "2029-07-31", "2032-07-31"),
    release("Oracle Linux Server 9", "2032-06-30", "2035-06-30"),
    release("SUSE Linux Enterprise Server 12 SP5", "2024-10-31", "2027-10-31"), release("SUSE Linux Enterprise Server 15 SP3", "2022-12-31", "2025-12-31"),
    release("SUSE Linux Enterprise Server 15 SP4", "2023-12-31", "2026-12-31"), release("SUSE Linux Enterprise Server 15 SP5", "2024-12-31", "2027-12-31"),
    release("SUSE Linux Enterprise Server 15 SP6", "2025-12-31", "2028-12-31"), release("SUSE Linux Enterprise Server 15 SP7", "2031-07-31", "2034-07-31"),
    release("SUSE Linux Enterprise Server 16.0", "2027-11-30", "2030-11-30"),
    release("Fedora Linux 40", "2025-05-13", ""), release("Fedora Linux 41", "2025-12-15", ""), release("Fedora Linux 42", "2026-05-27", ""),
    release("Fedora Linux 43", "2026-12-09", ""), release("Fedora Linux 44", "2027-06-02", ""),
];

/// The release that `os_image` names.
fn named(os_image: &str) -> Option<&'static Release> {
    let continues = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    RELEASES.iter().find(|release| os_image.strip_prefix(release.begins).is_some_and(|rest| !continues(rest)))
}

/// Publishers that mend the newest point release only; the last one of each major version that has had its last. What is not on it may wait for
/// fixes that come with the next one, and which is the newest this program cannot know.
const POINT_RELEASES: &[(&str, &[&str])] = &[
    ("Red Hat Enterprise Linux", &["8.10"]),
    ("Rocky Linux", &["8.10"]),
    ("AlmaLinux", &["8.10"]),
    ("Oracle Linux Server", &["7.9", "8.10"]),
];

/// Architectures of Debian's long term support (wiki.debian.org/LTS, for Debian 11).
const DEBIAN_LTS: [&str; 4] = ["386", "amd64", "arm", "arm64"];

/// Why a release that is mended does not tell whether this node's is.
fn in_doubt(os_image: &str, architecture: &str) -> Option<String> {
    if os_image.starts_with("Debian") && !DEBIAN_LTS.contains(&architecture) {
        return Some(format!("Debian's long term support is not for every architecture, and the node is of `{architecture}`"));
    }
    let (family, last) = POINT_RELEASES.iter().find(|(family, _)| os_image.starts_with(family))?;
    let version = os_image[family.len()..].split_whitespace().next().unwrap_or_default();
    let known = last.contains(&version) || !version.contains('.');
    (!known).then(|| format!("the publisher mends the newest point release only, and whether {family} {version} is it is not known here"))
}

/// The last day of fixes that come without a further contract.
pub(super) fn end_of_service(node: &str, os_image: &str) -> Known<String> {
    match named(os_image) {
        Some(release) => Known::Known(release.ends.to_owned()),
        None => Known::Unknown(
            Unseen::not_understood(
                format!("until when the operating system of the node {node} gets fixes"),
                match os_image {
                    "" => "the kubelet does not say which it is".to_owned(),
                    named => format!("this program knows no day for `{named}`"),
                },
                "Ask its publisher, or the provider of the nodes, until when this release gets fixes.",
            )
            .of(&NODES),
        ),
    }
}

/// Whether that day had not passed when the cluster was read. Where longer support is sold, nobody sees whether it was bought.
pub(super) fn supported(node: &str, os_image: &str, architecture: &str, collected: &str) -> Known<bool> {
    let Some(release) = named(os_image) else { return end_of_service(node, os_image).map(|_| false) };
    let day = collected.get(..release.ends.len()).unwrap_or(collected);
    match (day <= release.ends, day <= release.bought) {
        (true, _) => in_doubt(os_image, architecture).map_or(Known::Known(true), |why| {
            Known::Unknown(Unseen::not_visible(
                format!("whether the operating system of the node {node} still gets fixes"),
                why,
                "Look on the node whether its packages are current.",
            ))
        }),
        (false, true) => Known::Unknown(Unseen::not_visible(
            format!("whether the operating system of the node {node} still gets fixes"),
            format!(
                "fixes for {} without a further contract ended on {}, and longer ones are sold until {}",
                release.begins, release.ends, release.bought
            ),
            "Ask whether longer support was bought, and look on the node whether it is in use.",
        )),
        (false, false) => Known::Known(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_told_from_its_neighbours() {
        for (image, begins) in [
            ("Ubuntu 22.04.5 LTS", Some("Ubuntu 22.04")),
            ("Debian GNU/Linux 12 (bookworm)", Some("Debian GNU/Linux 12")),
            ("Debian GNU/Linux trixie/sid", None),
            ("Amazon Linux 2", Some("Amazon Linux 2")),
            ("Amazon Linux 2023.9.20251105", Some("Amazon Linux 2023")),
            ("Red Hat Enterprise Linux 9.4 (Plow)", Some("Red Hat Enterprise Linux 9")),
            ("Red Hat Enterprise Linux CoreOS 418.94.202501221327-0", None),
            ("SUSE Linux Enterprise Server 15 SP5", Some("SUSE Linux Enterprise Server 15 SP5")),
            ("Flatcar Container Linux by Kinvolk 4081.2.0 (Oklo)", None),
            ("Bottlerocket OS 1.26.1 (aws-k8s-1.29)", None),
            ("", None),
        ] {
            assert_eq!(named(image).map(|release| release.begins), begins, "{image}");
        }
    }

    #[test]
    fn longer_support_that_is_sold_is_not_seen() {
        let at = |image: &str, day: &str| supported("worker-1", image, "amd64", &format!("{day}T06:00:00Z"));
        assert_eq!(at("Ubuntu 20.04.6 LTS", "2025-05-31"), Known::Known(true));
        assert!(matches!(at("Ubuntu 20.04.6 LTS", "2025-06-01"), Known::Unknown(_)));
        assert_eq!(at("SUSE Linux Enterprise Server 15 SP3", "2026-01-01"), Known::Known(false));
        assert_eq!(at("Amazon Linux 2", "2026-06-30"), Known::Known(true));
        assert_eq!(at("Amazon Linux 2", "2026-07-01"), Known::Known(false));
        assert!(matches!(at("Talos (v1.11.3)", "2026-07-01"), Known::Unknown(_)));
    }

    #[test]
    fn an_old_point_release_may_wait_for_its_fixes() {
        let at = |image: &str, architecture: &str| supported("worker-1", image, architecture, "2026-01-01T00:00:00Z");
        assert!(matches!(at("Rocky Linux 9.0 (Blue Onyx)", "amd64"), Known::Unknown(_)));
        assert_eq!(at("Red Hat Enterprise Linux 8.10 (Ootpa)", "amd64"), Known::Known(true));
        assert!(matches!(at("Red Hat Enterprise Linux 8.4 (Ootpa)", "amd64"), Known::Unknown(_)));
        assert!(matches!(at("Debian GNU/Linux 11 (bullseye)", "ppc64le"), Known::Unknown(_)));
        assert_eq!(at("Debian GNU/Linux 11 (bullseye)", "arm64"), Known::Known(true));
        assert_eq!(at("CentOS Linux 7 (Core)", "ppc64le"), Known::Known(false));
    }

    #[test]
    fn days_are_days_and_longer_support_is_longer() {
        for release in RELEASES {
            for day in [release.ends, release.bought] {
                assert!(day.is_empty() || chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok(), "{release:?}");
            }
            assert!(release.bought.is_empty() || release.bought > release.ends, "{release:?}");
        }
    }
}
