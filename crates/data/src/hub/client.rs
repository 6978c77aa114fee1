//! Sends requests to a hub and limits the size and the duration of every answer.

use super::info::Info;
use isoflop_core::text::shown;
use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use ureq::http::Response;
use ureq::{Agent, Body};

const ENDPOINT: &str = "https://huggingface.co";

/// Maximum bytes of a list of files; a hundred thousand files take about ten million.
const LONGEST_INFO: u64 = 1 << 26;

/// Maximum bytes of a file, whether or not the hub announces its length.
const LARGEST_FILE: u64 = 1 << 40;
const LARGEST_UNSAID: u64 = 1 << 34;

/// Longest time for which a hub may send nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// Slowest download that is tolerated: this many bytes in this time.
const SLOW: (u64, Duration) = (1 << 16, Duration::from_secs(120));

/// Reason why a hub gave no usable answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The hub could not be reached or refused to answer.
    Network(String),
    /// The answer cannot be trusted.
    Answer(String),
}

pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
    slow: (u64, Duration),
}

impl Client {
    /// A client of the hub at `HF_ENDPOINT` or, by default, of the Hugging Face hub.
    pub(super) fn of_this_machine(token: Option<String>) -> Result<Self, String> {
        let endpoint = std::env::var("HF_ENDPOINT").unwrap_or_else(|_| ENDPOINT.to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        match endpoint.starts_with("http://") || endpoint.starts_with("https://") {
            true => Ok(Self::new(endpoint, token, SILENCE, SLOW)),
            false => Err(format!("HF_ENDPOINT is \"{}\", no address", shown(&endpoint))),
        }
    }

    fn new(
        endpoint: String,
        token: Option<String>,
        silence: Duration,
        slow: (u64, Duration),
    ) -> Self {
        let silence = Some(silence);
        let agent = Agent::config_builder()
            .timeout_resolve(silence)
            .timeout_connect(silence)
            .timeout_send_request(silence)
            .timeout_recv_response(silence)
            .timeout_per_read(silence)
            .max_redirects(10)
            .user_agent(concat!("isoflop/", env!("CARGO_PKG_VERSION")))
            .build();
        Client {
            agent: agent.into(),
            endpoint,
            // A token with any other character cannot stand in a header.
            token: token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic())),
            slow,
        }
    }

    /// Fetches the commit and the list of files of a revision.
    pub(super) fn info(&self, dataset: &str, revision: &str) -> Result<Info, Trouble> {
        let revision = encoded(revision, false);
        let url = format!("{}/api/datasets/{dataset}/revision/{revision}", self.endpoint);
        let mut answer = Vec::new();
        self.copy(self.get(&url)?, LONGEST_INFO, &mut answer)?;
        Info::parse(&answer).map_err(Trouble::Answer)
    }

    /// Downloads a file of a commit and writes it.
    pub(super) fn download(
        &self,
        dataset: &str,
        commit: &str,
        name: &str,
        file: &mut File,
    ) -> Result<(), Trouble> {
        let name = encoded(name, true);
        let url = format!("{}/datasets/{dataset}/resolve/{commit}/{name}", self.endpoint);
        let response = self.get(&url)?;
        let header = response.headers().get("x-repo-commit");
        let said = header.map(|said| String::from_utf8_lossy(said.as_bytes()).into_owned());
        if let Some(said) = said.filter(|said| said != commit) {
            return Err(Trouble::Answer(format!(
                "it sends a file of commit \"{}\", not of {commit}",
                shown(&said)
            )));
        }
        let most = match response.body().content_length() {
            Some(_) => LARGEST_FILE,
            None => LARGEST_UNSAID,
        };
        self.copy(response, most, file)
    }

    fn get(&self, url: &str) -> Result<Response<Body>, Trouble> {
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let said = |error: ureq::Error| Trouble::Network(shown(&error.to_string()));
        request.call().map_err(said)
    }

    /// Copies a body of at most the given number of bytes.
    fn copy(
        &self,
        response: Response<Body>,
        most: u64,
        into: &mut dyn Write,
    ) -> Result<(), Trouble> {
        let body = response.into_body();
        let promised = body.content_length();
        let too_long = || Trouble::Answer(format!("it sends more than {most} bytes for a file"));
        if promised.is_some_and(|promised| promised > most) {
            return Err(too_long());
        }
        let mut reader = body.into_with_config().limit(u64::MAX).reader();
        let mut chunk = vec![0; 1 << 16];
        let (least, window) = self.slow;
        let (mut copied, mut since, mut then) = (0u64, Instant::now(), 0u64);
        loop {
            let read = reader
                .read(&mut chunk)
                .map_err(|error| Trouble::Network(shown(&error.to_string())))?;
            if read == 0 {
                break;
            }
            copied += read as u64;
            if copied > most {
                return Err(too_long());
            }
            into.write_all(&chunk[..read])
                .map_err(|error| Trouble::Network(format!("cannot write it: {error}")))?;
            if since.elapsed() > window {
                if copied - then < least {
                    return Err(Trouble::Network(format!(
                        "it sends less than {least} bytes in {} s",
                        window.as_secs()
                    )));
                }
                (since, then) = (Instant::now(), copied);
            }
        }
        match promised.is_none_or(|promised| promised == copied) {
            true => Ok(()),
            false => Err(Trouble::Network(format!(
                "it sends {copied} bytes of {}",
                promised.unwrap_or(0)
            ))),
        }
    }
}

