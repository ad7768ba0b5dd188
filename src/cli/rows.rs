//! Numbers as rows: a table, CSV, JSON, YAML or their names.

use std::io::{self, Write};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::model::number::PhoneNumber;
use crate::report::json::value as write_json;
use crate::report::shown::Shown;

use super::arguments::RowFormat;
use super::{Fatal, output, yaml};

/// A column: its title, where its value is, and whether only the wide forms have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    path: &'static str,
    is_wide: bool,
}

impl Column {
    /// A column of every form. The path is a JSON pointer, or `voice` or `sms` for where that is routed to.
    pub(super) const fn new(title: &'static str, path: &'static str) -> Self {
        Self { title, path, is_wide: false }
    }

    /// A column of `-o wide` and `-o csv`.
    pub(super) const fn wide(title: &'static str, path: &'static str) -> Self {
        Self { title, path, is_wide: true }
    }
}

/// A column that rows are sorted by.
#[derive(Debug, Clone, Copy)]
pub(super) enum SortBy {
    Account,
    /// One of the others.
    Column(Column),
}

impl SortBy {
    /// The column of this title.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn parse(text: &str, columns: &[Column]) -> Result<Self, Fatal> {
        if text.eq_ignore_ascii_case("account") {
            return Ok(Self::Account);
        }
        let found = columns.iter().find(|column| column.title.eq_ignore_ascii_case(text));
        found.copied().map(Self::Column).ok_or_else(|| {
            let titles: Vec<String> = columns.iter().map(|column| column.title.to_lowercase()).collect();
            Fatal::new(format!(
                "--sort-by {:?}: no such column; there are account, {}",
                Shown(text).to_string(),
                titles.join(", ")
            ))
        })
    }
}

/// Writes rows as they come: JSON and YAML need no more memory than a page, unless they are sorted.
pub(super) struct ShownRows {
    out: Box<dyn Write>,
    format: RowFormat,
    columns: Vec<Column>,
    table: Table,
    sort: Option<(SortBy, Vec<(String, Value)>)>,
    written: usize,
    /// How many rows there were.
    pub(super) count: usize,
}

impl ShownRows {
    pub(super) fn new(format: RowFormat, columns: &[Column], sort: Option<SortBy>) -> Self {
        let columns: Vec<Column> = columns
            .iter()
            .filter(|column| !column.is_wide || matches!(format, RowFormat::Wide | RowFormat::Csv))
            .copied()
            .collect();
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(std::iter::once("ACCOUNT").chain(columns.iter().map(|column| column.title)));
        let sort = sort.map(|by| (by, Vec::new()));
        Self { out: Box::new(output::stdout()), format, columns, table, sort, written: 0, count: 0 }
    }

    pub(super) fn page(&mut self, account: &str, items: Vec<Value>) -> io::Result<()> {
        self.count += items.len();
        for item in items {
            match &mut self.sort {
                Some((_, kept)) => kept.push((account.to_owned(), item)),
                None => self.row(account, item)?,
            }
        }
        Ok(())
    }

    fn row(&mut self, account: &str, item: Value) -> io::Result<()> {
        match self.format {
            RowFormat::Json => {
                self.out.write_all(if self.written == 0 { b"[\n  " } else { b",\n  " })?;
                write_json(&mut self.out, &item)?;
            }
            RowFormat::Yaml => {
                let mut text = String::new();
                yaml::value(&mut text, &Value::Array(vec![item]), 0);
                self.out.write_all(text.as_bytes())?;
            }
            RowFormat::Name => writeln!(self.out, "{}", cell(&item, "/phone_number"))?,
            RowFormat::Csv => {
                if self.written == 0 {
                    self.csv_header()?;
                }
                let cells = self.columns.iter().map(|column| found(&item, column.path));
                let cells: Vec<String> = std::iter::once(Some(account.to_owned()))
                    .chain(cells)
                    .map(|cell| csv_field(&Shown(&cell.unwrap_or_default()).to_string()))
                    .collect();
                writeln!(self.out, "{}", cells.join(","))?;
            }
            RowFormat::Table | RowFormat::Wide => {
                let cells = self.columns.iter().map(|column| Cell::new(cell(&item, column.path)));
                self.table.add_row(std::iter::once(Cell::new(Shown(account))).chain(cells));
            }
        }
        self.written += 1;
        Ok(())
    }

    fn csv_header(&mut self) -> io::Result<()> {
        let titles = self.columns.iter().map(|column| column.title.to_lowercase().replace(' ', "_"));
        let titles: Vec<String> = std::iter::once("account".to_owned()).chain(titles).collect();
        writeln!(self.out, "{}", titles.join(","))
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        if let Some((by, mut rows)) = self.sort.take() {
            rows.sort_by_cached_key(|(account, item)| match by {
                SortBy::Account => Some(account.clone()),
                SortBy::Column(column) => found(item, column.path),
            });
            for (account, item) in rows {
                self.row(&account, item)?;
            }
        }
        match self.format {
            RowFormat::Json | RowFormat::Yaml if self.written == 0 => writeln!(self.out, "[]")?,
            RowFormat::Json => writeln!(self.out, "\n]")?,
            RowFormat::Csv if self.written == 0 => self.csv_header()?,
            RowFormat::Yaml | RowFormat::Name | RowFormat::Csv => {}
            RowFormat::Table | RowFormat::Wide if self.written == 0 => output::note("No numbers."),
            RowFormat::Table | RowFormat::Wide => {
                let text = self.table.to_string();
                for line in text.lines() {
                    writeln!(self.out, "{}", line.trim_end())?;
                }
            }
        }
        self.out.flush()
    }
}

fn cell(item: &Value, path: &str) -> String {
    found(item, path).map_or_else(|| "-".to_owned(), |value| Shown(&value).to_string())
}

/// A value: at a JSON pointer, or what voice and SMS are routed to.
fn found(item: &Value, path: &str) -> Option<String> {
    let text = |pointer: &str| item.pointer(pointer).filter(|value| !value.is_null()).map(plain);
    match path {
        "voice" => [
            "/configurations/voice/trunk_sid",
            "/configurations/voice/application_sid",
            "/configurations/voice/url",
        ]
        .into_iter()
        .find_map(text),
        "sms" => {
            ["/configurations/sms/application_sid", "/configurations/sms/url"].into_iter().find_map(text)
        }
        pointer => text(pointer),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As RFC 4180 writes it. A name that a spreadsheet would take for a formula is kept from acting by a quote
/// before it; a phone number is none.
fn csv_field(text: &str) -> String {
    let acts = text.starts_with(['=', '+', '-', '@']) && PhoneNumber::observed(text).is_none();
    let text = if acts { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_field_does_not_act_in_a_spreadsheet() {
        assert_eq!(csv_field("+15552230000"), "+15552230000");
        assert_eq!(csv_field("=HYPERLINK(\"x\",1)"), "\"'=HYPERLINK(\"\"x\"\",1)\"");
        assert_eq!(csv_field("a,b"), "\"a,b\"");
        assert_eq!(csv_field("-1+2"), "'-1+2");
    }
}
