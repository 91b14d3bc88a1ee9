//! A table that people download, as comma-separated values (RFC 4180) and as a workbook for
//! spreadsheet programs (Office Open XML, ISO/IEC 29500).

use anyhow::{Context as _, bail};
use axum::http::Uri;
use chrono::{Offset as _, Utc};
use hourkey_domain::Time;
use hourkey_domain::format::dated;
use rust_xlsxwriter::{Format, Workbook};

/// The most rows of a sheet, with its headings.
const SHEET_ROWS: usize = 1_048_576;
/// The most UTF-16 units in a sheet's cell.
const SHEET_TEXT: usize = 32_767;

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Csv,
    Xlsx,
}

impl Kind {
    /// The kind of the file at this address.
    pub(super) fn at(address: &Uri) -> Self {
        match address.path().ends_with(".xlsx") {
            true => Self::Xlsx,
            false => Self::Csv,
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// What stands in a cell.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Text(String),
    Moment(Time),
    Number(u64),
    Nothing,
}

impl Cell {
    pub(super) fn moment(at: Option<Time>) -> Self {
        at.map_or(Self::Nothing, Self::Moment)
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// Writes a table row by row.
///
/// # Errors
/// [`TooLong`]; what `rows` returned, or a file that cannot be written: a disk that is full, for one.
pub(super) fn written<const N: usize>(
    kind: Kind,
    headings: [&str; N],
    rows: impl FnOnce(&mut dyn FnMut([Cell; N]) -> anyhow::Result<()>) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<u8>> {
    match kind {
        Kind::Csv => csv(headings, rows),
        Kind::Xlsx => xlsx(headings, rows),
    }
}

/// The table has more rows than a sheet.
#[derive(Debug, thiserror::Error)]
#[error("the table is too long for this kind of file")]
pub(super) struct TooLong;

fn csv<const N: usize>(
    headings: [&str; N],
    rows: impl FnOnce(&mut dyn FnMut([Cell; N]) -> anyhow::Result<()>) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<u8>> {
    let mut file = csv_writer();
    file.write_record(headings)?;
    rows(&mut |cells| Ok(file.write_record(cells.map(csv_cell))?))?;
    Ok(file.into_inner()?)
}

/// A part of a file of comma-separated values that is written piece by piece: the headings, where they are
/// given, and rows.
///
/// # Errors
/// A record that cannot be written.
pub(super) fn csv_part<const N: usize>(
    headings: Option<[&str; N]>,
    rows: Vec<[Cell; N]>,
) -> anyhow::Result<Vec<u8>> {
    let mut file = csv_writer();
    if let Some(headings) = headings {
        file.write_record(headings)?;
    }
    for cells in rows {
        file.write_record(cells.map(csv_cell))?;
    }
    Ok(file.into_inner()?)
}

fn csv_writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        // Where a list is separated otherwise, a text stays one cell.
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new())
}

fn csv_cell(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => harmless(text),
        Cell::Moment(at) => dated(at, Utc.fix()),
        Cell::Number(number) => number.to_string(),
        Cell::Nothing => String::new(),
    }
}

/// A cell that a spreadsheet program takes for text: one that begins like a formula gets an apostrophe
/// in front, as such programs write it themselves.
fn harmless(cell: String) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => format!("'{cell}"),
        false => cell,
    }
}

/// In a workbook a cell says that it is text, so that none is a formula. What is written waits on disk,
/// not in memory.
fn xlsx<const N: usize>(
    headings: [&str; N],
    rows: impl FnOnce(&mut dyn FnMut([Cell; N]) -> anyhow::Result<()>) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<u8>> {
    let bold = Format::new().set_bold();
    let moments = Format::new().set_num_format("yyyy-mm-dd hh:mm");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory()?;
    sheet.set_freeze_panes(1, 0)?;
    for (column, heading) in (0..).zip(headings) {
        sheet.set_column_width(column, width(heading))?;
        sheet.write_string_with_format(0, column, heading, &bold)?;
    }
    let mut count = 1;
    rows(&mut |cells| {
        let row = count;
        count += 1;
        if row >= SHEET_ROWS {
            // Nothing of it is needed.
            bail!(TooLong);
        }
        let row = u32::try_from(row)?;
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) => sheet.write_string(row, column, cut(&text))?,
                Cell::Moment(at) => {
                    sheet.write_datetime_with_format(row, column, at.naive_utc(), &moments)?
                }
                Cell::Number(number) => sheet.write_number(row, column, whole(number)?)?,
                Cell::Nothing => continue,
            };
        }
        Ok(())
    })?;
    Ok(book.save_to_buffer()?)
}

/// Numbers are binary64 there.
fn whole(number: u64) -> anyhow::Result<f64> {
    let number = u32::try_from(number).context("a count is too large for a sheet")?;
    Ok(number.into())
}

fn width(heading: &str) -> f64 {
    if heading.ends_with("(UTC)") {
        return 18.0;
    }
    match heading {
        "User" | "Resource" | "Address" | "Groups" | "Reason" => 28.0,
        _ => 16.0,
    }
}

fn cut(text: &str) -> String {
    let mut room = SHEET_TEXT;
    let fits = |sign: &char| {
        let left = room.checked_sub(sign.len_utf16());
        room = left.unwrap_or(0);
        left.is_some()
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text() {
        for (cell, safe) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("+49 30", "'+49 30"),
            ("\t=1", "'\t=1"),
            ("Payroll = new", "Payroll = new"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell.to_owned()), safe);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "𝄞".repeat(SHEET_TEXT);
        assert_eq!(cut(&long).encode_utf16().count(), SHEET_TEXT - 1);
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn a_sheet_that_is_too_long_is_refused() {
        let rows = |count: usize| {
            written(Kind::Xlsx, ["A"], |write| {
                (0..count).try_for_each(|_| write([Cell::Nothing]))
            })
        };
        assert!(rows(SHEET_ROWS - 1).is_ok());
        assert!(rows(SHEET_ROWS).unwrap_err().is::<TooLong>());
    }
}
