//! What an object of type LoadBalancer says to the cloud it runs in: internal or not, and for which callers.

// `core::net` holds addresses only; `std::net` could open a connection.
use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::facts::Known;
use crate::model::Unseen;

type Annotations = BTreeMap<String, String>;

const AWS_SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";
const AWS_INTERNAL: &str = "service.beta.kubernetes.io/aws-load-balancer-internal";
/// `k8s.io/api/core/v1` AnnotationLoadBalancerSourceRangesKey: read by cloud providers where the field is empty.
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// Annotation and value that ask a provider for an internal load balancer (kubernetes.io, Service, *Internal load balancer*).
const INTERNAL: &[(&str, &str)] = &[
    ("networking.gke.io/load-balancer-type", "internal"),
    ("cloud.google.com/load-balancer-type", "internal"),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", "true"),
    ("service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", "private"),
    ("service.beta.kubernetes.io/openstack-internal-load-balancer", "true"),
    ("service.beta.kubernetes.io/cce-load-balancer-internal-vpc", "true"),
    ("service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type", "intranet"),
    ("service.beta.kubernetes.io/oci-load-balancer-internal", "true"),
];

/// Load balancer classes of the AWS Load Balancer Controller and of EKS Auto Mode. Where no annotation says it, the load balancer keeps the
/// scheme that it has, and a new one gets what the controller was told (`--default-load-balancer-scheme`; pkg/service,
/// buildLoadBalancerScheme): neither is seen.
const AWS_CLASSES: &[&str] = &["service.k8s.aws/nlb", "eks.amazonaws.com/nlb"];

/// What makes the load balancer internal: the annotation, or the class whose default it is. `None` where nothing known does.
/// An annotation of one cloud is nothing to a load balancer that bears the name of another one.
pub(super) fn internal_by(annotations: &Annotations, class: Option<&str>, addresses: &[String], what: &str) -> Known<String> {
    let named = addresses.iter().any(|address| is_name_of_aws(address));
    let by = asked_by(annotations).filter(|by| by.contains("aws-load-balancer") || !named);
    let spoken = [AWS_SCHEME, AWS_INTERNAL].iter().any(|name| annotations.contains_key(*name));
    let of_the_controller = class.is_some_and(|class| AWS_CLASSES.contains(&class))
        || annotations.get(AWS_TYPE).is_some_and(|kind| matches!(kind.as_str(), "external" | "nlb-ip"));
    match by {
        None if of_the_controller && !spoken => Known::Unknown(Unseen::not_visible(
            format!("whether the load balancer of {what} is an internal one"),
            "nothing on it says so, and the controller of AWS keeps the scheme that a load balancer has, or takes its own default",
            "Set service.beta.kubernetes.io/aws-load-balancer-scheme, or look at the scheme of the load balancer.",
        )),
        by => Known::Known(by.unwrap_or_default()),
    }
}

/// Which controller is to make the load balancer (AWS Load Balancer Controller, annotations of Services).
const AWS_TYPE: &str = "service.beta.kubernetes.io/aws-load-balancer-type";

/// Whether a name is one that AWS gives to load balancers.
pub(super) fn is_name_of_aws(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn")
}

fn asked_by(annotations: &Annotations) -> Option<String> {
    let value = |name: &str| annotations.get(name).map(|value| value.trim().to_ascii_lowercase());
    if let Some(scheme) = value(AWS_SCHEME) {
        return (scheme == "internal").then(|| AWS_SCHEME.to_owned());
    }
    // The older AWS provider takes any value but `false` and the empty one for yes (cloud-provider-aws, EnsureLoadBalancer).
    if let Some(internal) = value(AWS_INTERNAL) {
        return (!internal.is_empty() && internal != "false").then(|| AWS_INTERNAL.to_owned());
    }
    INTERNAL.iter().find(|(name, wanted)| value(name).as_deref() == Some(*wanted)).map(|(name, _)| (*name).to_owned())
}

/// The source ranges in force: the field, or the annotation where the field is empty (`cloud-provider/service/helpers`,
/// GetLoadBalancerSourceRanges).
pub(super) fn source_ranges(field: Option<&Vec<String>>, annotations: &Annotations) -> Vec<String> {
    let from_field: Vec<String> = field.into_iter().flatten().map(|range| range.trim().to_owned()).collect();
    if !from_field.is_empty() {
        return from_field;
    }
    let annotation = annotations.get(SOURCE_RANGES).map(String::as_str).unwrap_or("");
    annotation.split(',').map(str::trim).filter(|range| !range.is_empty()).map(str::to_owned).collect()
}

