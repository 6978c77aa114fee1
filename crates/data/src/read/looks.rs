//! Guessing what bytes that are no UTF-8 are.

use super::content::is_text;
use super::utf16::{Order, could_be};
use crate::looks::Looks;

impl Looks {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        const MOST: usize = 1 << 16;
        let bytes = &bytes[..bytes.len().min(MOST)];
        match could_be(bytes) {
            Some(Order::Little) => return Looks::Utf16Little,
            Some(Order::Big) => return Looks::Utf16Big,
            None => {}
        }
        let ascii: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii).collect();
        match is_text(&ascii) {
            true => Looks::ByteText,
            false => Looks::Binary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_fits_what_the_bytes_look_like() {
        assert_eq!(Looks::of(b"caf\xe9 au lait"), Looks::ByteText);
        assert_eq!(Looks::of(b"\x80\x04\x95\0\0\x01\x02\x8c"), Looks::Binary);
        let greek: Vec<u8> = "\u{3c4}\u{3b1} \u{3bb}\u{3cc}\u{3b3}\u{3b9}\u{3b1}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(Looks::of(&greek), Looks::Utf16Little);
    }
}
