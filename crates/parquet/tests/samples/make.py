"""Makes the samples beside it: one small table as pyarrow and pandas write it.

Needs pyarrow and pandas. The rows are those of `expected()` in tests/samples.rs.
"""

from decimal import Decimal
from pathlib import Path

import numpy
import pandas
import pyarrow
import pyarrow.parquet as parquet

HERE = Path(__file__).parent
NUMBERS = [1, None, 3, 250]
TEXTS = ["a", None, "", "größer"]


def column(kind, cells=NUMBERS):
    return pyarrow.array(cells, type=kind)


def decimals(kind):
    return pyarrow.array(
        [None if n is None else Decimal(n) / 4 for n in NUMBERS], type=kind
    )


halves = pyarrow.array(
    [None if n is None else numpy.float16(n / 4) for n in NUMBERS], pyarrow.float16()
)
quarters = [None if n is None else n / 4 for n in NUMBERS]
plain = pyarrow.table(
    {
        "uint64": column(pyarrow.uint64()),
        "float64": column(pyarrow.float64(), quarters),
        "text": column(pyarrow.string(), TEXTS),
    }
)
for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    parquet.write_table(plain, HERE / f"{codec}.parquet", compression=codec)
parquet.write_table(plain.slice(0, 0), HERE / "no_rows.parquet")

integers = ["uint8", "uint16", "uint32", "int16", "int32", "int64"]
types = {kind: column(getattr(pyarrow, kind)()) for kind in integers}
types |= {
    "float16": halves,
    "float32": column(pyarrow.float32(), quarters),
    "decimal_9": decimals(pyarrow.decimal128(9, 2)),
    "decimal_38": decimals(pyarrow.decimal128(38, 10)),
    "large_text": column(pyarrow.large_string(), TEXTS),
    "view_text": column(pyarrow.string_view(), TEXTS),
    "category": column(pyarrow.string(), TEXTS).dictionary_encode(),
    "bytes": column(pyarrow.binary(), [t and t.encode() for t in TEXTS]),
    "truth": column(pyarrow.bool_(), [True, None, False, True]),
    "nulls": column(pyarrow.null(), [None] * 4),
    "date": column(pyarrow.date32()),
    "timestamp": column(pyarrow.timestamp("us")),
    "list": column(pyarrow.list_(pyarrow.int64()), [[1], None, [], [2, 3]]),
    "struct": column(
        pyarrow.struct({"x": pyarrow.int64(), "y": pyarrow.string()}),
        [{"x": 1, "y": "b"}] * 4,
    ),
    "last": column(pyarrow.uint64()),
}
parquet.write_table(pyarrow.table(types), HERE / "types.parquet")

parquet.write_table(
    pyarrow.table(
        {
            "decimal_9": decimals(pyarrow.decimal128(9, 2)),
            "decimal_18": decimals(pyarrow.decimal128(18, 2)),
        }
    ),
    HERE / "integer_decimals.parquet",
    store_decimal_as_integer=True,
)
parquet.write_table(
    pyarrow.table({"decimal_60": decimals(pyarrow.decimal256(60, 2))}),
    HERE / "wide_decimals.parquet",
)
parquet.write_table(
    plain,
    HERE / "version_2.parquet",
    data_page_version="2.0",
    use_dictionary=False,
    column_encoding={
        "uint64": "DELTA_BINARY_PACKED",
        "float64": "BYTE_STREAM_SPLIT",
        "text": "DELTA_BYTE_ARRAY",
    },
    row_group_size=3,
)

frame = pandas.DataFrame(
    {
        "uint64": NUMBERS,
        "float64": quarters,
        "text": pandas.Categorical(TEXTS),
        "empty": [None] * 4,
    },
    index=[3, 1, 2, 0],
)
frame.to_parquet(HERE / "pandas.parquet")
