//! What stands beside the mapping: crosswalks to other frameworks, practices that a series of reports may show, and what a risk
//! analysis can take from findings. Data with their sources; no outcome rests on any of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Framework;
use super::guides::{self, GuideStatement};
use super::lint::Problems;
use crate::model::Concern;

const FOLDER: &str = "controls/reference";

/// How a framework of somebody else speaks of the paragraphs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crosswalk {
    /// Its id, such as `sp-800-53r5`.
    pub id: String,
    /// What it leads to.
    pub title: String,
    /// The edition of that.
    pub edition: String,
    /// Where the relations come from.
    pub sources: Vec<String>,
    /// The relations.
    pub relations: Vec<Relation>,
}

/// One of them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// The paragraph.
    pub paragraph: String,
    /// The item of the other framework.
    pub to: String,
    /// On whose word: `olir`, `sp-800-66r2`, `ours`.
    pub authority: String,
    /// What that item is about, in our own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How sure the number is, where it was not read in the framework itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<String>,
}

/// A practice of which a series of reports may show that it was in place (section 13412 of the HITECH Act).
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// Subcategories of the NIST Cybersecurity Framework 2.0.
    #[serde(default)]
    pub csf: Vec<String>,
    /// Practices of the Health Industry Cybersecurity Practices, 2023.
    #[serde(default)]
    pub hicp: Vec<String>,
    /// Controls that show something of it.
    pub controls: Vec<String>,
    /// Questions about it.
    #[serde(default)]
    pub questions: Vec<String>,
    /// What they show of it.
    pub says: String,
    /// What they do not.
    pub not: String,
}

/// Something that may happen to ePHI and that a risk analysis looks at.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreatEvent {
    /// Its id.
    pub id: String,
    /// What happens.
    pub title: String,
    /// Adversarial, accidental, structural or environmental (NIST SP 800-30).
    pub kind: ThreatKind,
    /// What it concerns.
    pub concerns: Vec<Concern>,
    /// Controls whose findings would serve it.
    pub served_by: Vec<String>,
}

/// Where a threat comes from (NIST SP 800-30 Rev. 1, table D-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreatKind {
    /// Somebody means it.
    Adversarial,
    /// Somebody errs.
    Accidental,
    /// Something breaks.
    Structural,
    /// The world does it.
    Environmental,
}

impl ThreatKind {
    /// The word used in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Adversarial => "adversarial",
            Self::Accidental => "accidental",
            Self::Structural => "structural",
            Self::Environmental => "environmental",
        }
    }
}

/// The weakness that a finding of a control is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weakness {
    /// The control.
    pub control: String,
    /// The weakness, as a noun.
    pub noun: String,
    /// What it concerns.
    pub concerns: Vec<Concern>,
    /// The section of NIST SP 800-190 that is about it.
    #[serde(default)]
    pub sp_800_190: Option<String>,
}

/// A mapping to a paragraph that is often seen and wrong.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrongMapping {
    /// Its id.
    pub id: String,
    /// What is mapped to what.
    pub wrong: String,
    /// Why that is wrong.
    pub why: String,
    /// What belongs there.
    pub right: String,
}

/// How a mapping came to be what it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// The framework.
    pub mapping: String,
    /// Its versions, the oldest first.
    pub versions: Vec<MappingVersion>,
}

/// One version of a mapping.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingVersion {
    /// The version (semantic).
    pub version: String,
    /// Its day.
    pub on: String,
    /// SHA-256 over its relations.
    pub relations_sha256: String,
    /// What changed since the one before.
    pub changed: Vec<ChangedRelation>,
}

/// A relation that is not what it was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangedRelation {
    /// The paragraph.
    pub paragraph: String,
    /// The control.
    pub control: String,
    /// Its extent before, or `none`.
    pub was: String,
    /// Its extent now, or `none`.
    pub is: String,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Reference {
    /// Crosswalks, by file.
    pub crosswalks: Vec<Crosswalk>,
    /// Practices, in their order.
    pub practices: Vec<Practice>,
    /// Threat events, in their order.
    pub threats: Vec<ThreatEvent>,
    /// One weakness for each control that is checked.
    pub weaknesses: Vec<Weakness>,
    /// Mappings of others that are wrong, and why.
    pub wrong: Vec<WrongMapping>,
    /// How mappings changed.
    pub changes: Vec<Changes>,
    /// What published guides state, and what is observed of it.
    pub guides: Vec<GuideStatement>,
}

