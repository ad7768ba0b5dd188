//! A page by template. The rows of a listing have the same keys in the same order and mostly the same
//! bytes, so that reading each of them as JSON was two fifths of what a plan costs.
//!
//! A row that the ordinary reader has read becomes a template: its bytes, and where in them the texts
//! stand that the reader took, which is where its strings point to. A later row is compared with it
//! piece by piece. Equal bytes mean equal values, so only a string that was seen to differ is read, as a
//! string without escapes: one that the reader took replaces that value, any other is skipped. At the
//! first byte that deviates, the ordinary reader takes this row, and the template learns that one more
//! string may differ; a row of another form becomes a template of its own. Numbers, flags, nulls, keys,
//! white space, empty strings and escapes never differ within a template.
//!
//! So the ordinary reader remains the definition. It also reads the page around the rows, with an empty
//! list in their place, and the whole page where anything is wrong, so that what is refused is refused
//! by it, in its words. Tests hold both equal (below, and for every input of the fuzz target
//! `api_page`).
//!
//! To leave the template out, delete this file, its trait's two implementations, and the lines in
//! `wire.rs` that name it.

use serde::Deserialize;

use super::{Interner, LenientScalar, ROWS_MAX, RawPage};
use crate::model::live::Live;

/// A row of either API, as the ordinary reader has it.
pub(super) trait WireRow<'a>: Deserialize<'a> {
    /// The key of the list of rows.
    const LIST: &'static str;

    /// Everything in it that is text, always in the same order.
    fn scalars<'b>(&'b mut self) -> impl Iterator<Item = &'b mut LenientScalar<'a>>
    where
        'a: 'b;

    /// The number that it describes.
    fn live(&self, interner: &mut Interner) -> Result<Live, serde_json::Error>;
}

/// Templates of a page: numbers with and without a trunk, with and without messages.
const TEMPLATES_MAX: usize = 8;
/// So many rows teach a page's templates. A page whose rows are all of their own form teaches nothing.
const LESSONS_MAX: usize = 64;
/// The ordinary reader goes 128 deep, from the page's own brackets on.
const DEPTH_MAX: usize = 100;

/// Reads a page; `None` where the ordinary reader is to read it as a whole. `read_around` reads a page
/// without rows.
pub(super) fn read_page<'a, R: WireRow<'a>>(
    text: &'a str,
    interner: &mut Interner,
    read_around: impl FnOnce(&str, &mut Interner) -> Option<RawPage>,
) -> Option<RawPage> {
    let (odd, text_bytes) = (interner.odd.clone(), interner.text_bytes);
    let start = list_start(text, R::LIST)?;
    let mut rows = Vec::new();
    let page = read_rows::<R>(text, start, interner, &mut rows).and_then(|end| {
        let around = [&text[..start], &text[end..]].concat();
        read_around(&around, interner)
    });
    match page {
        Some(page) => Some(RawPage { rows, ..page }),
        None => {
            // What is read again is counted again, but for what is shared: that is known by then.
            let kept = |row: &Live| {
                [row.raw_number.as_deref(), row.friendly_name.as_deref()]
                    .into_iter()
                    .flatten()
                    .map(str::len)
                    .sum::<usize>()
            };
            interner.text_bytes =
                interner.text_bytes.saturating_sub(rows.iter().map(kept).sum()).max(text_bytes);
            interner.odd = odd;
            None
        }
    }
}

/// Right behind the `[` of the list of rows: a key of the page's own object. What is before it is read
/// properly later on.
fn list_start(text: &str, key: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b'"' => {
                let end = string_end(bytes, at)?;
                let is_it = depth == 1 && &text[at + 1..end - 1] == key;
                at = end;
                if is_it {
                    let after = text[at..].trim_start_matches(is_space).strip_prefix(':')?;
                    let list = after.trim_start_matches(is_space).strip_prefix('[')?;
                    return Some(text.len() - list.len());
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Behind the closing quote of the string that opens here.
fn string_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Reads the rows from behind the `[`; gives where its `]` stands.
fn read_rows<'a, R: WireRow<'a>>(
    text: &'a str,
    start: usize,
    interner: &mut Interner,
    rows: &mut Vec<Live>,
) -> Option<usize> {
    let bytes = text.as_bytes();
    let skip = |mut at: usize| {
        while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            at += 1;
        }
        at
    };
    let mut templates: Vec<Template<'a, R>> = Vec::new();
    let (mut last, mut lessons) = (0, 0);
    let mut at = skip(start);
    if bytes.get(at) == Some(&b']') {
        return Some(at);
    }
    loop {
        if bytes.get(at) != Some(&b'{') || rows.len() == ROWS_MAX {
            return None;
        }
        let matched = templates.get_mut(last).and_then(|template| template.matched(text, at)).or_else(|| {
            let others = templates.iter_mut().enumerate().filter(|(other, _)| *other != last);
            let (found, end) =
                others.filter_map(|(other, it)| Some((other, it.matched(text, at)?))).next()?;
            last = found;
            Some(end)
        });
        let end = match (matched, templates.get_mut(last)) {
            (Some(end), Some(template)) => {
                rows.push(template.row.live(interner).ok()?);
                end
            }
            _ => {
                let (strings, end) = strings(text, at)?;
                let read: R = serde_json::from_str(&text[at..end]).ok()?;
                rows.push(read.live(interner).ok()?);
                if lessons < LESSONS_MAX {
                    lessons += 1;
                    let taught = templates.iter_mut().position(|it| it.learn(text, at, end, &strings));
                    if taught.is_none() && templates.len() < TEMPLATES_MAX {
                        templates.push(Template::new(text, at, end, strings, read));
                    }
                    last = taught.unwrap_or(templates.len().saturating_sub(1));
                }
                end
            }
        };
        at = skip(end);
        match bytes.get(at)? {
            b',' => at = skip(at + 1),
            b']' => return Some(at),
            _ => return None,
        }
    }
}

/// Where a string value is in its row, without its quotes.
#[derive(Clone, Copy)]
struct TextSpan {
    start: usize,
    end: usize,
    /// Empty, or with an escape: the reader's texts do not tell whether it took it.
    is_fixed: bool,
}

/// The strings of the row at `at` that are values, and where the row ends. What is no JSON is found by
/// the ordinary reader.
fn strings(text: &str, at: usize) -> Option<(Vec<TextSpan>, usize)> {
    let bytes = text.as_bytes();
    let (mut found, mut depth, mut here) = (Vec::new(), 0_usize, at);
    loop {
        match bytes.get(here)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some((found, here + 1));
                }
            }
            b'"' => {
                let end = string_end(bytes, here)?;
                let is_key = text.get(end..)?.trim_start_matches(is_space).starts_with(':');
                if !is_key {
                    let inner = text.get(here + 1..end - 1)?;
                    let is_fixed = inner.is_empty() || inner.contains('\\');
                    found.push(TextSpan { start: here + 1 - at, end: end - 1 - at, is_fixed });
                }
                here = end;
                continue;
            }
            _ => {}
        }
        if depth > DEPTH_MAX {
            return None;
        }
        here += 1;
    }
}

