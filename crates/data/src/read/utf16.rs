//! Converts UTF-16 to UTF-8.

use std::io::{self, Read};

/// Bytes that must be at hand to decode any character: a surrogate pair has four.
const PAIR: usize = 4;

/// Order of the two bytes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// Byte order of a file that begins with `head`, if it is UTF-16: it has a byte order mark, or most
/// units are Latin letters, whose other byte is 0.
pub(super) fn order(head: &[u8]) -> Option<Order> {
    match head {
        [0xff, 0xfe, ..] => return Some(Order::Little),
        [0xfe, 0xff, ..] => return Some(Order::Big),
        _ => {}
    }
    let units = head.len() / 2;
    let nuls = |from: usize| {
        let bytes = head.iter().skip(from).step_by(2);
        bytes.take(units).filter(|&&byte| byte == 0).count()
    };
    match (nuls(0), nuls(1)) {
        _ if units == 0 => None,
        (0, odd) if 10 * odd >= 7 * units => Some(Order::Little),
        (even, 0) if 10 * even >= 7 * units => Some(Order::Big),
        _ => None,
    }
}

/// Byte order of bytes that are not UTF-8, if they are UTF-16: every surrogate has its partner, and
/// spaces or line ends occur in one order but not in the other.
pub(super) fn could_be(bytes: &[u8]) -> Option<Order> {
    if bytes.len() < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let fits = |order: Order| {
        let units = || bytes.chunks_exact(2).map(|unit| of_bytes(unit, order));
        let whole = char::decode_utf16(units()).all(|letter| {
            letter.is_ok_and(|letter| !letter.is_control() || letter.is_whitespace())
        });
        whole && units().any(|unit| matches!(unit, 0x20 | 0x0a | 0x3000 | 0x3002))
    };
    match (fits(Order::Little), fits(Order::Big)) {
        (true, false) => Some(Order::Little),
        (false, true) => Some(Order::Big),
        _ => None,
    }
}

fn of_bytes(unit: &[u8], order: Order) -> u16 {
    let unit = [unit[0], unit[1]];
    match order {
        Order::Little => u16::from_le_bytes(unit),
        Order::Big => u16::from_be_bytes(unit),
    }
}

/// Reads UTF-16 and gives UTF-8. Half a surrogate pair, or half a unit at the end, becomes a byte
/// that is invalid in UTF-8, so that it is treated like other invalid text.
pub(super) struct Utf16<R> {
    inner: R,
    order: Order,
    /// Bytes that were read and are not yet decoded.
    raw: Vec<u8>,
    /// UTF-8 that is decoded and not yet handed on.
    ready: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(inner: R, order: Order) -> Self {
        Utf16 { inner, order, raw: Vec::new(), ready: Vec::new(), given: 0, ended: false }
    }

    fn decode(&mut self) -> io::Result<()> {
        const CHUNK: usize = 1 << 14;
        let have = self.raw.len();
        self.raw.resize(have + CHUNK, 0);
        let read = loop {
            match self.inner.read(&mut self.raw[have..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.raw.truncate(have + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        self.ready.clear();
        self.given = 0;
        let mut at = 0;
        // A pair needs four bytes, some of which may not have been read yet.
        while self.raw.len() - at >= if self.ended { 2 } else { PAIR } {
            let unit = of_bytes(&self.raw[at..], self.order);
            let next = self.raw.get(at + 2..at + 4);
            let next = next.map(|next| of_bytes(next, self.order));
            let letter = char::decode_utf16([Some(unit), next].into_iter().flatten()).next();
            match letter {
                Some(Ok(letter)) => {
                    let mut bytes = [0; 4];
                    let utf8 = letter.encode_utf8(&mut bytes).as_bytes();
                    self.ready.extend_from_slice(utf8);
                    at += 2 * letter.len_utf16();
                }
                _ => {
                    self.ready.push(0xff);
                    at += 2;
                }
            }
        }
        self.raw.drain(..at);
        if self.ended && !self.raw.is_empty() {
            self.raw.clear();
            self.ready.push(0xff);
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.ended {
            self.decode()?;
        }
        let rest = &self.ready[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(text: &str, order: Order) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| match order {
                Order::Little => unit.to_le_bytes(),
                Order::Big => unit.to_be_bytes(),
            })
            .collect()
    }

    /// A reader that gives only a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(bytes: &[u8], order: Order, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        Utf16::new(Slow(bytes, step), order).read_to_end(&mut out).unwrap();
        out
    }

    proptest! {
        #[test]
        fn text_comes_back_however_it_is_read(text in "[a-zé世🦀\n]{0,50}", step in 1usize..9) {
            for order in [Order::Little, Order::Big] {
                prop_assert_eq!(read(&bytes(&text, order), order, step), text.as_bytes());
            }
        }
    }

    #[test]
    fn half_a_character_is_no_text() {
        let mut half = bytes("a\u{1f980}", Order::Little);
        half.truncate(4);
        assert_eq!(read(&half, Order::Little, 3), b"a\xff");
        half.truncate(3);
        assert_eq!(read(&half, Order::Little, 3), b"a\xff");
    }

    #[test]
    fn the_order_is_told_by_the_mark_or_the_nuls() {
        for (text, with_mark) in [("\u{feff}世界", true), ("some words\n", false)] {
            for order_of in [Order::Little, Order::Big] {
                assert_eq!(order(&bytes(text, order_of)), Some(order_of), "{with_mark}");
            }
        }
        for other in [&b""[..], b"a", b"some words", b"one\0two and more\n", b"\0\0\0\0"] {
            assert_eq!(order(other), None, "{other:?}");
        }
        let greek = bytes("τα λόγια του\n", Order::Big);
        assert_eq!((order(&greek), could_be(&greek)), (None, Some(Order::Big)));
        assert_eq!(could_be(b"caf\xe9 au lait\n"), None);
    }
}
