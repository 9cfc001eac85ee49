//! Match conditions of webhooks and policies (CEL): whether they take a namespace out, and whom they are asked about.
//!
//! Only part of the language is understood (`expressions.rs`). What is not stays undecided: above all a text that was not kept
//! (`[redacted]`), which may be any.

use serde::Deserialize;

use super::askers::Asker;
use super::expressions::{Question, and, or};
use super::rules::Kind;
use crate::model::Unseen;

/// One condition (`MatchCondition` in `admissionregistration.k8s.io/v1`): all of them have to hold.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Condition {
    #[serde(default)]
    expression: String,
}

/// What a condition is asked about, as the rules beside it say; what they leave open may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) group: Option<String>,
    /// The plural.
    pub(super) resource: Option<String>,
    /// Empty for the object itself.
    pub(super) subresource: Option<String>,
    pub(super) operation: Option<String>,
}

impl Asked {
    /// A pod is made.
    #[cfg(test)]
    pub(super) fn pod() -> Self {
        Self::made(&Kind::named(Some(""), "Pod"))
    }

    /// An object of a kind is made.
    pub(super) fn made(kind: &Kind) -> Self {
        Self {
            group: kind.group.clone().filter(|group| group != "*"),
            resource: Some(kind.resource.clone()).filter(|resource| resource != "*"),
            subresource: Some(String::new()),
            operation: Some("CREATE".to_owned()),
        }
    }

    /// Whether it is, or may be, that an object is made.
    pub(super) fn is_made(&self) -> bool {
        self.operation.as_deref().is_none_or(|operation| operation == "CREATE") && self.subresource.as_deref().is_none_or(str::is_empty)
    }

    /// Whether it is, or may be, that an object of a kind is made.
    pub(super) fn takes_made(&self, kind: &Kind) -> bool {
        let open_or =
            |own: &Option<String>, wanted: Option<&str>| own.as_deref().is_none_or(|own| wanted.is_none_or(|wanted| wanted == own));
        open_or(&self.group, kind.group.as_deref().filter(|group| *group != "*"))
            && open_or(&self.resource, Some(kind.resource.as_str()).filter(|resource| *resource != "*"))
            && open_or(&self.subresource, Some(""))
            && open_or(&self.operation, Some("CREATE"))
    }

    /// Objects of any of several kinds are made; of any kind, where none is named.
    pub(super) fn any_made(kinds: Option<&[Kind]>) -> Vec<Self> {
        match kinds {
            Some(kinds) if !kinds.is_empty() => kinds.iter().map(Self::made).collect(),
            _ => vec![Self::made(&Kind { group: None, resource: "*".to_owned() })],
        }
    }
}

/// Whether something of what is asked about is taken in that namespace. Where it depends on who asks, it is taken if that holds for
/// everybody who is not named one by one (`askers.rs`); else that is undecided.
pub(super) fn take(conditions: &[Condition], namespace: &str, asked: &[Asked]) -> Option<bool> {
    if conditions.is_empty() {
        return Some(true);
    }
    let for_all = |asked: &Asked| asked.askers().all(|asker| hold(conditions, namespace, asked, Some(asker)) == Some(true)).then_some(true);
    let answers = or_open(asked).iter().map(|asked| hold(conditions, namespace, asked, None).or_else(|| for_all(asked)));
    answers.fold(Some(false), or)
}

/// Whether all of them hold.
fn hold(conditions: &[Condition], namespace: &str, asked: &Asked, asker: Option<Asker>) -> Option<bool> {
    let question = Question { namespace, asked, asker };
    conditions.iter().map(|one| question.answer(&one.expression)).fold(Some(true), and)
}

/// What is asked about; anything where nothing says more.
fn or_open(asked: &[Asked]) -> &[Asked] {
    const OPEN: [Asked; 1] = [Asked { group: None, resource: None, subresource: None, operation: None }];
    if asked.is_empty() { &OPEN } else { asked }
}

/// The same, undecided where conditions take what is changed and leave out what is made: an object that is made as it likes is not checked.
pub(super) fn take_made(conditions: &[Condition], namespace: &str, asked: &[Asked]) -> Option<bool> {
    take(conditions, namespace, asked).filter(|takes| !takes || !only_changes(conditions, namespace, asked))
}

/// Whether the rules take objects that are made, and the conditions leave these out and take others.
fn only_changes(conditions: &[Condition], namespace: &str, asked: &[Asked]) -> bool {
    let created = |one: &Asked| Asked { operation: Some("CREATE".to_owned()), subresource: Some(String::new()), ..one.clone() };
    let made: Vec<Asked> = asked.iter().filter(|one| one.is_made()).map(created).collect();
    !made.is_empty() && take(conditions, namespace, &made) == Some(false) && take(conditions, namespace, asked) != Some(false)
}

