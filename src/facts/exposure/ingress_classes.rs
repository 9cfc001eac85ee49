//! Which controller serves an Ingress.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use super::controllers::Engine;
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Known};
use crate::model::sources::{INGRESS_CLASSES, INGRESSES};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per class of Ingresses: each IngressClass, and each name that an Ingress gives for its class without there being such
    /// an object. Ingresses that name no class are one row with an empty name.
    pub struct IngressClassRow as "ingress_classes" counting "Ingress classes" from [INGRESS_CLASSES, INGRESSES] {
        /// Name; empty for Ingresses without a class.
        name: String, at "/metadata/name";
        /// Whether an IngressClass of that name exists.
        exists: bool, at "/metadata/name";
        /// The controller that serves it. Unknown where no IngressClass says so.
        controller: Known<String>, at "/spec/controller";
        /// Whether that is the community's ingress-nginx, in its first or another instance. Unknown for a name of another domain that
        /// holds `ingress-nginx`: it may be an instance of it, or somebody's own program.
        ingress_nginx: Known<bool>, at "/spec/controller";
        /// Whether new Ingresses without a class get it.
        default: bool, at "/metadata/annotations/ingressclass.kubernetes.io~1is-default-class";
        /// Whether it has parameters of its own (`spec.parameters`), which are not read.
        has_parameters: bool, at "/spec/parameters";
        /// Ingresses of that class as `namespace/name`, sorted.
        ingresses: Vec<String>;
    }
}

/// The annotation from before IngressClass existed; controllers still honour it (`networking/v1` IngressSpec).
const LEGACY: &str = "kubernetes.io/ingress.class";

/// Every IngressClass as read.
pub(super) struct Classes {
    objects: BTreeMap<String, (IngressClass, Evidence)>,
}

impl Classes {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut objects = BTreeMap::new();
        reader.each::<IngressClass>(&INGRESS_CLASSES, |class, origin| {
            if let Some(name) = class.metadata.name.clone() {
                objects.insert(name, (class, origin));
            }
        })?;
        Ok(Self { objects })
    }

    /// Where the class says which controller serves it.
    pub(super) fn evidence(&self, class: &str) -> Option<Evidence> {
        self.objects.get(class).map(|(_, origin)| origin.at("/spec/controller"))
    }

    /// The controller of a class by that name.
    pub(super) fn controller(&self, reader: &Reader<'_>, class: &str) -> Known<String> {
        let written = self.objects.get(class).and_then(|(object, _)| object.spec.as_ref()?.controller.clone());
        match written.filter(|controller| !controller.is_empty()) {
            Some(controller) => Known::Known(controller),
            None => reader.known_if_complete(&INGRESS_CLASSES, || ()).and_then(|()| Known::Unknown(no_controller(class))),
        }
    }

    /// Whose habits to expect of the class.
    pub(super) fn engine(&self, class: &str) -> Engine {
        Engine::of(self.object(class).and_then(|object| object.spec.as_ref()?.controller.as_deref()), class)
    }

    /// The name by which an instance of ingress-nginx knows the classes that it serves; that of the first one where nothing says it.
    pub(super) fn instance(&self, class: &str) -> &str {
        self.object(class).and_then(|object| object.spec.as_ref()?.controller.as_deref()).unwrap_or("k8s.io/ingress-nginx")
    }

    /// The IngressClass of that name.
    pub(super) fn object(&self, class: &str) -> Option<&IngressClass> {
        self.objects.get(class).map(|(object, _)| object)
    }

    /// The rows; `used` is the class and the identity of each Ingress.
    pub(super) fn rows(self, reader: &Reader<'_>, used: &[(String, Evidence)]) -> Vec<Row> {
        let mut by_class: BTreeMap<String, Vec<&Evidence>> = self.objects.keys().map(|name| (name.clone(), Vec::new())).collect();
        for (class, origin) in used {
            by_class.entry(class.clone()).or_default().push(origin);
        }
        by_class.into_iter().filter_map(|(name, users)| self.row(reader, name, &users)).collect()
    }

    fn row(&self, reader: &Reader<'_>, name: String, users: &[&Evidence]) -> Option<Row> {
        let object = self.objects.get(&name);
        let ingress = |origin: &&Evidence| {
            let object = origin.object()?;
            Some(format!("{}/{}", object.namespace.as_deref().unwrap_or(""), object.name))
        };
        let annotations = object.and_then(|(class, _)| class.metadata.annotations.as_ref());
        let controller = self.controller(reader, &name);
        let typed = IngressClassRow {
            exists: object.is_some(),
            ingress_nginx: controller.clone().and_then(|controller| ingress_nginx(&controller)),
            controller,
            default: annotations.is_some_and(|all| all.get("ingressclass.kubernetes.io/is-default-class").is_some_and(|v| v == "true")),
            has_parameters: object.is_some_and(|(class, _)| class.spec.as_ref().is_some_and(|spec| spec.parameters.is_some())),
            ingresses: sorted_owned(users.iter().filter_map(ingress)),
            name: name.clone(),
        };
        let subject = ObjectRef {
            kind: "IngressClass".to_owned(),
            group: "networking.k8s.io".to_owned(),
            namespace: None,
            name: name.clone(),
            uid: object.and_then(|(class, _)| class.metadata.uid.clone()),
        };
        let mut users = users.to_vec();
        users.sort();
        let users = || users.iter().map(|origin| origin.at("/spec/ingressClassName")).take(2);
        // A class that only Ingresses name is seen in these.
        let origins = match object {
            Some((_, origin)) => vec![origin.clone()],
            None => users().collect(),
        };
        (!origins.is_empty()).then(|| Row::new(name, subject, origins, typed).evidenced("ingresses", users()))
    }
}

