//! What is looked for before polars decodes: counts and sizes that it would allocate by, nesting
//! that it would recurse into.

use crate::thrift::{INTEGER, LIST, STRUCT, Walk};

const MAGIC: &[u8] = b"PAR1";
/// Magic, length of the footer, magic.
const SMALLEST: usize = 12;
/// Bytes of a footer that is still believed.
const LARGEST_FOOTER: usize = 1 << 26;
/// Columns nested deeper than this are not read.
const DEEPEST_COLUMN: usize = 64;

/// Checks what a file declares of itself, of its columns and row groups.
pub(crate) fn footer(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() < SMALLEST || !bytes.starts_with(MAGIC) {
        return Err(match bytes.starts_with(b"PARE") {
            true => "it is encrypted".to_owned(),
            false => "it does not begin with PAR1".to_owned(),
        });
    }
    let (rest, tail) = bytes.split_at(bytes.len() - 8);
    let (length, end) = tail.split_at(4);
    if end != MAGIC {
        return Err("it does not end with PAR1; is it cut off?".to_owned());
    }
    let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
    if length > rest.len() - MAGIC.len() {
        return Err(format!("its footer of {length} bytes is longer than the file"));
    }
    if length > LARGEST_FOOTER {
        return Err(format!("its footer has {length} bytes"));
    }
    let footer = &rest[rest.len() - length..];
    let mut depth = 0;
    let walked = Walk::new(footer).fields(|walk, id, kind| match (id, kind) {
        (2, LIST) => {
            depth = nesting(walk)?;
            Some(true)
        }
        _ => Some(false),
    });
    match walked {
        None => Err("its footer is damaged".to_owned()),
        Some(()) if depth > DEEPEST_COLUMN => Err(format!("its columns are nested {depth} deep")),
        Some(()) => Ok(()),
    }
}

/// How deep the elements of a schema, each before its children, are nested.
fn nesting(walk: &mut Walk) -> Option<usize> {
    const CHILDREN: i64 = 5;
    let (kind, len) = walk.list()?;
    (kind == STRUCT).then_some(())?;
    // Children that are still to come, of every group that is open.
    let mut open: Vec<i64> = Vec::new();
    let mut deepest = 0;
    for _ in 0..len {
        let mut children = 0;
        walk.fields(|walk, id, kind| match (id, kind) {
            (CHILDREN, INTEGER) => {
                children = walk.integer()?;
                Some(true)
            }
            _ => Some(false),
        })?;
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            open.push(children);
            deepest = deepest.max(open.len());
        }
        while open.last().is_some_and(|left| *left <= 0) {
            open.pop();
        }
    }
    Some(deepest)
}

/// What the header of a page declares.
#[derive(Clone, Copy, Debug, Default)]
struct Page {
    kind: i64,
    uncompressed: i64,
    compressed: i64,
    values: i64,
}

const DICTIONARY: i64 = 2;

/// Checks the headers of the pages of a flat column: that they lie in the chunk, hold `rows` values
/// together and unpack to at most `most` bytes.
pub(crate) fn pages(chunk: &[u8], rows: usize, most: u64) -> Result<(), String> {
    let (mut at, mut values, mut unpacked) = (0, 0u64, 0u64);
    while values < rows as u64 {
        let (page, header) = header(&chunk[at..]).ok_or("the header of a page is damaged")?;
        at += header;
        let sizes = [page.compressed, page.uncompressed, page.values];
        let [compressed, uncompressed, count] = sizes.map(u64::try_from);
        let (Ok(compressed), Ok(uncompressed), Ok(count)) = (compressed, uncompressed, count)
        else {
            return Err("a page has a negative size".to_owned());
        };
        if compressed > (chunk.len() - at) as u64 {
            return Err("a page ends beyond its column; is the file cut off?".to_owned());
        }
        at += compressed as usize;
        unpacked += uncompressed;
        if unpacked > most {
            return Err(format!(
                "one of its columns unpacks to more than {} MB at once; write it in smaller row groups",
                most >> 20
            ));
        }
        match page.kind {
            // A dictionary has an entry a byte at most, but for entries without any.
            DICTIONARY if count > uncompressed.max(1) => {
                return Err(format!("a dictionary of {uncompressed} bytes has {count} entries"));
            }
            DICTIONARY => {}
            _ => values += count,
        }
    }
    match values == rows as u64 {
        true => Ok(()),
        false => Err(format!("a column has {values} values in {rows} rows")),
    }
}

/// The header of the page that follows, and its length.
fn header(bytes: &[u8]) -> Option<(Page, usize)> {
    let mut page = Page::default();
    let mut walk = Walk::new(bytes);
    walk.fields(|walk, id, kind| match (id, kind) {
        (1, INTEGER) => walk.integer().map(|value| page.kind = value).map(|()| true),
        (2, INTEGER) => walk.integer().map(|value| page.uncompressed = value).map(|()| true),
        (3, INTEGER) => walk.integer().map(|value| page.compressed = value).map(|()| true),
        // The header of a data page, of a dictionary, of a data page of version 2.
        (5 | 7 | 8, STRUCT) => {
            walk.fields(|walk, id, kind| match (id, kind) {
                (1, INTEGER) => walk.integer().map(|value| page.values = value).map(|()| true),
                _ => Some(false),
            })?;
            Some(true)
        }
        _ => Some(false),
    })?;
    Some((page, walk.at()))
}
