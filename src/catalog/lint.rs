/// One thing that is wrong in a catalog file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as the user knows it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, where it is known.
    pub column: Option<u64>,
    /// What is wrong and what is expected.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.column {
            Some(column) => write!(f, "{}:{}:{column}: {}", self.file, self.line, self.message),
            None => write!(f, "{}:{}: {}", self.file, self.line, self.message),
        }
    }
}

/// Everything that is wrong, gathered over all files before anything is refused.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }
    pub(super) fn at(&mut self, file: &str, line: u64, message: impl Into<String>) {
        self.push(Problem { file: file.to_owned(), line, column: None, message: message.into() });
    }
    pub(super) fn spanned<T>(&mut self, file: &str, at: &serde_saphyr::Spanned<T>, message: impl Into<String>) {
        let (line, column) = (at.referenced.line(), Some(at.referenced.column()));
        self.push(Problem { file: file.to_owned(), line, column, message: message.into() });
    }
    pub(super) fn placed(&mut self, file: &str, line: u64, column: u64, message: impl Into<String>) {
        self.push(Problem { file: file.to_owned(), line, column: Some(column), message: message.into() });
    }
    pub(super) fn yaml(&mut self, file: &str, error: &serde_saphyr::Error) {
        let line = error.location().map_or(1, |location| location.line());
        // The words for people: the others speak of options of a library.
        let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        // The first line holds the message; the rest is a picture of the file, which the line number replaces.
        let message = message.lines().next().unwrap_or("not valid YAML");
        let place = error.location().map(|at| format!("line {} column {}: ", at.line(), at.column())).unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let message = message.strip_prefix(place.as_str()).unwrap_or(message).to_owned();
        self.push(Problem { file: file.to_owned(), line, column: error.location().map(|location| location.column()), message });
    }
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
    pub(super) fn into_sorted(mut self) -> Vec<Problem> {
        self.0.sort();
        self.0
    }
}
