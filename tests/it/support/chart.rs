//! The rights of the chart, written from the inventory: the manifests of `kube-hipaa permissions` with the names of a release in them.

use std::fmt::Write;

use kube_hipaa::collect::inventory::{self, ManifestNames};

/// Stand for names while the manifests are made; quotes are around both.
const RELEASE: &str = "NAME-OF-THE-RELEASE";
const NAMESPACE: &str = "NAMESPACE-OF-THE-RELEASE";

/// Every cluster has these namespaces.
pub const ALWAYS: [&str; 2] = ["kube-public", "kube-system"];

/// `deploy/chart/templates/rights.yaml`.
pub fn rights(today: &ManifestNames) -> String {
    let names = ManifestNames { name: RELEASE.to_owned(), namespace: NAMESPACE.to_owned(), ..today.clone() };
    let mut out =
        String::from("{{- /* Generated from the inventory of what is read by `make docs`; change the inventory, not this file. */}}\n");
    for document in inventory::manifests(&names, None).split("---\n").skip(1) {
        let field = |name: &str| document.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim_matches('"').to_owned());
        let kind = field("kind: ").expect("every document has a kind");
        // The chart has templates of its own for these.
        if kind == "Namespace" || kind == "ServiceAccount" {
            continue;
        }
        let place = field("  namespace: ").filter(|_| kind == "Role" || kind == "RoleBinding");
        let condition = match place {
            Some(place) if !ALWAYS.contains(&place.as_str()) => Some(format!("has {place:?} .Values.rights.namespaces")),
            _ if document.contains(&format!("\"{RELEASE}-addons\"")) => Some(".Values.rights.addons".to_owned()),
            _ => None,
        };
        let account = format!("- kind: ServiceAccount\n  name: \"{RELEASE}\"");
        let document = document
            .replace(&account, "- kind: ServiceAccount\n  name: {{ include \"kube-hipaa.account\" . | quote }}")
            .replace(&format!("\"{NAMESPACE}\""), "{{ .Release.Namespace | quote }}")
            .replace(&format!("\"{RELEASE}-"), "\"{{ include \"kube-hipaa.name\" . }}-")
            .replace("    app.kubernetes.io/name: kube-hipaa\n", "    {{- include \"kube-hipaa.labels\" . | nindent 4 }}\n");
        assert!(!document.contains(RELEASE) && !document.contains(NAMESPACE), "a name was left: {document}");
        // Writing to a String cannot fail.
        let _ = match condition {
            Some(condition) => write!(out, "{{{{- if {condition} }}}}\n---\n{document}{{{{- end }}}}\n"),
            None => write!(out, "---\n{document}"),
        };
    }
    out
}
