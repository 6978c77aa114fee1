//! Takes a Rust file apart with rustc's own lexer, into its comments or its code without them.

use ra_ap_rustc_lexer::{DocStyle, FrontmatterAllowed, TokenKind, strip_shebang, tokenize};

/// The comments of a file in order, as a person reads them: separate comments are divided by a
/// blank line, and markers, one leading space and the stars of block comments are removed. All doc
/// comments are kept; an ordinary comment is kept if it is as long as a sentence and is not
/// disabled code.
pub(crate) fn comments(source: &str) -> String {
    let mut blocks = Blocks::default();
    let mut open: Option<Style> = None;
    for (kind, text) in lexemes(source) {
        match kind {
            TokenKind::LineComment { doc_style } => {
                if open != Some(doc_style) {
                    blocks.end();
                }
                blocks.style = doc_style;
                open = Some(doc_style);
                let line = &text[marker(doc_style)..];
                blocks.push(line.strip_prefix(' ').unwrap_or(line));
            }
            TokenKind::BlockComment { doc_style, terminated: true } => {
                blocks.end();
                blocks.style = doc_style;
                push_block(&mut blocks, &text[marker(doc_style)..text.len() - 2]);
                blocks.end();
                open = None;
            }
            TokenKind::Whitespace if newlines(text) <= 1 => {}
            _ => {
                blocks.end();
                open = None;
            }
        }
    }
    blocks.end();
    blocks.text
}

/// Minimum bytes of an ordinary comment that is kept; a shorter one is a mere label.
const SENTENCE: usize = 60;

/// The code of a file without its comments. A line that held only a comment is removed, several
/// blank lines become one, and string literals stay as they are.
pub(crate) fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut gap = Gap::default();
    for (kind, text) in lexemes(source) {
        match kind {
            TokenKind::Whitespace => gap.space(text),
            TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => gap.comment = true,
            _ => {
                gap.close(&mut code);
                code.push_str(text);
            }
        }
    }
    code
}

fn lexemes(source: &str) -> impl Iterator<Item = (TokenKind, &str)> {
    let mut rest = &source[strip_shebang(source).unwrap_or(0)..];
    tokenize(rest, FrontmatterAllowed::No).map(move |token| {
        let (text, after) = rest.split_at(token.len as usize);
        rest = after;
        (token.kind, text)
    })
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

/// White space and comments between two tokens of code.
#[derive(Default)]
struct Gap<'a> {
    comment: bool,
    lines: bool,
    blank_line: bool,
    /// Indentation of the last line.
    indent: &'a str,
}

impl<'a> Gap<'a> {
    fn space(&mut self, text: &'a str) {
        self.blank_line |= newlines(text) > 1;
        match text.rfind('\n') {
            Some(at) => (self.lines, self.indent) = (true, &text[at + 1..]),
            None if self.lines => {}
            None => self.indent = text,
        }
    }

    fn close(&mut self, code: &mut String) {
        let gap = std::mem::take(self);
        if code.is_empty() {
            return;
        }
        if gap.blank_line {
            code.push('\n');
        }
        if gap.lines {
            code.push('\n');
        }
        match gap.indent.is_empty() && gap.comment && !gap.lines {
            true => code.push(' '),
            false => code.push_str(gap.indent),
        }
    }
}

/// Style of a doc comment; `None` for an ordinary comment.
type Style = Option<DocStyle>;

/// Bytes of the marker: two for `//` and `/*`, three for `///`, `//!`, `/**` and `/*!`.
fn marker(style: Style) -> usize {
    if style.is_some() { 3 } else { 2 }
}

/// Comments that are being joined into one text.
#[derive(Default)]
struct Blocks {
    text: String,
    block: Vec<String>,
    style: Style,
}

impl Blocks {
    fn push(&mut self, line: &str) {
        self.block.push(line.trim_end().to_owned());
    }

