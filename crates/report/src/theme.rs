//! The colours of figures on a light and on a dark page. Marks carry a class; the style sheet of a
//! figure file paints the classes light, that of the page light or dark.

/// Steps of a ramp of colours: more than a ladder has sizes, and few enough to be told apart.
pub(crate) const RAMP_STEPS: u8 = 12;

/// viridis, ten samples (van der Walt & Smith 2015): monotone in lightness, so that it survives
/// grey print and colour blindness.
const VIRIDIS: [u32; 10] = [
    0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b,
    0xfde725,
];
/// magma, ten samples (same source).
const MAGMA: [u32; 10] = [
    0x000004, 0x180f3d, 0x440f76, 0x721f81, 0x9e2f7f, 0xcd4071, 0xf1605d, 0xfd9668, 0xfeca8d,
    0xfcfdbf,
];

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(u8, u8, u8);

/// The meaning of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Text, fitted lines, rings.
    Ink,
    /// Secondary text.
    Muted,
    /// Axis lines and ticks.
    Rule,
    /// Grid lines.
    Grid,
    /// The ground of a figure, and halos around text.
    Paper,
    /// A model size, small to large, `0..RAMP_STEPS`.
    Size(u8),
    /// A compute budget, small to large, `0..RAMP_STEPS`.
    Budget(u8),
    /// One of several things without an order, such as laws or approaches, `0..GROUPS`.
    Group(u8),
}

/// Number of colours without an order.
pub(crate) const GROUPS: u8 = 6;
/// Colours of Okabe & Ito 2008, darkened to stand out on white.
const GROUPS_LIGHT: [u32; GROUPS as usize] =
    [0x1b1f25, 0x0072b2, 0xbf4b00, 0x007a5a, 0x9a4a86, 0x8a6d00];
/// Colours of Okabe & Ito 2008 for a dark page, some of them lightened.
const GROUPS_DARK: [u32; GROUPS as usize] =
    [0xe8edf3, 0x56b4e9, 0xf08a3c, 0x2fcba0, 0xe39fc8, 0xe8c547];

impl Tone {
    /// All tones.
    pub(crate) fn all() -> impl Iterator<Item = Tone> {
        [Tone::Ink, Tone::Muted, Tone::Rule, Tone::Grid, Tone::Paper]
            .into_iter()
            .chain((0..RAMP_STEPS).map(Tone::Size))
            .chain((0..RAMP_STEPS).map(Tone::Budget))
            .chain((0..GROUPS).map(Tone::Group))
    }

    /// Tone of the `k`-th of several things without an order.
    pub(crate) fn group(k: usize) -> Tone {
        Tone::Group((k % usize::from(GROUPS)) as u8)
    }

    /// Tone of the `rank`-th of `count` sizes.
    pub(crate) fn size(rank: usize, count: usize) -> Tone {
        Tone::Size(step(rank, count))
    }

    /// Tone of the `rank`-th of `count` budgets.
    pub(crate) fn budget(rank: usize, count: usize) -> Tone {
        Tone::Budget(step(rank, count))
    }

    /// Colour on white. Ramps end where contrast with the ground would fall below about 2.5.
    pub(crate) fn light(self) -> Rgb {
        match self {
            Tone::Ink => rgb(0x1b1f24),
            Tone::Muted => rgb(0x57606a),
            Tone::Rule => rgb(0x868e96),
            Tone::Grid => rgb(0xe7eaed),
            Tone::Paper => rgb(0xffffff),
            Tone::Size(k) => ramp(&VIRIDIS, 0.02, 0.66, k),
            Tone::Budget(k) => ramp(&MAGMA, 0.18, 0.70, k),
            Tone::Group(k) => rgb(GROUPS_LIGHT[usize::from(k)]),
        }
    }