/// Whether they hold for somebody: then those for whom that is not known are left out by who they are.
fn hold_for_some(conditions: &[Condition], namespace: &str, asked: &[Asked]) -> bool {
    or_open(asked).iter().any(|asked| asked.askers().any(|asker| hold(conditions, namespace, asked, Some(asker)) == Some(true)))
}

/// Why [`take_made`] is undecided.
pub(super) fn undecided(name: &str, conditions: &[Condition], namespace: &str, asked: &[Asked]) -> Unseen {
    if !only_changes(conditions, namespace, asked) {
        return if hold_for_some(conditions, namespace, asked) { not_for_all(name) } else { not_evaluated(name) };
    }
    Unseen::not_understood(
        format!("whether {name} checks what is made"),
        "its rules name the operation CREATE, and its matchConditions leave it out: it checks what is changed, and whether that is enough is not known",
        "Take CREATE out of the rules where only changes are meant, or the operation out of the matchConditions.",
    )
}

/// Whether labels or annotations of the object itself decide: whoever makes it chooses them.
pub(super) fn read_own_labels(conditions: &[Condition]) -> bool {
    conditions.iter().any(|one| {
        let words: String = one.expression.chars().filter(|c| !c.is_whitespace() && *c != '?').collect();
        // Not `namespaceObject` and not `oldObject`, whose letters differ.
        ["object.metadata.labels", "object.metadata.annotations"].iter().any(|place| words.contains(place))
    })
}

/// Whether a condition that could not be decided may decide about namespaces: it speaks of them, or it was not kept.
pub(super) fn may_name_namespaces(conditions: &[Condition]) -> bool {
    conditions.iter().any(|one| {
        let words = without_kinds(&one.expression);
        // Whoever asks about a namespace says that word, which is always kept; or looks at the name of a Namespace.
        let names = ["request.name", "metadata.name", "metadata.generatename", "request.uid", "metadata.uid"];
        let by_name = words.contains("'[redacted]") && names.iter().any(|name| words.contains(name));
        let left_out = words.replace("'[redacted]'", "''").contains("[redacted");
        words.contains("namespace") || words.is_empty() || left_out || by_name
    })
}

/// An expression without comparisons of the kind or operation of a request with a text that was not kept: that text is no namespace.
fn without_kinds(expression: &str) -> String {
    let mut words: String = expression.to_ascii_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    for name in KIND_WORDS {
        for sign in ["==", "!="] {
            words = words.replace(&format!("{}{sign}'[redacted]'", name.to_ascii_lowercase()), "true");
        }
    }
    words
}

/// What says which kind a request is about, and what it does.
const KIND_WORDS: [&str; 7] = [
    "request.kind.kind",
    "request.kind.group",
    "request.resource.resource",
    "request.resource.group",
    "request.subResource",
    "request.operation",
    "object.kind",
];

/// Match conditions that may decide about namespaces, and are not understood.
pub(super) fn conditions_not_read(name: &str) -> Unseen {
    Unseen::not_understood(
        format!("to which namespaces {name} applies"),
        "its matchConditions speak of namespaces in a way that this program does not evaluate",
        "Read the conditions by hand, or say by namespaceSelector which namespaces are meant.",
    )
}

/// Match conditions that leave out more than single accounts.
fn not_for_all(name: &str) -> Unseen {
    Unseen::not_understood(
        format!("whether {name} is asked about what everybody makes"),
        "its matchConditions leave out a group, or accounts by how their names begin, and who is one of these is not known: nothing that they make is checked",
        "Find out who is in the group and who may make such accounts; leave out accounts one by one (request.userInfo.username) instead, or system:masters and system:nodes.",
    )
}

