//! Bugs of the two quick readers, of pages and of files: each makes them differ from the ordinary readers, and
//! the property tests that hold both equal must find it. They are planted as those of `mutations.rs` are.

use crate::mutations::Edit;

const PAGES: &str = "src/client/api/wire/template.rs";
const FILES: &str = "src/desired/quick.rs";

/// The test that finds a bug of this name, in the library's own tests; `None` where it is the simulation's.
pub fn test_of(name: &str) -> Option<&'static str> {
    match name.split_once('-')?.0 {
        "page" => Some("any_page_reads_the_same"),
        "file" => Some("any_file_reads_the_same"),
        _ => None,
    }
}

pub const EDITS: &[Edit] = &[
    Edit {
        file: PAGES,
        find: "            b'\\\\' | ..0x20 => return None,\n",
        replace: "            b'\\\\' if @page-escape-is-text@ => at += 1,\n            \
            ..0x20 if @page-control-is-text@ => at += 1,\n            b'\\\\' | ..0x20 => return None,\n",
        bugs: &[
            ("page-escape-is-text", "an escape is taken as it is written"),
            ("page-control-is-text", "a control character within a string is no error"),
        ],
    },
    Edit {
        file: PAGES,
        find: "let has_escape = bytes[here + 1..end - 1].contains(&b'\\\\');",
        replace: "let has_escape = bytes[here + 1..end - 1].contains(&b'\\\\') && !@page-escape-in-example@;",
        bugs: &[("page-escape-in-example", "what has an escape in the example is skipped in every row")],
    },
    Edit {
        file: PAGES,
        find: "            if !is_equal && (own.has_escape || other.has_escape) {\n",
        replace: "            if !is_equal && (own.has_escape || other.has_escape && !@page-escape-teaches@) {\n",
        bugs: &[("page-escape-teaches", "a row with an escape teaches that the reader skips this text")],
    },
    Edit {
        file: PAGES,
        find: "            bytes.get(at..)?.starts_with(fixed).then_some(())?;\n",
        replace: "            let is_end = piece.text.is_none() && bytes.len() >= at + fixed.len();\n            \
            (bytes.get(at..)?.starts_with(fixed) || @page-end-unread@ && is_end).then_some(())?;\n",
        bugs: &[("page-end-unread", "a row may end in anything")],
    },
    Edit {
        file: PAGES,
        find: "            if !is_known && own.is_none() {\n",
        replace: "            if !is_known && own.is_none() && !@page-empty-for-good@ {\n",
        bugs: &[("page-empty-for-good", "what is empty in the example is skipped in every row")],
    },
    Edit {
        file: PAGES,
        find: "            if let Some(scalar) = self.scalars[text_at] {\n",
        replace: "            if let Some(scalar) = self.scalars[text_at].filter(|_| end > at || !@page-empty-keeps-the-last@) {\n",
        bugs: &[("page-empty-keeps-the-last", "an empty text leaves the value of the row before")],
    },
    Edit {
        file: PAGES,
        find: "let is_it = depth == 1 && ",
        replace: "let is_it = (depth == 1 || @page-any-depth@) && ",
        bugs: &[("page-any-depth", "rows are looked for in any list of the right name")],
    },
    Edit {
        file: PAGES,
        find: "            interner.odd = odd;\n",
        replace: "            if !@page-odd-twice@ {\n                interner.odd = odd;\n            }\n",
        bugs: &[("page-odd-twice", "what is odd in a page that is read again is counted twice")],
    },
    Edit {
        file: PAGES,
        find: "            if self.bytes[own_start..own.start] != row[start..other.start] {\n",
        replace: "            if self.bytes[own_start..own.start] != row[start..other.start] && !@page-any-form-teaches@ {\n",
        bugs: &[("page-any-form-teaches", "a row with other keys teaches which text the reader takes")],
    },
    Edit {
        file: PAGES,
        find: "        if depth > DEPTH_MAX {\n",
        replace: "        if depth > DEPTH_MAX && !@page-no-bottom@ {\n",
        bugs: &[("page-no-bottom", "a row may be nested as deep as a page")],
    },
    Edit {
        file: PAGES,
        find: "                if !is_key {\n",
        replace: "                if !is_key || @page-keys-differ@ {\n",
        bugs: &[("page-keys-differ", "a key may differ as a value may")],
    },
    Edit {
        file: FILES,
        find: "        plain.is_none().then_some(())?;\n",
        replace: "        (plain.is_none() || @file-key-twice@).then_some(())?;\n",
        bugs: &[("file-key-twice", "of a doubled key the last one counts")],
    },
    Edit {
        file: FILES,
        find: "    slot.is_none().then_some(())?;\n",
        replace: "    (slot.is_none() || @file-setting-twice@).then_some(())?;\n",
        bugs: &[("file-setting-twice", "of a doubled setting the last one counts")],
    },
    Edit {
        file: FILES,
        find: "            \"Null\" | \"NULL\" | \"~\" | \"\" if !self.is_quoted => None,\n",
        replace: "            \"Null\" | \"NULL\" | \"~\" | \"\" if !self.is_quoted && !@file-null-is-text@ => None,\n",
        bugs: &[("file-null-is-text", "YAML's other words for null are text")],
    },
    Edit {
        file: FILES,
        find: "            b' ' if next == b'#' => {\n",
        replace: "            b' ' if next == b'#' && !@file-comment-is-text@ => {\n",
        bugs: &[("file-comment-is-text", "a comment is part of the text before it")],
    },
    Edit {
        file: FILES,
        find: "            b':' if next == b'/' || next.is_ascii_alphanumeric() => {}\n",
        replace: "            b':' if next == b'/' || next.is_ascii_alphanumeric() || @file-colon-is-text@ => {}\n",
        bugs: &[("file-colon-is-text", "a colon and a space are text")],
    },
    Edit {
        file: FILES,
        find: "position(|byte| byte == quote as u8 || byte == b'\\\\')?;",
        replace: "position(|byte| byte == quote as u8 || byte == b'\\\\' && !@file-escape-is-text@)?;",
        bugs: &[("file-escape-is-text", "an escape is taken as it is written")],
    },
    Edit {
        file: FILES,
        find: "if inner.as_bytes()[end] == b'\\\\' || rest.starts_with(quote) {",
        replace: "if inner.as_bytes()[end] == b'\\\\' || rest.starts_with(quote) && !@file-quote-ends@ {",
        bugs: &[("file-quote-ends", "a doubled quote ends the text")],
    },
    Edit {
        file: FILES,
        find: "|| has_lone_return(section) {\n",
        replace: "|| has_lone_return(section) && !@file-lone-return@ {\n",
        bugs: &[("file-lone-return", "a carriage return alone is part of its line")],
    },
    Edit {
        file: FILES,
        find: "!section.is_ascii() && !section.chars().all(is_plain_character) ||",
        replace: "!section.is_ascii() && !@file-any-character@ && !section.chars().all(is_plain_character) ||",
        bugs: &[("file-any-character", "U+0085 and its like are text as any other")],
    },
    Edit {
        file: FILES,
        find: "            if *dash_column.get_or_insert(column) != column {\n",
        replace: "            if *dash_column.get_or_insert(column) != column && !@file-any-dash@ {\n",
        bugs: &[("file-any-dash", "the dashes of one list may stand anywhere")],
    },
    Edit {
        file: FILES,
        find: "            if matches!(self.group.take(), Some((_, None))) {\n",
        replace: "            if matches!(self.group.take(), Some((_, None))) && !@file-empty-group@ {\n",
        bugs: &[("file-empty-group", "a group without lines is a group without settings")],
    },
    Edit {
        file: FILES,
        find: "            _ if self.is_quoted => None,\n",
        replace: "            _ if self.is_quoted && !@file-quoted-flag@ => None,\n",
        bugs: &[("file-quoted-flag", "the text \"true\" is true")],
    },
    Edit {
        file: FILES,
        find: "    if !is_last && !matches!(",
        replace: "    if !is_last && !@file-quote-left-open@ && !matches!(",
        bugs: &[("file-quote-left-open", "a quote that the top leaves open takes in no entry")],
    },
    Edit {
        file: FILES,
        find: "    if !has_plain_top(head) {\n",
        replace: "    if !@file-any-top@ && !has_plain_top(head) {\n",
        bugs: &[("file-any-top", "the file may begin in any way")],
    },
    Edit {
        file: FILES,
        find: "if column < own || *indent.get_or_insert(column) != column {",
        replace: "if column < own || *indent.get_or_insert(column) != column && !@file-any-indent@ {",
        bugs: &[("file-any-indent", "the lines of a group may stand anywhere")],
    },
    Edit {
        file: FILES,
        find: "                is_end_of_value(rest).then_some(())?;\n                list.push",
        replace: "                (is_end_of_value(rest) || @file-rest-ignored@).then_some(())?;\n                list.push",
        bugs: &[("file-rest-ignored", "what follows an entry on its line is ignored")],
    },
    Edit {
        file: FILES,
        find: "    matches!(file.numbers, Section::Null).then_some(())?;\n",
        replace: "    (matches!(file.numbers, Section::Null) || @file-other-numbers@).then_some(())?;\n",
        bugs: &[("file-other-numbers", "another list of numbers in the file is lost")],
    },
    Edit {
        file: FILES,
        find: "if value.is_quoted || value.or_null() == Some(value.text) => {",
        replace: "if @file-null-number@ || value.is_quoted || value.or_null() == Some(value.text) => {",
        bugs: &[("file-null-number", "a number that is null is an empty one")],
    },
    Edit {
        file: FILES,
        find: "            && !PLAIN_WORDS.iter().any(|word| self.text.eq_ignore_ascii_case(word));\n",
        replace: "            && (@file-flag-is-a-tag@ || !PLAIN_WORDS.iter().any(|word| self.text.eq_ignore_ascii_case(word)));\n",
        bugs: &[("file-flag-is-a-tag", "true is the tag's text")],
    },
    Edit {
        file: FILES,
        find: "            (is_plain && tags.iter()",
        replace: "            (is_plain && @file-tag-twice@ || is_plain && tags.iter()",
        bugs: &[("file-tag-twice", "a tag may be there twice")],
    },
];
