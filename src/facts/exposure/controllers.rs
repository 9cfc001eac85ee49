//! Programs that serve Ingresses, and the settings of theirs that are read.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::annotations::truth;
use crate::facts::table::read::{Readable, Reader};
use crate::facts::{FactsError, Known};
use crate::model::Unseen;
use crate::model::sources::{FRONTEND_CONFIGS, INGRESS_CLASS_PARAMS, INGRESS_CLASS_PARAMS_EKS, INGRESS_NGINX_CONFIG};

/// The programs whose habits are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// The community's ingress-nginx.
    IngressNginx,
    /// The controller of NGINX Inc. and F5 (`nginx.org`).
    NginxOrg,
    Traefik,
    AwsLoadBalancer,
    GoogleCloud,
    OpenShift,
    Contour,
    /// The controller of HAProxy Technologies (`haproxy.org`).
    HaproxyTechnologies,
    /// The community's HAProxy Ingress (`haproxy-ingress.github.io`).
    HaproxyIngress,
    Kong,
    /// A controller whose words are not known here, or none that is named.
    Other,
}

impl Engine {
    /// By the controller that an IngressClass names, or by the name of a class without such an object, under which controllers are
    /// installed by their own manifests.
    pub(super) fn of(controller: Option<&str>, class: &str) -> Self {
        let Some(controller) = controller else {
            return match class {
                "nginx" => Self::IngressNginx,
                "traefik" => Self::Traefik,
                "alb" => Self::AwsLoadBalancer,
                "gce" | "gce-internal" => Self::GoogleCloud,
                "contour" => Self::Contour,
                "kong" => Self::Kong,
                _ => Self::Other,
            };
        };
        let is = |name: &str| controller == name || controller.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        match controller {
            "traefik.io/ingress-controller" => Self::Traefik,
            "ingress.k8s.aws/alb" | "eks.amazonaws.com/alb" => Self::AwsLoadBalancer,
            "k8s.io/ingress-gce" | "networking.gke.io/ingress-gce" => Self::GoogleCloud,
            "openshift.io/ingress-to-route" => Self::OpenShift,
            "nginx.org/ingress-controller" => Self::NginxOrg,
            "ingress-controllers.konghq.com/kong" => Self::Kong,
            // Every instance of ingress-nginx needs a name of its own.
            _ if controller.starts_with("k8s.io/") && controller.contains("nginx") => Self::IngressNginx,
            _ if is("projectcontour.io/ingress-controller") || controller.starts_with("projectcontour.io/") => Self::Contour,
            _ if is("haproxy.org/ingress-controller") => Self::HaproxyTechnologies,
            _ if is("haproxy-ingress.github.io/controller") => Self::HaproxyIngress,
            _ => Self::Other,
        }
    }
}

/// `elbv2.k8s.aws/v1beta1` IngressClassParams.
#[derive(Debug, Deserialize)]
struct ClassParams {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: ClassParamsSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClassParamsSpec {
    group: Option<Group>,
    ssl_redirect_port: Option<String>,
    /// That there are some is enough.
    certificate_arn: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct Group {
    #[serde(default)]
    name: String,
}

impl ClassParamsSpec {
    pub(super) fn group(&self) -> Option<&str> {
        self.group.as_ref().map(|group| group.name.as_str())
    }
    pub(super) fn redirect_port(&self) -> Option<i32> {
        self.ssl_redirect_port.as_ref().and_then(|port| port.parse().ok())
    }
    pub(super) fn has_certificate(&self) -> bool {
        // An empty list names none.
        self.certificate_arn.as_ref().is_some_and(|arn| !arn.as_array().is_some_and(Vec::is_empty) && arn.as_str() != Some(""))
    }
}

/// `networking.gke.io/v1beta1` FrontendConfig.
#[derive(Debug, Deserialize)]
struct FrontendConfig {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: FrontendConfigSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FrontendConfigSpec {
    redirect_to_https: Option<RedirectToHttps>,
}

#[derive(Debug, Deserialize)]
struct RedirectToHttps {
    #[serde(default)]
    enabled: bool,
}

impl Readable for ClassParams {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Readable for FrontendConfig {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// What controllers are told beside Ingresses.
pub(super) struct Settings {
    /// By group and name.
    class_params: BTreeMap<(&'static str, String), ClassParamsSpec>,
    class_params_read: Known<()>,
    /// Whether each FrontendConfig redirects, by namespace and name.
    frontends: BTreeMap<(String, String), bool>,
    /// `data` of ingress-nginx's ConfigMap; `None` where there is none under its own name.
    ingress_nginx: Known<Option<BTreeMap<String, String>>>,
}

impl Settings {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut class_params = BTreeMap::new();
        for (group, source) in [("elbv2.k8s.aws", INGRESS_CLASS_PARAMS), ("eks.amazonaws.com", INGRESS_CLASS_PARAMS_EKS)] {
            reader.each::<ClassParams>(&source, |params, _| {
                class_params.insert((group, params.metadata.name.unwrap_or_default()), params.spec);
            })?;
        }
        let mut frontends = BTreeMap::new();
        reader.each::<FrontendConfig>(&FRONTEND_CONFIGS, |config, _| {
            let key = (config.metadata.namespace.unwrap_or_default(), config.metadata.name.unwrap_or_default());
            frontends.insert(key, config.spec.redirect_to_https.is_some_and(|redirect| redirect.enabled));
        })?;
        Ok(Self {
            class_params,
            class_params_read: reader
                .known_if_complete(&INGRESS_CLASS_PARAMS, || ())
                .and_then(|()| reader.known_if_complete(&INGRESS_CLASS_PARAMS_EKS, || ())),
            frontends,
            ingress_nginx: ingress_nginx(reader)?,
        })
    }

