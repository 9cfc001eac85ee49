//! Host names of Ingresses and listeners, with their wildcards.

/// Whether a name in `spec.tls[].hosts` of an Ingress covers a host of a rule. A wildcard stands for exactly one label, as it does
/// in a certificate (`networking/v1` IngressRule; RFC 6125, 6.4.3).
pub(super) fn certificate_covers(listed: &str, host: &str) -> bool {
    if listed.eq_ignore_ascii_case(host) {
        return true;
    }
    match (listed.strip_prefix("*."), host.split_once('.')) {
        (Some(parent), Some((first, rest))) => !first.is_empty() && first != "*" && parent.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

/// Whether a listener's hostname and a route's have a name in common. In the Gateway API a wildcard stands for one or more labels
/// (`gateway/v1` HTTPRouteSpec, hostnames).
pub(super) fn intersect(listener: &str, route: &str) -> bool {
    let (listener, route) = (listener.to_ascii_lowercase(), route.to_ascii_lowercase());
    let under = |parent: &str, name: &str| name.strip_suffix(parent).is_some_and(|head| head.ends_with('.') && head.len() > 1);
    match (listener.strip_prefix("*."), route.strip_prefix("*.")) {
        (None, None) => listener == route,
        (Some(parent), None) => under(parent, &route),
        (None, Some(parent)) => under(parent, &listener),
        (Some(a), Some(b)) => a == b || under(a, b) || under(b, a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_wildcard_is_one_label() {
        for (listed, host) in [
            ("records.clinic.example", "records.clinic.example"),
            ("*.clinic.example", "records.clinic.example"),
            ("*.clinic.example", "*.clinic.example"),
            ("Records.clinic.example", "records.clinic.example"),
        ] {
            assert!(certificate_covers(listed, host), "{listed} {host}");
        }
        for (listed, host) in [
            ("*.clinic.example", "clinic.example"),
            ("*.clinic.example", "a.records.clinic.example"),
            ("*.example", "*.clinic.example"),
            ("records.clinic.example", "*.clinic.example"),
            ("*.clinic.example", ".clinic.example"),
            ("*", "records.clinic.example"),
            ("", "records.clinic.example"),
        ] {
            assert!(!certificate_covers(listed, host), "{listed} {host}");
        }
    }

    #[test]
    fn a_gateway_wildcard_is_any_number_of_labels() {
        for (listener, route) in [
            ("a.example", "a.example"),
            ("*.example", "a.example"),
            ("*.example", "b.a.example"),
            ("b.a.example", "*.example"),
            ("*.example", "*.a.example"),
            ("*.a.example", "*.example"),
        ] {
            assert!(intersect(listener, route), "{listener} {route}");
        }
        for (listener, route) in
            [("a.example", "b.example"), ("*.example", "example"), ("*.a.example", "b.example"), ("*.a.example", "xa.example")]
        {
            assert!(!intersect(listener, route), "{listener} {route}");
        }
    }
}
