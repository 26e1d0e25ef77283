//! Columns under each other.

use unicode_width::UnicodeWidthStr;

/// Rows of cells, each column as wide as its widest cell.
#[derive(Debug, Default)]
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(heading: [&str; COLUMNS]) -> Self {
        Self { rows: vec![heading.map(str::to_owned)] }
    }

    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    /// The rows, each behind `indent`; no line ends in a space.
    pub(super) fn text(&self, indent: &str) -> String {
        let widths = self.widths();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = indent.to_owned();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// The rows as Markdown (GitHub's tables).
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &[String; COLUMNS]| {
            let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|{}\n", "---|".repeat(COLUMNS));
        let (heading, rows) = self.rows.split_at(1);
        heading.iter().map(line).chain([rule]).chain(rows.iter().map(line)).collect()
    }

    fn widths(&self) -> [usize; COLUMNS] {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<2> {
        let mut table = Table::new(["a", "b"]);
        table.row(["wide|r".to_owned(), "x".to_owned()]);
        table.row(["日本".to_owned(), String::new()]);
        table
    }

    #[test]
    fn columns_stand_under_each_other() {
        assert_eq!(table().text("  "), "  a       b\n  wide|r  x\n  日本\n");
    }

    #[test]
    fn markdown() {
        assert_eq!(table().markdown(), "| a | b |\n|---|---|\n| wide\\|r | x |\n| 日本 |  |\n");
    }
}
