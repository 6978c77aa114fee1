//! What a column of parquet holds, by its physical and logical types. What the Arrow schema in a
//! file says besides (categories, large and view strings) changes no value and is not asked.

use polars_arrow::datatypes::ArrowDataType;
use polars_parquet::parquet::schema::Repetition;
use polars_parquet::parquet::schema::types::{
    IntegerType, ParquetType, PhysicalType, PrimitiveConvertedType, PrimitiveLogicalType,
    PrimitiveType,
};

/// The kinds that are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8, or bytes of which nothing is said.
    Text,
    Boolean,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Float16,
    Float32,
    Float64,
    Decimal {
        scale: usize,
    },
    /// Nothing but nulls.
    Null,
    /// Something that is neither text nor number, by its name.
    Other(String),
}

impl Kind {
    pub(crate) fn of(column: &ParquetType) -> Kind {
        match column {
            ParquetType::PrimitiveType(primitive)
                if primitive.field_info.repetition == Repetition::Repeated =>
            {
                Kind::Other(format!("list of {}", named(&Kind::of_one(primitive))))
            }
            ParquetType::PrimitiveType(primitive) => Kind::of_one(primitive),
            ParquetType::GroupType { logical_type, .. } => Kind::Other(match logical_type {
                Some(group) => format!("{group:?}").to_lowercase(),
                None => "struct".to_owned(),
            }),
        }
    }

    fn of_one(primitive: &PrimitiveType) -> Kind {
        use PrimitiveConvertedType as Converted;
        use PrimitiveLogicalType as Logical;
        if let Some(scale) = scale(primitive) {
            return Kind::Decimal { scale };
        }
        let (logical, converted) = (primitive.logical_type, primitive.converted_type);
        let other = |name: &str| Kind::Other(name.to_owned());
        match logical {
            Some(Logical::Unknown) => return Kind::Null,
            Some(Logical::Date) => return other("date"),
            Some(Logical::Time { .. }) => return other("time"),
            Some(Logical::Timestamp { .. }) => return other("timestamp"),
            _ => {}
        }
        match converted {
            Some(Converted::Date) => return other("date"),
            Some(Converted::TimeMillis | Converted::TimeMicros) => return other("time"),
            Some(Converted::TimestampMillis | Converted::TimestampMicros) => {
                return other("timestamp");
            }
            _ => {}
        }
        let unsigned = match logical {
            Some(Logical::Integer(integer)) => matches!(
                integer,
                IntegerType::UInt8
                    | IntegerType::UInt16
                    | IntegerType::UInt32
                    | IntegerType::UInt64
            ),
            _ => matches!(
                converted,
                Some(Converted::Uint8 | Converted::Uint16 | Converted::Uint32 | Converted::Uint64)
            ),
        };
        match (primitive.physical_type, unsigned) {
            (PhysicalType::Boolean, _) => Kind::Boolean,
            (PhysicalType::Int32, false) => Kind::Int32,
            (PhysicalType::Int32, true) => Kind::UInt32,
            (PhysicalType::Int64, false) => Kind::Int64,
            (PhysicalType::Int64, true) => Kind::UInt64,
            (PhysicalType::Int96, _) => other("timestamp"),
            (PhysicalType::Float, _) => Kind::Float32,
            (PhysicalType::Double, _) => Kind::Float64,
            (PhysicalType::ByteArray, _) => Kind::Text,
            (PhysicalType::FixedLenByteArray(2), _) if logical == Some(Logical::Float16) => {
                Kind::Float16
            }
            (PhysicalType::FixedLenByteArray(bytes), _) => Kind::Other(format!("{bytes} bytes")),
        }
    }

    /// The array that polars decodes such a column into; none for what is not decoded.
    pub(crate) fn dtype(&self, physical: PhysicalType) -> Option<ArrowDataType> {
        if matches!(self, Kind::Other(_) | Kind::Null) {
            return None;
        }
        match physical {
            PhysicalType::Boolean => Some(ArrowDataType::Boolean),
            PhysicalType::Int32 => Some(ArrowDataType::Int32),
            PhysicalType::Int64 => Some(ArrowDataType::Int64),
            PhysicalType::Float => Some(ArrowDataType::Float32),
            PhysicalType::Double => Some(ArrowDataType::Float64),
            PhysicalType::ByteArray => Some(ArrowDataType::BinaryView),
            PhysicalType::FixedLenByteArray(bytes @ 1..=LONGEST_DECIMAL) => {
                Some(ArrowDataType::FixedSizeBinary(bytes))
            }
            PhysicalType::FixedLenByteArray(_) | PhysicalType::Int96 => None,
        }
    }
}

/// Bytes of a decimal of 38 digits, the most that is read.
const LONGEST_DECIMAL: usize = 16;

/// Digits behind the point of a decimal.
fn scale(primitive: &PrimitiveType) -> Option<usize> {
    match (primitive.logical_type, primitive.converted_type) {
        (Some(PrimitiveLogicalType::Decimal(_, scale)), _)
        | (None, Some(PrimitiveConvertedType::Decimal(_, scale))) => Some(scale),
        _ => None,
    }
}

/// A kind as a message names it.
pub(crate) fn named(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Boolean => "truth values".to_owned(),
        Kind::Null => "nothing but nulls".to_owned(),
        Kind::Other(name) => name.clone(),
        _ => "numbers".to_owned(),
    }
}