/// Whether the ranges leave anyone out: there are some, each is a network, and together they are not every address of a family. Of a
/// family of the Service of which there is none, everybody is let in (kube-proxy, serviceport.go).
pub(super) fn limit_sources(ranges: &[String], families: &[String]) -> bool {
    let networks: Option<Vec<Network>> = ranges.iter().map(|range| network(range)).collect();
    networks.is_some_and(|networks| {
        let has = |v4: bool| networks.iter().any(|network| network.0 == v4);
        let each = families.iter().all(|family| has(family == "IPv4"));
        each && !networks.is_empty() && !cover(&networks, u128::from(u32::MAX), true) && !cover(&networks, u128::MAX, false)
    })
}

/// Whether it is of IPv4, its first and its last address.
type Network = (bool, u128, u128);

fn network(range: &str) -> Option<Network> {
    let (address, length) = range.split_once('/')?;
    let (v4, bits, address) = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => (true, 32, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (false, 128, v6.to_bits()),
    };
    let free: u32 = u32::checked_sub(bits, length.parse().ok()?)?;
    let hosts = 1_u128.checked_shl(free).map_or(u128::MAX, |size| size - 1);
    Some((v4, address & !hosts, address | hosts))
}

/// Whether the networks of a family hold every address up to `end`: 0.0.0.0/1 and 128.0.0.0/1 do.
fn cover(networks: &[Network], end: u128, v4: bool) -> bool {
    let mut of_family: Vec<(u128, u128)> =
        networks.iter().filter(|network| network.0 == v4).map(|&(_, first, last)| (first, last)).collect();
    of_family.sort_unstable();
    let mut next = 0;
    for (first, last) in of_family {
        if first > next {
            return false;
        }
        match last.checked_add(1) {
            Some(after) if last < end => next = next.max(after),
            _ => return true,
        }
    }
    false
}

/// Whether an address is of a network that the internet does not route to (RFC 1918, 6598, 3927, 4193, 4291). `None` for a name of which
/// nobody says what it stands for.
pub(super) fn is_private(address: &str) -> Option<bool> {
    let Ok(parsed) = address.parse::<IpAddr>() else { return is_internal_name(address) };
    Some(match parsed.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    })
}