    /// The parameters that a class of the AWS controller names; nothing where it names none.
    pub(super) fn of_class(&self, class: Option<&IngressClass>) -> Known<ClassParamsSpec> {
        let Some(named) = class.and_then(|class| class.spec.as_ref()?.parameters.as_ref()) else {
            return Known::Known(ClassParamsSpec::default());
        };
        let group = named.api_group.as_deref().unwrap_or_default();
        let found = self.class_params.iter().find(|((of, name), _)| *of == group && *name == named.name);
        match (found, &self.class_params_read) {
            (Some((_, spec)), _) => Known::Known(spec.clone()),
            (None, Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
            (None, Known::Known(())) => Known::Unknown(Unseen::not_visible(
                format!("the parameters {} of an Ingress class", named.name),
                "the class names parameters that are not there, or of a kind that is not read",
                "Look at spec.parameters of the IngressClass.",
            )),
        }
    }

    /// Whether a FrontendConfig redirects; `None` where it is not there. It is of the namespace of the Ingress that names it.
    pub(super) fn frontend(&self, reader: &Reader<'_>, namespace: &str, name: &str) -> Known<Option<bool>> {
        reader.known_in(namespace, &FRONTEND_CONFIGS, || self.frontends.get(&(namespace.to_owned(), name.to_owned())).copied())
    }

    /// Whether ingress-nginx redirects where an Ingress says nothing (its ConfigMap, `ssl-redirect` and `force-ssl-redirect`; unset is
    /// yes). Unknown where its ConfigMap is not the one that is read.
    pub(super) fn ingress_nginx_redirects(&self, what: &str, instance: &str) -> Known<bool> {
        if instance != FIRST_NGINX {
            return Known::Unknown(left(
                what,
                &format!("the instance {instance} of ingress-nginx redirects unless its own ConfigMap says otherwise, which is not read"),
                "nginx.ingress.kubernetes.io/ssl-redirect: \"true\"",
            ));
        }
        self.ingress_nginx.as_ref().and_then(|config| match config {
            Some(data) => {
                let said = |key: &str| data.get(key).and_then(|value| truth(value));
                Known::Known(said("force-ssl-redirect") == Some(true) || said("ssl-redirect") != Some(false))
            }
            None => Known::Unknown(left(
                what,
                "ingress-nginx redirects unless its ConfigMap says otherwise, and that is not at ingress-nginx/ingress-nginx-controller",
                "nginx.ingress.kubernetes.io/ssl-redirect: \"true\"",
            )),
        })
    }
}

impl Settings {
    /// Whether ingress-nginx redirects hosts without a certificate where an Ingress says nothing: `force-ssl-redirect` of its ConfigMap.
    pub(super) fn ingress_nginx_may_force(&self, what: &str, instance: &str) -> Known<bool> {
        let say = "nginx.ingress.kubernetes.io/force-ssl-redirect: \"true\"";
        match &self.ingress_nginx {
            Known::Known(Some(_)) if instance == FIRST_NGINX => Known::Known(self.ingress_nginx_forces(instance)),
            Known::Unknown(unseen) if instance == FIRST_NGINX => Known::Unknown(unseen.clone()),
            _ => Known::Unknown(left(
                what,
                "a host without a certificate of its own is redirected where force-ssl-redirect stands in the controller's ConfigMap, which is not read",
                say,
            )),
        }
    }
}

/// The name by which the first instance of ingress-nginx knows its classes. The ConfigMap that is read is this one's.
pub(super) const FIRST_NGINX: &str = "k8s.io/ingress-nginx";

impl Settings {
    /// Whether the ConfigMap of ingress-nginx redirects everything, with or without a certificate.
    pub(super) fn ingress_nginx_forces(&self, instance: &str) -> bool {
        let data = self.ingress_nginx.known().and_then(Option::as_ref).filter(|_| instance == FIRST_NGINX);
        data.and_then(|data| data.get("force-ssl-redirect")).and_then(|value| truth(value)) == Some(true)
    }

