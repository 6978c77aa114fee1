//! PNG from the very SVG that is written, with a font of our own: the reader's machine may have
//! none.

use crate::error::ReportError;
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, OnceLock};

/// Pixels of the PNG in a CSS pixel.
const SCALE: f32 = 2.0;

/// Ubuntu Light (Ubuntu Font Licence 1.0) for all text; Hack (MIT) for what it lacks. Scripts
/// that neither has, such as Japanese, stay empty in a PNG and are right in the SVG.
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

/// How usvg is to read our SVG.
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

/// Opaque colours as they are: areas of one colour pack better without a filter.
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