/// A row as an example for others.
struct Template<'a, R> {
    bytes: &'a [u8],
    /// The example's values; those that differ are replaced row by row.
    row: R,
    texts: Vec<TextSpan>,
    /// Which of the row's scalars each text is, where the reader took it.
    scalars: Vec<Option<usize>>,
    /// The texts that were seen to differ.
    differs: Vec<bool>,
    /// Fixed bytes up to a text that differs, and that text, in order.
    pieces: Vec<TemplatePiece>,
    /// Those of one row, each with its scalar.
    values: Vec<(usize, &'a str)>,
}

#[derive(Clone, Copy)]
struct TemplatePiece {
    start: usize,
    end: usize,
    /// `None` behind the last text.
    text: Option<usize>,
}

impl<'a, R: WireRow<'a>> Template<'a, R> {
    fn new(text: &'a str, at: usize, end: usize, texts: Vec<TextSpan>, mut row: R) -> Self {
        let bytes = &text.as_bytes()[at..end];
        let taken: Vec<Option<usize>> = row
            .scalars()
            .map(|scalar| Some(scalar.text()?.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr())))
            .collect();
        let scalars =
            texts.iter().map(|text| taken.iter().position(|taken| *taken == Some(text.start))).collect();
        let differs = vec![false; texts.len()];
        let mut template =
            Self { bytes, row, texts, scalars, differs, pieces: Vec::new(), values: Vec::new() };
        template.cut();
        template
    }

    fn cut(&mut self) {
        let mut start = 0;
        self.pieces.clear();
        for (at, text) in self.texts.iter().enumerate().filter(|(at, _)| self.differs[*at]) {
            self.pieces.push(TemplatePiece { start, end: text.start, text: Some(at) });
            start = text.end;
        }
        self.pieces.push(TemplatePiece { start, end: self.bytes.len(), text: None });
    }

    /// Puts the values of the row at `at` into its own, and gives the row's end. `None` where it is no row
    /// of this form.
    fn matched(&mut self, text: &'a str, mut at: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        self.values.clear();
        for piece in &self.pieces {
            let fixed = &self.bytes[piece.start..piece.end];
            bytes.get(at..)?.starts_with(fixed).then_some(())?;
            at += fixed.len();
            let Some(text_at) = piece.text else { continue };
            let end = plain_end(bytes, at)?;
            if let Some(scalar) = self.scalars[text_at] {
                self.values.push((scalar, text.get(at..end)?));
            }
            at = end;
        }
        // Only once all of the row fits: a template is tried for rows that it does not fit, too.
        self.values.sort_unstable_by_key(|(scalar, _)| *scalar);
        let mut scalars = self.row.scalars().enumerate();
        for (scalar, value) in &self.values {
            let (_, place) = scalars.find(|(at, _)| at == scalar)?;
            *place = LenientScalar::plain(value);
        }
        Some(at)
    }

    /// Learns which texts differ in the row at `at`. `false` where it is of another form.
    fn learn(&mut self, text: &str, at: usize, end: usize, texts: &[TextSpan]) -> bool {
        let row = &text.as_bytes()[at..end];
        if texts.len() != self.texts.len() {
            return false;
        }
        let mut differs = self.differs.clone();
        let (mut own_start, mut start) = (0, 0);
        for (nth, (own, other)) in self.texts.iter().zip(texts).enumerate() {
            if self.bytes[own_start..own.start] != row[start..other.start] {
                return false;
            }
            let is_equal = self.bytes[own.start..own.end] == row[other.start..other.end];
            let has_escape = other.is_fixed && other.start < other.end;
            if !is_equal && (own.is_fixed || has_escape) {
                return false;
            }
            differs[nth] |= !is_equal;
            (own_start, start) = (own.end, other.end);
        }
        if self.bytes[own_start..] != row[start..] {
            return false;
        }
        self.differs = differs;
        self.cut();
        true
    }
}

/// Where the string that continues here ends, before its quote. `None` where it has an escape, a control
/// character or no end.
fn plain_end(bytes: &[u8], start: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The bytes of a word that are zero have their highest bit set; so may those behind the first.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = start;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().ok()?);
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let escape = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quote | escape | control;
        if found != 0 {
            at += found.trailing_zeros() as usize / 8;
            break;
        }
        at += 8;
    }
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' | ..0x20 => return None,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests;
