//! The fixed words of the documents: what they are and are not, the method, the glossary.

use std::collections::BTreeSet;

use serde::Serialize;

/// What the document is and is not, in two sentences and one more; first page of every document.
pub(super) const DISCLAIMER: &str = "This report records configuration observed in one cluster between the times shown. It supports, and does not replace, your risk analysis, policies and evaluation under 45 CFR Part 164. It is not legal advice and not a determination of compliance.";

/// What is outside of the scan.
pub(super) const SCOPE_LIMITS: &str = "Only resources that the stated identity could read are covered; anything under “not assessed” is unknown, not satisfactory. Applications, databases, identity providers, cloud accounts, people and paper are outside the scan.";

/// What the link from a control to a paragraph means.
pub(super) const MAPPING: &str = "Links from controls to paragraphs of the regulation show relevance. One control rarely covers a whole paragraph, and many paragraphs have no control.";

/// What is said about addressable specifications.
pub(super) const ADDRESSABLE: &str = "For addressable specifications the entity decides and documents under 164.306(d)(3). This report shows what was supplied; it does not judge whether the reasoning is adequate.";

/// One word of the glossary.
pub(super) struct Word {
    /// Anchor, and what is shown as the headword.
    pub(super) term: &'static str,
    /// Forms that are recognised in running text.
    pub(super) forms: &'static [&'static str],
    /// What it means, for somebody who has never seen a cluster.
    pub(super) meaning: &'static str,
}

const fn word(term: &'static str, forms: &'static [&'static str], meaning: &'static str) -> Word {
    Word { term, forms, meaning }
}

/// The glossary, sorted by headword.
#[rustfmt::skip]
pub(super) const GLOSSARY: &[Word] = &[
    word("addressable", &["addressable"], "Of a specification: to be assessed; implemented where reasonable and appropriate, else the reason is documented, and an equivalent alternative implemented where that is reasonable and appropriate (45 CFR 164.306(d)(3)). It does not mean optional."),
    word("API server", &["API server"], "The one door to a cluster: every person and program that reads or changes anything sends a request to it."),
    word("binding", &["bindings", "binding"], "Gives a role to people, groups or service accounts, in one namespace or in the whole cluster."),
    word("business associate", &["business associate"], "Who creates, receives, keeps or passes on health information for a covered entity, subcontractors included (45 CFR 160.103)."),
    word("cluster", &["cluster"], "A group of machines that Kubernetes runs as one, with one API server in front."),
    word("ConfigMap", &["ConfigMaps", "ConfigMap"], "A named set of settings stored in the cluster, readable in clear text."),
    word("container", &["containers", "container"], "A program that runs with its own files, shut off from its neighbours by the node's operating system."),
    word("control", &["controls"], "One check of this program: a sentence that ought to hold, and the fields of the cluster that decide it."),
    word("control plane", &["control plane"], "The machines and programs that run the cluster itself: API server, etcd, scheduler, controllers."),
    word("covered entity", &["covered entity"], "A health plan, a health care clearinghouse, or a provider that transmits standard transactions electronically (45 CFR 160.103)."),
    word("digest", &["digests", "digest"], "64 hexadecimal digits (SHA-256) computed from a file or an object. If one byte changes, the digest changes."),
    word("ePHI", &["ePHI"], "Electronic protected health information, as 45 CFR 160.103 defines it. Which namespaces hold it is declared by people; a cluster does not know."),
    word("etcd", &["etcd"], "The database in which the API server stores everything, Secrets included."),
    word("finding", &["finding"], "One object that does not meet one control, with the place in the cluster where that stands."),
    word("flag", &["flags", "flag"], "A setting given to a program when it starts, such as --audit-log-path."),
    word("image", &["images", "image"], "The packaged files that a container is started from."),
    word("ingress", &["ingresses", "ingress"], "The entry by which traffic from outside reaches programs in the cluster."),
    word("JSON pointer", &["JSON pointer"], "The path of one field within an object, such as /spec/hostNetwork (RFC 6901)."),
    word("namespace", &["namespaces", "namespace"], "A named part of a cluster; access rights and network rules are mostly given per namespace."),
    word("NetworkPolicy", &["NetworkPolicy", "network policies", "Network policies"], "A rule that says which traffic may reach or leave a set of pods. Without one, all traffic is allowed."),
    word("node", &["nodes", "node"], "One machine of the cluster, physical or virtual."),
    word("pod", &["pods", "pod"], "One or several containers that start together on one node and share an address."),
    word("Pod Security level", &["Pod Security level"], "Kubernetes' own scale for what a pod may do: privileged (anything), baseline, restricted."),
    word("privileged", &["privileged"], "Of a container: without the walls that separate it from its node."),
    word("required", &["required specification"], "Of a specification: to be implemented (45 CFR 164.306(d)(2)). Every standard has to be met, whatever its specifications are."),
    word("resourceVersion", &["resourceVersion"], "The version mark that the API server gives an object or a list; it changes with each change."),
    word("role", &["roles", "role"], "A list of permitted actions on kinds of objects. It takes effect through a binding."),
    word("Secret", &["Secrets", "Secret"], "A named set of confidential values stored in the cluster, such as passwords and keys. This program never reads one."),
    word("service account", &["service accounts", "service account"], "An identity for programs in the cluster, as a user name is for people."),
    word("snapshot", &["snapshot"], "The stored answers of the API server that this report was computed from, with their digests."),
    word("source", &["sources", "source"], "One thing that is read from the API server: a list of objects, one object, or a page such as /metrics."),
    word("specification", &["specifications", "specification"], "An instruction for a standard of the regulation, required or addressable."),
    word("standard", &["standards", "standard"], "What the regulation asks to be achieved; it has to be met (45 CFR 164.306(c))."),
    word("token", &["tokens", "token"], "A credential, carried as text, that proves an identity to the API server."),
    word("workforce", &["workforce"], "Employees, volunteers, trainees and others under the direct control of the entity, paid or not (45 CFR 160.103). People of a vendor usually are not, unless they work under the entity's direct control."),
    word("workload", &["workloads", "workload"], "What keeps pods running: a Deployment, StatefulSet, DaemonSet, Job or CronJob."),
];

/// A piece of running text, perhaps the first use of a word of the glossary.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Segment {
    /// The text.
    pub(super) text: String,
    /// The anchor of the word.
    pub(super) term: Option<String>,
}

