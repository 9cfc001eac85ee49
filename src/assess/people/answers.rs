//! Answers beside the questions, and what each question has come to by them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problems, Written, broken, named};
use crate::catalog::{AnswerFile, Answered};
use crate::model::{
    Answer, AnswerState, AskedQuestion, Assessment, OutcomeWord, People, PeopleProblemKind, Person, QuestionCounts, QuestionState,
    questions, unseen_id,
};

/// What an answer is worth on a day, for a cluster.
pub(super) fn state(said: &Answered, today: &str, cluster: Option<&str>) -> AnswerState {
    if said.evidence.iter().any(|file| file.broken.is_some()) {
        AnswerState::Unsupported
    } else if said.on.as_str() > today {
        AnswerState::NotYet
    } else if said.until.as_str() < today {
        AnswerState::Expired
    } else if matches!((said.cluster_uid.as_deref(), cluster), (Some(of), Some(this)) if of != this) {
        AnswerState::OtherCluster
    } else {
        AnswerState::InForce
    }
}

fn answer(file: &AnswerFile, said: &Answered, state: AnswerState) -> Answer {
    Answer {
        file: file.path.clone(),
        question: file.question.clone(),
        asked: file.asked.clone(),
        statement: said.statement.clone(),
        answered_by: Person { name: said.name.clone(), role: said.role.clone() },
        answered_on: said.on.clone(),
        valid_until: said.until.clone(),
        state,
        evidence: said.evidence.iter().map(named).collect(),
        reference: said.reference.clone(),
    }
}

/// The newest first: the day, and of one day the file that was written last.
fn newest_first(answers: &mut [Answer]) {
    answers.sort_by_cached_key(|answer| std::cmp::Reverse((answer.answered_on.clone(), Written::of(&answer.file))));
}

pub(super) fn lay(files: &[AnswerFile], today: &str, assessment: &mut Assessment, people: &mut People, problems: &mut Problems) {
    let cluster = assessment.cluster.uid.clone();
    let mut by_question: BTreeMap<&str, Vec<Answer>> = BTreeMap::new();
    for file in files {
        if let Some(said) = &file.answered {
            broken(&said.evidence, &file.path, problems);
            let state = state(said, today, cluster.as_deref());
            if state == AnswerState::NotYet {
                let what = format!("the answer to {} is of {}, after the snapshot: it does not count yet", file.question, said.on);
                problems.add(PeopleProblemKind::NotYet, &file.path, what);
            }
            by_question.entry(&file.question).or_default().push(answer(file, said, state));
        }
    }
    by_question.values_mut().for_each(|answers| newest_first(answers));
    for (question, answers) in &by_question {
        contradictions(question, answers, files, problems);
    }
    let mut asked = questions(assessment);
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for control in &mut assessment.controls {
        // A control that was decided asks nothing; beside a question and beside what was not seen there is room for an answer.
        let open = matches!(control.word(), OutcomeWord::Manual) || control.unseen().iter().any(|unseen| unseen.asks_people());
        let things = control.unseen().iter().filter(|unseen| unseen.asks_people()).map(|unseen| unseen_id(&unseen.what));
        let ids: BTreeSet<String> = things.chain(open.then(|| control.id.clone())).collect();
        for (question, answers) in ids.iter().filter_map(|id| by_question.get_key_value(id.as_str())) {
            used.insert(*question);
            control.answers.extend(answers.iter().cloned());
        }
        newest_first(&mut control.answers);
    }
    for (question, answers) in &by_question {
        for answer in answers.iter().filter(|_| !used.contains(question)) {
            let why = if question.starts_with(crate::model::UNSEEN_PREFIX) {
                "this snapshot does not leave it open: it was seen, or nothing of the kind is there any more"
            } else {
                "the control of that id does not ask people: it was decided, or what it lacks is no question to people"
            };
            problems.add(PeopleProblemKind::Unused, &answer.file, format!("it answers {question}; {why}"));
        }
    }
    let mut counts = QuestionCounts::default();
    for question in &mut asked {
        judge(question, &by_question, problems);
        let waiting = files.iter().find(|file| file.answered.is_none() && file.question == question.id).map(|file| file.path.clone());
        question.file = question.file.take().or(waiting);
        counts.add(question.state);
    }
    people.questions = counts;
    people.asked = asked;
}

/// Sets the state of a question to that of the worst control that asks it. What was answered about a control counts for that control only.
fn judge(question: &mut AskedQuestion, by_question: &BTreeMap<&str, Vec<Answer>>, problems: &mut Problems) {
    let of = |id: &str| by_question.get(id).into_iter().flatten();
    let mut worst: Option<(QuestionState, Option<&Answer>)> = None;
    for control in &question.controls {
        // That of a manual control has its id.
        let by_control = of(control).filter(|_| *control != question.id);
        let answers: Vec<&Answer> = of(&question.id).chain(by_control).collect();
        let in_state = |state| answers.iter().copied().find(|answer| answer.state == state);
        let said = match (in_state(AnswerState::InForce), in_state(AnswerState::Expired)) {
            (Some(answer), _) => (QuestionState::Answered, Some(answer)),
            (None, Some(answer)) => (QuestionState::Expired, Some(answer)),
            (None, None) => (QuestionState::Open, answers.first().copied()),
        };
        if let (QuestionState::Expired, Some(answer)) = said {
            let what = format!("the answer to {} was valid until {}", answer.question, answer.valid_until);
            problems.add(PeopleProblemKind::Expired, &answer.file, what);
        }
        if worst.is_none_or(|(state, _)| said.0 < state) {
            worst = Some(said);
        }
    }
    let (state, answer) = worst.unwrap_or((QuestionState::Open, None));
    question.state = state;
    question.file = answer.map(|answer| answer.file.clone());
}

/// A problem where two files answer a question on one day, the newest, and do not say the same.
fn contradictions(question: &str, answers: &[Answer], files: &[AnswerFile], problems: &mut Problems) {
    let is_of_here = |answer: &&Answer| !matches!(answer.state, AnswerState::NotYet | AnswerState::OtherCluster);
    let Some(last) = answers.iter().find(is_of_here) else { return };
    let said = |path: &str| files.iter().find(|file| file.path == path).and_then(|file| file.answered.as_ref());
    let others =
        answers.iter().filter(is_of_here).filter(|other| other.answered_on == last.answered_on && said(&other.file) != said(&last.file));
    for other in others {
        let what =
            format!("two answers to {question} are of {}: {} says otherwise, and this one is the later", last.answered_on, other.file);
        problems.add(PeopleProblemKind::Contradiction, &last.file, what);
    }
}
