//! What an object of type LoadBalancer says to whoever makes its load balancer: internal or not, and for which callers.

// `core::net` holds addresses only; `std::net` could open a connection.
use core::net::IpAddr;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;

use crate::facts::Known;
use crate::facts::network::are_most_of_the_world;
use crate::model::Unseen;
use crate::model::annotations::{AWS_SECURITY_GROUPS, AZURE_RANGES, AZURE_TAGS};

type Annotations = BTreeMap<String, String>;

const AWS_SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";
const AWS_INTERNAL: &str = "service.beta.kubernetes.io/aws-load-balancer-internal";
const ALIBABA_ADDRESS_TYPE: &str = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type";
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
    (ALIBABA_ADDRESS_TYPE, "intranet"),
    ("service.beta.kubernetes.io/oci-load-balancer-internal", "true"),
];

/// Which controller makes the load balancer of a Service. Only what it reads counts: of a Service with a class, the cloud provider and every
/// other controller keep away (`core/v1` ServiceSpec, loadBalancerClass).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Controller {
    /// The AWS Load Balancer Controller, or that of EKS Auto Mode.
    Aws,
    /// GKE by a class that decides alone between inside and outside (GKE, *LoadBalancer Service parameters*).
    Google { internal: bool },
    /// Alibaba's, by its own classes.
    Alibaba,
    /// The operator of Tailscale, which publishes in the user's own network (*Expose a Service using a LoadBalancer*).
    Tailscale,
    /// That of a class whose words are not known here.
    Stranger,
    /// The cloud provider, whichever it is.
    Provider(Given),
}

/// What a load balancer was given, as far as it says whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Nothing,
    /// A name that AWS gives.
    NameOfAws,
    /// Addresses, which AWS never gives.
    Addresses,
    /// Names that say nothing.
    Names,
}

impl Controller {
    pub(super) fn of(class: Option<&str>, annotations: &Annotations, addresses: &[String]) -> Self {
        let given = match addresses {
            [] => Given::Nothing,
            all if all.iter().any(|address| is_name_of_aws(address)) => Given::NameOfAws,
            all if all.iter().any(|address| address.parse::<IpAddr>().is_ok()) => Given::Addresses,
            _ => Given::Names,
        };
        match class {
            // Which of AWS's two is to make it (AWS Load Balancer Controller, annotations of Services).
            None if given != Given::Addresses
                && annotations.get(AWS_TYPE).is_some_and(|kind| matches!(kind.as_str(), "external" | "nlb-ip")) =>
            {
                Self::Aws
            }
            None => Self::Provider(given),
            Some("service.k8s.aws/nlb" | "eks.amazonaws.com/nlb") => Self::Aws,
            Some("networking.gke.io/l4-regional-external" | "networking.gke.io/l4-regional-external-legacy") => {
                Self::Google { internal: false }
            }
            Some("networking.gke.io/l4-regional-internal" | "networking.gke.io/l4-regional-internal-legacy") => {
                Self::Google { internal: true }
            }
            Some("tailscale") => Self::Tailscale,
            Some(class) if class.starts_with("alibabacloud.com/") => Self::Alibaba,
            Some(_) => Self::Stranger,
        }
    }

    pub(super) fn of_service(service: &Service) -> Self {
        let none = Annotations::new();
        let class = service.spec.as_ref().and_then(|spec| spec.load_balancer_class.as_deref());
        Self::of(class, service.metadata.annotations.as_ref().unwrap_or(&none), &addresses(service))
    }

    /// Whether it reads the annotations of AWS that say where TLS ends.
    pub(super) fn reads_tls_of_aws(self) -> bool {
        matches!(self, Self::Aws | Self::Provider(Given::Nothing | Given::NameOfAws))
    }

    /// Whether it may be a provider with words for TLS that are not AWS's.
    pub(super) fn may_end_tls(self) -> bool {
        matches!(self, Self::Alibaba) || matches!(self, Self::Provider(given) if given != Given::NameOfAws)
    }