/// Match conditions of which nobody can say whether they are ever met.
fn not_evaluated(name: &str) -> Unseen {
    Unseen::not_understood(
        format!("whether {name} is asked about what is made"),
        "its matchConditions ask who makes it, or what stands in it, in a way that this program does not evaluate",
        "Read the conditions by hand; name accounts that are left out one by one (request.userInfo.username), and demand what has to stand in an object by validations.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(expression: &str) -> Option<bool> {
        take(&[condition(expression)], "records", &[Asked::pod()])
    }

    fn condition(expression: &str) -> Condition {
        Condition { expression: expression.to_owned() }
    }

    /// Cases beside controls see what redaction leaves, and so must these.
    #[test]
    fn a_text_that_was_not_kept_may_be_any() {
        for expression in [
            "request.kind.kind == '[redacted]'",
            "request.kind.kind != '[redacted]'",
            "'[redacted]' == request.namespace",
            "request.namespace in ['[redacted]']",
            "!(request.namespace in ['shop', '[redacted]'])",
            "request.namespace.startsWith('[redacted]')",
            "request.operation in ['[redacted]']",
            "request.namespace == '[redacted]-x'",
        ] {
            assert_eq!(takes(expression), None, "{expression}");
        }
        assert_eq!(takes("request.namespace in ['records', '[redacted]']"), Some(true));
        let named = |expression: &str| may_name_namespaces(&[condition(expression)]);
        assert!(!named("request.kind.kind == '[redacted]' || request.operation != '[redacted]'"));
        assert!(!named("!('[redacted]' in object.metadata.labels) && request.userInfo.username != '[redacted]'"));
        assert!(named("object.spec.[redacted] == '[redacted]'"));
        assert!(named("request.name != '[redacted]'"));
        assert!(named("request.kind.kind == '[redacted]' && request.namespace != 'records'"));
    }

    #[test]
    fn the_kind_of_a_request_is_that_of_the_rules() {
        let asked = |group: &str, resource: &str, operation: &str| Asked {
            group: Some(group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource: Some(String::new()),
            operation: Some(operation.to_owned()),
        };
        let deployments = [asked("apps", "deployments", "CREATE"), asked("apps", "deployments", "UPDATE")];
        let met = |expression: &str, asked: &[Asked]| take(&[condition(expression)], "records", asked);
        for (expression, expected) in [
            ("request.kind.kind == 'Deployment'", Some(true)),
            ("object.kind in ['Deployment', 'StatefulSet']", Some(true)),
            ("request.resource.resource == 'deployments' && request.resource.group == 'apps'", Some(true)),
            ("request.operation == 'UPDATE'", Some(true)),
            ("request.operation == 'DELETE'", Some(false)),
            ("request.kind.kind == 'Pod'", Some(false)),
            ("request.subResource == ''", Some(true)),
            ("object.spec.replicas > 3", None),
        ] {
            assert_eq!(met(expression, &deployments), expected, "{expression}");
        }
        // Where the rules take everything, the kind is open.
        assert_eq!(met("request.kind.kind == 'Pod'", &[]), None);
        assert_eq!(met("request.kind.kind == 'Pod'", &Asked::any_made(None)), None);
        let both = [asked("", "pods", "CREATE"), asked("apps", "deployments", "CREATE")];
        assert_eq!(met("request.kind.kind == 'Pod'", &both), Some(true));
        assert_eq!(met("request.kind.kind == 'Secret'", &both), Some(false));
    }

    #[test]
    fn what_takes_changes_alone_does_not_take_what_is_made() {
        let pods = |operation: &str| Asked { operation: Some(operation.to_owned()), ..Asked::pod() };
        let made = |expression: &str, asked: &[Asked]| take_made(&[condition(expression)], "records", asked);
        let both = [pods("CREATE"), pods("UPDATE")];
        for (expression, expected) in [
            ("request.operation == 'UPDATE'", None),
            ("request.operation != 'CREATE'", None),
            ("request.operation == 'CREATE'", Some(true)),
            ("request.operation == 'DELETE'", Some(false)),
            ("request.kind.kind == 'Pod'", Some(true)),
        ] {
            assert_eq!(made(expression, &both), expected, "{expression}");
        }
        let open = [Asked { operation: None, ..Asked::pod() }];
        assert_eq!(made("request.operation != 'CREATE'", &open), None);
        assert_eq!(made("request.operation == 'UPDATE'", &[pods("UPDATE")]), Some(true), "it is about changes by its rules");
    }

    #[test]
    fn labels_of_the_object_itself_are_found() {
        for (expression, own) in [
            ("!has(object.metadata.labels) || object.metadata.labels['[redacted]'] != 'x'", true),
            ("object.metadata.?annotations['[redacted]'].orValue('') == ''", true),
            ("namespaceObject.metadata.labels['[redacted]'] == 'x'", false),
            ("request.namespace != 'records'", false),
        ] {
            assert_eq!(read_own_labels(&[condition(expression)]), own, "{expression}");
        }
    }

    #[test]
    fn conditions_about_the_namespace_are_decided() {
        for (expression, expected) in [
            ("request.namespace != 'records'", Some(false)),
            (r#"object.metadata.namespace != "records""#, Some(false)),
            ("!(request.namespace in ['a', 'records'])", Some(false)),
            ("request.namespace == 'shop' || request.namespace == 'records'", Some(true)),
            ("request.namespace.startsWith('shop-')", Some(false)),
            ("!namespaceObject.metadata.name.endsWith('s')", Some(false)),
            ("request.userInfo.username != 'x' && request.namespace != 'records'", Some(false)),
            ("false", Some(false)),
            ("true", Some(true)),
        ] {
            assert_eq!(takes(expression), expected, "{expression}");
        }
    }

    #[test]
    fn who_asks_decides_where_everybody_else_is_left() {
        for (expression, expected) in [
            ("!('system:masters' in request.userInfo.groups)", Some(true)),
            ("!('system:nodes' in request.userInfo.groups)", Some(true)),
            ("request.userInfo.username != '[redacted]'", Some(true)),
            ("request.userInfo.username != 'system:serviceaccount:ops:deployer'", Some(true)),
            ("!(request.userInfo.username in ['[redacted]', 'system:admin'])", Some(true)),
            ("!request.userInfo.username.startsWith('system:node:')", Some(true)),
            ("'system:authenticated' in request.userInfo.groups", Some(true)),
            // Whom nobody is, or what nobody can say of the others.
            ("!('system:authenticated' in request.userInfo.groups)", None),
            ("request.userInfo.username == '[redacted]'", None),
            ("'[redacted]' in request.userInfo.groups", None),
            // Whom a group holds is not known, and tools have service accounts.
            ("!('[redacted]' in request.userInfo.groups)", None),
            ("'[redacted]' in request.userInfo.groups || request.userInfo.username != '[redacted]'", Some(true)),
            ("!('system:serviceaccounts' in request.userInfo.groups)", None),
            ("!('system:serviceaccounts:ops' in request.userInfo.groups)", None),
            ("!('system:monitoring' in request.userInfo.groups)", None),
            ("!request.userInfo.username.startsWith('system:')", None),
            ("!request.userInfo.username.startsWith('system:serviceaccount:')", None),
            ("!request.userInfo.username.startsWith('system:serviceaccount:ops:')", None),
            ("request.userInfo.username.startsWith('system:serviceaccount:')", None),
            // Most pods are made by a controller for somebody else.
            ("!('system:serviceaccounts:kube-system' in request.userInfo.groups)", None),
            ("!request.userInfo.username.startsWith('system:serviceaccount:kube-system:')", None),
            ("request.userInfo.username != 'system:serviceaccount:kube-system:replicaset-controller'", None),
            ("request.userInfo.username != 'system:kube-controller-manager'", None),
            ("request.userInfo.username != '[redacted]' && request.namespace != 'records'", Some(false)),
            ("request.userInfo.username != '[redacted]' && has(object.metadata.labels)", None),
        ] {
            assert_eq!(takes(expression), expected, "{expression}");
        }
        let configs = [Asked { resource: Some("configmaps".to_owned()), ..Asked::pod() }];
        let met = |expression: &str| take(&[condition(expression)], "records", &configs);
        assert_eq!(met("!('system:serviceaccounts:kube-system' in request.userInfo.groups)"), Some(true));
        assert_eq!(met("!request.userInfo.username.startsWith('system:serviceaccount:kube-system:')"), Some(true));
        assert_eq!(met("!('system:serviceaccounts' in request.userInfo.groups)"), None);
        assert_eq!(met("!request.userInfo.username.startsWith('system:')"), None);
    }

    #[test]
    fn what_is_not_about_pods_does_not_concern_them() {
        let nodes = r#"!(request.resource.group == "" && request.resource.resource == "nodes") && !(request.resource.group == "certificates.k8s.io" && request.resource.resource == "certificatesigningrequests")"#;
        assert_eq!(takes(nodes), Some(true));
        assert_eq!(takes("object.kind != 'Pod'"), Some(false));
    }

    #[test]
    fn everything_else_is_undecided() {
        for expression in [
            "!request.userInfo.groups.exists([redacted], [redacted] == '[redacted]')",
            "request.userInfo.username.endsWith('[redacted]')",
            "!request.userInfo.username.startsWith('[redacted]')",
            "has(object.metadata.labels) && object.metadata.labels['a'] == 'b'",
            "object.metadata.?namespace.orValue('records') != 'records'",
            "namespaceObject.metadata.labels['team'] != 'a'",
            "request.namespace.matches('^rec')",
            "request.namespace != 'rec\\'ords'",
            "request.namespace == variables.one",
            "size(request.namespace) > 3",
            "'unfinished",
            "",
        ] {
            assert_eq!(takes(expression), None, "{expression}");
        }
        assert_eq!(take(&[], "records", &[]), Some(true));
    }
}
