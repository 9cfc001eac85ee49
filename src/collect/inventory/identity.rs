//! As whom the cluster is read.

use super::Entry;
use super::entries::review;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        review(
            "authentication.k8s.io",
            "selfsubjectreviews",
            "SelfSubjectReview",
            "status!{userInfo!{username groups:sorted}}",
            "As whom the cluster was read.",
        ),
        review(
            "authorization.k8s.io",
            "selfsubjectrulesreviews",
            "SelfSubjectRulesReview",
            "spec{namespace} status!{resourceRules:sorted nonResourceRules:sorted incomplete}",
            "Which rights the collecting identity holds, so that an over-privileged one is named.",
        ),
    ]
}
