//! Whether to write colour: `--color`, then NO_COLOR, CLICOLOR_FORCE and whether it is a terminal, as anstream decides.

use super::args::Color;

/// Takes the user's choice for the whole program.
pub(super) fn choose(color: Color) {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::AlwaysAnsi,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Whether standard output gets colour.
pub(super) fn stdout() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}
