//! How large an expression may be, and how much work for one row. Expressions come from users too, and are parsed, checked and evaluated
//! recursively.

/// Characters of an expression. The longest of the catalog has a tenth of it.
const MOST_CHARACTERS: usize = 16 * 1024;
/// Words and signs outside of texts.
const MOST_TOKENS: usize = 2_000;
/// Brackets inside brackets.
const MOST_NESTING: usize = 24;
/// Signs that each open a level of their own without a bracket: `!`, `-`, `?`, `.`, in one part between commas and logical signs.
const MOST_CHAIN: usize = 32;
/// Looks at a loop's body for one row.
pub(super) const MOST_STEPS: u64 = 1_000_000;
/// The same for all rows of a table together: a million rows with a little each are as long as a few with much. The whole catalog takes a
/// hundredth of it for twenty thousand pods.
const MOST_WORK: u64 = 100_000_000;

/// What an expression did so far, over the rows of one table.
#[derive(Debug)]
pub struct Work {
    left: u64,
}

impl Default for Work {
    fn default() -> Self {
        Self { left: MOST_WORK }
    }
}

impl Work {
    /// So many steps and no more.
    #[cfg(test)]
    pub(super) fn of(left: u64) -> Self {
        Self { left }
    }

    /// Takes these steps, where they are left. What was too much once is too much from then on, whatever comes, so that the rows that
    /// are decided are the first ones.
    pub(super) fn take(&mut self, steps: u64) -> bool {
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// What is too much in an expression.
pub(super) fn exceeded(source: &str) -> Option<String> {
    let too = |what: &str, most: usize| Some(format!("the expression has more than {most} {what}; split it"));
    if source.len() > MOST_CHARACTERS {
        return too("characters", MOST_CHARACTERS);
    }
    let (mut tokens, mut depth, mut chain, mut questions) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut quote = None;
    let mut escaped = false;
    let mut in_word = false;
    for c in source.chars() {
        if let Some(end) = quote {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == end {
                quote = None;
            }
            continue;
        }
        let word = c.is_alphanumeric() || c == '_';
        if !(c.is_whitespace() || word && in_word) {
            tokens += 1;
        }
        in_word = word;
        match c {
            '\'' | '"' => quote = Some(c),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '!' | '-' | '.' => chain += 1,
            '?' => questions += 1,
            ',' | '&' | '|' => chain = 0,
            _ => {}
        }
        if tokens > MOST_TOKENS {
            return too("parts", MOST_TOKENS);
        }
        if depth > MOST_NESTING {
            return too("brackets inside each other", MOST_NESTING);
        }
        if chain > MOST_CHAIN || questions > MOST_CHAIN {
            return too("fields, signs or conditions in a row", MOST_CHAIN);
        }
    }
    None
}
