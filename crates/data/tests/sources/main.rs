//! Tests of every kind of source, from files to windows.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod encodings;
mod files;
mod hub;
mod shape;
mod split;
mod tokenizers;
mod workshop;
