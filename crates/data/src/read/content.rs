//! Recognises what a file contains by its first bytes, whatever its name.

use isoflop_core::text::lfs_pointer;

/// Number of bytes that are looked at.
pub(super) const HEAD: usize = 1 << 10;

/// Content of a file, recognised by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// No format that is known, so possibly text.
    Plain,
    Gzip,
    Zstd,
    /// A Git LFS pointer to a file of this many bytes.
    Lfs(u64),
    /// A format that is neither text nor unpacked by this program.
    Foreign(&'static Foreign),
}

/// A format that is recognised only to advise the user.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    /// Phrase that completes "FILE is ...", such as "packed with bzip2".
    pub(super) what: &'static str,
    /// Advice on what to do with such a file.
    pub(super) advice: &'static str,
    starts: &'static [&'static [u8]],
}

/// Formats by their first bytes, which are long enough not to occur at the start of a text.
const FOREIGN: &[Foreign] = &[
    Foreign {
        what: "packed with bzip2",
        advice: "unpack it with `bunzip2 -k`; .gz and .zst are read as they are",
        starts: &[b"BZh1", b"BZh2", b"BZh3", b"BZh4", b"BZh5", b"BZh6", b"BZh7", b"BZh8", b"BZh9"],
    },
    Foreign {
        what: "packed with xz",
        advice: "unpack it with `unxz -k`; .gz and .zst are read as they are",
        starts: &[b"\xfd7zXZ\0"],
    },
    Foreign {
        what: "packed with lz4",
        advice: "unpack it with `unlz4`; .gz and .zst are read as they are",
        starts: &[b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18"],
    },
    Foreign {
        what: "packed with lzip",
        advice: "unpack it with `lzip -dk`; .gz and .zst are read as they are",
        starts: &[b"LZIP\x01", b"LZIP\x00"],
    },
    Foreign {
        what: "packed with lzma",
        advice: "unpack it with `unlzma -k`; .gz and .zst are read as they are",
        starts: &[b"\x5d\0\0\x80\0", b"\x5d\0\0\0\x01", b"\x5d\0\0\0\x04"],
    },
    Foreign {
        what: "packed with compress",
        advice: "unpack it with `uncompress -k`; .gz and .zst are read as they are",
        starts: &[b"\x1f\x9d", b"\x1f\xa0"],
    },
    Foreign {
        what: "packed with snappy",
        advice: "unpack it first; .gz and .zst are read as they are",
        starts: &[b"\xff\x06\0\0sNaPpY"],
    },
    Foreign {
        what: "a zip archive",
        advice: "unpack it with `unzip` and name its files",
        starts: &[b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"],
    },
    Foreign {
        what: "a 7z archive",
        advice: "unpack it with `7z x` and name its files",
        starts: &[b"7z\xbc\xaf\x27\x1c"],
    },
    Foreign {
        what: "a rar archive",
        advice: "unpack it with `unrar x` and name its files",
        starts: &[b"Rar!\x1a\x07"],
    },
    Foreign {
        what: "a parquet file",
        advice: "name it as data.parquet, and the column that holds the text as data.column",
        starts: &[b"PAR1\x15"],
    },
    Foreign {
        what: "an Arrow file",
        advice: "write its text as .jsonl or .parquet",
        starts: &[b"ARROW1\0\0"],
    },
    Foreign {
        what: "a file of numbers of NumPy",
        advice: "if those are token ids, name it as data.tokens",
        starts: &[b"\x93NUMPY"],
    },
    Foreign {
        what: "an HDF5 file",
        advice: "write its text as .jsonl or .parquet",
        starts: &[b"\x89HDF\r\n\x1a\n"],
    },
    Foreign {
        what: "an SQLite database",
        advice: "write its text as .jsonl or .parquet",
        starts: &[b"SQLite format 3\0"],
    },
    Foreign {
        what: "a PDF document",
        advice: "write its text to a file, as with `pdftotext`",
        starts: &[b"%PDF-1.", b"%PDF-2."],
    },
    Foreign { what: "a program", advice: "name files of text", starts: &[b"\x7fELF", b"MZ\x90\0"] },
    Foreign {
        what: "an image",
        advice: "name files of text",
        starts: &[b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a\x01"],
    },
    Foreign {
        what: "text in UTF-32",
        advice: "convert it with `iconv -f utf-32 -t utf-8`",
        starts: &[b"\xff\xfe\0\0", b"\0\0\xfe\xff"],
    },
];

const TAR: &Foreign = &Foreign {
    what: "a tar archive",
    advice: "unpack it with `tar -xf` and name its files",
    starts: &[],
};

pub(super) fn content(head: &[u8]) -> Content {
    if head.starts_with(b"\x1f\x8b\x08") {
        return Content::Gzip;
    }
    // RFC 8878: a zstd file begins with a frame or, from parallel packers, with a skippable frame.
    let skipped = head.len() > 4 && head[0] & 0xf0 == 0x50 && head[1..4] == *b"\x2a\x4d\x18";
    if head.starts_with(b"\x28\xb5\x2f\xfd") || skipped {
        return Content::Zstd;
    }
    if let Some(bytes) = lfs_pointer(head) {
        return Content::Lfs(bytes);
    }
    if head.get(257..262) == Some(b"ustar") && head[..257].contains(&0) {
        return Content::Foreign(TAR);
    }
    let starts = |foreign: &&Foreign| foreign.starts.iter().any(|start| head.starts_with(start));
    let found = FOREIGN.iter().find(starts);
    match found {
        // A text may begin with "BZh9"; a bzip2 file has the magic number of a block after it.
        Some(foreign) if foreign.what.ends_with("bzip2") && !is_bzip2(head) => Content::Plain,
        Some(foreign) => Content::Foreign(foreign),
        None => Content::Plain,
    }
}

/// Whether the head is that of a bzip2 file. A block begins with the digits of pi; an empty file
/// has those of the square root of pi instead.
fn is_bzip2(head: &[u8]) -> bool {
    matches!(head.get(4..10), Some(b"\x31\x41\x59\x26\x53\x59" | b"\x17\x72\x45\x38\x50\x90"))
}

/// Whether a file with this head can be text: it is UTF-8, except that the last character may be
/// cut off, and has no control characters other than white space and escape.
pub(super) fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    whole && !head.iter().any(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes_and_text_is_text() {
        assert_eq!(content(b"\x1f\x8b\x08\0"), Content::Gzip);
        assert_eq!(content(b"\x28\xb5\x2f\xfd\0"), Content::Zstd);
        assert_eq!(content(b"\x50\x2a\x4d\x18\0"), Content::Zstd);
        let what = |head: &[u8]| match content(head) {
            Content::Foreign(foreign) => foreign.what,
            _ => "",
        };
        assert_eq!(what(b"BZh91AY&SY\0\0"), "packed with bzip2");
        assert_eq!(what(b"BZh9 is how bzip2 begins"), "");
        assert_eq!(what(b"\xfd7zXZ\0\0"), "packed with xz");
        assert_eq!(what(b"PK\x03\x04"), "a zip archive");
        let mut tar = vec![0; 512];
        tar[..5].copy_from_slice(b"a.txt");
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(what(&tar), "a tar archive");
        for text in ["", "PKZIP was a program", "P*M", "\u{feff}text", "%PDF is a format"] {
            assert_eq!(content(text.as_bytes()), Content::Plain, "{text}");
            assert!(is_text(text.as_bytes()));
        }
        assert!(is_text(&"é".as_bytes()[..1]));
        assert!(!is_text(b"\x1f") && !is_text(b"a\xffb") && !is_text(b"a\0"));
    }
}
