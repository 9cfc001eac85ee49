//! What to change about an entrance, in the words of whoever serves it: a row says its own, and no list of everybody's.

use super::controllers::Engine;
use super::load_balancers::is_name_of_aws;

/// What gives a host of an Ingress TLS.
pub(super) fn tls(engine: Engine, host: &str) -> String {
    let entry = match host {
        "" => "name the host in the rule, and add it to spec.tls with a secretName".to_owned(),
        host => format!("add {host} to spec.tls with a secretName"),
    };
    match engine {
        Engine::AwsLoadBalancer => r#"set alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS": 443}]' and name a certificate in alb.ingress.kubernetes.io/certificate-arn"#.to_owned(),
        Engine::OpenShift => "set route.openshift.io/termination: edge".to_owned(),
        Engine::Traefik => format!("set traefik.ingress.kubernetes.io/router.tls: \"true\", and {entry}"),
        Engine::Other => format!("set spec.ingressClassName to the class of a controller, and {entry}"),
        _ => entry,
    }
}

/// What gives hosts TLS, and a redirect, that an annotation adds.
pub(super) fn alias(annotation: &str) -> String {
    format!("write the hosts of {annotation} into rules and spec.tls, in place of the annotation")
}

/// What closes plain HTTP beside TLS. `never` says that the controller was told to leave paths open, whatever an Ingress says.
pub(super) fn redirect(engine: Engine, host: &str, never: bool) -> String {
    let set = |annotation: &str| format!("set {annotation}");
    match engine {
        Engine::IngressNginx if never => "take the paths out of no-tls-redirect-locations in the controller's ConfigMap".to_owned(),
        Engine::IngressNginx if host.is_empty() => {
            "name the host in the rule and in spec.tls, or set nginx.ingress.kubernetes.io/force-ssl-redirect: \"true\"".to_owned()
        }
        Engine::IngressNginx => set("nginx.ingress.kubernetes.io/ssl-redirect: \"true\" on each Ingress for the host"),
        Engine::NginxOrg => set("nginx.org/ssl-redirect: \"true\""),
        Engine::HaproxyTechnologies => set("haproxy.org/ssl-redirect: \"true\""),
        Engine::HaproxyIngress => set("haproxy-ingress.github.io/ssl-redirect: \"true\""),
        Engine::Kong => set("konghq.com/protocols: \"https\""),
        Engine::Contour => set("ingress.kubernetes.io/force-ssl-redirect: \"true\""),
        Engine::GoogleCloud => set("kubernetes.io/ingress.allow-http: \"false\""),
        Engine::Traefik => set("traefik.ingress.kubernetes.io/router.tls: \"true\""),
        Engine::AwsLoadBalancer => set("alb.ingress.kubernetes.io/ssl-redirect: \"443\" on one Ingress of the group"),
        Engine::OpenShift => "see its Route (transmission/entrance-tls)".to_owned(),
        Engine::Other => "take the annotation away that asks for plain HTTP, and have its controller redirect".to_owned(),
    }
}

/// What closes plain HTTP at an entrance of another API, by its kind and what it says of TLS.
pub(super) fn entrance(kind: &str, tls: &str) -> &'static str {
    match (kind, tls) {
        ("Route", "") => "set spec.tls.termination: edge and spec.tls.insecureEdgeTerminationPolicy: Redirect",
        ("Route", _) => "set spec.tls.insecureEdgeTerminationPolicy: Redirect",
        ("Gateway", _) => "set tls.httpsRedirect: true on the server, beside one of the protocol HTTPS",
        ("IngressRoute" | "IngressRouteTCP", _) => "set spec.tls",
        ("HTTPProxy", "") => "set spec.virtualhost.tls.secretName",
        ("HTTPProxy", _) => "take permitInsecure out of the routes",
        _ => {
            "set spec.type: ClusterIP and publish it through an Ingress or Gateway with TLS; where the program speaks TLS, set appProtocol: https on the port"
        }
    }
}

/// What keeps strangers away from a load balancer: of AWS in its own words.
pub(super) fn load_balancer(class: &str, addresses: &[String]) -> &'static str {
    let of_aws =
        matches!(class, "service.k8s.aws/nlb" | "eks.amazonaws.com/nlb") || addresses.iter().any(|address| is_name_of_aws(address));
    match of_aws {
        true => {
            "set spec.loadBalancerSourceRanges to the networks that need it; for one inside the network, service.beta.kubernetes.io/aws-load-balancer-scheme: internal"
        }
        false => "set spec.loadBalancerSourceRanges to the networks that need it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_in_the_words_of_its_own() {
        assert_eq!(redirect(Engine::Kong, "", false), r#"set konghq.com/protocols: "https""#);
        assert!(redirect(Engine::IngressNginx, "", false).contains("force-ssl-redirect"));
        assert!(redirect(Engine::IngressNginx, "a.example", true).contains("no-tls-redirect-locations"));
        assert!(tls(Engine::AwsLoadBalancer, "a.example").contains("listen-ports"));
        assert_eq!(tls(Engine::IngressNginx, ""), "name the host in the rule, and add it to spec.tls with a secretName");
        assert!(entrance("HTTPProxy", "tls").contains("permitInsecure"));
        assert!(load_balancer("", &["a.elb.eu-west-1.amazonaws.com".to_owned()]).contains("aws-load-balancer-scheme"));
        assert!(!load_balancer("metallb.example/metallb", &["192.0.2.1".to_owned()]).contains("aws"));
    }
}
