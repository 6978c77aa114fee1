//! A panel's axes, and what the page's script needs to draw them anew.

use super::{Panel, SMALL};
use crate::chart::canvas::{Edge, Group, Lettering, Position, Side, Stroke};
use crate::chart::frame::{Frame, LossAxis};
use crate::chart::scale::Scale;
use crate::chart::ticks::Style;
use crate::text::{escape, svg_label};
use crate::theme::Tone;

/// Size of the names of axes.
const BODY: f64 = 12.0;

impl Panel {
    /// Attributes from which the page's script draws the axes anew: kind and ends of each axis, the style
    /// of its ticks, and where losses are.
    pub(crate) fn axes_data(&self) -> String {
        let axis = |scale: Scale, style: Style| {
            let (low, high) = scale.bounds();
            let kind = match scale {
                Scale::Log { .. } => "log",
                Scale::Linear { .. } => "linear",
                Scale::Rows { .. } => "rows",
            };
            format!("{kind} {low:e} {high:e} {}", style.name())
        };
        let Frame { width, height, left, right, top, bottom } = self.frame;
        let loss = match self.labels.loss {
            LossAxis::Neither => "",
            LossAxis::Y => " data-loss=\"y\"",
            LossAxis::Both => " data-loss=\"xy\"",
        };
        let formula = self.formula_in_bits.as_ref().map(|text| {
            let drawn = escape(&svg_label(text, SMALL));
            format!(" data-formula=\"{drawn}\"")
        });
        let formula = formula.unwrap_or_default();
        format!(
            " data-x=\"{}\" data-y=\"{}\" data-frame=\"{left} {top} {} {}\"{loss}{formula}",
            axis(self.x, self.labels.x_style),
            axis(self.y, self.labels.y_style),
            width - right,
            height - bottom,
        )
    }

    pub(super) fn axes(&mut self) {
        let Frame { width, height, left: x0, right, top: y1, bottom } = self.frame;
        let (x1, y0) = (width - right, height - bottom);
        let (across, up) = (self.x.ticks(), self.y.ticks());
        self.canvas.open(Group::plain("axes"));
        let mut grid: Vec<[Position; 2]> = Vec::new();
        grid.extend(across.major.iter().map(|v| self.upright_ends(*v, (y0, y1))));
        grid.extend(up.major.iter().map(|v| self.level_ends(*v, (x0, x1))));
        self.canvas.lines(&grid, Stroke::solid(Tone::Grid, 1.0));
        let mut rules = vec![[(x0, y0), (x1, y0)], [(x0, y0), (x0, y1)]];
        for (values, length) in [(&across.major, 5.0), (&across.minor, 3.0)] {
            rules.extend(values.iter().map(|v| self.upright_ends(*v, (y0, y0 + length))));
        }
        for (values, length) in [(&up.major, 5.0), (&up.minor, 3.0)] {
            rules.extend(values.iter().map(|v| self.level_ends(*v, (x0 - length, x0))));
        }
        self.canvas.lines(&rules, Stroke::solid(Tone::Rule, 1.0));
        let tick = Lettering::new(SMALL, Tone::Ink);
        for v in &across.major {
            let (label, at) = (self.labels.x_style.write(*v), (self.px(*v), y0 + 8.0));
            self.canvas.text(&label, at, tick.at(Side::Center, Edge::Top));
        }
        for v in &up.major {
            let label = match self.labels.rows.get(*v as usize) {
                Some(name) if matches!(self.y, Scale::Rows { .. }) => name.clone(),
                _ => self.labels.y_style.write(*v),
            };
            let at = (x0 - 8.0, self.py(*v));
            self.canvas.text(&label, at, tick.at(Side::Right, Edge::Middle));
        }
        self.canvas.close();
        self.canvas.open(Group::plain("names"));
        let title_at = if matches!(self.y, Scale::Rows { .. }) { 6.0 } else { x0 };
        let (title, name) = (Lettering::new(13.0, Tone::Ink), Lettering::new(BODY, Tone::Ink));
        let name = name.at(Side::Center, Edge::Middle);
        self.canvas.text(&self.labels.title, (title_at, y1 - 16.0), title);
        self.canvas.text(&self.labels.x, ((x0 + x1) / 2.0, height - 11.0), name);
        self.canvas.text(&self.labels.y, (11.0, (y0 + y1) / 2.0), name.turned_upward());
        self.canvas.close();
    }

    /// The ends of a rule along a value of x.
    fn upright_ends(&self, x: f64, (from, to): (f64, f64)) -> [Position; 2] {
        let x = self.px(x);
        [(x, from), (x, to)]
    }

    /// The ends of a rule along a value of y.
    fn level_ends(&self, y: f64, (from, to): (f64, f64)) -> [Position; 2] {
        let y = self.py(y);
        [(from, y), (to, y)]
    }
}
