//! Tests of datasets from a hub, with a server of the test's own that speaks the hub's routes.

use crate::workshop::{Workshop, documents, jsonl_of, with, write_parquet};
use isoflop_core::data::DataSource;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Answers of the server about the dataset `me/words`.
struct Hub {
    /// Names and contents of the files.
    files: Vec<(String, Vec<u8>)>,
    commit: String,
    /// ETag of every file that is sent.
    etag: String,
    commit_of_file: String,
    /// Bytes by which a file is shorter than its announced length.
    short_by: usize,
}

impl Hub {
    fn of(files: Vec<(String, Vec<u8>)>) -> Self {
        Hub {
            files,
            commit: COMMIT.to_owned(),
            etag: "e".repeat(40),
            commit_of_file: COMMIT.to_owned(),
            short_by: 0,
        }
    }
}

type Files = Arc<Hub>;

/// Starts the server; returns its address and the number of files sent so far.
fn serve(files: Files) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (files, count) = (files.clone(), count.clone());
            std::thread::spawn(move || answer(stream.unwrap(), &files, &count));
        }
    });
    (address, sent)
}

fn answer(mut stream: TcpStream, files: &Files, sent: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut range = None;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
            let header = header.trim().to_lowercase();
            if let Some(bounds) = header.strip_prefix("range: bytes=") {
                let (from, to) = bounds.split_once('-').unwrap();
                range = Some((
                    from.parse::<usize>().unwrap(),
                    to.parse::<usize>().unwrap_or(usize::MAX),
                ));
            }
            if header.is_empty() {
                break;
            }
        }
        let route = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, headers, mut body) = respond(&route, range, files);
        let promised = body.len();
        if route.contains("/resolve/") && range.is_none_or(|(_, to)| to > 0) {
            sent.fetch_add(1, Ordering::SeqCst);
        }
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", promised);
        let is_short = files.short_by > 0 && route.contains("/resolve/");
        body.truncate(promised.saturating_sub(files.short_by * usize::from(is_short)));
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err()
            || is_short
        {
            return;
        }
    }
}

fn respond(
    route: &str,
    range: Option<(usize, usize)>,
    files: &Files,
) -> (&'static str, String, Vec<u8>) {
    if route.starts_with("/api/datasets/me/words") {
        let siblings: Vec<_> =
            files.files.iter().map(|(name, _)| serde_json::json!({ "rfilename": name })).collect();
        let info =
            serde_json::json!({ "id": "me/words", "sha": files.commit, "siblings": siblings });
        return (
            "200 OK",
            "Content-Type: application/json\r\n".to_owned(),
            info.to_string().into_bytes(),
        );
    }
    let start = format!("/datasets/me/words/resolve/{}/", files.commit);
    let name = route.strip_prefix(&start);
    let found = files.files.iter().find(|(known, _)| name == Some(known.as_str()));
    let Some((_, content)) = found else {
        return ("404 Not Found", String::new(), b"not here".to_vec());
    };
    let (etag, commit) = (&files.etag, &files.commit_of_file);
    let headers = format!("ETag: \"{etag}\"\r\nX-Repo-Commit: {commit}\r\n");
    match range {
        None => ("200 OK", headers, content.clone()),
        Some((from, to)) => {
            let to = to.min(content.len() - 1);
            let range = format!("Content-Range: bytes {from}-{to}/{}\r\n", content.len());
            ("206 Partial Content", headers + &range, content[from..=to].to_vec())
        }
    }
}

/// Environment variable that is set for the process that does the fetching. The client reads its
/// settings from the environment, which a test must not change while others run.
const CHILD: &str = "ISOFLOP_TEST_HUB";

#[test]
fn fetch_in_a_process_of_its_own() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let shop = Workshop::new();
    let source = DataSource::Hub {
        dataset: "me/words".to_owned(),
        revision: "main".to_owned(),
        files: std::env::var("ISOFLOP_TEST_FILES").unwrap(),
        field: "content".to_owned(),
    };
    let said = match shop.try_prepare(&source, &with("bytes")) {
        Ok(prepared) => {
            let metadata = prepared.metadata();
            format!("{} {} {}", metadata.name, metadata.digest, metadata.sources.join(","))
        }
        Err(error) => format!("{error}\n{}", error.hint().unwrap_or_default()),
    };
    std::fs::write(std::path::Path::new(&folder).join("said"), said).unwrap();
}

/// Output of a process that fetches files into the home `home` below the workshop's folder.
fn fetch(shop: &Workshop, endpoint: &str, home: &str, files: &str) -> String {
    let _ = std::fs::remove_file(shop.path("said"));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["fetch_in_a_process_of_its_own", "--test-threads=1"])
        .env(CHILD, shop.base())
        .env("ISOFLOP_TEST_FILES", files)
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HOME", shop.path(home))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::read_to_string(shop.path("said")).unwrap()
}

