//! Tests of `report`, `export` and `watch` on the results of a real sweep.

use crate::chromium::Page;
use crate::workshop::{SWEEP, Workshop, stdout};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn trained() -> Workshop {
    let workshop = Workshop::new(SWEEP);
    workshop.run().code(0);
    workshop
}

#[test]
fn a_report_for_the_terminal_two_side_by_side_and_exports() {
    let workshop = trained();
    let said =
        stdout(&workshop.isoflop().args(["report", "results/tiny", "--terminal"]).assert().code(0));
    assert!(said.contains("6 of 6 runs finished"), "{said}");
    assert!(said.contains("test loss (nats per token) by training compute (FLOPs)"), "{said}");

    let other = SWEEP.replace("\"tiny\"", "\"other\"").replace("context = 32", "context = 16");
    fs::write(workshop.path("other.toml"), other).unwrap();
    workshop.isoflop().args(["run", "other.toml"]).assert().code(0);
    let said = stdout(
        &workshop.isoflop().args(["report", "results/tiny", "results/other"]).assert().code(0),
    );
    assert!(said.contains("tiny-vs-other"), "{said}");
    let page = fs::read_to_string(workshop.path("reports/tiny-vs-other/index.html")).unwrap();
    assert!(page.contains("<h1>tiny and other</h1>") && page.contains("All 12 runs"));

    for (file, arguments) in [
        ("runs.csv", vec![]),
        ("runs.parquet", vec![]),
        ("curves.csv", vec!["--curves"]),
        ("panels.vl.json", vec![]),
    ] {
        let mut command = workshop.isoflop();
        command.args(["export", "results/tiny", "--out", file]).args(arguments);
        command.assert().code(0);
        assert!(fs::metadata(workshop.path(file)).unwrap().len() > 100, "{file}");
    }
    let table = isoflop_results::Table::read(&workshop.path("runs.csv")).unwrap();
    assert_eq!(table.numbers("test_loss").unwrap().len(), 6);
    let panels = fs::read_to_string(workshop.path("panels.vl.json")).unwrap();
    let panels: serde_json::Value = serde_json::from_str(&panels).unwrap();
    assert_eq!(panels["hconcat"].as_array().unwrap().len(), 3);
    let refused =
        workshop.isoflop().args(["export", "results/tiny", "--out", "runs.xlsx"]).assert().code(2);
    let words = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(words.contains("hint: name the file .csv or .parquet"), "{words}");
}

/// A `watch` process that is killed when this is dropped.
struct Watching(std::process::Child);

