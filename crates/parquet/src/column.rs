//! Columns of text and numbers, whatever width and encoding the file had.

use crate::chunk::Chunk;
use crate::kind::Kind;
use polars_arrow::array::{
    Array, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray,
};
use polars_arrow::types::NativeType;

/// A column by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its cells.
    pub values: Values,
}

/// What a column holds, null as `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Text; of truth values `true` and `false`.
    Text(Vec<Option<String>>),
    /// Unsigned integers.
    Unsigned(Vec<Option<u64>>),
    /// Signed integers.
    Signed(Vec<Option<i64>>),
    /// Floats of any width, and decimals.
    Float(Vec<Option<f64>>),
    /// Nulls, so many.
    Null(usize),
    /// Values of a type that is neither text nor number, by its name, and how many.
    Other(String, usize),
}

impl Values {
    /// Cells.
    pub fn len(&self) -> usize {
        match self {
            Values::Text(cells) => cells.len(),
            Values::Unsigned(cells) => cells.len(),
            Values::Signed(cells) => cells.len(),
            Values::Float(cells) => cells.len(),
            Values::Null(len) | Values::Other(_, len) => *len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn empty(kind: &Kind) -> Values {
        match kind {
            Kind::Text | Kind::Boolean => Values::Text(Vec::new()),
            Kind::Int32 | Kind::Int64 => Values::Signed(Vec::new()),
            Kind::UInt32 | Kind::UInt64 => Values::Unsigned(Vec::new()),
            Kind::Float16 | Kind::Float32 | Kind::Float64 | Kind::Decimal { .. } => {
                Values::Float(Vec::new())
            }
            Kind::Null => Values::Null(0),
            Kind::Other(name) => Values::Other(name.clone(), 0),
        }
    }

    /// Adds the cells of a chunk, which must be of the same column.
    ///
    /// # Errors
    /// Text that is not UTF-8, or that is more than `most` bytes; a decimal of too many digits.
    pub(crate) fn append(&mut self, chunk: &Chunk, most: u64) -> Result<(), String> {
        match self {
            Values::Null(len) | Values::Other(_, len) => *len += chunk.rows,
            Values::Text(cells) if chunk.kind == Kind::Boolean => {
                for array in &chunk.arrays {
                    let truths = of::<BooleanArray>(array.as_ref())?.iter();
                    cells.extend(truths.map(|cell| cell.map(|truth| truth.to_string())));
                }
            }
            Values::Text(cells) => append_texts(cells, chunk, most)?,
            Values::Signed(cells) => {
                for array in &chunk.arrays {
                    match chunk.kind {
                        Kind::Int32 => cells.extend(numbers::<i32, _>(array.as_ref(), i64::from)?),
                        _ => cells.extend(numbers::<i64, _>(array.as_ref(), |x| x)?),
                    }
                }
            }
            Values::Unsigned(cells) => {
                for array in &chunk.arrays {
                    match chunk.kind {
                        // The file keeps the bits of an unsigned number in a signed one.
                        Kind::UInt32 => {
                            cells.extend(numbers::<i32, _>(array.as_ref(), |x| {
                                u64::from(x as u32)
                            })?);
                        }
                        _ => cells.extend(numbers::<i64, _>(array.as_ref(), |x| x as u64)?),
                    }
                }
            }
            Values::Float(cells) => {
                for array in &chunk.arrays {
                    cells.extend(floats(array.as_ref(), &chunk.kind)?);
                }
            }
        }
        Ok(())
    }
}

fn append_texts(cells: &mut Vec<Option<String>>, chunk: &Chunk, most: u64) -> Result<(), String> {
    let mut bytes: u64 = cells.iter().flatten().map(|text| text.len() as u64).sum();
    for text in chunk.texts().into_iter().flatten() {
        bytes += text.map_or(0, |text| text.len() as u64);
        if bytes > most {
            return Err(format!("one of its columns holds more than {} MB of text", most >> 20));
        }
        let text = text.map(|text| std::str::from_utf8(text).map(str::to_owned));
        let text = text.transpose();
        cells.push(text.map_err(|_| "a text in it is not UTF-8".to_owned())?);
    }
    Ok(())
}

fn floats(array: &dyn Array, kind: &Kind) -> Result<Vec<Option<f64>>, String> {
    let any = array.as_any();
    if let Kind::Decimal { scale } = *kind {
        let wide = |bytes: Option<&[u8]>| {
            bytes.map(|bytes| Ok(decimal(big_endian(bytes)?, scale))).transpose()
        };
        if let Some(array) = any.downcast_ref::<FixedSizeBinaryArray>() {
            return array.iter().map(wide).collect();
        }
        if let Some(array) = any.downcast_ref::<BinaryViewArray>() {
            return array.iter().map(wide).collect();
        }
        return match any.is::<PrimitiveArray<i32>>() {
            true => Ok(numbers::<i32, _>(array, |x| decimal(x.into(), scale))?.collect()),
            false => Ok(numbers::<i64, _>(array, |x| decimal(x.into(), scale))?.collect()),
        };
    }
    match kind {
        Kind::Float16 => {
            let halves = of::<FixedSizeBinaryArray>(array)?.iter();
            let half = |bytes: &[u8]| half(u16::from_le_bytes([bytes[0], bytes[1]]));
            Ok(halves.map(|cell| cell.map(half)).collect())
        }
        Kind::Float32 => Ok(numbers::<f32, _>(array, f64::from)?.collect()),
        _ => Ok(numbers::<f64, _>(array, |x| x)?.collect()),
    }
}

fn numbers<'a, T: NativeType, N>(
    array: &'a dyn Array,
    number: impl Fn(T) -> N + 'a,
) -> Result<impl Iterator<Item = Option<N>> + 'a, String> {
    let array = of::<PrimitiveArray<T>>(array)?;
    let valid = array.validity();
    let cells = array.values().iter().enumerate();
    Ok(cells
        .map(move |(i, value)| valid.is_none_or(|bits| bits.get_bit(i)).then(|| number(*value))))
}

