//! Pieces of HTML that several parts of the page are made of.

use crate::text::escape;
use crate::view::View;

pub(super) fn section(id: &str, heading: &str, body: Option<String>) -> String {
    match body {
        Some(body) => format!(
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n{body}</section>\n"
        ),
        None => String::new(),
    }
}

/// A table that scrolls inside its own box.
pub(super) fn table(caption: &str, class: &str, head: &str, body: &str) -> String {
    format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n\
         <table class=\"{class}\">\n<caption>{caption}</caption>\n<thead>{head}</thead>\n\
         {body}</table>\n</div>\n"
    )
}

/// The name of a series after what it belongs to; empty where there is one series alone.
pub(super) fn of_series<'a>(view: &View<'a>, series: &'a str) -> String {
    match view.many_series() {
        true => format!(" <span class=\"series\">{}</span>", escape(&view.series_name(series))),
        false => String::new(),
    }
}
