//! Text among data: notes in a free corner and labels at the ends of curves.

use super::{LEADING, Owner, Panel, SMALL};
use crate::chart::canvas::{Edge, Group, Lettering, Side};
use crate::chart::frame::Frame;
use crate::chart::marker::{Glyph, draw};
use crate::chart::scale::Scale;
use crate::text::label_len;
use crate::theme::Tone;

/// Distance from one label to the next that touches it nowhere, CSS pixels.
const LABEL: f64 = SMALL + 1.5;

/// Direction of the data, which decides where a panel first looks for room for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trend {
    Falling,
    Rising,
}

/// A line of a note: a glyph, text and its tone.
pub(crate) type NoteLine = (Option<Glyph>, String, Tone);

impl Panel {
    /// Remembers where a line runs, so that notes stay clear of it.
    pub(super) fn take_line(&mut self, points: &[(f64, f64)]) {
        for pair in points.windows(2) {
            let at = |p: (f64, f64)| (self.px(p.0), self.py(p.1));
            let ((x0, y0), (x1, y1)) = (at(pair[0]), at(pair[1]));
            let steps = ((x1 - x0).hypot(y1 - y0) / 5.0).ceil().max(1.0) as usize;
            for k in 0..=steps {
                let share = k as f64 / steps as f64;
                self.taken.push((x0 + (x1 - x0) * share, y0 + (y1 - y0) * share));
            }
        }
    }

    /// Writes the name of a level, which the page's script keeps at the height of the level.
    pub(super) fn name_level(&mut self, owner: Owner<'_>, y: f64) {
        self.canvas.open(Group {
            class: owner.mark,
            label: owner.label.to_owned(),
            series: owner.series.to_owned(),
            title: String::new(),
        });
        let at = (self.frame.left + 8.0, self.py(y) - 3.0);
        let above = Lettering::new(SMALL, Tone::Muted).at(Side::Left, Edge::Bottom);
        self.canvas.text(owner.label, at, above);
        self.canvas.close();
    }

    /// Writes lines of text into the corner where they cover the least data, and returns how many
    /// positions of data they cover.
    pub(crate) fn note(&mut self, trend: Trend, lines: &[NoteLine]) -> usize {
        const INDENT: f64 = 15.0;
        let indent = |glyph: &Option<Glyph>| if glyph.is_some() { INDENT } else { 0.0 };
        let long = |(glyph, text, _): &NoteLine| indent(glyph) + label_len(text) * SMALL * 0.52;
        let width = lines.iter().map(long).fold(0.0, f64::max);
        let height = lines.len() as f64 * LEADING;
        let frame: Frame = self.frame;
        let (left, right) = (frame.left + 9.0, frame.width - frame.right - 6.0 - width);
        let (top, bottom) = (frame.top + 4.0, frame.height - frame.bottom - 5.0 - height);
        let corners = match trend {
            Trend::Falling => [(left, bottom), (right, top), (left, top), (right, bottom)],
            Trend::Rising => [(left, top), (right, bottom), (left, bottom), (right, top)],
        };
        let covered = |(x, y): &(f64, f64)| {
            let inside = |p: &&(f64, f64)| {
                (x - 8.0..x + width + 8.0).contains(&p.0)
                    && (y - 6.0..y + height + 6.0).contains(&p.1)
            };
            self.taken.iter().filter(inside).count()
        };
        let Some((x, y)) = corners.into_iter().min_by_key(covered) else {
            return 0;
        };
        self.canvas.open(Group::plain("note"));
        for (k, (glyph, text, tone)) in lines.iter().enumerate() {
            let middle = y + LEADING * (k as f64 + 0.5);
            if let Some(glyph) = glyph {
                draw(&mut self.canvas, (x + 5.0, middle), *glyph);
            }
            let at = (x + indent(glyph), middle);
            self.canvas.text(text, at, Lettering::new(SMALL, *tone).with_halo());
        }
        self.canvas.close();
        if lines.is_empty() { 0 } else { covered(&(x, y)) }
    }

    /// Writes labels to the right of points, pushed apart so that none touches the next.
    pub(crate) fn right_labels(&mut self, labels: &[((f64, f64), String, Tone)]) {
        let mut placed: Vec<(f64, f64, &str, Tone)> = labels
            .iter()
            .map(|(at, text, tone)| (self.px(at.0) + 8.0, self.py(at.1), text.as_str(), *tone))
            .collect();
        placed.sort_by(|a, b| a.1.total_cmp(&b.1));
        let bottom = self.frame.height - self.frame.bottom;
        let mut last = f64::NEG_INFINITY;
        // A label far from what it names is worse than none.
        placed.retain_mut(|(_, y, ..)| {
            let moved = y.max(last + LABEL);
            let near = moved - *y < 2.0 * SMALL && moved < bottom;
            if near {
                (*y, last) = (moved, moved);
            }
            near
        });
        self.canvas.open(Group::plain("direct"));
        for (x, y, text, tone) in placed {
            let width = label_len(text) * SMALL * 0.52;
            let x = x.min(self.frame.width - 2.0 - width);
            self.canvas.text(text, (x, y), Lettering::new(SMALL, tone).with_halo());
        }
        self.canvas.close();
    }

    /// Groups of values of y that lie too close to each other for a label each, in a panel of that frame; the
    /// least value comes first.
    pub(crate) fn crowds(y: Scale, frame: Frame, values: &[f64]) -> Vec<Vec<usize>> {
        let height = |k: usize| y.place(values[k], (0.0, frame.height - frame.bottom - frame.top));
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| height(*a).total_cmp(&height(*b)));
        let mut crowds: Vec<Vec<usize>> = Vec::new();
        for k in order {
            match crowds.last_mut().filter(|crowd| height(k) - height(crowd[0]) < LABEL) {
                Some(crowd) => crowd.push(k),
                None => crowds.push(vec![k]),
            }
        }
        crowds
    }

    /// Writes words to the right of the plot at the height of a row.
    pub(crate) fn aside(&mut self, y: f64, text: &str) {
        let at = (self.frame.width - self.frame.right + 8.0, self.py(y));
        self.canvas.open(Group::plain("aside"));
        self.canvas.text(text, at, Lettering::new(SMALL, Tone::Muted));
        self.canvas.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_closer_than_a_label_is_high_are_a_crowd() {
        // A plot of 242 pixels over 242 units.
        let y = Scale::linear([0.0, 242.0], (0.0, 0.0));
        let crowds = |values: &[f64]| Panel::crowds(y, Frame::default(), values);
        assert_eq!(crowds(&[100.0, 20.0, 90.0]), [vec![1], vec![2, 0]]);
        // The third is far enough from the first, though near the second.
        assert_eq!(crowds(&[10.0, 20.0, 23.0]), [vec![0, 1], vec![2]]);
        assert_eq!(crowds(&[]), Vec::<Vec<usize>>::new());
    }
}