    /// What makes the load balancer internal: the annotation, or the class. Empty where nothing does that the controller heeds.
    pub(super) fn internal_by(self, annotations: &Annotations, what: &str) -> Known<String> {
        let of_class = || Known::Known("spec.loadBalancerClass".to_owned());
        let words = |all: &[(&str, &str)]| {
            all.iter().find(|(name, wanted)| value(annotations, name).as_deref() == Some(*wanted)).map(|(name, _)| (*name).to_owned())
        };
        match self {
            Self::Google { internal: true } | Self::Tailscale => of_class(),
            Self::Google { internal: false } | Self::Stranger => Known::Known(String::new()),
            Self::Alibaba => Known::Known(words(&[(ALIBABA_ADDRESS_TYPE, "intranet")]).unwrap_or_default()),
            Self::Provider(Given::NameOfAws) => Known::Known(asked_of_aws(annotations).flatten().unwrap_or_default()),
            Self::Provider(_) => Known::Known(asked_of_aws(annotations).unwrap_or_else(|| words(INTERNAL)).unwrap_or_default()),
            // Where no annotation says it, the load balancer keeps the scheme that it has, and a new one gets what the controller was told
            // (`--default-load-balancer-scheme`; pkg/service, buildLoadBalancerScheme): neither is seen.
            Self::Aws => match asked_of_aws(annotations) {
                Some(by) => Known::Known(by.unwrap_or_default()),
                None => Known::Unknown(Unseen::not_visible(
                    format!("whether the load balancer of {what} is an internal one"),
                    "nothing on it says so, and the controller of AWS keeps the scheme that a load balancer has, or takes its own default",
                    "Set service.beta.kubernetes.io/aws-load-balancer-scheme, or look at the scheme of the load balancer.",
                )),
            },
        }
    }

    /// The source ranges in force: the field, or the annotation where the field is empty (`cloud-provider/service/helpers`,
    /// GetLoadBalancerSourceRanges; kube-proxy and the controllers of other classes know the field only).
    pub(super) fn source_ranges(self, field: Option<&Vec<String>>, annotations: &Annotations) -> Vec<String> {
        let from_field: Vec<String> = field.into_iter().flatten().map(|range| range.trim().to_owned()).collect();
        if !from_field.is_empty() || matches!(self, Self::Stranger | Self::Tailscale) {
            return from_field;
        }
        let annotation = annotations.get(SOURCE_RANGES).map(String::as_str).unwrap_or("");
        annotation.split(',').map(str::trim).filter(|range| !range.is_empty()).map(str::to_owned).collect()
    }

    /// Whether the ranges leave anyone out: there are some, each is a network, and together they are less than half of the Internet. Of a
    /// family of the Service of which there is none, everybody is let in (kube-proxy, serviceport.go). Unknown where a rule beside them
    /// lets others in, or takes their place.
    pub(super) fn limits_sources(self, ranges: &[String], families: &[String], annotations: &Annotations, what: &str) -> Known<bool> {
        let unknown = |why: String, how_to_see: &str| {
            Known::Unknown(Unseen::not_visible(format!("who may use the load balancer of {what}"), why, how_to_see))
        };
        let there = |names: &[&'static str]| {
            names.iter().copied().find(|name| annotations.get(*name).is_some_and(|value| !value.trim().is_empty()))
        };
        // cloud-provider-azure, pkg/provider/loadbalancer/accesscontrol.go: a rule for each tag, and one for the ranges.
        if let Self::Provider(Given::Nothing | Given::Addresses | Given::Names) = self {
            let tags = annotations.get(AZURE_TAGS).map(String::as_str).unwrap_or("");
            if tags.split(',').any(|tag| tag.trim().eq_ignore_ascii_case("internet")) {
                return Known::Known(false);
            }
            if let Some(name) = there(&[AZURE_TAGS, AZURE_RANGES]) {
                return unknown(
                    format!("{name} lets callers in beside the source ranges, and which addresses those are is not seen"),
                    "Look at the rules of the network security group.",
                );
            }
        }
        // AWS Load Balancer Controller, annotations of Services (lb-source-ranges is ignored beside these groups); cloud-provider-aws,
        // buildELBSecurityGroupList.
        if let Self::Aws | Self::Provider(Given::Nothing | Given::NameOfAws) = self
            && let Some(name) = there(AWS_SECURITY_GROUPS)
        {
            return unknown(
                format!(
                    "{name} names security groups or lists of prefixes, and what these let in is not seen: beside it the source ranges may not count"
                ),
                "Look at the inbound rules of the security groups.",
            );
        }
        Known::Known(limit_sources(ranges, families))
    }
}

