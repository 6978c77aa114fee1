//! A dataset from a hub: a server of this test's own that speaks the hub's routes.

use crate::workshop::{Workshop, documents, with, write_parquet};
use isoflop_core::data::DataSource;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Files of the dataset `me/words`, by name.
type Files = Arc<Vec<(String, Vec<u8>)>>;

/// Answers the routes that the client asks for, from one file list; returns its address and the
/// number of files sent.
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
        let (status, headers, body) = respond(&route, range, files);
        if route.contains("/resolve/") && range.is_none_or(|(_, to)| to > 0) {
            sent.fetch_add(1, Ordering::SeqCst);
        }
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        if stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body))
            .is_err()
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
        let siblings: Vec<_> = files
            .iter()
            .map(|(name, _)| serde_json::json!({ "rfilename": name }))
            .collect();
        let info = serde_json::json!({ "id": "me/words", "sha": COMMIT, "siblings": siblings });
        return (
            "200 OK",
            "Content-Type: application/json\r\n".to_owned(),
            info.to_string().into_bytes(),
        );
    }
    let name = route.strip_prefix(&format!("/datasets/me/words/resolve/{COMMIT}/"));
    let Some((_, content)) = files.iter().find(|(known, _)| name == Some(known.as_str())) else {
        return ("404 Not Found", String::new(), b"not here".to_vec());
    };
    let etag = format!(
        "{:x}",
        content.len() * 31 + usize::from(content[content.len() - 1])
    );
    let headers = format!("ETag: \"{etag}\"\r\nX-Repo-Commit: {COMMIT}\r\n");
    match range {
        None => ("200 OK", headers, content.clone()),
        Some((from, to)) => {
            let to = to.min(content.len() - 1);
            let range = format!("Content-Range: bytes {from}-{to}/{}\r\n", content.len());
            (
                "206 Partial Content",
                headers + &range,
                content[from..=to].to_vec(),
            )
        }
    }
}

/// Set for the process that does the fetching: the client reads the environment, which a test must not
/// change while others run.
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
        files: "data/*.parquet".to_owned(),
        field: "content".to_owned(),
    };
    let said = match shop.try_prepare(&source, &with("bytes")) {
        Ok(prepared) => {
            let metadata = prepared.metadata();
            format!(
                "{} {} {}",
                metadata.name,
                metadata.digest,
                metadata.sources.join(",")
            )
        }
        Err(error) => format!("{error}\n{}", error.hint().unwrap_or_default()),
    };
    std::fs::write(std::path::Path::new(&folder).join("said"), said).unwrap();
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
        std::fs::File::open(shop.path(&name))
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        files.push((name, content));
    }
    let (address, sent) = serve(Arc::new(files));
    let fetch = |endpoint: &str, home: &str| {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["fetch_in_a_process_of_its_own", "--test-threads=1"])
            .env(CHILD, shop.base())
            .env("HF_ENDPOINT", endpoint)
            .env("HF_HOME", shop.path(home))
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
        std::fs::read_to_string(shop.path("said")).unwrap()
    };
    let local = shop.prepare(&shop.parquet("data/*.parquet", "content"), &with("bytes"));
    let digest = &local.metadata().digest;
    let expected = format!("me/words@main {digest} data/train-0.parquet,data/train-1.parquet");
    assert_eq!(fetch(&address, "home"), expected);
    let first = sent.load(Ordering::SeqCst);
    assert!(first >= 2, "{first}");
    // From the cache of the hub's client, with the hub there and without it.
    assert_eq!(fetch(&address, "home"), expected);
    assert_eq!(sent.load(Ordering::SeqCst), first);
    assert_eq!(fetch("http://127.0.0.1:9", "home"), expected);
    let said = fetch("http://127.0.0.1:9", "empty");
    assert!(
        said.starts_with("me/words at main cannot be had from the hub: "),
        "{said}"
    );
    assert!(said.contains("HF_ENDPOINT"), "{said}");
}
