//! Fits text into the columns of a terminal: lines are wrapped at blanks, and two long values that differ
//! are cut where they do not.

use std::fmt::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use super::delta::DeltaPiece;

/// Marks where something was cut out.
const CUT: char = '…';
/// Nobody reads on a narrower terminal: lines stay as they are there.
const COLUMNS_MIN: usize = 20;
/// How much is kept, at least, of what is the same around a difference.
const KEPT_MIN: usize = 4;
/// Wrapped lines are not indented beyond this.
const INDENT_MAX: usize = 12;

/// Writes lines to `out`, wrapped to this many columns.
pub struct Wrapped<'a, W> {
    out: &'a mut W,
    columns: usize,
    line: String,
}

impl<'a, W: Write> Wrapped<'a, W> {
    /// Of a terminal; `None` wraps nothing.
    pub fn new(out: &'a mut W, columns: Option<usize>) -> Self {
        let columns = columns.filter(|columns| *columns >= COLUMNS_MIN).unwrap_or(usize::MAX);
        Self { out, columns, line: String::new() }
    }

    /// Writes a last line that has no end.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(self) -> fmt::Result {
        self.out.write_str(&wrapped(&self.line, self.columns))
    }
}

impl<W: Write> Write for Wrapped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((line, more)) = rest.split_once('\n') {
            self.line.push_str(line);
            self.out.write_str(&wrapped(&self.line, self.columns))?;
            self.out.write_char('\n')?;
            self.line.clear();
            rest = more;
        }
        self.line.push_str(rest);
        Ok(())
    }
}