/// Running text in pieces.
pub(super) type Prose = Vec<Segment>;

/// The anchor of a word of the glossary.
pub(super) fn term_anchor(term: &str) -> String {
    format!("w-{}", term.to_lowercase().replace(' ', "-"))
}

/// Marks the first use of each word of the glossary. Texts have to be handed over in the order in which documents show them.
#[derive(Default)]
pub(super) struct Linker {
    used: BTreeSet<&'static str>,
}

impl Linker {
    /// `text` with the words that were not used before marked.
    pub(super) fn prose(&mut self, text: &str) -> Prose {
        let mut segments = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if text.get(..at).and_then(|before| before.chars().last()).is_none_or(begins_after)
                && let Some((word, form)) = self.word_at(rest)
            {
                self.used.insert(word);
                if !plain.is_empty() {
                    segments.push(Segment { text: std::mem::take(&mut plain), term: None });
                }
                segments.push(Segment { text: form.to_owned(), term: Some(term_anchor(word)) });
                at += form.len();
                continue;
            }
            let Some(c) = rest.chars().next() else { break };
            plain.push(c);
            at += c.len_utf8();
        }
        if !plain.is_empty() {
            segments.push(Segment { text: plain, term: None });
        }
        segments
    }

    /// The unused word of the glossary that `rest` begins with; the longest form wins.
    fn word_at(&self, rest: &str) -> Option<(&'static str, &'static str)> {
        GLOSSARY
            .iter()
            .flat_map(|word| word.forms.iter().map(move |form| (word.term, *form)))
            .filter(|(_, form)| rest.strip_prefix(form).is_some_and(|after| after.chars().next().is_none_or(ends_before)))
            .max_by_key(|(_, form)| form.len())
            .filter(|(term, _)| !self.used.contains(term))
    }
}

fn begins_after(c: char) -> bool {
    !(c.is_alphanumeric() || "-_/.".contains(c))
}

fn ends_before(c: char) -> bool {
    !(c.is_alphanumeric() || "-_/:".contains(c))
}

/// One part of the chapter on method: its heading and its paragraphs.
pub(super) const METHOD: &[(&str, &[&str])] = &[
    (
        "How it was collected",
        &[
            "The program sent only requests that read{requests}. It never requests a Secret, a log of a pod or anything that runs in a container. Every request, with its time, path, answer and size, is in requests.jsonl of the evidence folder; the requests in the evidence index are line numbers there.",
            "Each object was reduced to the fields that controls need before it was stored. Values of the kinds that docs/sources.md of the program's source lists never entered the snapshot; names and labels are kept and may hold anything. The digest of each entry of the evidence index is that of the reduced object, as it stands in the snapshot.",
        ],
    ),
    (
        "How it was judged",
        &[
            "Each control looks at one table of facts computed from the snapshot. A pass needs two things: every source that the control depends on was read completely, and every object in scope meets the control. If anything is missing, the outcome is fail where a failure was seen, and not assessed otherwise.",
            "The same snapshot and the same catalog give the same report, byte for byte, on any machine. Anyone who holds the snapshot can repeat it with kube-hipaa assess.",
        ],
    ),
    (
        "How findings are grouped and ordered",
        &[
            "Findings that one change would settle stand in one group: those of the same control, and within it those that rest on the same object, such as one binding.",
            "A finding's rank is its severity (critical 27, high 9, medium 3, low 1) times its exposure (open to the outside or to every identity 3, cluster-wide 2, within the namespace 1) times ePHI (in a namespace with ePHI 3, in no namespace 2, elsewhere 1). A group has the rank of its gravest finding. The product decides the order and nothing else: it is never added up, and there is no score of the cluster. Why these numbers, and what they cannot say, stands in docs/scoring.md of the program's source.",
        ],
    ),
    (
        "What it does not show",
        &[
            SCOPE_LIMITS,
            MAPPING,
            ADDRESSABLE,
            "The report describes the time of collection. What was changed before or after is not in it.",
        ],
    ),
    (
        "What encryption, its absence and not knowing it mean when an incident is examined",
        &[
            "Duties to notify concern health information that was unsecured: not made unusable, unreadable or indecipherable by a method of the HHS guidance (45 CFR 164.402; 74 FR 19006 and 42740). At rest that guidance asks for encryption consistent with NIST SP 800-111, in motion for what accords, as appropriate, with NIST SP 800-52, 800-77 or 800-113, or others which are FIPS 140-2 validated, and for a key that is kept apart from the data and was not taken. Whether information was unsecured, the organization determines and has to be able to show (164.414(b)).",
            "Encryption configured supports that determination for the day of this report. It does not show that the key was not taken, that the module is validated, that data was encrypted before that day, or that what was read through a running application was protected.",
            "Not encrypted by a layer that was read: unless another layer encrypts, information taken in this form would be unsecured. The specification is addressable, and a documented decision may exist.",
            "Unknown is neither. For the time before somebody answers, this report cannot serve as a record that information there was encrypted.",
            "A check for WireGuard or secretbox passes, because both encrypt as 164.304 defines it; neither is in the publications that the guidance names, and a key in a local file lies on the host of the API server, with stacked etcd beside the data.",
        ],
    ),
    (
        "How to check it",
        &[
            "The digests on the first page name the snapshot and the catalog. Compute the SHA-256 of the snapshot's index.json with any tool and compare it; the index names every other file of the snapshot by its digest.",
        ],
    ),
];

