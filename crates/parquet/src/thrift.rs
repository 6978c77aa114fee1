//! A walk over what Thrift's compact protocol wrote, without building anything: it finds the few
//! numbers that have to be checked before a decoder allocates by them.
//!
//! Source: "Thrift Compact protocol encoding", apache/thrift, doc/specs/thrift-compact-protocol.md.

/// Lists longer than this are not believed.
const LONGEST_LIST: usize = 1 << 20;
/// Values nested deeper than this are not believed.
const DEEPEST: u32 = 64;

pub(crate) const INTEGER: u8 = 5;
pub(crate) const LIST: u8 = 9;
pub(crate) const STRUCT: u8 = 12;

/// A place in the bytes. Every step gives `None` where the bytes are not Thrift.
pub(crate) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Walk { bytes, at: 0 }
    }

    /// Bytes walked over so far.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Steps over a struct; `each` is given the id and type of a field and says whether it has read
    /// the value itself.
    pub(crate) fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, i64, u8) -> Option<bool>,
    ) -> Option<()> {
        self.fields_within(DEEPEST, &mut each)
    }

    fn fields_within(
        &mut self,
        depth: u32,
        each: &mut dyn FnMut(&mut Self, i64, u8) -> Option<bool>,
    ) -> Option<()> {
        let mut id = 0;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => self.integer()?,
                delta => id + i64::from(delta),
            };
            if !each(self, id, kind)? {
                self.skip(kind, false, depth)?;
            }
        }
    }

    /// The type and number of the elements of a list that follows.
    pub(crate) fn list(&mut self) -> Option<(u8, usize)> {
        let head = self.byte()?;
        let len = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            len => len.into(),
        };
        // An element takes a byte at least.
        let room = self.bytes.len() - self.at;
        (len <= room.min(LONGEST_LIST)).then_some((head & 0x0f, len))
    }

    /// An integer of any width.
    pub(crate) fn integer(&mut self) -> Option<i64> {
        let bits = self.varint()?;
        Some((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    fn skip(&mut self, kind: u8, in_list: bool, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // A boolean is in the head of its field.
            1 | 2 if !in_list => Some(()),
            1..=3 => self.byte().map(|_| ()),
            4..=6 => self.varint().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let len = self.varint()?;
                self.pass(usize::try_from(len).ok()?)
            }
            LIST | 10 => {
                let (kind, len) = self.list()?;
                (0..len).try_for_each(|_| self.skip(kind, true, depth))
            }
            11 => self.skip_map(depth),
            STRUCT => self.fields_within(depth, &mut |_, _, _| Some(false)),
            _ => None,
        }
    }

    fn skip_map(&mut self, depth: u32) -> Option<()> {
        let len = usize::try_from(self.varint()?).ok()?;
        if len == 0 {
            return Some(());
        }
        let kinds = self.byte()?;
        (len <= LONGEST_LIST).then_some(())?;
        (0..len).try_for_each(|_| {
            self.skip(kinds >> 4, true, depth)?;
            self.skip(kinds & 0x0f, true, depth)
        })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn pass(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= self.bytes.len()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_values_of_every_type() {
        // 1: true, 2: i32 -3, 3: "ab", 4: [1.0], 5: {1: 7}, 6: [true, false], 9: i64 300
        let mut bytes = vec![0x11, 0x15, 5, 0x18, 2, b'a', b'b', 0x19, 0x17];
        bytes.extend(1f64.to_le_bytes());
        bytes.extend([0x1c, 0x16, 14, 0, 0x19, 0x21, 1, 2, 0x36, 0xd8, 4, 0]);
        let mut seen = Vec::new();
        let mut walk = Walk::new(&bytes);
        walk.fields(|walk, id, kind| {
            let number = matches!(kind, INTEGER | 6);
            seen.push((id, if number { walk.integer()? } else { 0 }));
            Some(number)
        })
        .unwrap();
        assert_eq!(walk.at(), bytes.len());
        assert_eq!(seen, [(1, 0), (2, -3), (3, 0), (4, 0), (5, 0), (6, 0), (9, 300)]);
    }

    #[test]
    fn lists_beyond_the_bytes_and_endless_nesting_are_refused() {
        let none = |bytes: &[u8]| Walk::new(bytes).fields(|_, _, _| Some(false)).is_none();
        assert!(none(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07, 0]));
        assert!(none(&[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0]));
        assert!(none(&[0x1c; 5000]));
        assert!(none(&[0x1f, 0]));
        assert!(none(&[0x15]));
        assert!(none(&[0x15, 0xff, 0xff]));
        assert!(!none(&[0]));
    }
}