    /// Paths that ingress-nginx never redirects, whatever an Ingress says (`no-tls-redirect-locations`: beginnings of paths; unset is the
    /// one of ACME). What its words are where some are written; paths of Ingresses are not stored, so only `/` is certain to be one.
    pub(super) fn never_redirected(&self, instance: &str) -> Known<Option<&str>> {
        let data = match &self.ingress_nginx {
            Known::Known(Some(data)) if instance == FIRST_NGINX => data,
            Known::Unknown(unseen) if instance == FIRST_NGINX => return Known::Unknown(unseen.clone()),
            _ => {
                return Known::Unknown(Unseen::not_visible(
                    "which paths ingress-nginx never redirects",
                    "the ConfigMap of this instance, where no-tls-redirect-locations may stand, is not ingress-nginx/ingress-nginx-controller",
                    "Ask for no-tls-redirect-locations of the controller.",
                ));
            }
        };
        let own = |word: &&str| !word.is_empty() && *word != "/.well-known/acme-challenge";
        let words = data.get("no-tls-redirect-locations").map(String::as_str);
        Known::Known(words.filter(|words| words.split(',').map(str::trim).any(|word| own(&word))))
    }
}

/// The controller's own settings decide, and are not read.
pub(super) fn left(what: &str, why: &str, say: &str) -> Unseen {
    Unseen::not_visible(
        format!("whether plain HTTP stays open for {what}"),
        why.to_owned(),
        format!("Say it on the Ingress ({say}), or ask for the controller's settings."),
    )
}

fn ingress_nginx(reader: &Reader<'_>) -> Result<Known<Option<BTreeMap<String, String>>>, FactsError> {
    #[derive(Deserialize)]
    struct ConfigMap {
        #[serde(default)]
        data: Option<BTreeMap<String, String>>,
    }
    let mut found = None;
    reader.each_stored(&INGRESS_NGINX_CONFIG, |stored| match serde_json::from_str::<ConfigMap>(&stored.json) {
        Ok(map) => found = Some(map.data.unwrap_or_default()),
        Err(error) => reader.not_understood(&INGRESS_NGINX_CONFIG, &stored, &error.to_string()),
    })?;
    Ok(reader.known_if_complete(&INGRESS_NGINX_CONFIG, || found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_by_the_names_of_their_controllers() {
        for (controller, engine) in [
            ("k8s.io/ingress-nginx", Engine::IngressNginx),
            ("k8s.io/internal-ingress-nginx", Engine::IngressNginx),
            ("nginx.org/ingress-controller", Engine::NginxOrg),
            ("traefik.io/ingress-controller", Engine::Traefik),
            ("eks.amazonaws.com/alb", Engine::AwsLoadBalancer),
            ("projectcontour.io/ingress-controller", Engine::Contour),
            ("projectcontour.io/clinic/contour", Engine::Contour),
            ("haproxy.org/ingress-controller/haproxy", Engine::HaproxyTechnologies),
            ("haproxy-ingress.github.io/controller/staging", Engine::HaproxyIngress),
            ("ingress-controllers.konghq.com/kong", Engine::Kong),
            ("example.com/ingress-nginx-2", Engine::Other),
            ("haproxy.org/ingress-controller-of-mine", Engine::Other),
        ] {
            assert_eq!(Engine::of(Some(controller), "nginx"), engine, "{controller}");
        }
        assert_eq!(Engine::of(None, "nginx"), Engine::IngressNginx);
        assert_eq!(Engine::of(None, "clinic"), Engine::Other);
    }
}
