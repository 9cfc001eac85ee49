//! Where the keys of what the API server writes lie, by provider.

use std::collections::BTreeSet;

use crate::facts::Known;

/// Where keys lie (apiserver encryptionconfig/config.go): `kms` asks a plugin, the other providers have them in the file of the configuration.
pub(super) fn place(writers: &Known<Vec<String>>) -> Known<String> {
    let of = |writer: &String| match writer.as_str() {
        "kms v1" | "kms v2" => "outside the server (KMS)",
        "aescbc" | "aesgcm" | "secretbox" => "in a file on the host of the API server",
        "identity" => "none: not encrypted",
        _ => "unknown",
    };
    let places = |writers: &Vec<String>| writers.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
    writers.as_ref().map(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_key_is_no_external_one() {
        let of = |names: &[&str]| place(&Known::Known(names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(of(&["kms v2"]), Known::Known("outside the server (KMS)".to_owned()));
        assert_eq!(of(&["aescbc", "kms v2"]), Known::Known("in a file on the host of the API server, outside the server (KMS)".to_owned()));
        assert_eq!(of(&["identity"]), Known::Known("none: not encrypted".to_owned()));
        assert_eq!(of(&["newer"]), Known::Known("unknown".to_owned()));
    }
}
