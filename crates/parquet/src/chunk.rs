//! One column of one row group, as it was decoded.

use crate::kind::Kind;
use polars_arrow::array::{Array, BinaryViewArray};

/// One column of one row group.
pub struct Chunk {
    pub(crate) kind: Kind,
    pub(crate) rows: usize,
    pub(crate) arrays: Vec<Box<dyn Array>>,
}

impl Chunk {
    /// Its texts as bytes, null as `None`; nothing where it holds no text.
    pub fn texts(&self) -> Option<impl Iterator<Item = Option<&[u8]>>> {
        if self.kind != Kind::Text {
            return None;
        }
        let arrays = self.arrays.iter();
        Some(arrays.flat_map(|array| {
            let array = array.as_any().downcast_ref::<BinaryViewArray>();
            array.into_iter().flat_map(|array| array.iter())
        }))
    }
}