impl Reference {
    /// Takes a file of this folder.
    pub(super) fn read(&mut self, file: &str, text: &str, problems: &mut Problems) {
        let name = file.rsplit('/').next().unwrap_or(file);
        let read = match name {
            "coverage.yaml" => serde_saphyr::from_str(text).map(|all| self.guides = all),
            "practices.yaml" => serde_saphyr::from_str(text).map(|all| self.practices = all),
            "threat-events.yaml" => serde_saphyr::from_str(text).map(|all| self.threats = all),
            "weaknesses.yaml" => serde_saphyr::from_str(text).map(|all| self.weaknesses = all),
            "common-wrong-mappings.yaml" => serde_saphyr::from_str(text).map(|all| self.wrong = all),
            _ if name.ends_with("-changes.yaml") => serde_saphyr::from_str(text).map(|one| self.changes.push(one)),
            _ => serde_saphyr::from_str(text).map(|one| self.crosswalks.push(one)),
        };
        if let Err(error) = read {
            problems.yaml(file, &error);
        }
    }

    /// A mapping is what its version says: whoever changes a relation writes down a version.
    fn lint_changes(&self, frameworks: &[(String, Framework)], problems: &mut Problems) {
        for changes in &self.changes {
            let file = format!("{FOLDER}/{}-changes.yaml", changes.mapping);
            let Some((_, framework)) = frameworks.iter().find(|(_, framework)| framework.id == changes.mapping) else {
                problems.at(&file, 1, format!("there is no framework `{}`", changes.mapping));
                continue;
            };
            let (version, digest) = (&framework.version, framework.relations_sha256());
            match changes.versions.last() {
                Some(last) if last.version == *version && last.relations_sha256 == digest => {}
                Some(last) if last.version == *version => problems.at(
                    &file,
                    1,
                    format!("the relations are not those of version {version}: raise `version` in the framework, and write what changed and {digest}"),
                ),
                _ => problems.at(&file, 1, format!("version {version} of the framework is not the last one here")),
            }
            if framework.changed_on.as_ref() != changes.versions.last().map(|last| &last.on) {
                problems.at(&file, 1, "`changed_on` of the framework is not the day of its version");
            }
        }
    }

    /// Everything that is named exists, and nothing is forgotten.
    pub(super) fn lint(&self, checks: &[&str], questions: &[&str], frameworks: &[(String, Framework)], problems: &mut Problems) {
        self.lint_changes(frameworks, problems);
        guides::lint(&format!("{FOLDER}/coverage.yaml"), &self.guides, checks, questions, problems);
        let paragraphs: Vec<&str> =
            frameworks.iter().flat_map(|(_, framework)| framework.paragraphs.iter().map(|one| one.id.value.as_str())).collect();
        let mut wrong = |file: &str, message: String| problems.at(&format!("{FOLDER}/{file}"), 1, message);
        for crosswalk in &self.crosswalks {
            let file = format!("{}.yaml", crosswalk.id);
            for relation in crosswalk.relations.iter().filter(|one| !paragraphs.contains(&one.paragraph.as_str())) {
                wrong(&file, format!("there is no paragraph `{}`", relation.paragraph));
            }
            let pairs: BTreeSet<(&str, &str)> = crosswalk.relations.iter().map(|one| (one.paragraph.as_str(), one.to.as_str())).collect();
            if pairs.len() < crosswalk.relations.len() {
                wrong(&file, "a relation stands twice".to_owned());
            }
        }
        for practice in &self.practices {
            for id in practice.controls.iter().filter(|id| !checks.contains(&id.as_str())) {
                wrong("practices.yaml", format!("`{}`: there is no control `{id}`", practice.id));
            }
            for id in practice.questions.iter().filter(|id| !questions.contains(&id.as_str())) {
                wrong("practices.yaml", format!("`{}`: there is no question `{id}`", practice.id));
            }
        }
        for event in &self.threats {
            for id in event.served_by.iter().filter(|id| !checks.contains(&id.as_str())) {
                wrong("threat-events.yaml", format!("`{}`: there is no control `{id}`", event.id));
            }
        }
        for id in checks.iter().filter(|id| self.weaknesses.iter().filter(|one| one.control == **id).count() != 1) {
            wrong("weaknesses.yaml", format!("`{id}` is to stand there once: what a finding of it is, as a noun"));
        }
        for one in self.weaknesses.iter().filter(|one| !checks.contains(&one.control.as_str())) {
            wrong("weaknesses.yaml", format!("there is no control `{}`", one.control));
        }
    }
}
