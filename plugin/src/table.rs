//! Aligned columns.

use crate::paint::{Paint, Tone};

/// A cell: its text, and its colour if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell(pub String, pub Option<Tone>);

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self(text, None)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self(text.to_owned(), None)
    }
}

/// Rows of cells.
#[derive(Debug, Default)]
pub struct Table(Vec<Vec<Cell>>);

impl Table {
    /// A table that begins with its headings.
    pub fn headed(headings: &[&str]) -> Self {
        Self(vec![headings.iter().map(|heading| Cell((*heading).to_owned(), Some(Tone::Quiet))).collect()])
    }

    /// One more row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.0.push(cells.into_iter().collect());
    }

    /// The text: each column as wide as its widest cell, two blanks between columns, none at the end of a line.
    pub fn show(&self, paint: Paint) -> String {
        self.show_below(&mut Vec::new(), paint)
    }

    /// The text, in columns that are at least as wide as those above it; `widths` are theirs, and then these.
    pub fn show_below(&self, widths: &mut Vec<usize>, paint: Paint) -> String {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        widths.resize(columns.max(widths.len()), 0);
        for row in &self.0 {
            for (Cell(cell, _), width) in row.iter().zip(&mut *widths) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in &self.0 {
            let used = row.iter().rposition(|cell| !cell.0.is_empty()).map_or(0, |last| last + 1);
            for (column, (Cell(cell, tone), width)) in row.iter().zip(&*widths).take(used).enumerate() {
                text += &tone.map_or_else(|| cell.clone(), |tone| paint.tone(tone, cell));
                if column + 1 < used {
                    text += &" ".repeat(width + 2 - cell.chars().count());
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::headed(&["A", "B", "C"]);
        table.row(["└─ x".into(), "y".into(), "".into()]);
        table.row(["long cell".into(), "".into(), "z".into()]);
        let mut widths = Vec::new();
        assert_eq!(table.show_below(&mut widths, Paint::PLAIN), "A          B  C\n└─ x       y\nlong cell     z\n");
        let mut below = Table::default();
        below.row(["x".into(), "wide".into(), "z".into()]);
        assert_eq!(below.show_below(&mut widths, Paint::PLAIN), "x          wide  z\n");
        assert_eq!(widths, [9, 4, 1]);
    }
}
