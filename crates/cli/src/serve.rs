//! A page over HTTP for readers at this machine: one page, its figures, and a stream of events.
//! GET and HEAD alone, a thread a connection, and no more of HTTP than that needs.

mod door;
mod head;

use door::Door;
use head::{Asked, Head};
use isoflop_report::Live;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A stream says that it lives this often.
const PULSE: Duration = Duration::from_secs(15);
/// Readers that do not listen are dropped after this.
const PATIENCE: Duration = Duration::from_secs(30);
/// A request must be there in full after this.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long what follows a request is read and forgotten: a connection that is closed over unread
/// bytes takes the answer with it.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// What is served, renewed by whoever watches the sweep.
pub(crate) struct Shown {
    now: Mutex<Now>,
    changed: Condvar,
    door: Door,
    /// Without one, everybody at this machine may read.
    token: Option<Token>,
}

/// What a reader from elsewhere must know.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// 128 bits that nobody can guess.
    pub(crate) secret: String,
    /// A browser keeps cookies by host, whatever the port: each watch has its own.
    pub(crate) port: u16,
}

impl Token {
    /// `?token=SECRET`, the query of the address that is printed.
    pub(crate) fn query(&self) -> String {
        format!("?token={}", self.secret)
    }

    fn cookie(&self) -> String {
        format!("isoflop-{}-token={}", self.port, self.secret)
    }
}

#[derive(Clone)]
struct Now {
    live: Arc<Live>,
    /// Counts pages.
    version: u64,
    progress: String,
}

impl Shown {
    pub(crate) fn new(live: Live, progress: String, token: Option<Token>) -> Arc<Shown> {
        let live = Arc::new(live);
        Arc::new(Shown {
            now: Mutex::new(Now { live, version: 1, progress }),
            changed: Condvar::new(),
            door: Door::default(),
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
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // Too many files are open, say: somebody leaves soon.
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let Some(number) = shown.door.enter(&stream) else {
            continue;
        };
        let visit = {
            let shown = shown.clone();
            move || {
                // A reader that goes away is no error.
                let _ = answer(stream, &shown, local, number);
                shown.door.leave(number);
            }
        };
        if std::thread::Builder::new().spawn(visit).is_err() {
            shown.door.leave(number);
        }
    }
}

fn answer(stream: TcpStream, shown: &Shown, local: bool, number: u64) -> std::io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reply = Reply { stream, head_alone: false };
    let asked = match read(&mut reply.stream)? {
        Head::Whole(asked) => asked,
        Head::OtherMethod => {
            reply.plain(
                "405 Method Not Allowed\r\nAllow: GET, HEAD",
                "GET and HEAD alone are understood here\n",
            )?;
            return reply.close();
        }
        Head::Malformed => {
            reply.plain("400 Bad Request", "this is no request that is understood here\n")?;
            return reply.close();
        }
        Head::Unfinished => return Ok(()),
    };
    reply.head_alone = asked.head_alone;
    match refusal(&asked, shown, local) {
        Some(words) => reply.plain("403 Forbidden", words)?,
        None => {
            shown.door.welcome(number);
            if asked.path == "/events" {
                return events(reply, shown);
            }
            page(&mut reply, &asked, shown)?;
        }
    }
    reply.close()
}

/// Why somebody may not read, if so.
fn refusal(asked: &Asked, shown: &Shown, local: bool) -> Option<&'static str> {
    // A page elsewhere must not read this one through a name that it points at this machine.
    if local && !is_this_machine(&asked.host) {
        return Some("this page is served to this machine alone\n");
    }
    let token = shown.token.as_ref()?;
    let cookie = token.cookie();
    let known = asked.cookie.split(';').any(|c| c.trim() == cookie);
    (!known && !brings(asked, token)).then_some("the address needs its token\n")
}

/// Whether this is the address that was printed.
fn brings(asked: &Asked, token: &Token) -> bool {
    asked.path == "/" && format!("?{}", asked.query) == token.query()
}

fn page(reply: &mut Reply, asked: &Asked, shown: &Shown) -> std::io::Result<()> {
    if let Some(token) = shown.token.as_ref().filter(|token| brings(asked, token)) {
        let head = format!(
            "HTTP/1.1 303 See Other\r\nLocation: /\r\nSet-Cookie: {}; HttpOnly; \
             SameSite=Strict\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            token.cookie()
        );
        return reply.stream.write_all(head.as_bytes());
    }
    let now = shown.now();
    match asked.path.as_str() {
        "/" | "/index.html" => {
            let mark = format!("<html lang=\"en\" data-version=\"{}\"", now.version);
            let page = now.live.html.replacen("<html lang=\"en\"", &mark, 1);
            reply.content("200 OK", "text/html; charset=utf-8", page.as_bytes())
        }
        path => match path.strip_prefix("/figures/").map(|name| now.live.file(name)) {
            Some(Ok(Some((kind, bytes)))) => reply.content("200 OK", kind, &bytes),
            _ => reply.plain("404 Not Found", "there is nothing here\n"),
        },
    }
}

/// The head of a request, if it comes in time.
fn read(stream: &mut TcpStream) -> std::io::Result<Head> {
    let until = Instant::now() + HEAD_PATIENCE;
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match receive(stream, &mut chunk, until)? {
            0 => return Ok(Head::Unfinished),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
        match head::parse(&bytes) {
            Head::Unfinished => {}
            head => return Ok(head),
        }
    }
}

/// Some bytes, or none at the end of them or of the time.
fn receive(stream: &mut TcpStream, chunk: &mut [u8], until: Instant) -> std::io::Result<usize> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(0);
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(0);
            }
            other => return other,
        }
    }
}

/// Whether a Host header names this machine, whatever the port. An address of it is not a name that
/// somebody could point elsewhere.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match inner.unwrap_or(name).parse::<IpAddr>() {
        Ok(address) => address.is_loopback() && inner.is_some() == address.is_ipv6(),
        Err(_) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
    }
}

/// Server-sent events: `progress` in words, `page` with the count of the newest page.
fn events(mut reply: Reply, shown: &Shown) -> std::io::Result<()> {
    reply.stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
          X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
    )?;
    if reply.head_alone {
        return reply.close();
    }
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
        reply.stream.write_all(said.as_bytes())?;
        (version, progress) = (now.version, now.progress);
    }
}

/// An answer on its way.
struct Reply {
    stream: TcpStream,
    /// Whether the content is left out.
    head_alone: bool,
}

impl Reply {
    fn plain(&mut self, status: &str, words: &str) -> std::io::Result<()> {
        self.content(status, "text/plain; charset=utf-8", words.as_bytes())
    }

    fn content(&mut self, status: &str, kind: &str, bytes: &[u8]) -> std::io::Result<()> {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
            bytes.len()
        );
        self.stream.write_all(head.as_bytes())?;
        match self.head_alone {
            true => Ok(()),
            false => self.stream.write_all(bytes),
        }
    }

    fn close(mut self) -> std::io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let until = Instant::now() + AFTERWARDS;
        let mut chunk = [0; 4096];
        while receive(&mut self.stream, &mut chunk, until)? > 0 {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        for host in
            ["127.0.0.1:7878", "127.0.0.2:7878", "localhost", "LocalHost:1", "[::1]:80", "[::1]"]
        {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example:7878",
            "127.0.0.1.evil.example",
            "localhost.example",
            "10.0.0.1:7878",
            "[127.0.0.1]",
            "::1",
            "2130706433",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
