//! The decimal sign of every column, from all that its cells and those of the others say.

use super::numbers::{Decimal, Says, says};

/// What the cells of a column say of the decimal sign.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    point: bool,
    comma: bool,
    /// A cell such as `1.234`.
    either_point: bool,
    /// A cell such as `1,234`.
    either_comma: bool,
    ungrouped: bool,
}

impl Marks {
    /// Takes a cell in.
    pub(super) fn hear(&mut self, text: &str) -> Says {
        let said = says(text);
        match said {
            Says::Nothing => {}
            Says::Only(Decimal::Point) => self.point = true,
            Says::Only(Decimal::Comma) => self.comma = true,
            Says::Either(Decimal::Point) => self.either_point = true,
            Says::Either(Decimal::Comma) => self.either_comma = true,
            Says::Ungrouped => self.ungrouped = true,
        }
        said
    }

    fn with(self, other: Marks) -> Marks {
        Marks {
            point: self.point | other.point,
            comma: self.comma | other.comma,
            either_point: self.either_point | other.either_point,
            either_comma: self.either_comma | other.either_comma,
            ungrouped: self.ungrouped | other.ungrouped,
        }
    }

    /// The sign that the cells settle among themselves.
    fn settled(self) -> Option<Decimal> {
        match (self.point, self.comma) {
            (true, false) => Some(Decimal::Point),
            (false, true) => Some(Decimal::Comma),
            _ => None,
        }
    }
}

/// The sign of each column; none where its cells contradict one another, or nothing settles them.
pub(super) fn settle(columns: &[Marks]) -> Vec<Option<Decimal>> {
    let all = columns.iter().fold(Marks::default(), |all, one| all.with(*one));
    let of_table = match (all.point, all.comma) {
        (true, true) => None,
        (false, false) => match (all.either_point, all.either_comma) {
            (_, false) => Some(Decimal::Point),
            // Who writes 20000000 or 20 000 000 elsewhere does not write a thousand as 1,000.
            (false, true) if all.ungrouped => Some(Decimal::Comma),
            _ => None,
        },
        _ => all.settled(),
    };
    let one = |marks: &Marks| match (marks.point, marks.comma) {
        (true, true) => None,
        (false, false) if !marks.either_point && !marks.either_comma => {
            Some(of_table.unwrap_or(Decimal::Point))
        }
        (false, false) => of_table,
        _ => marks.settled(),
    };
    columns.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(columns: &[&[&str]]) -> Vec<Option<Decimal>> {
        let marks = columns.iter().map(|cells| {
            let mut marks = Marks::default();
            cells.iter().for_each(|cell| {
                marks.hear(cell);
            });
            marks
        });
        settle(&marks.collect::<Vec<_>>())
    }

    #[test]
    fn one_clear_cell_settles_its_column_and_those_that_say_nothing_clear() {
        use Decimal::{Comma, Point};
        assert_eq!(signs(&[&["1.200.000"], &["7,879"]]), [Some(Comma); 2]);
        assert_eq!(signs(&[&["1,200,000"], &["7.879"]]), [Some(Point); 2]);
        assert_eq!(signs(&[&["1,200"], &["7.879", "7.8"]]), [Some(Point); 2]);
        assert_eq!(signs(&[&["7.879"], &["3.405"]]), [Some(Point); 2]);
        assert_eq!(signs(&[&["20000000"], &["3,405"]]), [Some(Comma); 2]);
    }

    #[test]
    fn what_nothing_settles_is_left_to_be_asked() {
        assert_eq!(signs(&[&["1,200"], &["3,405"]]), [None, None]);
        assert_eq!(signs(&[&["1,200"], &["7.879"]]), [None, None]);
        assert_eq!(signs(&[&["1,20", "1.20"]]), [None]);
    }
}
