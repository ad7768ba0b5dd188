//! A page by template. The rows of a listing have the same keys in the same order and mostly the same
//! bytes, so that reading each of them as JSON was two fifths of what a plan costs.
//!
//! A row that the ordinary reader has read becomes a template: its bytes, and where in them the texts
//! stand that the reader took, which is where its strings point to. A later row is compared with it
//! piece by piece. Equal bytes mean equal values, so only a string that was seen to differ is read, as a
//! string without escapes: one that the reader took replaces that value, any other is skipped. At the
//! first byte that deviates, the ordinary reader takes this row, and the template learns that one more
//! string may differ; a row of another form becomes a template of its own. Numbers, flags, nulls, keys,
//! white space and escapes never differ within a template.
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

    /// Everything in it that is text, in the same order for all rows of a form.
    fn scalars(&mut self) -> Vec<&mut LenientScalar<'a>>;

    /// The number that it describes.
    fn live(&self, interner: &mut Interner) -> Result<Live, serde_json::Error>;
}

/// Templates of a page: numbers with and without a trunk, with and without messages.
const TEMPLATES_MAX: usize = 8;
/// So many rows teach a page's templates. A page whose rows are all of their own form teaches nothing.
const LESSONS_MAX: usize = 64;
/// The ordinary reader goes 128 deep, from the page's own brackets on.
const DEPTH_MAX: usize = 100;