/// Names of Classic and Application Load Balancers of AWS, `NAME-ID.REGION.elb.amazonaws.com`, begin with `internal-` exactly where they
/// are internal. Those of Network Load Balancers, `NAME-ID.elb.REGION.amazonaws.com`, do not say it.
fn is_internal_name(name: &str) -> Option<bool> {
    let name = name.to_ascii_lowercase();
    let of_elb = name.strip_suffix(".elb.amazonaws.com").or_else(|| name.strip_suffix(".elb.amazonaws.com.cn"))?;
    let (own, region) = of_elb.split_once('.')?;
    (!own.is_empty() && !region.is_empty() && !region.contains('.')).then(|| own.starts_with("internal-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn internal_by(annotations: &Annotations, class: Option<&str>, addresses: &[String]) -> Option<String> {
        match super::internal_by(annotations, class, addresses, "x") {
            Known::Known(by) => (!by.is_empty()).then_some(by),
            Known::Unknown(_) => Some("not known".to_owned()),
        }
    }

    fn annotations(pairs: &[(&str, &str)]) -> Annotations {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_provider_is_asked_in_its_own_way() {
        for (name, value) in INTERNAL {
            assert_eq!(internal_by(&annotations(&[(name, value)]), None, &[]).as_deref(), Some(*name));
            assert_eq!(internal_by(&annotations(&[(name, "something else")]), None, &[]), None, "{name}");
        }
        // GKE writes `Internal`.
        assert!(internal_by(&annotations(&[("networking.gke.io/load-balancer-type", "Internal")]), None, &[]).is_some());
        for (value, internal) in [("true", true), ("0.0.0.0/0", true), ("false", false), ("", false)] {
            assert_eq!(internal_by(&annotations(&[(AWS_INTERNAL, value)]), None, &[]).is_some(), internal, "{value}");
        }
    }

    #[test]
    fn what_the_scheme_says_counts_more_than_a_default() {
        let nlb = Some("service.k8s.aws/nlb");
        assert_eq!(internal_by(&annotations(&[]), nlb, &[]).as_deref(), Some("not known"));
        assert_eq!(internal_by(&annotations(&[(AWS_SCHEME, "internet-facing")]), nlb, &[]), None);
        assert_eq!(internal_by(&annotations(&[(AWS_SCHEME, "internet-facing"), (AWS_INTERNAL, "true")]), nlb, &[]), None);
        assert_eq!(internal_by(&annotations(&[]), Some("clinic.example/lb"), &[]), None);
        let azure = annotations(&[("service.beta.kubernetes.io/azure-load-balancer-internal", "true")]);
        let name = ["x-1.elb.us-east-1.amazonaws.com".to_owned()];
        assert_eq!(internal_by(&azure, None, &name), None);
        assert!(internal_by(&azure, None, &["10.0.0.7".to_owned()]).is_some());
    }

    #[test]
    fn a_range_that_holds_every_address_limits_nothing() {
        let ranges = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for limiting in [
            &["10.0.0.0/8"][..],
            &["192.0.2.7/32", "2001:db8::/32"],
            &["0.0.0.0/1", "0.0.0.0/2", "10.0.0.0/8"],
            &["0.0.0.0/1", "192.0.0.0/2"],
            &["128.0.0.0/1", "::/1"],
        ] {
            assert!(limit_sources(&ranges(limiting), &[]), "{limiting:?}");
        }
        for open in [
            &[][..],
            &["0.0.0.0/0"],
            &["::/0"],
            &["10.0.0.0/8", "0.0.0.0/0"],
            &["10.0.0.0"],
            &["everyone/8"],
            &["10.0.0.0/33"],
            &["0.0.0.0/1", "128.0.0.0/1"],
            &["192.0.0.0/2", "10.0.0.0/8", "128.0.0.0/2", "0.0.0.0/1"],
            &["8000::/1", "::/1"],
        ] {
            assert!(!limit_sources(&ranges(open), &[]), "{open:?}");
        }
    }

    #[test]
    fn each_family_of_a_service_needs_a_range() {
        let ranges = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (written, families, limits) in [
            (&["10.0.0.0/8"][..], &["IPv4"][..], true),
            (&["10.0.0.0/8"], &["IPv6"], false),
            (&["10.0.0.0/8"], &["IPv4", "IPv6"], false),
            (&["10.0.0.0/8", "2001:db8::/32"], &["IPv4", "IPv6"], true),
        ] {
            assert_eq!(limit_sources(&ranges(written), &ranges(families)), limits, "{written:?} {families:?}");
        }
    }

    #[test]
    fn the_annotation_speaks_where_the_field_is_silent() {
        let noted = annotations(&[(SOURCE_RANGES, "10.0.0.0/8, 192.0.2.0/24")]);
        assert_eq!(source_ranges(None, &noted), ["10.0.0.0/8", "192.0.2.0/24"]);
        assert_eq!(source_ranges(Some(&vec!["198.51.100.0/24".to_owned()]), &noted), ["198.51.100.0/24"]);
    }

    #[test]
    fn private_addresses() {
        for private in ["10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "fd00::1", "fe80::1"] {
            assert_eq!(is_private(private), Some(true), "{private}");
        }
        for public in ["203.0.113.7", "100.128.0.1", "172.32.0.1", "2001:db8::1", "::ffff:203.0.113.7"] {
            assert_eq!(is_private(public), Some(false), "{public}");
        }
        for name in ["lb.clinic.example", "", "k8s-a-1.elb.us-east-1.amazonaws.com", "elb.amazonaws.com"] {
            assert_eq!(is_private(name), None, "{name}");
        }
        assert_eq!(is_private("internal-a1b2-17.us-east-1.elb.amazonaws.com"), Some(true));
        assert_eq!(is_private("a1b2-17.us-east-1.elb.amazonaws.com"), Some(false));
        assert_eq!(is_private("a1b2-17.cn-north-1.elb.amazonaws.com.cn"), Some(false));
    }
}