    fn end(&mut self) {
        let block = self.block.join("\n");
        self.block.clear();
        let block = block.trim_matches('\n');
        if block.is_empty() || (self.style.is_none() && !is_prose(block)) {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(block);
        self.text.push('\n');
    }
}

/// Whether an ordinary comment is prose: it is as long as a sentence, and fewer than one line in
/// four ends as code does.
fn is_prose(block: &str) -> bool {
    let code = block.lines().filter(|line| line.ends_with([';', '{', '}'])).count();
    block.len() >= SENTENCE && 4 * code < block.lines().count()
}

/// Adds the lines of a block comment, without the stars down its left side if every line has one,
/// or else without the indentation that all lines share.
fn push_block(blocks: &mut Blocks, comment: &str) {
    let mut lines = comment.lines();
    blocks.push(lines.next().unwrap_or_default().trim_start());
    let below: Vec<&str> = lines.collect();
    let filled = || below.iter().filter(|line| !line.trim().is_empty());
    let starred = filled().all(|line| line.trim_start().starts_with('*'));
    let indent = filled().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    for line in &below {
        let line = match starred {
            true => line.trim_start().trim_start_matches('*'),
            false => line.get(indent..).unwrap_or_default(),
        };
        blocks.push(if starred { line.strip_prefix(' ').unwrap_or(line) } else { line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn comments_are_joined_in_order_and_parted_by_a_blank_line() {
        let source = "//! The head.\n//!\n//! More.\n\nuse x;\n/// First\n///   indented\n// not this\n\
                      /// second\nstruct A {\n    /// Of a field.\n    a: u8, // nor this\n}\n\
                      //// nor this\n/* nor this */ /***/ /**/ /*** nor this */\n";
        let expected = "The head.\n\nMore.\n\nFirst\n  indented\n\nsecond\n\nOf a field.\n";
        assert_eq!(comments(source), expected);
    }

    #[test]
    fn block_doc_comments_lose_their_stars_or_their_indentation() {
        let starred = "/** One\n * two\n *\n *   three /* nested */\n */\nfn f() {}";
        assert_eq!(comments(starred), "One\ntwo\n\n  three /* nested */\n");
        let plain = "/*!\n    One\n      two\n*/";
        assert_eq!(comments(plain), "One\n  two\n");
    }

    #[test]
    fn ordinary_comments_count_from_a_sentence_on_unless_they_are_code() {
        let source = "// A label.\nfn f() {\n    // A sentence that goes on for so long\n    \
                      // that it must have something to say.\n    g(); // note\n    \
                      // let x = the_old_way_of_doing_this(with, many, arguments);\n    // h(x);\n}\n\
                      /* A sentence in a block is a sentence as well,\n * stars down its side or none. */\n";
        let expected = "A sentence that goes on for so long\nthat it must have something to say.\n\n\
                        A sentence in a block is a sentence as well,\nstars down its side or none.\n";
        assert_eq!(comments(source), expected);
    }

    #[test]
    fn what_only_looks_like_a_comment_is_code() {
        for source in [
            r#"let s = "// no /* no */ /// no";"#,
            r##"let s = r#"/* " // "#;"##,
            r#"let c = ('"', '/', '\'', b'/'); let d = 1 / 2;"#,
            "fn f<'a>(x: &'a str) -> &'a str { x }",
            "let s = \"two  \n\n\n  lines // \";",
            r##"let s = (br"\", c"/*", b"//\"//");"##,
        ] {
            assert_eq!(code(source), source);
            assert_eq!(comments(source), "");
        }
    }

    #[test]
    fn comments_leave_no_trace_in_the_layout() {
        let source = "#!/bin/run\n// licence\n//! head\n\nuse a;\n\n\n\n// one\n\n// two\nfn f(/* x */) {\n    \
                      let a/* no space */b = 1; // why\n    // alone\n    /* nested /* comment */ */ g();\n}\n// end\n";
        let expected = "use a;\n\nfn f( ) {\n    let a b = 1;\n    g();\n}";
        assert_eq!(code(source), expected);
    }

    #[test]
    fn an_unfinished_comment_or_string_is_not_fatal() {
        assert_eq!(code("a /* b /* c */"), "a");
        assert_eq!(code("a \"b // c"), "a \"b // c");
        assert_eq!(comments("/** open"), "");
    }

    fn without_comments(source: &str) -> Vec<(TokenKind, String)> {
        lexemes(source)
            .filter(|(kind, _)| {
                !matches!(
                    kind,
                    TokenKind::Whitespace
                        | TokenKind::LineComment { .. }
                        | TokenKind::BlockComment { .. }
                )
            })
            .map(|(kind, text)| (kind, text.to_owned()))
            .collect()
    }

    proptest! {
        #[test]
        fn the_code_keeps_every_token_and_no_comment(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "a", "'b", "'c'", "\"d // \\\" \n\n\n e\"", "r#\"f /* \"#", "//g\n", "/// h\n", "/* i /* j */ k */",
                "/** l */", " ", "\n", "\n\n", "\t", "/", "*", "1.5", "{", "}", "!", "#", "b'x'",
            ]), 0..40),
        ) {
            // The kind of a token may depend on what follows it, so spaces keep the pieces apart.
            let source = pieces.join(" ");
            let stripped = code(&source);
            prop_assert_eq!(without_comments(&stripped), without_comments(&source));
            let comment = |kind| matches!(kind, TokenKind::LineComment { .. } | TokenKind::BlockComment { .. });
            prop_assert!(!lexemes(&stripped).any(|(kind, _)| comment(kind)));
        }
    }
}
