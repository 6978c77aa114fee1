//! Parses the head of a request, which may come from anybody.

/// Maximum bytes of a request's head.
pub(crate) const LONGEST: usize = 16 * 1024;

/// Maximum number of headers in a request.
const HEADERS: usize = 64;

/// A request's method, path and headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Whether the method is HEAD, whose answer has no content.
    pub(crate) head_alone: bool,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) host: String,
    pub(crate) cookie: String,
}

/// State of the bytes received so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// The bytes are the beginning of a head.
    Unfinished,
    Whole(Asked),
    /// The head is complete, but its method is neither GET nor HEAD.
    OtherMethod,
    /// The bytes are not a head, or it is too long.
    Malformed,
}

/// Parses the bytes of a head.
pub(crate) fn parse(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= LONGEST => {}
        Ok(httparse::Status::Partial) if bytes.len() <= LONGEST => return Head::Unfinished,
        _ => return Head::Malformed,
    }
    let head_alone = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Head::OtherMethod,
    };
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let all = |name: &str| {
        let found = request.headers.iter();
        let found = found.filter(|header| header.name.eq_ignore_ascii_case(name));
        let texts: Vec<_> = found.map(|h| String::from_utf8_lossy(h.value).into_owned()).collect();
        texts
    };
    let hosts = all("host");
    Head::Whole(Asked {
        head_alone,
        path: path.to_owned(),
        query: query.to_owned(),
        // A request with two Host headers counts as one with none.
        host: match &hosts[..] {
            [host] => host.trim().to_owned(),
            _ => String::new(),
        },
        cookie: all("cookie").join("; "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:7878\r\n\r\n",
        b"HEAD /figures/a.png?x=1 HTTP/1.1\r\nhost: [::1]:80\r\nCookie: a=b; c=d\r\n\r\n",
        b"GET /?token=0123456789abcdef HTTP/1.0\r\nHost: a\r\nAccept: */*\r\nCookie: x=y\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
    ];

    fn asked(bytes: &[u8]) -> Asked {
        match parse(bytes) {
            Head::Whole(asked) => asked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_head_tells_what_is_asked_for() {
        let head = asked(GOOD[1]);
        assert!(head.head_alone);
        assert_eq!((head.path.as_str(), head.query.as_str()), ("/figures/a.png", "x=1"));
        assert_eq!((head.host.as_str(), head.cookie.as_str()), ("[::1]:80", "a=b; c=d"));
        assert_eq!(parse(GOOD[3]), Head::OtherMethod);
        assert_eq!(parse(&GOOD[0][..20]), Head::Unfinished);
        assert_eq!(parse(b"\x16\x03\x01\x02\x00\x01"), Head::Malformed);
        let two = asked(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n");
        assert_eq!(two.host, "");
        let long = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'x'; LONGEST]].concat();
        assert_eq!(parse(&long), Head::Malformed);
    }

    /// Checks any bytes: a head is parsed completely or not at all, the same with more bytes after
    /// it, and every part of it stands in the bytes.
    fn body(bytes: &[u8]) {
        let head = parse(bytes);
        let Head::Whole(asked) = &head else {
            return;
        };
        assert!(!asked.path.contains('?') && asked.path.len() + asked.query.len() <= LONGEST);
        let contains = |text: &str| {
            text.is_empty() || bytes.windows(text.len()).any(|part| part == text.as_bytes())
        };
        assert!(contains(&asked.path) && contains(&asked.query));
        assert_eq!(parse(&[bytes, b"more"].concat()), head);
    }

    #[test]
    fn no_bytes_are_too_strange_for_a_head() {
        isoflop_core::fuzz::run(0x4ead, 200_000, &GOOD, body);
    }
}