/// A text of lines, each wrapped at blanks to this many columns, continued a little further in. A word
/// that is longer than a line stays whole: it may be something to copy.
#[must_use]
pub fn wrapped(text: &str, columns: usize) -> String {
    if columns < COLUMNS_MIN {
        return text.to_owned();
    }
    let lines = text.split('\n').map(|line| match width(line) <= columns {
        true => line.to_owned(),
        false => wrap(line, columns),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The same for a text in which findings show their places: these lines are as long as they are.
#[must_use]
pub fn wrapped_around_excerpts(text: &str, columns: usize) -> String {
    let lines = text.split('\n').map(|line| {
        let plain = anstream::adapter::strip_str(line).to_string();
        let is_excerpt =
            plain.trim_start().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '|' | '-'));
        if is_excerpt { line.to_owned() } else { wrapped(line, columns) }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap(line: &str, columns: usize) -> String {
    let start = line.len() - line.trim_start_matches(' ').len();
    // Behind the sign of an entry.
    let hang = " ".repeat((start + 2).min(INDENT_MAX).min(columns / 3));
    let (mut out, mut used) = (line[..start].to_owned(), start);
    let mut is_first = true;
    for word in line[start..].split(' ') {
        let wide = width(word);
        if !is_first && used + 1 + wide > columns && used > hang.len() {
            out.push('\n');
            out.push_str(&hang);
            used = hang.len();
        } else if !is_first {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += wide;
        is_first = false;
    }
    out
}

/// The columns of a text on a terminal, without what colours it.
#[must_use]
pub fn width(text: &str) -> usize {
    match text.contains('\u{1b}') {
        true => anstream::adapter::strip_str(text).to_string().width(),
        false => text.width(),
    }
}

/// Two values in pieces, cut to this many columns each: in the middle of what is the same in both, so that what
/// differs stays to be seen. A value that fits is left whole.
#[must_use]
pub fn cut(
    before: Vec<DeltaPiece>,
    after: Vec<DeltaPiece>,
    columns: usize,
) -> (Vec<DeltaPiece>, Vec<DeltaPiece>) {
    let total = |pieces: &[DeltaPiece]| pieces.iter().map(|piece| piece.text.width()).sum::<usize>();
    if columns < COLUMNS_MIN || (total(&before) <= columns && total(&after) <= columns) {
        return (before, after);
    }
    let sides = [&before, &after];
    let changed = |pieces: &[DeltaPiece]| {
        pieces.iter().filter(|piece| piece.changed).map(|piece| piece.text.width()).sum::<usize>()
    };
    let most = sides.iter().map(|pieces| changed(pieces)).max().unwrap_or_default();
    let same = sides.iter().map(|pieces| pieces.iter().filter(|piece| !piece.changed).count()).max();
    let same = same.unwrap_or_default().max(1);
    // What differs comes first; where it is longer than a line, it is cut too.
    let share = (columns.saturating_sub(most) / same).max(KEPT_MIN);
    let of_changed = columns.saturating_sub(share.min(columns / 4) * same).max(KEPT_MIN * 2);
    let fit = |pieces: Vec<DeltaPiece>| {
        if total(&pieces) <= columns {
            return pieces;
        }
        let many = pieces.iter().filter(|piece| piece.changed).count().max(1);
        let fitted = pieces.into_iter().map(|piece| {
            let most = if piece.changed { (of_changed / many).max(KEPT_MIN) } else { share };
            DeltaPiece { text: middle_cut(&piece.text, most), changed: piece.changed }
        });
        fitted.collect()
    };
    (fit(before), fit(after))
}

/// A text of at most this many columns: the rest is cut out of its middle.
#[must_use]
pub fn middle_cut(text: &str, columns: usize) -> String {
    if text.width() <= columns || columns < 3 {
        return text.to_owned();
    }
    let (head, tail) = ((columns - 1).div_ceil(2), (columns - 1) / 2);
    let start = prefix(text.chars(), head);
    let end: String = prefix(text.chars().rev(), tail).chars().rev().collect();
    format!("{start}{CUT}{end}")
}

fn prefix(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut out = String::new();
    for c in characters {
        out.push(c);
        if out.width() > columns {
            out.pop();
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::delta::emphasised;
    use super::*;

    fn fitted(before: &str, after: &str, columns: usize) -> (String, String) {
        let (old, new) = emphasised(before, after);
        let (old, new) = cut(old, new, columns);
        let text = |pieces: Vec<DeltaPiece>| pieces.into_iter().map(|piece| piece.text).collect::<String>();
        (text(old), text(new))
    }

    #[test]
    fn the_difference_of_two_long_urls_stays() {
        let url = |word: &str| {
            format!("https://voice.example.com/{}/{word}/{}?tenant=7", "a".repeat(120), "b".repeat(120))
        };
        for columns in 40..=200 {
            let (old, new) = fitted(&url("answer"), &url("reply"), columns);
            assert!(old.contains("answer") && new.contains("reply"), "{columns}: {old} {new}");
            assert!(old.width() <= columns && new.width() <= columns, "{columns}: {old} {new}");
            assert!(old.starts_with("https://") && old.contains(CUT), "{columns}: {old}");
        }
        assert_eq!(fitted("https://a.example/x", "https://a.example/y", 80).0, "https://a.example/x");
    }

    #[test]
    fn a_difference_that_is_longer_than_a_line_is_cut_in_its_middle() {
        let (old, new) = fitted("https://a.example/x", &format!("https://a.example/{}", "y".repeat(500)), 60);
        assert_eq!(old, "https://a.example/x");
        assert!(new.width() <= 62 && new.contains("yyy…yyy"), "{new}");
    }

    #[test]
    fn lines_are_wrapped_at_blanks_and_indented() {
        let text =
            "  ! +15552230000: the number is in an account that this file does not name, and is left alone";
        for columns in 40..=200 {
            let lines = wrapped(text, columns);
            assert!(lines.lines().all(|line| line.width() <= columns), "{columns}\n{lines}");
            assert!(lines.lines().skip(1).all(|line| line.starts_with("    ") && !line.starts_with("     ")));
            assert_eq!(
                lines.split_whitespace().collect::<Vec<_>>(),
                text.split_whitespace().collect::<Vec<_>>()
            );
        }
        let coloured = "\u{1b}[31mone\u{1b}[0m two three four five six";
        assert_eq!(wrapped(coloured, 20), "\u{1b}[31mone\u{1b}[0m two three four\n  five six");
        let word = "x".repeat(300);
        assert_eq!(wrapped(&word, 80), word);
        let mut out = String::new();
        let mut lines = Wrapped::new(&mut out, Some(20));
        write!(lines, "one two three ").and_then(|()| write!(lines, "four five\nsix")).expect("written");
        lines.finish().expect("written");
        assert_eq!(out, "one two three four\n  five\nsix");
    }
}
