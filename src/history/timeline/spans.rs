//! Something that stays as it is from bundle to bundle.

use crate::model::history::Span;

/// What was when.
#[derive(Debug)]
pub(super) struct Spans<T> {
    spans: Vec<Span<T>>,
    /// The number of the last bundle that says it.
    last: u64,
}

impl<T> Default for Spans<T> {
    fn default() -> Self {
        Self { spans: Vec::new(), last: 0 }
    }
}

impl<T: PartialEq> Spans<T> {
    /// What it is in a bundle, which is the one of this number. A bundle in between that did not say it ends a span.
    pub(super) fn add(&mut self, is: T, now: &str, number: u64) {
        let follows = self.last + 1 == number;
        match self.spans.last_mut().filter(|last| follows && last.was == is) {
            Some(last) => {
                now.clone_into(&mut last.to);
                last.nights += 1;
            }
            None => self.spans.push(Span { was: is, from: now.to_owned(), to: now.to_owned(), nights: 1 }),
        }
        self.last = number;
    }

    pub(super) fn finish(self) -> Vec<Span<T>> {
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_does_not_say_it_ends_a_span() {
        let mut spans = Spans::default();
        for (number, is) in [(0, 'a'), (1, 'a'), (3, 'a'), (4, 'b'), (5, 'b')] {
            spans.add(is, &format!("night {number}"), number);
        }
        let all: Vec<_> = spans.finish().into_iter().map(|span| (span.was, span.from, span.to, span.nights)).collect();
        let night = |number: u64| format!("night {number}");
        assert_eq!(all, [('a', night(0), night(1), 2), ('a', night(3), night(3), 1), ('b', night(4), night(5), 2)]);
    }
}