/// Addresses and names that the load balancer was given.
pub(super) fn addresses(service: &Service) -> Vec<String> {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref()).and_then(|status| status.ingress.as_ref());
    status.into_iter().flatten().flat_map(|at| at.ip.clone().into_iter().chain(at.hostname.clone())).collect()
}

const AWS_TYPE: &str = "service.beta.kubernetes.io/aws-load-balancer-type";

/// Whether a name is one that AWS gives to load balancers.
pub(super) fn is_name_of_aws(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn")
}

fn value(annotations: &Annotations, name: &str) -> Option<String> {
    annotations.get(name).map(|value| value.trim().to_ascii_lowercase())
}

/// What the annotations of AWS say, where they say something: the one that asks for an internal load balancer, if it does.
fn asked_of_aws(annotations: &Annotations) -> Option<Option<String>> {
    if let Some(scheme) = value(annotations, AWS_SCHEME) {
        return Some((scheme == "internal").then(|| AWS_SCHEME.to_owned()));
    }
    // The older AWS provider takes any value but `false` and the empty one for yes (cloud-provider-aws, EnsureLoadBalancer).
    value(annotations, AWS_INTERNAL).map(|internal| (!internal.is_empty() && internal != "false").then(|| AWS_INTERNAL.to_owned()))
}

fn limit_sources(ranges: &[String], families: &[String]) -> bool {
    let each = families.iter().all(|family| ranges.iter().any(|range| range.contains(':') != (family == "IPv4")));
    each && !ranges.is_empty() && are_most_of_the_world(ranges) == Ok(false)
}

/// Whether all of what it was given is of private networks. Unknown where a name stands beside a private address, of which nobody says
/// whether it is another name for that one.
pub(super) fn all_private(addresses: &[String], what: &str) -> Known<bool> {
    let private: Vec<Option<bool>> = addresses.iter().map(|address| is_private(address)).collect();
    let some = private.contains(&Some(true)) && !private.contains(&Some(false));
    match private.contains(&None) {
        true if some => Known::Unknown(Unseen::not_visible(
            format!("whether the load balancer of {what} has private addresses only"),
            "it has a private address, and a name beside it that may stand for that one or for another",
            "Look up what the name stands for.",
        )),
        _ => Known::Known(some),
    }
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
        match Controller::of(class, annotations, addresses).internal_by(annotations, "x") {
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
        for class in ["clinic.example/lb", "networking.gke.io/l4-regional-external"] {
            for (name, value) in INTERNAL.iter().copied().chain([(AWS_SCHEME, "internal")]) {
                assert_eq!(internal_by(&annotations(&[(name, value)]), Some(class), &[]), None, "{class} {name}");
            }
        }
        for class in ["networking.gke.io/l4-regional-internal", "tailscale"] {
            assert!(internal_by(&annotations(&[]), Some(class), &[]).is_some(), "{class}");
        }
        assert!(internal_by(&annotations(&[(ALIBABA_ADDRESS_TYPE, "intranet")]), Some("alibabacloud.com/nlb"), &[]).is_some());
        let azure = annotations(&[("service.beta.kubernetes.io/azure-load-balancer-internal", "true")]);
        assert_eq!(internal_by(&azure, nlb, &[]).as_deref(), Some("not known"));
        let name = ["x-1.elb.us-east-1.amazonaws.com".to_owned()];
        assert_eq!(internal_by(&azure, None, &name), None);
        assert!(internal_by(&azure, None, &["10.0.0.7".to_owned()]).is_some());
    }

    #[test]
    fn a_range_that_holds_every_address_limits_nothing() {
        let ranges = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for limiting in
            [&["10.0.0.0/8"][..], &["192.0.2.7/32", "2001:db8::/32"], &["64.0.0.0/2", "10.0.0.0/8"], &["128.0.0.0/1", "2001::/16"]]
        {
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
            // All but one block.
            &["128.0.0.0/1", "64.0.0.0/2", "32.0.0.0/3", "16.0.0.0/4", "8.0.0.0/5", "4.0.0.0/6", "2.0.0.0/7"],
            &["0.0.0.0/1"],
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
        let provider = Controller::Provider(Given::Nothing);
        assert_eq!(provider.source_ranges(None, &noted), ["10.0.0.0/8", "192.0.2.0/24"]);
        assert_eq!(provider.source_ranges(Some(&vec!["198.51.100.0/24".to_owned()]), &noted), ["198.51.100.0/24"]);
        assert!(Controller::Stranger.source_ranges(None, &noted).is_empty());
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