pub(crate) fn of<A: 'static>(array: &dyn Array) -> Result<&A, String> {
    let found = array.as_any().downcast_ref();
    found.ok_or_else(|| format!("a column was decoded as {:?}", array.dtype()))
}

/// `value / 10^scale`, rounded once.
fn decimal(value: i128, scale: usize) -> f64 {
    // 2^53 and 10^22 are the last of their kind that a float holds exactly.
    if value.unsigned_abs() <= 1 << 53 && scale <= 22 {
        return value as f64 / 10f64.powi(scale as i32);
    }
    let text = format!("{value}e-{scale}");
    text.parse().expect("digits and an exponent are a number")
}

/// A number in two's complement.
fn big_endian(bytes: &[u8]) -> Result<i128, String> {
    const WIDTH: usize = size_of::<i128>();
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let (more, last) = bytes.split_at(bytes.len().saturating_sub(WIDTH));
    if more.iter().any(|byte| *byte != fill) {
        return Err("a decimal in it has more than 38 digits".to_owned());
    }
    let mut whole = [fill; WIDTH];
    whole[WIDTH - last.len()..].copy_from_slice(last);
    Ok(i128::from_be_bytes(whole))
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_their_published_values() {
        // IEEE 754-2019, binary16: one, the largest, the smallest normal and subnormal numbers.
        for (bits, value) in [
            (0x3c00, 1.0),
            (0x7bff, 65504.0),
            (0x0400, 2f64.powi(-14)),
            (0x0001, 2f64.powi(-24)),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
        assert!(half(0x8000).is_sign_negative());
    }

    #[test]
    fn decimals_round_once() {
        assert_eq!(decimal(35, 1), 3.5);
        assert_eq!(decimal(-12_345, 3), -12.345);
        assert_eq!(decimal(1, 30), 1e-30);
        assert_eq!(decimal(123_456_789_012_345_678_901, 10), 12_345_678_901.234_568);
        assert_eq!(big_endian(&[0xff, 0x85]), Ok(-123));
        assert_eq!(big_endian(&[0x01, 0x00]), Ok(256));
        assert_eq!(big_endian(&[]), Ok(0));
        assert_eq!(big_endian(&[0; 20]), Ok(0));
        assert!(big_endian(&[1; 20]).is_err());
    }
}
