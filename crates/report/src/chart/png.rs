//! PNG of a figure, rendered from its SVG with a font that is part of the program: the machine may have
//! no fonts.

use crate::error::ReportError;
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, OnceLock};

/// Pixels of the PNG in a CSS pixel.
const SCALE: f32 = 2.0;

/// Fonts: Ubuntu Light (Ubuntu Font Licence 1.0), and Hack (MIT) for characters that it lacks. Scripts
/// that neither has, such as Japanese, are blank in a PNG and right in the SVG.
fn fonts() -> Arc<usvg::fontdb::Database> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut fonts = usvg::fontdb::Database::new();
            fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
            fonts.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
            fonts.set_sans_serif_family("Ubuntu");
            Arc::new(fonts)
        })
        .clone()
}

/// Options with which usvg reads the SVG of a figure.
pub(crate) fn options() -> usvg::Options<'static> {
    usvg::Options { fontdb: fonts(), font_family: "Ubuntu".to_owned(), ..Default::default() }
}

/// Renders a figure at twice its size.
pub(crate) fn render(name: &str, svg: &str) -> Result<Vec<u8>, ReportError> {
    let fail = |reason: String| ReportError::Render { figure: name.to_owned(), reason };
    let tree = usvg::Tree::from_str(svg, &options()).map_err(|e| fail(e.to_string()))?;
    let size = tree.size();
    let (width, height) = ((size.width() * SCALE) as u32, (size.height() * SCALE) as u32);
    let mut pixels = tiny_skia::Pixmap::new(width, height)
        .ok_or_else(|| fail(format!("{width} x {height} pixels")))?;
    let transform = tiny_skia::Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, transform, &mut pixels.as_mut());
    encode(&pixels).map_err(|e| fail(e.to_string()))
}

/// Encodes opaque colours. They are not filtered: areas of one colour pack better without.
fn encode(pixels: &tiny_skia::Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let colours = |p: &tiny_skia::PremultipliedColorU8| [p.red(), p.green(), p.blue()];
    let rgb: Vec<u8> = pixels.pixels().iter().flat_map(colours).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(out)
}
