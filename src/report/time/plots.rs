//! Small plots as inline SVG: numbers of a view, no script, no style of their own. Beside each stands its table.

use chrono::DateTime;
use serde::Serialize;

use crate::model::history::{Night, Span};

/// Width of a plot in its own units.
const WIDTH: u64 = 1000;
/// Height of a plot with lines.
const HEIGHT: u64 = 160;
/// Room for the numbers at the side and the dates below.
const LEFT: u64 = 44;
const BELOW: u64 = 24;
const ABOVE: u64 = 8;

/// One line of a plot.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    label: &'static str,
    class: &'static str,
    points: String,
}

/// A number at the side.
#[derive(Debug, Serialize)]
struct Tick {
    y: u64,
    text: u64,
}

/// A plot with lines over the bundles of a record.
#[derive(Debug, Serialize)]
pub(super) struct Plot {
    anchor: &'static str,
    title: &'static str,
    lines: Vec<Line>,
    ticks: Vec<Tick>,
    from: String,
    to: String,
    width: u64,
    height: u64,
    left: u64,
    base: u64,
    label: u64,
}

/// A piece of a strip.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    x: u64,
    width: u64,
    class: &'static str,
}

impl Piece {
    pub(super) fn new(x: u64, width: u64, class: &'static str) -> Self {
        Self { x, width, class }
    }
}

/// Seconds since the epoch; 0 for what is no time, which a record does not hold.
fn seconds(time: &str) -> i64 {
    DateTime::parse_from_rfc3339(time).map_or(0, |time| time.timestamp())
}

/// Where a time lies between two others, in so many steps.
fn place(time: i64, from: i64, to: i64, steps: u64) -> u64 {
    let span = u64::try_from(to - from).unwrap_or(0).max(1);
    (u64::try_from(time - from).unwrap_or(0) * steps / span).min(steps)
}

impl Plot {
    /// A plot of these values, each a function of a bundle.
    pub(super) fn new(
        anchor: &'static str,
        title: &'static str,
        nights: &[Night],
        values: &[(&'static str, &'static str, &dyn Fn(&Night) -> u64)],
    ) -> Option<Self> {
        let (first, last) = (nights.first()?, nights.last()?);
        if nights.len() < 2 {
            return None;
        }
        let most = nights.iter().flat_map(|night| values.iter().map(move |(.., value)| value(night))).max().unwrap_or(0).max(1);
        let (from, to) = (seconds(&first.time), seconds(&last.time));
        let (room, high) = (WIDTH - LEFT, HEIGHT - ABOVE - BELOW);
        let y = |value: u64| ABOVE + high - value * high / most;
        let line = |one: &(&'static str, &'static str, &dyn Fn(&Night) -> u64)| Line {
            label: one.0,
            class: one.1,
            points: nights
                .iter()
                .map(|night| format!("{},{}", LEFT + place(seconds(&night.time), from, to, room), y((one.2)(night))))
                .collect::<Vec<_>>()
                .join(" "),
        };
        let mut ticks = vec![Tick { y: y(0), text: 0 }, Tick { y: y(most), text: most }];
        if most > 3 {
            ticks.insert(1, Tick { y: y(most / 2), text: most / 2 });
        }
        Some(Self {
            anchor,
            title,
            lines: values.iter().map(line).collect(),
            ticks,
            from: day(&first.time),
            to: day(&last.time),
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            base: HEIGHT - BELOW,
            label: HEIGHT - 6,
        })
    }
}

/// The date of a time.
pub(super) fn day(time: &str) -> String {
    time.split('T').next().unwrap_or(time).to_owned()
}

/// A strip of what was when, from the first bundle of the record to the last.
pub(super) fn strip<T>(spans: &[Span<T>], nights: &[Night], class: impl Fn(&T) -> &'static str) -> Vec<Piece> {
    let (Some(first), Some(last)) = (nights.first(), nights.last()) else { return Vec::new() };
    let (from, to) = (seconds(&first.time), seconds(&last.time));
    let mut pieces: Vec<Piece> = Vec::new();
    for (number, span) in spans.iter().enumerate() {
        let start = place(seconds(&span.from), from, to, WIDTH);
        // It is known until the bundle that says otherwise, where that is the next one.
        let next = nights.iter().find(|night| night.time > span.to).map(|night| &night.time);
        let until = spans.get(number + 1).map(|span| &span.from).filter(|from| next == Some(from)).unwrap_or(&span.to);
        let end = place(seconds(until), from, to, WIDTH);
        let width = end.saturating_sub(start).max(2);
        match pieces.last_mut().filter(|last| last.class == class(&span.was) && last.x + last.width >= start) {
            Some(last) => last.width = (start + width).saturating_sub(last.x),
            None => pieces.push(Piece { x: start, width, class: class(&span.was) }),
        }
    }
    pieces
}
