//! What decides about objects on their way in.

use super::entries::{ConfigMapLine, Line, addons, beta, config_maps, list, newer, whole};
use super::{Amount, Entry, METADATA, Part, Reach};
use crate::model::{SourceId, sources};

const KYVERNO: &str = "Policies of Kyverno and exceptions from them.";
const KUBEWARDEN: &str = "Policies of Kubewarden.";
const KYVERNO_POLICY: &str = "metadata{$meta} spec{admission background emitWarning failurePolicy validationFailureAction
    validationFailureActionOverrides webhookConfiguration{failurePolicy matchConditions{$condition} timeoutSeconds} applyRules
    rules{name match exclude preconditions:preconditions celPreconditions{$condition} validate{failureAction failureActionOverrides allowExistingViolations podSecurity}
    verifyImages{type imageReferences skipImageReferences required mutateDigest verifyDigest failureAction} mutate{} generate{}}}
    status{$conditions}";
const KYVERNO_CEL: &str =
    "metadata{$meta} spec{failurePolicy validationActions matchConstraints{$matching} matchConditions{$condition} evaluation
    validationConfigurations webhookConfiguration{timeoutSeconds} variables{name}
    validations{expression:expression} autogen} status{generated conditionStatus{ready $conditions}}";
const KUBEWARDEN_POLICY: &str =
    "metadata{$meta} spec{policyServer mode rules failurePolicy matchPolicy matchConditions{$condition} namespaceSelector
    objectSelector backgroundAudit timeoutSeconds} status{policyStatus mode $conditions}";

#[rustfmt::skip]
const LINES: &[Line] = &[
    (sources::CONSTRAINT_TEMPLATES, "ConstraintTemplate", &["v1", "v1beta1"], "metadata{$meta} spec{crd{spec{names{kind}}} targets{target}} status{created byPod{errors{code} observedGeneration}}", "Which policies Gatekeeper knows."),
    (sources::GATEKEEPER_CONFIGS, "Config", &["v1alpha1"], "metadata{$meta} spec{match{excludedNamespaces processes}}", "Which namespaces Gatekeeper leaves out."),
    (sources::KYVERNO_CLUSTER_POLICIES, "ClusterPolicy", &["v1"], KYVERNO_POLICY, KYVERNO),
    (sources::KYVERNO_POLICIES, "Policy", &["v1"], KYVERNO_POLICY, KYVERNO),
    (sources::KYVERNO_EXCEPTIONS, "PolicyException", &["v2", "v2beta1"], "metadata{$meta} spec{exceptions match background podSecurity conditions{}}", KYVERNO),
    (sources::KYVERNO_VALIDATING_POLICIES, "ValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (SourceId::group("policies.kyverno.io", "mutatingpolicies"), "MutatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (sources::KYVERNO_IMAGE_VALIDATING_POLICIES, "ImageValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (sources::KYVERNO_NAMESPACED_VALIDATING_POLICIES, "NamespacedValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (sources::KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICIES, "NamespacedImageValidatingPolicy", &["v1", "v1beta1", "v1alpha1"], KYVERNO_CEL, KYVERNO),
    (sources::KYVERNO_CEL_EXCEPTIONS, "PolicyException", &["v1", "v1beta1", "v1alpha1"], "metadata{$meta} spec{policyRefs{kind name} matchConditions{$condition} images allowedValues expiresAt}", KYVERNO),
    (sources::KUBEWARDEN_CLUSTER_POLICIES, "ClusterAdmissionPolicy", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    (sources::KUBEWARDEN_POLICIES, "AdmissionPolicy", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    (sources::KUBEWARDEN_CLUSTER_GROUPS, "ClusterAdmissionPolicyGroup", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    (sources::KUBEWARDEN_GROUPS, "AdmissionPolicyGroup", &["v1"], KUBEWARDEN_POLICY, KUBEWARDEN),
    (sources::SIGSTORE, "ClusterImagePolicy", &["v1beta1", "v1alpha1"], "metadata{$meta} spec{mode images match authorities{name static{action} keyless{url:url identities} key{hashAlgorithm kms:redacted}}}", "Which images must be signed, and by whom."),
];

const CONFIG_MAPS: &[ConfigMapLine] = &[(
    "kyverno",
    "kyverno",
    &[whole("resourceFilters"), whole("excludeGroups"), whole("excludeUsernames"), whole("excludeRoles"), whole("webhooks")],
    Part::Addons,
    "What Kyverno leaves out.",
)];

pub(super) fn entries() -> Vec<Entry> {
    let own = vec![
        list(
            sources::VALIDATING_WEBHOOKS,
            "ValidatingWebhookConfiguration",
            "metadata{$meta} $webhooks",
            "Policy engines and the holes in their coverage.",
        ),
        list(
            sources::MUTATING_WEBHOOKS,
            "MutatingWebhookConfiguration",
            "metadata{$meta} $webhooks",
            "Injectors (Vault, meshes) and who may change objects.",
        ),
        newer(
            sources::VALIDATING_POLICIES,
            "ValidatingAdmissionPolicy",
            "metadata{$meta} spec!{failurePolicy matchConditions{$condition} matchConstraints{$matching} paramKind{apiVersion kind}
             validations{expression:expression reason} auditAnnotations{key} variables{name expression:expression}}",
            "Policies that the API server itself enforces.",
        ),
        newer(
            sources::VALIDATING_POLICY_BINDINGS,
            "ValidatingAdmissionPolicyBinding",
            "metadata{$meta} $policybinding",
            "Whether such a policy denies or only warns.",
        ),
        beta(
            sources::MUTATING_POLICIES,
            "MutatingAdmissionPolicy",
            "metadata{$meta} spec!{failurePolicy matchConditions{$condition} matchConstraints{$matching} paramKind{apiVersion kind} reinvocationPolicy
             mutations{patchType}}",
            "Who changes objects on their way in.",
        ),
        beta(
            sources::MUTATING_POLICY_BINDINGS,
            "MutatingAdmissionPolicyBinding",
            "metadata{$meta} $policybinding",
            "Where such a policy applies.",
        ),
        Entry {
            amount: Amount::Metadata,
            ..list(
                sources::CUSTOM_RESOURCE_DEFINITIONS,
                "CustomResourceDefinition",
                METADATA,
                "Which systems are installed.",
            )
        },
        list(
            sources::API_SERVICES,
            "APIService",
            "metadata{$meta} spec!{group version service insecureSkipTLSVerify groupPriorityMinimum versionPriority}
             status{conditions{type status reason}}",
            "APIs that other programs serve, and whether they answer.",
        ),
        Entry {
        source: sources::GATEKEEPER,
        kind: "",
        versions: &["v1beta1"],
        reach: Reach::KindsOf,
        amount: Amount::Fields("metadata{$meta} spec{enforcementAction scopedEnforcementActions match} status{totalViolations byPod{enforced observedGeneration operations}}"),
        part: Part::Addons,
        always: false,
        why: "Policies of Gatekeeper: every constraint is a kind of its own.",
    },
    ];
    own.into_iter().chain(addons(LINES)).chain(config_maps(CONFIG_MAPS)).collect()
}
