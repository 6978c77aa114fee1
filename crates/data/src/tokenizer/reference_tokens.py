"""Writes reference_tokens.json: what tiktoken and tokenizers make of adversarial texts.

    pip install tiktoken==0.14.0 tokenizers==0.23.3
    python3 reference_tokens.py FOLDER     # of r50k_base.tiktoken, cl100k_base.tiktoken, o200k_base.tiktoken

A text is a list of parts, each repeated so many times. `sha256` is that of the ids as little-endian uint32."""

import hashlib
import json
import pathlib
import struct
import sys

import tiktoken
import tiktoken.load
from tiktoken_ext import openai_public
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TEXTS = {
    "emoji": [["👩‍👩‍👧‍👦🏳️‍🌈🦀👍🏽", 40], ["e\u0301\u0327 Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", 7]],
    "cjk": [["日本語の文章と漢字、中文字符。한국어 텍스트 ", 50], ["ｱｲｳ①㌔", 9]],
    "crlf": [["line one\r\nline two\r\n\r\n\tindented\r\r\n", 60]],
    "nul and controls": [["a\x00b\x00\x00 \x01\x1b[31m\x7f\u0085\u2028\ufeff\ufffd", 30]],
    "right to left": [["שלום עולם مرحبا بالعالم ١٢٣ ", 40]],
    "special tokens written out": [["<|endoftext|> <|fim_prefix|><|endofprompt|>", 12]],
    "digits": [["1", 1000], [" 3.14159e-10", 30], ["٠١٢٣٤٥٦٧٨٩", 9]],
    "contractions": [["I'm we'LL don't 'S 'sIt'sX y'all'd've ", 40]],
    "code": [["fn main() {\n    let x: Vec<u8> = vec![0; 10];\n\t\tfoo!(x)  ;\n}\n\n\n", 40]],
    "white space of every kind": [[" \t\n\x0b\x0c\r \u00a0\u1680\u2000\u2003\u202f\u205f\u3000x", 40]],
    "runs of spaces": [[" ", 1500], ["x", 1], ["\n", 700], ["  y", 90], ["\t", 999]],
    "one letter": [["a", 3000]],
    "no space at all": [["aB3_", 2500]],
    "punctuation": [["!!!???...---===///***", 200]],
    "ten megabytes on one line": [["the quick brown fox jumps over the lazy dog 0123 ", 214000]],
    "three megabytes without an ASCII letter": [["世界は、", 250000]],
}


def patterns():
    """The expressions of the package itself, its downloads replaced by the files at hand."""
    folder = pathlib.Path(sys.argv[1])
    ranks = lambda url, **_: tiktoken.load.load_tiktoken_bpe(str(folder / url.rsplit("/", 1)[-1]))
    openai_public.load_tiktoken_bpe = ranks
    names = {"gpt2": "r50k_base", "cl100k": "cl100k_base", "o200k": "o200k_base"}
    return {ours: tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[theirs]()) for ours, theirs in names.items()}


def small_tokenizer():
    """400 tokens, byte-level, learnt from the texts themselves."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text(parts)[:20000] for parts in TEXTS.values()], trainer)
    return tokenizer


def text(parts):
    return "".join(part * times for part, times in parts)


def facts(ids):
    digest = hashlib.sha256(struct.pack(f"<{len(ids)}I", *ids)).hexdigest()
    return {"count": len(ids), "sha256": digest}


encodings = patterns()
small = small_tokenizer()
plain = Tokenizer.from_str(small.to_str())
plain.encode_special_tokens = True
rows = []
for name, parts in TEXTS.items():
    whole = text(parts)
    row = {"name": name, "text": parts, "tokens": {}}
    for ours, encoding in encodings.items():
        row["tokens"][ours] = facts(encoding.encode_ordinary(whole))
    row["tokens"]["tokenizer.json"] = facts(plain.encode(whole, add_special_tokens=False).ids)
    rows.append(row)
out = {"tokenizer": json.loads(small.to_str()), "texts": rows}
pathlib.Path(__file__).with_name("reference_tokens.json").write_text(json.dumps(out, ensure_ascii=True) + "\n")