/// Percent-encodes a name so that it can stand in an address.
fn encoded(name: &str, with_slashes: bool) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'/' if with_slashes => "/".to_owned(),
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Starts a hub that sends `head` and then `piece` several times, with a pause before each.
    fn serve(head: &'static str, piece: &'static [u8], times: usize, pause: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let mut open = stream.write_all(head.as_bytes()).is_ok();
                for _ in 0..times {
                    std::thread::sleep(pause);
                    open = open && stream.write_all(piece).is_ok();
                }
            }
        });
        address
    }

    fn client(address: String) -> Client {
        let silence = Duration::from_millis(300);
        Client::new(address, None, silence, (100, Duration::from_millis(500)))
    }

    fn said(trouble: Result<Info, Trouble>) -> String {
        match trouble.err().unwrap() {
            Trouble::Network(why) | Trouble::Answer(why) => why,
        }
    }

    #[test]
    fn a_hub_that_is_silent_or_drips_is_given_up() {
        let begun = Instant::now();
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
        let pause = Duration::from_millis(100);
        let drip = said(client(serve(ok, b"x", 1000, pause)).info("a/b", "main"));
        assert_eq!(drip, "it sends less than 100 bytes in 0 s");
        for silent in [ok, "", "HTTP/1.1 200"] {
            let why =
                said(client(serve(silent, b"", 1, Duration::from_secs(20))).info("a/b", "main"));
            assert!(why.contains("timeout"), "{why}");
        }
        let short = said(client(serve(ok, b"12345", 3, Duration::ZERO)).info("a/b", "main"));
        assert!(!short.is_empty());
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_hub_that_sends_too_much_or_leads_in_circles_is_refused() {
        let endless = "HTTP/1.1 200 OK\r\nContent-Length: 10000000000000\r\n\r\n";
        let why = said(client(serve(endless, b"x", 1, Duration::ZERO)).info("a/b", "main"));
        assert_eq!(why, format!("it sends more than {LONGEST_INFO} bytes for a file"));
        let circle = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
        let why = said(client(serve(circle, b"", 0, Duration::ZERO)).info("a/b", "main"));
        assert!(!why.is_empty());
        let other = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        let why = said(client(serve(other, b"[]", 1, Duration::ZERO)).info("a/b", "main"));
        assert!(why.starts_with("it does not say which files there are"), "{why}");
    }

    #[test]
    fn names_are_encoded_for_addresses() {
        assert_eq!(encoded("a b/c#é.txt", true), "a%20b/c%23%C3%A9.txt");
        assert_eq!(encoded("refs/pr/1", false), "refs%2Fpr%2F1");
    }
}
