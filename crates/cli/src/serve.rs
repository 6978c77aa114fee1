//! A page over HTTP for readers at this machine: one page, its figures, and a stream of events.
//! GET alone, a thread a connection, and no more of HTTP than that needs.

use isoflop_report::Live;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Readers at once.
const READERS: usize = 64;
/// Longest head of a request.
const HEAD: usize = 16 * 1024;
/// A stream says that it lives this often.
const PULSE: Duration = Duration::from_secs(15);
/// Readers that neither speak nor listen are dropped after this.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is served, renewed by whoever watches the sweep.
pub(crate) struct Shown {
    now: Mutex<Now>,
    changed: Condvar,
    readers: AtomicUsize,
    /// Without it, everybody at this machine may read.
    token: Option<String>,
}

#[derive(Clone)]
struct Now {
    live: Arc<Live>,
    /// Counts pages.
    version: u64,
    progress: String,
}

impl Shown {
    pub(crate) fn new(live: Live, progress: String, token: Option<String>) -> Arc<Shown> {
        let live = Arc::new(live);
        Arc::new(Shown {
            now: Mutex::new(Now {
                live,
                version: 1,
                progress,
            }),
            changed: Condvar::new(),
            readers: AtomicUsize::new(0),
            token,
        })
    }

    /// Tells every reader how the sweep stands, and of a new page if there is one.
    pub(crate) fn renew(&self, progress: String, live: Option<Live>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.progress == progress && live.is_none() {
            return;
        }
        now.progress = progress;
        if let Some(live) = live {
            now.live = Arc::new(live);
            now.version += 1;
        }
        self.changed.notify_all();
    }

    fn now(&self) -> Now {
        self.now
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What there is once it differs from what a reader knows, or after a while as it is.
    fn next(&self, version: u64, progress: &str) -> Now {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |now: &mut Now| now.version == version && now.progress == progress;
        match self.changed.wait_timeout_while(now, PULSE, same) {
            Ok((now, _)) => now.clone(),
            Err(poisoned) => poisoned.into_inner().0.clone(),
        }
    }
}

/// Serves until the process ends.
pub(crate) fn serve(listener: TcpListener, shown: Arc<Shown>) {
    let local = listener.local_addr().is_ok_and(|at| at.ip().is_loopback());
    for stream in listener.incoming().flatten() {
        if shown.readers.fetch_add(1, Ordering::AcqRel) >= READERS {
            shown.readers.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let shown = shown.clone();
        std::thread::spawn(move || {
            // A reader that goes away is no error.
            let _ = answer(stream, &shown, local);
            shown.readers.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

/// What a request asks for.
struct Asked {
    path: String,
    query: String,
    host: String,
    cookie: String,
}

fn answer(mut stream: TcpStream, shown: &Shown, local: bool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let Some(asked) = read(&mut stream)? else {
        return plain(
            &mut stream,
            "400 Bad Request",
            "GET alone is understood here\n",
        );
    };
    // A page elsewhere must not read this one through a name that it points at this machine.
    if local && !is_this_machine(&asked.host) {
        return plain(
            &mut stream,
            "403 Forbidden",
            "this page is served to this machine alone\n",
        );
    }
    if let Some(token) = &shown.token {
        let wanted = format!("token={token}");
        if asked.path == "/" && asked.query == wanted {
            let head = format!(
                "HTTP/1.1 303 See Other\r\nLocation: /\r\nSet-Cookie: isoflop-{wanted}; HttpOnly; \
                 SameSite=Strict\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            return stream.write_all(head.as_bytes());
        }
        let cookie = format!("isoflop-{wanted}");
        if !asked.cookie.split(';').any(|c| c.trim() == cookie) {
            return plain(
                &mut stream,
                "403 Forbidden",
                "the address needs its token\n",
            );
        }
    }
    let now = shown.now();
    match asked.path.as_str() {
        "/" | "/index.html" => {
            let mark = format!("<html lang=\"en\" data-version=\"{}\"", now.version);
            let page = now.live.html.replacen("<html lang=\"en\"", &mark, 1);
            content(&mut stream, "text/html; charset=utf-8", page.as_bytes())
        }
        "/events" => events(stream, shown),
        path => match path
            .strip_prefix("/figures/")
            .map(|name| now.live.file(name))
        {
            Some(Ok(Some((kind, bytes)))) => content(&mut stream, kind, &bytes),
            _ => plain(&mut stream, "404 Not Found", "there is nothing here\n"),
        },
    }
}

/// The head of a request; `None` for what is none, or no GET.
fn read(stream: &mut TcpStream) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = match stream.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        };
        if count == 0 || bytes.len() > HEAD {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    if !request
        .parse(&bytes)
        .is_ok_and(|status| status.is_complete())
    {
        return Ok(None);
    }
    let (Some("GET"), Some(target)) = (request.method, request.path) else {
        return Ok(None);
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name));
        found.map_or(String::new(), |h| {
            String::from_utf8_lossy(h.value).into_owned()
        })
    };
    Ok(Some(Asked {
        path: path.to_owned(),
        query: query.to_owned(),
        host: header("host"),
        cookie: header("cookie"),
    }))
}

/// Whether a Host header names this machine, whatever the port.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

/// Server-sent events: `progress` in words, `page` with the count of the newest page.
fn events(mut stream: TcpStream, shown: &Shown) -> std::io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
          X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
    )?;
    let (mut version, mut progress) = (0, String::new());
    loop {
        let now = shown.next(version, &progress);
        let mut said = String::new();
        if now.progress != progress {
            let words = serde_json::Value::from(now.progress.as_str());
            said.push_str(&format!("event: progress\ndata: {words}\n\n"));
        }
        if now.version != version {
            said.push_str(&format!("event: page\ndata: {}\n\n", now.version));
        }
        if said.is_empty() {
            said.push_str(": still here\n\n");
        }
        stream.write_all(said.as_bytes())?;
        (version, progress) = (now.version, now.progress);
    }
}

fn content(stream: &mut TcpStream, kind: &str, bytes: &[u8]) -> std::io::Result<()> {
    respond(stream, "200 OK", kind, bytes)
}

fn plain(stream: &mut TcpStream, status: &str, words: &str) -> std::io::Result<()> {
    respond(
        stream,
        status,
        "text/plain; charset=utf-8",
        words.as_bytes(),
    )
}

fn respond(stream: &mut TcpStream, status: &str, kind: &str, bytes: &[u8]) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        for host in ["127.0.0.1:7878", "localhost", "localhost:1", "[::1]:80"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example:7878",
            "127.0.0.1.evil.example",
            "localhost.example",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
