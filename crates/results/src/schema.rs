//! How a schema is declared: one line a column, from which the struct, its parquet file, its CSV and its
//! documentation follow.

use isoflop_core::Series;
use isoflop_core::text::shown;
use isoflop_parquet::Values;
use std::fmt;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Unsigned 64-bit integer.
    Integer,
    /// 64-bit float.
    Float,
}

impl Kind {
    /// Its name in the documentation.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Integer => "uint64",
            Kind::Float => "float64",
        }
    }
}

/// What a column is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A part of the run's identity: another value is another run, of another model, text or seed.
    Identity,
    /// A part of the identity that says how the run was trained: runs of one unit may differ in it.
    Training,
    /// A part of the identity that says how long the run is: branches of one trunk may differ in it.
    Length,
    /// A name or a number that the sweep file gives the run; it may be told anew without training.
    Label,
    /// A count that follows from the identity and the data.
    Counted,
    /// A result, equal to the last bit in every repeat on one machine.
    Outcome,
    /// A measurement of the machine, which may differ between repeats.
    Machine,
}

impl Role {
    /// Whether another value is another run.
    pub fn is_identity(self) -> bool {
        matches!(self, Role::Identity | Role::Training | Role::Length)
    }
}

/// One column of a file.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, in the words of the field.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it is to a run.
    pub role: Role,
    /// Its unit; empty for a text or a bare number.
    pub unit: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    /// Whether files of earlier versions lack it; a row then has its default.
    pub later: bool,
}

impl Column {
    /// Its line in a table of the documentation: `| name | type | unit | meaning |`.
    pub fn documentation(&self) -> String {
        format!("| `{}` | {} | {} | {} |", self.name, self.kind.name(), self.unit, self.meaning)
    }
}

/// The value of a column in one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A cell without a value.
    Null,
    /// UTF-8 text.
    Text(String),
    /// Unsigned integer.
    Integer(u64),
    /// Float.
    Float(f64),
}

impl fmt::Display for Value {
    /// As a CSV cell: every bit of a float, nothing for a null.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Float(number) => match serde_json::Number::from_f64(*number) {
                Some(finite) => write!(f, "{finite}"),
                None => Ok(()),
            },
        }
    }
}

/// A type that a column can have.
pub(crate) trait Field: Sized {
    /// What its column holds.
    const KIND: Kind;

    /// Its value.
    fn value(&self) -> Value;

    /// The field of a value of [`Self::KIND`], or nothing.
    ///
    /// # Errors
    /// What is wrong with the value.
    fn of(value: Value) -> Result<Self, String>;
}

/// The text of a required column.
pub(crate) fn text(value: Value) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err("is null".to_owned()),
    }
}

impl Field for String {
    const KIND: Kind = Kind::Text;

    fn value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn of(value: Value) -> Result<Self, String> {
        text(value)
    }
}

impl Field for u64 {
    const KIND: Kind = Kind::Integer;

    fn value(&self) -> Value {
        Value::Integer(*self)
    }

    fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::Integer(number) => Ok(number),
            _ => Err("is null".to_owned()),
        }
    }
}

impl Field for f64 {
    const KIND: Kind = Kind::Float;

    fn value(&self) -> Value {
        match self.is_finite() {
            true => Value::Float(*self),
            false => Value::Null,
        }
    }

    fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::Float(number) => Ok(number),
            _ => Err("is null".to_owned()),
        }
    }
}

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;

    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::value)
    }

    fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            value => T::of(value).map(Some),
        }
    }
}

impl Field for Series {
    const KIND: Kind = Kind::Text;

    fn value(&self) -> Value {
        match (self.is_empty(), self.pairs().is_empty()) {
            (true, _) => Value::Null,
            // A name that is not made of axes.
            (_, true) => Value::Text(self.to_string()),
            _ => Value::Text(serde_json::to_string(&self.as_map()).expect("a map of text")),
        }
    }

    fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(json) if json.starts_with('{') => serde_json::from_str(&json)
                .map_err(|_| format!("holds {}, which is no map of axes", shown(&json))),
            Value::Text(label) => Ok(Series::parse(&label)),
            _ => Ok(Series::default()),
        }
    }
}