impl Drop for Watching {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(workshop: &Workshop, arguments: &[&str]) -> (Watching, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_isoflop"))
        .current_dir(workshop.path(""))
        .args(["watch", "results/tiny", "--port", "0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = child.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    (Watching(child), line.trim().to_owned())
}

/// The whole answer to a request; of a stream that does not end, the first bytes.
fn ask(address: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&answer);
        if count == 0 || text.contains("event: page") {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_watched_sweep_is_served_to_this_machine_alone_and_follows() {
    let workshop = trained();
    let (_watching, url) = watch(&workshop, &[]);
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{url}");
    let host = format!("Host: {address}\r\n");
    let page = ask(&address, "/", &host);
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("EventSource"));
    assert!(page.contains("<h1>tiny</h1>") && page.contains("data-version=\"1\""));
    let figure = ask(&address, "/figures/three-panels.svg", &host);
    assert!(figure.contains("image/svg+xml") && figure.contains("<svg "));
    let events = ask(&address, "/events", &host);
    assert!(events.contains("data: \"6 of 6 runs ended\""), "{events}");
    assert!(events.contains("event: page\ndata: 1\n"), "{events}");
    for (path, headers, status) in [
        ("/", "Host: elsewhere.example\r\n", "403"),
        ("/../sweep.toml", host.as_str(), "404"),
        ("/figures/../runs.parquet", host.as_str(), "404"),
    ] {
        let answer = ask(&address, path, headers);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    }
}

#[test]
fn beyond_this_machine_a_watched_sweep_needs_its_token() {
    let workshop = trained();
    let (_watching, url) = watch(&workshop, &["--host", "0.0.0.0"]);
    let (address, token) = url.strip_prefix("http://").unwrap().split_once("/?token=").unwrap();
    assert_eq!(token.len(), 32);
    let local = address.replace("0.0.0.0", "127.0.0.1");
    assert!(ask(&local, "/", "Host: a\r\n").starts_with("HTTP/1.1 403"));
    assert!(ask(&local, "/?token=guess", "Host: a\r\n").starts_with("HTTP/1.1 403"));
    let welcome = ask(&local, &format!("/?token={token}"), "Host: a\r\n");
    assert!(welcome.starts_with("HTTP/1.1 303") && welcome.contains("HttpOnly"), "{welcome}");
    let port = local.rsplit_once(':').unwrap().1;
    let cookie = format!("Host: a\r\nCookie: x=y; isoflop-{port}-token={token}\r\n");
    assert!(ask(&local, "/", &cookie).contains("<h1>tiny</h1>"));
    // A browser sends the cookies of all `watch` processes on a host to each of them.
    let (_other, other) = watch(&workshop, &["--host", "0.0.0.0"]);
    let (other, token) =
        other.strip_prefix("http://0.0.0.0").unwrap().split_once("/?token=").unwrap();
    let both = format!("{}; isoflop-{}-token={token}\r\n", cookie.trim_end(), &other[1..]);
    for address in [local, format!("127.0.0.1{other}")] {
        assert!(ask(&address, "/", &both).contains("<h1>tiny</h1>"));
    }
}

#[test]
fn connections_that_say_nothing_or_nonsense_keep_nobody_out() {
    let workshop = trained();
    let (_watching, url) = watch(&workshop, &["--host", "127.0.0.2"]);
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    assert!(address.starts_with("127.0.0.2:"), "{url}");
    let host = format!("Host: {address}\r\n");
    let idle: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    let begun = Instant::now();
    assert!(ask(address, "/", &host).starts_with("HTTP/1.1 200 OK"));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // The last of the idle connections are still open, and the first have been dropped.
    let status = |mut stream: &TcpStream| {
        let _ = write!(stream, "GET / HTTP/1.1\r\n{host}\r\n");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).lines().next().unwrap_or("").to_owned()
    };
    assert_eq!(status(&idle[0]), "");
    assert_eq!(status(&idle[199]), "HTTP/1.1 200 OK");
    // A client that never finishes its head is dropped within seconds.
    let mut slow = TcpStream::connect(address).unwrap();
    let begun = Instant::now();
    write!(slow, "GET / HTTP/1.1\r\nX: ").unwrap();
    let mut nothing = Vec::new();
    let _ = slow.read_to_end(&mut nothing);
    assert!(nothing.is_empty() && begun.elapsed() < Duration::from_secs(9));
    let send = |request: &[u8]| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let head = send(format!("HEAD / HTTP/1.1\r\n{host}\r\n").as_bytes());
    let page = send(format!("GET / HTTP/1.1\r\n{host}\r\n").as_bytes());
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(page.starts_with(&head), "a HEAD answers as its GET does");
    let events = send(format!("HEAD /events HTTP/1.1\r\n{host}\r\n").as_bytes());
    assert!(events.contains("text/event-stream") && events.ends_with("\r\n\r\n"), "{events}");
    let body =
        format!("POST / HTTP/1.1\r\n{host}Content-Length: 100000\r\n\r\n{}", "x".repeat(5000));
    let refused = send(body.as_bytes());
    assert!(
        refused.starts_with("HTTP/1.1 405") && refused.contains("Allow: GET, HEAD"),
        "{refused}"
    );
    let huge = format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(40_000));
    assert!(send(huge.as_bytes()).starts_with("HTTP/1.1 400"));
    assert!(send(b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n").starts_with("HTTP/1.1 400"));
    assert!(ask(address, "/", &host).starts_with("HTTP/1.1 200 OK"));
}

/// A page that is being read renews itself when a run ends. The reader's choices are kept, and the
/// page still works.
#[test]
#[ignore = "needs chromium"]
fn in_chromium_a_page_that_is_being_read_follows_its_sweep() {
    let workshop = trained();
    let records = workshop.path("results/tiny/records");
    let mut names: Vec<_> = fs::read_dir(&records).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    let late = names.last().unwrap();
    let aside = workshop.path("late.json");
    fs::rename(late, &aside).unwrap();
    let (watching, url) = watch(&workshop, &[]);
    let mut page = Page::at(&url, (1280, 900), "light");
    page.load();
    const ROWS: &str = "document.querySelectorAll('table.runs tbody tr').length";
    assert_eq!(page.eval(ROWS), 5);
    page.click("#controls input[value=linear]");
    page.click("#three-panels svg:nth-child(2) g.run");
    const PICKED: &str = "document.querySelector('tr.on th').textContent";
    let picked = page.eval(PICKED);
    fs::rename(&aside, late).unwrap();
    let started = Instant::now();
    while page.eval(ROWS) != 6 {
        assert!(started.elapsed() < Duration::from_secs(60), "no new page");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(page.eval(PICKED), picked);
    assert_eq!(page.eval("document.querySelector('#controls input[value=linear]').checked"), true);
    let linear = "document.querySelector('#three-panels svg.panel g.axes').textContent";
    let shown = page.eval(linear);
    page.click("#controls input[value=log]");
    assert_ne!(page.eval(linear), shown, "the axes of the new page turn");
    page.press("Escape");
    assert_eq!(page.eval("document.querySelectorAll('tr.on').length"), 0);
    assert_eq!(page.eval("document.querySelector('#live').textContent"), "6 of 6 runs ended");
    assert_eq!(page.complaints, Vec::<String>::new());
    drop(watching);
    let gone = "document.querySelector('#live').textContent.includes('starts it again')";
    while page.eval(gone) != true {
        assert!(started.elapsed() < Duration::from_secs(120), "the end of the server is not told");
        std::thread::sleep(Duration::from_millis(100));
    }
}
