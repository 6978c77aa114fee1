//! Serves a page over HTTP to readers at this machine: one page, its figures, and a stream of
//! events. It answers only GET and HEAD, with one thread per connection, and knows no more of HTTP
//! than that needs.

mod door;
mod head;

use door::Door;
use head::{Asked, Head};
use isoflop_report::Live;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time after which a stream of events sends a sign of life.
const PULSE: Duration = Duration::from_secs(15);
/// Time after which a reader that takes no data is dropped.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time within which the head of a request must be complete.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// Time for which bytes after a request are read and dropped: closing a connection with unread
/// bytes would lose the answer.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// What is served; whoever watches the sweep renews it.
pub(crate) struct Shown {
    now: Mutex<Now>,
    changed: Condvar,
    door: Door,
    /// Token that readers must have; without one, everybody at this machine may read.
    token: Option<Token>,
}

/// Secret that a reader on another machine must know.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// Random number of 128 bits, in hex.
    pub(crate) secret: String,
    /// Port, which is part of the cookie's name because browsers keep cookies by host, whatever the
    /// port.
    pub(crate) port: u16,
}

impl Token {
    /// Query `?token=SECRET` of the address that is printed.
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
    /// Number of the page, which grows with every new page.
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

    /// Tells every reader the progress of the sweep, and the new page if there is one.
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

    /// Waits until the state differs from the one that a reader knows, or until [`PULSE`] has
    /// passed, and returns it.
    fn next(&self, version: u64, progress: &str) -> Now {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |now: &mut Now| now.version == version && now.progress == progress;
        match self.changed.wait_timeout_while(now, PULSE, same) {
            Ok((now, _)) => now.clone(),
            Err(poisoned) => poisoned.into_inner().0.clone(),
        }
    }
}

/// Serves readers until the process ends.
pub(crate) fn serve(listener: TcpListener, shown: Arc<Shown>) {
    let local = listener.local_addr().is_ok_and(|at| at.ip().is_loopback());
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // An error may mean that too many files are open; somebody leaves soon.
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let Some(number) = shown.door.enter(&stream) else {
            continue;
        };
        let visit = {
            let shown = shown.clone();
            move || {
                // A reader that goes away is not an error.
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

/// Reason why a reader is refused; `None` for one who may read.
fn refusal(asked: &Asked, shown: &Shown, local: bool) -> Option<&'static str> {
    // A page on another site must not read this one by means of a name that it points at this
    // machine.
    if local && !is_this_machine(&asked.host) {
        return Some("this page is served to this machine alone\n");
    }
    let token = shown.token.as_ref()?;
    let cookie = token.cookie();
    let known = asked.cookie.split(';').any(|c| c.trim() == cookie);
    (!known && !brings(asked, token)).then_some("the address needs its token\n")
}

/// Whether a request is for the address that was printed, with its token.
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

/// Reads the head of a request; it counts as unfinished if it does not come in time.
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

/// Reads some bytes; 0 at the end of the stream or of the time.
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

/// Whether a Host header names this machine, with any port. An address is safe, since unlike a name
/// nobody can point it elsewhere.
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

/// Sends server-sent events: `progress` with the progress in words, and `page` with the number of
/// the newest page.
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

/// An answer that is being sent.
struct Reply {
    stream: TcpStream,
    /// Whether only the head is sent, without the content.
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
