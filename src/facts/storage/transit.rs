//! Whether data is encrypted on its way between a node and the storage.
//!
//! Sources: nfs(5) (`sec`, `xprtsec`), the documentation of the drivers, and of the clouds' disks.

use super::drivers::{HOST_PATH, NFS, Parameters, canonical, is_of_node};
use crate::facts::Known;
use crate::model::{Unseen, UnseenKind};

/// What driver, parameters and mount options say. `encrypted` is what is known of the data where it lies.
pub(super) fn traffic(driver: &str, parameters: &Parameters, encrypted: &Known<bool>, options: &[String], what: &str) -> Known<bool> {
    let says = |name: &str| {
        let written = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_ascii_lowercase());
        written.unwrap_or_default()
    };
    let unknown = |kind, why: String, ask: &str| {
        Known::Unknown(Unseen::new(kind, format!("encryption of what goes between the nodes and {what}"), why, ask.to_owned()))
    };
    let ask = "Ask who runs the storage whether its traffic is encrypted, or goes through a network of its own.";
    let nfs = || match shared(options) {
        Ok(encrypted) => Known::Known(encrypted),
        Err(why) => unknown(UnseenKind::NotUnderstood, why.to_owned(), ask),
    };
    match canonical(driver) {
        // A directory of the node may be a share that the node itself has mounted.
        HOST_PATH => unknown(
            UnseenKind::NotVisible,
            "it is a directory of the node, and whether a disk or a share of the network is behind it is not seen".to_owned(),
            "Look on the nodes what is mounted there (findmnt --target PATH), and with which options.",
        ),
        _ if is_of_node(driver) => Known::Known(true),
        NFS | "nfs.csi.k8s.io" => nfs(),
        // The driver mounts with TLS unless it is told not to.
        "efs.csi.aws.com" => match says("encryptInTransit").as_str() {
            // As Go's ParseBool reads it.
            "" | "1" | "t" | "true" => Known::Known(true),
            "0" | "f" | "false" => Known::Known(false),
            other => unknown(UnseenKind::NotUnderstood, format!("encryptInTransit is {other}, which is no truth value"), ask),
        },
        "file.csi.azure.com" | "blob.csi.azure.com" if says("protocol").starts_with("nfs") => {
            Known::Known(says("encryptInTransit") == "true")
        }
        // Compute Engine encrypts before data leaves the host.
        "pd.csi.storage.gke.io" => Known::Known(true),
        // EBS encrypts an encrypted volume on the host of the instance.
        "ebs.csi.aws.com" if *encrypted == Known::Known(true) => Known::Known(true),
        driver => unknown(UnseenKind::NotVisible, format!("{driver} leaves it to the network and the storage below"), ask),
    }
}

/// Whether an NFS mount is encrypted, or why its options do not say it.
fn shared(options: &[String]) -> Result<bool, &'static str> {
    let words = || options.iter().flat_map(|entry| entry.split(','));
    // The last word of a kind counts (fs/nfs/fs_context.c).
    let last = |name: &str| words().filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')).next_back();
    if matches!(last("xprtsec"), Some("tls" | "mtls")) {
        return Ok(true);
    }
    // Several flavours are alternatives.
    let flavours: Vec<&str> = words().filter_map(|word| word.strip_prefix("sec=")).collect();
    match (flavours.contains(&"krb5p"), flavours.iter().all(|flavour| *flavour == "krb5p")) {
        (true, true) => return Ok(true),
        (true, false) => return Err("its mount options allow several kinds of authentication, of which one encrypts"),
        (false, _) => {}
    }
    const PLAIN: &[&str] = &[
        "hard",
        "soft",
        "ro",
        "rw",
        "noatime",
        "nolock",
        "noresvport",
        "nfsvers",
        "vers",
        "proto",
        "rsize",
        "wsize",
        "timeo",
        "retrans",
        "sec",
        "xprtsec",
    ];
    let known = |word: &str| PLAIN.contains(&word.split_once('=').map_or(word, |(name, _)| name));
    if words().all(known) { Ok(false) } else { Err("it has a mount option that is not known here, and may ask for encryption") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(driver: &str, parameters: &[(&str, &str)], encrypted: bool, options: &[&str]) -> Option<bool> {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let options: Vec<String> = options.iter().map(|word| (*word).to_owned()).collect();
        traffic(driver, &parameters, &Known::Known(encrypted), &options, "x").known().copied()
    }

    #[test]
    fn a_share_travels_in_the_clear_unless_its_options_say_otherwise() {
        for driver in [NFS, "nfs.csi.k8s.io"] {
            assert_eq!(judged(driver, &[], true, &[]), Some(false), "{driver}");
            assert_eq!(judged(driver, &[], false, &["nfsvers=4.1", "hard"]), Some(false), "{driver}");
            assert_eq!(judged(driver, &[], false, &["sec=krb5"]), Some(false), "{driver}");
            assert_eq!(judged(driver, &[], false, &["hard,xprtsec=mtls"]), Some(true), "{driver}");
            assert_eq!(judged(driver, &[], false, &["sec=krb5p"]), Some(true), "{driver}");
            assert_eq!(judged(driver, &[], false, &["xprtsec=tls", "xprtsec=none"]), Some(false), "{driver}");
            assert_eq!(judged(driver, &[], false, &["sec=krb5p", "sec=sys"]), None, "{driver}");
            assert_eq!(judged(driver, &[], false, &["[redacted]"]), None, "{driver}");
        }
    }

    #[test]
    fn drivers_say_it_in_their_own_words() {
        for (driver, parameters, encrypted, said) in [
            ("efs.csi.aws.com", &[("encryptInTransit", "false")][..], true, Some(false)),
            ("efs.csi.aws.com", &[], false, Some(true)),
            ("efs.csi.aws.com", &[("encryptInTransit", "0")], true, Some(false)),
            ("efs.csi.aws.com", &[("encryptInTransit", "perhaps")], true, None),
            ("file.csi.azure.com", &[("protocol", "nfs")], true, Some(false)),
            ("file.csi.azure.com", &[("Protocol", "NFS"), ("encryptInTransit", "true")], true, Some(true)),
            ("file.csi.azure.com", &[], true, None),
            ("ebs.csi.aws.com", &[], true, Some(true)),
            ("ebs.csi.aws.com", &[], false, None),
            ("kubernetes.io/gce-pd", &[], true, Some(true)),
            ("rancher.io/local-path", &[], false, Some(true)),
            (HOST_PATH, &[], false, None),
            ("iscsi", &[], false, None),
        ] {
            assert_eq!(judged(driver, parameters, encrypted, &[]), said, "{driver} {parameters:?}");
        }
    }
}