/// The class that an Ingress names: the field, or the older annotation.
pub(super) fn class_of(ingress: &Ingress) -> String {
    let field = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.clone());
    let annotation = || ingress.metadata.annotations.as_ref().and_then(|all| all.get(LEGACY).cloned());
    field.or_else(annotation).unwrap_or_default()
}

/// Every instance of it needs a name of its own, and its documentation tells to write `k8s.io/internal-ingress-nginx` or
/// `example.com/ingress-nginx-2` for the second one.
fn ingress_nginx(controller: &str) -> Known<bool> {
    match (controller.starts_with("k8s.io/"), controller.contains("ingress-nginx")) {
        (true, _) => Known::Known(controller.contains("nginx")),
        (false, false) => Known::Known(false),
        (false, true) => Known::Unknown(Unseen::not_understood(
            format!("which program the controller {controller} is"),
            "the name may be that of another instance of ingress-nginx, or of somebody's own program",
            "Look at the image of the controller's pods.",
        )),
    }
}

fn no_controller(class: &str) -> Unseen {
    let (what, why) = match class {
        "" => (
            "the controller of Ingresses without a class".to_owned(),
            "they name no class; every controller that was told to watch such Ingresses serves them".to_owned(),
        ),
        class => (
            format!("the controller of the Ingress class {class}"),
            "there is no IngressClass of that name that names a controller".to_owned(),
        ),
    };
    Unseen::not_visible(
        what,
        why,
        "Set spec.ingressClassName of these Ingresses to an IngressClass that exists, or ask who runs the controller.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ingress_nginx_in_its_instances() {
        for controller in ["k8s.io/ingress-nginx", "k8s.io/internal-ingress-nginx", "k8s.io/ingress-nginx-2", "k8s.io/nginx"] {
            assert_eq!(ingress_nginx(controller), Known::Known(true), "{controller}");
        }
        for controller in ["nginx.org/ingress-controller", "k8s.io/ingress-gce", "traefik.io/ingress-controller"] {
            assert_eq!(ingress_nginx(controller), Known::Known(false), "{controller}");
        }
        assert!(matches!(ingress_nginx("example.com/ingress-nginx-2"), Known::Unknown(_)));
    }
}
