//! What bytes that are no UTF-8 look like.

/// A guess at what a file is, for the hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Text with a byte a letter, as in ISO 8859 or Windows code pages.
    ByteText,
    /// UTF-16 without a byte order mark, the lower byte first.
    Utf16Little,
    /// UTF-16 without a byte order mark, the higher byte first.
    Utf16Big,
    /// No text.
    Binary,
}
