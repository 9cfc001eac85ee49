//! The policy of `--audit-policy-file` (k8s.io/apiserver v0.36.3: pkg/apis/audit/v1/types.go, validation/validation.go,
//! pkg/audit/policy/reader.go).
//!
//! Stricter than the API server in one thing: that one warns of an unknown or repeated field, and goes on without it; here such a file is
//! refused, because a rule that lost a field decides about other requests than whoever wrote it believes.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{ImportProblem, whole, yaml};
use crate::model::{AUDIT_STAGES, AuditLevel, AuditPolicy, AuditResources, AuditRule};

type Texts = Option<Vec<Spanned<String>>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyFile {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "metadata")]
    _metadata: Option<Metadata>,
    rules: Option<Vec<RuleFile>>,
    omit_stages: Texts,
    omit_managed_fields: Option<bool>,
}

/// ObjectMeta, of which nothing decides.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    #[serde(rename = "name")]
    _name: Option<String>,
    #[serde(rename = "namespace")]
    _namespace: Option<String>,
    #[serde(rename = "creationTimestamp")]
    _created: Option<IgnoredAny>,
    #[serde(rename = "labels")]
    _labels: Option<IgnoredAny>,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(rename = "uid")]
    _uid: Option<String>,
    #[serde(rename = "resourceVersion")]
    _resource_version: Option<String>,
    #[serde(rename = "generation")]
    _generation: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleFile {
    level: Option<Spanned<String>>,
    users: Texts,
    user_groups: Texts,
    verbs: Texts,
    resources: Option<Vec<ResourcesFile>>,
    namespaces: Texts,
    #[serde(rename = "nonResourceURLs")]
    non_resource_urls: Texts,
    omit_stages: Texts,
    omit_managed_fields: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourcesFile {
    group: Option<Spanned<String>>,
    resources: Texts,
    resource_names: Texts,
}

#[derive(Default)]
struct Problems(Vec<ImportProblem>);

impl Problems {
    fn at<T>(&mut self, at: &Spanned<T>, message: String) {
        let (line, column) = (at.referenced.line().max(1), at.referenced.column().max(1));
        self.0.push(ImportProblem { line, column: Some(column), message });
    }
}

pub(super) fn read(text: &str) -> Result<AuditPolicy, Vec<ImportProblem>> {
    // `123` and `yes` are no texts to the API server, either.
    let options = serde_saphyr::options! { no_schema: true, strict_booleans: true };
    let file: PolicyFile = serde_saphyr::from_str_with_options(text, options).map_err(|error| vec![yaml(&error)])?;
    let mut problems = Problems::default();
    let omit_stages = stages(file.omit_stages, &mut problems);
    let rules: Vec<AuditRule> = file.rules.into_iter().flatten().enumerate().map(|(at, rule)| one(rule, at + 1, &mut problems)).collect();
    if rules.is_empty() {
        problems.0.push(whole("it has no rules, and the API server refuses such a policy".to_owned()));
    }
    problems.0.sort();
    match problems.0.is_empty() {
        true => Ok(AuditPolicy { rules, omit_stages, omit_managed_fields: file.omit_managed_fields.unwrap_or(false) }),
        false => Err(problems.0),
    }
}

fn one(file: RuleFile, number: usize, problems: &mut Problems) -> AuditRule {
    let level = level(file.level.as_ref(), number, problems);
    let regular = file.resources.as_ref().is_some_and(|all| !all.is_empty()) || file.namespaces.as_ref().is_some_and(|all| !all.is_empty());
    urls(file.non_resource_urls.as_deref().unwrap_or_default(), regular, problems);
    AuditRule {
        level,
        users: texts(file.users),
        user_groups: texts(file.user_groups),
        verbs: texts(file.verbs),
        resources: file.resources.into_iter().flatten().map(|one| resources(one, problems)).collect(),
        namespaces: texts(file.namespaces),
        non_resource_urls: texts(file.non_resource_urls),
        omit_stages: stages(file.omit_stages, problems),
        omit_managed_fields: file.omit_managed_fields,
    }
}

fn level(written: Option<&Spanned<String>>, number: usize, problems: &mut Problems) -> AuditLevel {
    let Some(written) = written else {
        problems.0.push(whole(format!("rule {number} has no `level`")));
        return AuditLevel::None;
    };
    AuditLevel::ALL.into_iter().find(|level| level.word() == written.value).unwrap_or_else(|| {
        problems.at(written, format!("`{}` is no level; write None, Metadata, Request or RequestResponse", written.value));
        AuditLevel::None
    })
}

fn urls(all: &[Spanned<String>], regular: bool, problems: &mut Problems) {
    if let Some(first) = all.first().filter(|_| regular) {
        problems.at(first, "a rule is about resources and namespaces, or about URLs, not about both".to_owned());
    }
    for url in all.iter().filter(|url| url.value != "*") {
        if !url.value.starts_with('/') {
            problems.at(url, format!("`{}` does not begin with `/`", url.value));
        }
        if url.value.strip_suffix('*').unwrap_or(&url.value).contains('*') {
            problems.at(url, format!("in `{}` a `*` stands elsewhere than at the end", url.value));
        }
    }
}

fn resources(file: ResourcesFile, problems: &mut Problems) -> AuditResources {
    if let Some(group) = file.group.as_ref().filter(|group| !matches!(group.value.as_str(), "" | "*") && !is_subdomain(&group.value)) {
        problems.at(group, format!("`{}` is no API group: write it without a version, such as rbac.authorization.k8s.io", group.value));
    }
    if let (Some(name), true) =
        (file.resource_names.as_deref().unwrap_or_default().first(), file.resources.as_ref().is_none_or(Vec::is_empty))
    {
        problems.at(name, "`resourceNames` needs at least one entry in `resources`".to_owned());
    }
    AuditResources {
        group: file.group.map(|group| group.value).unwrap_or_default(),
        resources: texts(file.resources),
        resource_names: texts(file.resource_names),
    }
}

/// A DNS subdomain (RFC 1123), as a group has to be.
fn is_subdomain(text: &str) -> bool {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = |label: &str| end(label.chars().next()) && end(label.chars().last()) && label.chars().all(inside);
    text.len() <= 253 && text.split('.').all(is_label)
}

fn stages(written: Texts, problems: &mut Problems) -> Vec<String> {
    for stage in written.iter().flatten().filter(|stage| !AUDIT_STAGES.contains(&stage.value.as_str())) {
        problems.at(stage, format!("`{}` is no stage; there are {}", stage.value, AUDIT_STAGES.join(", ")));
    }
    texts(written)
}

fn texts(all: Texts) -> Vec<String> {
    all.into_iter().flatten().map(|text| text.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

    fn problems(body: &str) -> Vec<(u64, String)> {
        let text = format!("{HEAD}{body}");
        super::super::read(&text).err().unwrap_or_default().into_iter().map(|problem| (problem.line, problem.message)).collect()
    }

    #[test]
    fn a_policy_is_read_whole() {
        let text = "metadata: {name: a, creationTimestamp: null}\nomitStages: [RequestReceived]\nrules:\n- level: Request\n  users: [\"\"]\n  namespaces: [\"\"]\n  resources:\n  - group: \"\"\n    resources: [pods/*]\n  - {group: '*', resources: ['*/scale'], resourceNames: [a]}\n- {level: None, nonResourceURLs: [/healthz*, '*'], omitManagedFields: false}\n";
        let policy = read(&format!("{HEAD}{text}")).unwrap_or_default();
        assert_eq!((policy.rules.len(), policy.omit_stages), (2, vec!["RequestReceived".to_owned()]));
        assert_eq!(policy.rules[0].namespaces, [""]);
        assert_eq!(policy.rules[0].resources[1].resource_names, ["a"]);
        assert_eq!((policy.rules[1].level, policy.rules[1].omit_managed_fields), (AuditLevel::None, Some(false)));
    }

    #[test]
    fn all_that_is_wrong_is_said_with_its_line() {
        let found = problems(
            "rules:\n- level: Everything\n  nonResourceURLs: [healthz, /a*b]\n  namespaces: [a]\n- resources:\n  - group: apps/v1\n  - group: apps\n    resourceNames: [x]\n  omitStages: [Begin]\n",
        );
        let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 4, 5, 5, 5, 8, 10, 11], "{found:?}");
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for body in [
            "rules:\n- {level: None, user: [a]}\n",
            "rules:\n- {level: None, verbs: [123]}\n",
            "rules:\n- {level: None}\nrules: []\n",
            "rules: []\n",
            "extra: 1\nrules:\n- {level: None}\n",
            "rules:\n- {level: None, level: Metadata}\n",
            "rules:\n- {level: None}\n---\nrules:\n- {level: None}\n",
        ] {
            assert_eq!(problems(body).len(), 1, "{body}");
        }
        for text in ["{}", "a: b", "- a", "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]", "kind: Policy", "\u{0}"]
        {
            assert!(super::super::read(text).is_err(), "{text}");
        }
    }
}