/// A struct whose fields are columns.
pub(crate) trait Columns: Sized {
    /// Every column, in order.
    const COLUMNS: &'static [Column];

    /// The value of every column, in order.
    fn values(&self) -> Vec<Value>;

    /// A row of the value of every column, in order; `None` for a column that its file lacks.
    ///
    /// # Errors
    /// The name of a column and what is wrong with its value.
    fn from_values(values: Vec<Option<Value>>) -> Result<Self, String>;
}

/// Cells of one kind as a column of parquet.
pub(crate) fn values(kind: Kind, cells: impl Iterator<Item = Value>) -> Values {
    match kind {
        Kind::Text => Values::Text(
            cells
                .map(|cell| if let Value::Text(text) = cell { Some(text) } else { None })
                .collect(),
        ),
        Kind::Integer => Values::Unsigned(
            cells.map(|cell| if let Value::Integer(x) = cell { Some(x) } else { None }).collect(),
        ),
        Kind::Float => Values::Float(
            cells.map(|cell| if let Value::Float(x) = cell { Some(x) } else { None }).collect(),
        ),
    }
}

/// Declares a struct whose fields are columns.
///
/// A line is `name: Type, Role, "unit", "meaning";`. `Type [function "function"]` marks a column that files
/// of earlier versions lack: the function, which serde wants by its name, gives what their rows have in it.
macro_rules! schema {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $($field:ident: $type:ty $([$default:ident $by_name:literal])?, $role:ident, $unit:literal, $meaning:literal;)*
        }
    ) => {
        $(#[$attribute])*
        pub struct $name {
            $(
                #[doc = $meaning]
                $(#[serde(default = $by_name)])?
                pub $field: $type,
            )*
        }

        impl $crate::schema::Columns for $name {
            const COLUMNS: &'static [$crate::schema::Column] = Self::COLUMNS;

            fn values(&self) -> Vec<$crate::schema::Value> {
                Self::values(self)
            }

            fn from_values(values: Vec<Option<$crate::schema::Value>>) -> Result<Self, String> {
                Self::from_values(values)
            }
        }

        impl $name {
            /// Every column, in order.
            pub const COLUMNS: &'static [$crate::schema::Column] = &[
                $($crate::schema::Column {
                    name: stringify!($field),
                    kind: <$type as $crate::schema::Field>::KIND,
                    role: $crate::schema::Role::$role,
                    unit: $unit,
                    meaning: $meaning,
                    later: $crate::schema::is_later!($($default)?),
                },)*
            ];

            /// The value of every column, in order.
            pub fn values(&self) -> Vec<$crate::schema::Value> {
                vec![$($crate::schema::Field::value(&self.$field),)*]
            }

            /// Sets a column by its name.
            ///
            /// # Errors
            /// There is no such column, or it does not hold such a value.
            pub fn set(&mut self, name: &str, value: $crate::schema::Value) -> Result<(), String> {
                match name {
                    $(stringify!($field) => {
                        self.$field = $crate::schema::Field::of(value)
                            .map_err(|problem| format!("`{name}` {problem}"))?;
                    })*
                    _ => return Err(format!("no column `{name}`")),
                }
                Ok(())
            }

            /// A row of the value of every column, in order; `None` for a column that its file lacks.
            ///
            /// # Errors
            /// The name of a column and what is wrong with its value.
            pub(crate) fn from_values(
                values: Vec<Option<$crate::schema::Value>>,
            ) -> Result<Self, String> {
                let mut values = values.into_iter();
                $(
                    let $field: $type = match values.next().flatten() {
                        Some(value) => $crate::schema::Field::of(value)
                            .map_err(|problem| format!("`{}` {problem}", stringify!($field)))?,
                        None => $crate::schema::default_of!($field $(, $default)?),
                    };
                )*
                Ok($name { $($field,)* })
            }
        }
    };
}

/// Whether a default is given.
macro_rules! is_later {
    () => {
        false
    };
    ($default:ident) => {
        true
    };
}

/// What a row of a file without the column has in it.
macro_rules! default_of {
    ($field:ident) => {
        return Err(format!("`{}` is missing", stringify!($field)))
    };
    ($field:ident, $default:ident) => {
        $default()
    };
}

pub(crate) use {default_of, is_later, schema};
