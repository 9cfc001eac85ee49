/// Why a value that is written out in a manifest looks like a credential. It is judged while the value is redacted, and stored in
/// place of it: the value itself never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LooksLikeCredential {
    /// The variable or option is called so (`DB_PASSWORD`, `--token`).
    Name,
    /// A URL or connection string with a password in it.
    Url,
    /// The format of a known kind of key, or of a private key.
    Format,
    /// Text without any meaning, as a generator makes it.
    Random,
    /// A text that holds a credential beside other things: a command line, a document, a list of settings.
    Within,
    /// A place where a known program takes a password (`redis-cli -a x`).
    Place,
}

impl LooksLikeCredential {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Name, Self::Url, Self::Format, Self::Random, Self::Within, Self::Place];

    /// What stands in place of the value. It begins as everything redacted does.
    pub fn marker(self) -> &'static str {
        match self {
            Self::Name => "[redacted] a credential by its name",
            Self::Url => "[redacted] a password in an address",
            Self::Format => "[redacted] a key by its format",
            Self::Random => "[redacted] random text",
            Self::Within => "[redacted] a text with a credential in it",
            Self::Place => "[redacted] a password by its place",
        }
    }

    /// The judgement that stands at the end of a stored word, such as `--token=[redacted] …`.
    pub fn in_stored(word: &str) -> Option<Self> {
        // Nearly every word holds none.
        word.contains("[redacted] ").then(|| Self::ALL.into_iter().find(|kind| word.ends_with(kind.marker())))?
    }

    /// For a sentence, in brackets after the name.
    pub fn words(self) -> &'static str {
        match self {
            Self::Name => "by its name",
            Self::Url => "a password in an address",
            Self::Format => "the format of a key",
            Self::Random => "random text",
            Self::Within => "a credential in its text",
            Self::Place => "a password by its place",
        }
    }
}