/// What an outcome means, in the order of `OutcomeWord::ALL`.
pub(super) const OUTCOME_MEANINGS: [&str; 5] = [
    "At least one object in scope does not meet the control.",
    "Something that the control needs was not seen. Nothing is known; it is neither good nor bad.",
    "A question that only a person can answer.",
    "Every source was read completely, and every object in scope meets the control.",
    "Every source was read completely, and the cluster has nothing of the kind in scope.",
];

/// What stands beside a citation means, in the order of `OutcomeWord::ALL`. It is said of checks and never of a paragraph.
pub(super) const CITED_MEANINGS: [&str; 5] = [
    "The check found at least one object that does not meet it.",
    "Something that the check needs was not seen.",
    "A question to people; what they answered, if anything was supplied, stands beside it.",
    "In what was examined the check found nothing that does not meet it. That is all it says: no check decides a paragraph.",
    "The cluster has nothing that the check looks at in scope.",
];

/// The first words of the chapter on paragraphs.
pub(super) const PARAGRAPHS_INTRO: &str = "Every paragraph of 164.308 to 164.316 in the order of the regulation: what the cluster shows about it, what it cannot show, and what may be asked for, with where this report has evidence or a question. A check beside a paragraph is relevant to it, and does not decide it; what it found is said of the paragraph it stands under, and of no other. Every standard has to be met (164.306(c)), whether it has specifications or not; titles in brackets are this project's.";

/// The same where a framework of somebody's own, or one that is not in force, is reported.
pub(super) const OTHERS_INTRO: &str = "Every paragraph of the framework that was chosen, in its order: what the cluster shows about it, what it cannot show, and what may be asked for. It is not the HIPAA Security Rule in force. A check beside a paragraph is relevant to it, and does not decide it.";

/// What a grade means, in the order of `Grade::ALL`.
pub(super) const GRADE_MEANINGS: [&str; 5] = [
    "An effect was measured: a counter of the API server since its start, or its answer to a request.",
    "The setting was read where it takes effect: an object of the API, or the API server's own list of its flags.",
    "A copy of the setting was read, such as a ConfigMap or the description of a static pod. The copy may differ from what runs.",
    "A file that somebody handed over, with its digest and date.",
    "A statement by a person.",
];

/// What a severity means, in the order of `Severity::ALL`.
pub(super) const SEVERITY_MEANINGS: [&str; 4] = [
    "Direct reach to what is declared to hold ePHI, as far as roles show, or to the whole cluster.",
    "One step away from that.",
    "Weakens one of several layers.",
    "Hygiene.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_use_is_marked() {
        let mut linker = Linker::default();
        let prose = linker.prose("Every pod, and no podium: pods of a service account.");
        let marked: Vec<_> = prose.iter().filter(|segment| segment.term.is_some()).map(|segment| segment.text.as_str()).collect();
        assert_eq!(marked, ["pod", "service account"]);
        assert!(linker.prose("a pod").iter().all(|segment| segment.term.is_none()));
        let whole: String = prose.into_iter().map(|segment| segment.text).collect();
        assert_eq!(whole, "Every pod, and no podium: pods of a service account.");
    }

    #[test]
    fn the_glossary_is_sorted_and_about_twenty_to_thirty_words() {
        assert!(GLOSSARY.is_sorted_by_key(|word| word.term.to_lowercase()));
        assert!((20..=40).contains(&GLOSSARY.len()));
    }
}