    /// Colour on the dark page.
    pub(crate) fn dark(self) -> Rgb {
        match self {
            Tone::Ink => rgb(0xe8edf2),
            Tone::Muted => rgb(0xa3adb8),
            Tone::Rule => rgb(0x74808c),
            Tone::Grid => rgb(0x2a3138),
            Tone::Paper => rgb(0x14181d),
            Tone::Size(k) => ramp(&VIRIDIS, 0.36, 1.0, k),
            Tone::Budget(k) => ramp(&MAGMA, 0.46, 0.94, k),
            Tone::Group(k) => rgb(GROUPS_DARK[usize::from(k)]),
        }
    }

    /// Class of the marks of this tone.
    pub(crate) fn class(self) -> String {
        match self {
            Tone::Ink => "ink".into(),
            Tone::Muted => "muted".into(),
            Tone::Rule => "rule".into(),
            Tone::Grid => "grid".into(),
            Tone::Paper => "paper".into(),
            Tone::Size(k) => format!("s{k}"),
            Tone::Budget(k) => format!("b{k}"),
            Tone::Group(k) => format!("g{k}"),
        }
    }
}

/// A colour as CSS writes it, `#rrggbb`.
pub(crate) fn hex(Rgb(r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The rules that paint figures: `f` marks are filled, `l` marks are stroked, `h` text has a halo.
pub(crate) fn rules(color: fn(Tone) -> Rgb) -> String {
    let mut css = String::from(
        ".l{fill:none;stroke-linejoin:round}.h{stroke-width:3px;stroke-linejoin:round;paint-order:stroke}",
    );
    for tone in Tone::all() {
        let (class, color) = (tone.class(), hex(color(tone)));
        css.push_str(&format!(".f.{class}{{fill:{color}}}.l.{class}{{stroke:{color}}}"));
    }
    css.push_str(&format!(".h{{stroke:{}}}", hex(color(Tone::Paper))));
    css
}

fn step(rank: usize, count: usize) -> u8 {
    match count {
        0 | 1 => RAMP_STEPS / 3,
        _ => (rank as f64 / (count - 1) as f64 * f64::from(RAMP_STEPS - 1)).round() as u8,
    }
}

fn ramp(stops: &[u32; 10], from: f64, to: f64, k: u8) -> Rgb {
    let t = (from + (to - from) * f64::from(k) / f64::from(RAMP_STEPS - 1)) * 9.0;
    let below = (t.floor() as usize).min(8);
    let share = t - below as f64;
    let (Rgb(r0, g0, b0), Rgb(r1, g1, b1)) = (rgb(stops[below]), rgb(stops[below + 1]));
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    Rgb(mix(r0, r1), mix(g0, g1), mix(b0, b1))
}

const fn rgb(hex: u32) -> Rgb {
    Rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.1 relative luminance.
    fn luminance(Rgb(r, g, b): Rgb) -> f64 {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.03928 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_has_the_contrast_of_wcag_aa_and_marks_stand_out() {
        for pick in [Tone::light, Tone::dark] {
            let paper = pick(Tone::Paper);
            for text in [Tone::Ink, Tone::Muted] {
                assert!(contrast(pick(text), paper) >= 4.5, "{text:?}");
            }
            for k in 0..RAMP_STEPS {
                for mark in [Tone::Size(k), Tone::Budget(k)] {
                    let found = contrast(pick(mark), paper);
                    assert!(found >= 2.5, "{mark:?}: {found}");
                }
            }
            for mark in (0..GROUPS).map(Tone::Group) {
                let found = contrast(pick(mark), paper);
                assert!(found >= 4.5, "{mark:?}: {found}");
            }
        }
    }

    #[test]
    fn a_ramp_is_monotone_in_lightness_so_that_grey_print_keeps_the_order() {
        for pick in [Tone::light, Tone::dark] {
            for k in 1..RAMP_STEPS {
                assert!(luminance(pick(Tone::Size(k))) > luminance(pick(Tone::Size(k - 1))));
                assert!(luminance(pick(Tone::Budget(k))) > luminance(pick(Tone::Budget(k - 1))));
            }
        }
    }
}
