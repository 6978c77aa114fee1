//! What must hold of every input that a reader here takes.

use crate::{File, Limits};

/// Columns that are read have the rows of the file, and are the same the second time.
pub fn columns(bytes: &[u8]) {
    let Ok(file) = File::open(bytes.to_vec(), Limits::TABLE) else {
        return;
    };
    let names: Vec<String> = file.names().map(str::to_owned).collect();
    let Ok(columns) = file.columns() else {
        return;
    };
    assert!(columns.iter().map(|column| &column.name).eq(&names));
    let rows = columns.first().map_or(0, |column| column.values.len());
    assert!(columns.iter().all(|column| column.values.len() == rows));
    let again = file.columns().expect("it was read before");
    // NaN differs from itself: the text of both is compared.
    assert_eq!(format!("{columns:?}"), format!("{again:?}"));
}

/// Texts of every column that holds some are as many as its rows.
pub fn texts(bytes: &[u8]) {
    let Ok(file) = File::open(bytes.to_vec(), Limits::TEXTS) else {
        return;
    };
    for group in 0..file.groups() {
        let mut rows = None;
        for column in 0..file.names().count() {
            if let Ok(chunk) = file.chunk(group, column)
                && let Some(texts) = chunk.texts()
            {
                let (mut count, mut bytes) = (0, 0);
                for text in texts {
                    count += 1;
                    // Every byte is looked at: a view of another's memory would end the test.
                    bytes += text.into_iter().flatten().map(|byte| u64::from(*byte)).sum::<u64>();
                }
                std::hint::black_box(bytes);
                assert_eq!(*rows.get_or_insert(count), count);
            }
        }
    }
}
