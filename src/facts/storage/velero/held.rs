use crate::facts::Known;
use crate::model::{Unseen, UnseenKind};

/// Whether a claim is, or is to be, in a backup. Reasons are clauses about the claim, which is called `it`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::facts::storage) enum Held {
    Yes,
    No(String),
    Unclear(Doubt),
}

/// Why it is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::facts::storage) enum Doubt {
    /// What the objects say leaves it open.
    Open(UnseenKind, String),
    /// What would say it was not read.
    Gap(Box<Unseen>),
}

impl Held {
    pub(super) fn no(why: impl Into<String>) -> Self {
        Self::No(why.into())
    }

    pub(super) fn unless(out: bool, why: &str) -> Self {
        if out { Self::no(why) } else { Self::Yes }
    }

    /// The layer below, or a place that is not read, decides.
    pub(super) fn not_visible(why: impl Into<String>) -> Self {
        Self::Unclear(Doubt::Open(UnseenKind::NotVisible, why.into()))
    }

    pub(super) fn not_understood(why: impl Into<String>) -> Self {
        Self::Unclear(Doubt::Open(UnseenKind::NotUnderstood, why.into()))
    }

    pub(super) fn gap(unseen: &Unseen) -> Self {
        Self::Unclear(Doubt::Gap(Box::new(unseen.clone())))
    }

    /// What was established about something, judged; otherwise the gap.
    pub(super) fn of<T>(known: &Known<T>, judge: impl FnOnce(&T) -> Self) -> Self {
        match known {
            Known::Known(value) => judge(value),
            Known::Unknown(unseen) => Self::gap(unseen),
        }
    }

    /// Whether all of them are so; one that is not decides, whatever else is unclear.
    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::Yes, |so_far, part| match (so_far, part) {
            (no @ Self::No(_), _) | (_, no @ Self::No(_)) => no,
            (doubt @ Self::Unclear(_), _) | (Self::Yes, doubt @ Self::Unclear(_)) => doubt,
            (Self::Yes, Self::Yes) => Self::Yes,
        })
    }

    /// The answer where it is not known which of several things is so: only what all of them say counts.
    pub(super) fn whichever(parts: impl IntoIterator<Item = Self>, open: impl FnOnce() -> Self) -> Self {
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else { return Self::Yes };
        let same = |other: &Self| {
            matches!((&first, other), (Self::Yes, Self::Yes) | (Self::No(_), Self::No(_)) | (Self::Unclear(_), Self::Unclear(_)))
        };
        if parts.all(|other| same(&other)) { first } else { open() }
    }

    /// The same, where it is `Yes` only if `more` is too.
    pub(super) fn and_then(self, more: impl FnOnce() -> Self) -> Self {
        match self {
            no @ Self::No(_) => no,
            Self::Yes => more(),
            doubt @ Self::Unclear(_) => Self::all([doubt, more()]),
        }
    }
}
