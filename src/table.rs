//! Measured data: named columns of numbers, and the groups that a column cuts their rows into.
//!
//! Flows in: the columns of a user's table (`files::TableFile` reads them). Flows out: [`Table`], whose columns are data
//! of an expression, and [`Groups`], ranges of rows with one key each.
//!
//! Who should not use it: whoever has points of a grid; those are [`Points`](crate::Points).

/// Columns of numbers of one length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The names of the columns, in order.
    pub names: Vec<String>,
    /// `columns[k][row]`.
    pub columns: Vec<Vec<f64>>,
    /// The key of each row, where the table was read with a column of keys.
    pub keys: Option<Keys>,
    /// Rows of the source that are left out because a cell was missing.
    pub skipped: u64,
}

/// A column of keys: words, or numbers as they were written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keys {
    /// The column's name.
    pub name: String,
    /// The distinct keys, in the order in which they come first.
    pub labels: Vec<String>,
    /// For each row the place of its key in `labels`.
    pub codes: Vec<u32>,
}

/// Rows cut into groups: group `k` has the rows `order[starts[k]..starts[k + 1]]`, in their order in the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// The keys, in the order in which they come first; one empty key where there is one group of all rows.
    pub labels: Vec<String>,
    /// Where each group starts in `order`, and the end.
    pub starts: Vec<usize>,
    /// The rows; none where they stand group by group in the table already.
    pub order: Option<Vec<u32>>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or_else(|| self.keys.as_ref().map_or(0, |keys| keys.codes.len()), Vec::len)
    }

    /// The numbers of a column.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        let place = self.names.iter().position(|known| known == name)?;
        Some(&self.columns[place])
    }

    /// The rows by key; one group of all rows where the table has no keys.
    pub fn groups(&self) -> Groups {
        let Some(keys) = &self.keys else {
            return Groups { labels: vec![String::new()], starts: vec![0, self.rows()], order: None };
        };
        let mut starts = vec![0usize; keys.labels.len() + 1];
        keys.codes.iter().for_each(|code| starts[*code as usize + 1] += 1);
        for k in 1..starts.len() {
            starts[k] += starts[k - 1];
        }
        let order = (!keys.codes.is_sorted()).then(|| {
            let mut next = starts.clone();
            let mut order = vec![0u32; keys.codes.len()];
            for (row, code) in keys.codes.iter().enumerate() {
                let place = &mut next[*code as usize];
                order[*place] = row as u32;
                *place += 1;
            }
            order
        });
        Groups { labels: keys.labels.clone(), starts, order }
    }
}

impl Groups {
    /// Number of groups.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of rows of group `k`.
    pub fn rows(&self, k: usize) -> usize {
        self.starts[k + 1] - self.starts[k]
    }

    /// The row of the table at `place` of all groups' rows, one group after the other.
    pub fn row(&self, place: usize) -> usize {
        self.order.as_ref().map_or(place, |order| order[place] as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_gathered_by_key_in_their_order() {
        let keys = Keys { name: "k".into(), labels: vec!["b".into(), "a".into()], codes: vec![0, 1, 0, 1, 1] };
        let mut table = Table { names: vec!["x".into()], columns: vec![vec![0.0; 5]], keys: Some(keys), skipped: 0 };
        let groups = table.groups();
        assert_eq!((groups.starts.as_slice(), groups.order.as_deref()), (&[0, 2, 5][..], Some(&[0, 2, 1, 3, 4][..])));
        assert_eq!((groups.rows(1), groups.row(2)), (3, 1));
        table.keys.as_mut().expect("there are keys").codes.sort_unstable();
        assert_eq!(table.groups().order, None);
    }
}