/// Reads a page, and says how many of its rows the ordinary reader took; `None` where it is to read the page
/// as a whole. `read_around` reads a page without rows.
pub(super) fn read_page<'a, R: WireRow<'a>>(
    body: &'a [u8],
    interner: &mut Interner,
    read_around: impl FnOnce(&str, &mut Interner) -> Option<RawPage>,
) -> Option<(RawPage, usize)> {
    let (odd, text_bytes) = (interner.odd.clone(), interner.text_bytes);
    let start = list_start(body, R::LIST)?;
    let mut rows = Vec::new();
    let page = read_rows::<R>(body, start, interner, &mut rows).and_then(|(end, in_full)| {
        let around = [&body[..start], &body[end..]].concat();
        Some((read_around(str::from_utf8(&around).ok()?, interner)?, in_full))
    });
    match page {
        Some((page, in_full)) => Some((RawPage { rows, ..page }, in_full)),
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
fn list_start(bytes: &[u8], key: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b'"' => {
                let end = string_end(bytes, at)?;
                let is_it = depth == 1 && &bytes[at + 1..end - 1] == key.as_bytes();
                at = end;
                if is_it {
                    at = behind(bytes, skip_space(bytes, at), b':')?;
                    return behind(bytes, skip_space(bytes, at), b'[');
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Behind the byte that stands here, if it is this one.
fn behind(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (bytes.get(at) == Some(&byte)).then_some(at + 1)
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

/// Reads the rows from behind the `[`; gives where its `]` stands, and how many rows were read in full.
fn read_rows<'a, R: WireRow<'a>>(
    bytes: &'a [u8],
    start: usize,
    interner: &mut Interner,
    rows: &mut Vec<Live>,
) -> Option<(usize, usize)> {
    let mut templates: Vec<Template<'a, R>> = Vec::new();
    let (mut last, mut in_full) = (0, 0);
    let mut at = skip_space(bytes, start);
    if bytes.get(at) == Some(&b']') {
        return Some((at, in_full));
    }
    loop {
        if bytes.get(at) != Some(&b'{') || rows.len() == ROWS_MAX {
            return None;
        }
        let matched =
            templates.get_mut(last).and_then(|template| template.matched(bytes, at)).or_else(|| {
                let others = templates.iter_mut().enumerate().filter(|(other, _)| *other != last);
                let (found, end) =
                    others.filter_map(|(other, it)| Some((other, it.matched(bytes, at)?))).next()?;
                last = found;
                Some(end)
            });
        let end = match (matched, templates.get_mut(last)) {
            (Some(end), Some(template)) => {
                rows.push(template.row.live(interner).ok()?);
                end
            }
            _ => {
                let (strings, end) = strings(bytes, at)?;
                let row = &bytes[at..end];
                let mut read: R = serde_json::from_str(str::from_utf8(row).ok()?).ok()?;
                rows.push(read.live(interner).ok()?);
                in_full += 1;
                if in_full <= LESSONS_MAX {
                    let taught = templates.iter_mut().position(|it| it.learn(row, &strings, &mut read));
                    if taught.is_none() && templates.len() < TEMPLATES_MAX {
                        templates.push(Template::new(row, strings, read));
                    }
                    last = taught.unwrap_or(templates.len().saturating_sub(1));
                }
                end
            }
        };
        at = skip_space(bytes, end);
        match bytes.get(at)? {
            b',' => at = skip_space(bytes, at + 1),
            b']' => return Some((at, in_full)),
            _ => return None,
        }
    }
}

/// Where a string value is in its row, without its quotes.
#[derive(Clone, Copy)]
struct TextSpan {
    start: usize,
    end: usize,
    /// The reader's own texts do not tell whether it took it.
    has_escape: bool,
}

/// The strings of the row at `at` that are values, and where the row ends. What is no JSON is found by
/// the ordinary reader.
fn strings(bytes: &[u8], at: usize) -> Option<(Vec<TextSpan>, usize)> {
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
                let is_key = behind(bytes, skip_space(bytes, end), b':').is_some();
                if !is_key {
                    let has_escape = bytes[here + 1..end - 1].contains(&b'\\');
                    found.push(TextSpan { start: here + 1 - at, end: end - 1 - at, has_escape });
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
    /// Which of the row's scalars each text is, where the reader took it. What is empty points nowhere, so
    /// that this is learnt from the first row where it is not.
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
    fn new(bytes: &'a [u8], texts: Vec<TextSpan>, mut row: R) -> Self {
        let scalars = scalars_of(bytes, &texts, &mut row);
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
    fn matched(&mut self, bytes: &'a [u8], mut at: usize) -> Option<usize> {
        self.values.clear();
        for piece in &self.pieces {
            let fixed = &self.bytes[piece.start..piece.end];
            bytes.get(at..)?.starts_with(fixed).then_some(())?;
            at += fixed.len();
            let Some(text_at) = piece.text else { continue };
            let end = plain_end(bytes, at)?;
            let value = str::from_utf8(&bytes[at..end]).ok()?;
            if let Some(scalar) = self.scalars[text_at] {
                self.values.push((scalar, value));
            }
            at = end;
        }
        // Only once all of the row fits: a template is tried for rows that it does not fit, too.
        let mut scalars = self.row.scalars();
        for (scalar, value) in &self.values {
            **scalars.get_mut(*scalar)? = LenientScalar::plain(value);
        }
        Some(at)
    }

    /// Learns which texts differ in a row, which was read as `read`. `false` where it is of another form.
    fn learn(&mut self, row: &[u8], texts: &[TextSpan], read: &mut R) -> bool {
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
            if !is_equal && (own.has_escape || other.has_escape) {
                return false;
            }
            differs[nth] |= !is_equal;
            (own_start, start) = (own.end, other.end);
        }
        if self.bytes[own_start..] != row[start..] {
            return false;
        }
        self.differs = differs;
        let known = self.texts.iter().map(|own| own.start < own.end);
        for ((own, is_known), other) in self.scalars.iter_mut().zip(known).zip(scalars_of(row, texts, read)) {
            if !is_known && own.is_none() {
                *own = other;
            }
        }
        self.cut();
        true
    }
}

/// Which of a row's scalars each of its texts is: the one that points to it.
fn scalars_of<'a, R: WireRow<'a>>(bytes: &[u8], texts: &[TextSpan], row: &mut R) -> Vec<Option<usize>> {
    let start = bytes.as_ptr().addr();
    let place = |scalar: &mut LenientScalar<'_>| Some(scalar.text()?.as_ptr().addr().wrapping_sub(start));
    let taken: Vec<Option<usize>> = row.scalars().into_iter().map(place).collect();
    texts.iter().map(|text| taken.iter().position(|taken| *taken == Some(text.start))).collect()
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