/// Paths of all files below a folder.
fn below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => names.extend(below(&path)),
            false => names.push(path.to_string_lossy().into_owned()),
        }
    }
    names
}

#[test]
fn nothing_that_a_hub_says_leads_out_of_the_cache_or_into_a_panic() {
    let shop = Workshop::new();
    let lines: Vec<u8> = jsonl_of(&documents(40), "content").into_bytes();
    let names = [
        "../../../../../../out.jsonl",
        "a/../../../../../../out.jsonl",
        "/tmp/isoflop-test-out.jsonl",
        "a//b.jsonl",
        "a\0b.jsonl",
        "\u{1b}[31mred.jsonl",
        "..\\out.jsonl",
        ".",
        "",
    ];
    let long = "x".repeat(5000) + ".jsonl";
    for (index, name) in names.into_iter().chain([long.as_str()]).enumerate() {
        let (address, sent) = serve(Arc::new(Hub::of(vec![(name.to_owned(), lines.clone())])));
        let home = format!("deep/er/{index}");
        let said = fetch(&shop, &address, &home, "**");
        assert!(
            said.starts_with("the hub's answer for me/words is refused: the name \""),
            "{said}"
        );
        assert!(said.len() < 300 && !said.contains('\u{1b}'), "{said}");
        assert_eq!(sent.load(Ordering::SeqCst), 0, "{name:?} was asked for");
        assert_eq!(below(&shop.path("deep")), [""; 0], "{name:?}");
    }
    let good = || Hub::of(vec![("a.jsonl".to_owned(), lines.clone())]);
    for commit in ["../../../../../../out", "a/b", "", "..", "a\nb"] {
        let hub = Hub { commit: commit.to_owned(), ..good() };
        let said = fetch(&shop, &serve(Arc::new(hub)).0, "deep/commit", "**");
        assert!(said.contains("is no commit"), "{said}");
        assert_eq!(below(&shop.path("deep")), [""; 0], "{commit:?}");
    }
    let elsewhere = Hub { commit_of_file: "../../../../../../out".to_owned(), ..good() };
    let said = fetch(&shop, &serve(Arc::new(elsewhere)).0, "deep/file", "**");
    assert!(said.contains("it sends a file of commit"), "{said}");
    let short = Hub { short_by: 100, ..good() };
    let said = fetch(&shop, &serve(Arc::new(short)).0, "deep/short", "**");
    assert!(said.starts_with("me/words at main cannot be had from the hub: "), "{said}");
    assert_eq!(below(&shop.path("deep")), [""; 0]);
    let odd_etag = Hub { etag: "../../../../../../out".to_owned(), ..good() };
    let said = fetch(&shop, &serve(Arc::new(odd_etag)).0, "deep/etag", "**");
    assert!(said.starts_with("me/words@main "), "{said}");
    let written = below(&shop.path("deep"));
    let inside = shop.path("deep/etag/hub/datasets--me--words");
    assert!(written.iter().all(|path| Path::new(path).starts_with(&inside)), "{written:?}");
    assert_eq!(written.len(), 2, "a file and the commit of the revision: {written:?}");
}

#[test]
fn a_dataset_is_fetched_once_and_read_as_its_files_are() {
    let shop = Workshop::new();
    let documents = documents(40);
    let mut files = vec![("README.md".to_owned(), b"words".to_vec())];
    for (index, half) in documents.chunks(20).enumerate() {
        let name = format!("data/train-{index}.parquet");
        write_parquet(&shop.path(&name), "content", half, 8);
        let mut content = Vec::new();
        std::fs::File::open(shop.path(&name)).unwrap().read_to_end(&mut content).unwrap();
        files.push((name, content));
    }
    let (address, sent) = serve(Arc::new(Hub::of(files)));
    let fetch = |endpoint: &str, home: &str| fetch(&shop, endpoint, home, "data/*.parquet");
    let local = shop.prepare(&shop.parquet("data/*.parquet", "content"), &with("bytes"));
    let digest = &local.metadata().digest;
    let expected = format!("me/words@main {digest} data/train-0.parquet,data/train-1.parquet");
    assert_eq!(fetch(&address, "home"), expected);
    let first = sent.load(Ordering::SeqCst);
    assert!(first >= 2, "{first}");
    // The files now come from the cache, first with the hub running and then without it.
    assert_eq!(fetch(&address, "home"), expected);
    assert_eq!(sent.load(Ordering::SeqCst), first);
    assert_eq!(fetch("http://127.0.0.1:9", "home"), expected);
    let said = fetch("http://127.0.0.1:9", "empty");
    assert!(said.starts_with("me/words at main cannot be had from the hub: "), "{said}");
    assert!(said.contains("HF_ENDPOINT"), "{said}");
}
