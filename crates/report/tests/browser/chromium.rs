//! Debian's Chromium, driven over a pipe with its own protocol: JSON messages that end in a zero
//! byte, in on file descriptor 3 and out on 4. The shell lends it its standard input and output
//! there.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A page in a browser of its own.
pub(crate) struct Page {
    browser: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    last: u64,
    /// Complaints: exceptions, errors on the console, and requests for anything but the page.
    pub(crate) complaints: Vec<String>,
    loaded: bool,
    url: String,
    _profile: tempfile::TempDir,
}

/// Where Chromium is.
fn chromium() -> &'static str {
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
    let found = known.into_iter().find(|path| Path::new(path).exists());
    found.expect("chromium must be installed (Debian: apt-get install chromium)")
}

impl Page {
    /// Opens a file in a window of this size and a `dark` or `light` scheme. It may ask for nothing else.
    pub(crate) fn open(file: &Path, size: (u32, u32), scheme: &str) -> Page {
        let url = format!("file://{}", file.display());
        Page::at(&url, size, scheme)
    }

    /// Opens an address that ends in a slash. The page may ask for what lies below the address.
    pub(crate) fn at(url: &str, (width, height): (u32, u32), scheme: &str) -> Page {
        let profile = tempfile::tempdir().unwrap();
        let flags = "--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
                     --disable-background-networking --disable-component-update \
                     --disable-dev-shm-usage --remote-debugging-pipe";
        let program = chromium();
        let mut browser = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "exec {program} {flags} --user-data-dir={} about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                profile.path().display()
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (browser.stdin.take().unwrap(), browser.stdout.take().unwrap());
        let mut page = Page {
            browser,
            input,
            output: BufReader::new(output),
            session: None,
            last: 0,
            complaints: Vec::new(),
            loaded: false,
            url: url.to_owned(),
            _profile: profile,
        };
        let target = page.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = target["targetId"].as_str().unwrap().to_owned();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = page.call("Target.attachToTarget", attach);
        page.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.size(width, height);
        page.media("", scheme);
        page
    }

    /// Keeps the page from running scripts from now on.
    pub(crate) fn without_scripts(&mut self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    }

    pub(crate) fn load(&mut self) {
        self.loaded = false;
        let url = self.url.clone();
        self.call("Page.navigate", json!({ "url": url }));
        while !self.loaded {
            self.read();
        }
    }

    pub(crate) fn size(&mut self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Sets the medium, `screen` or `print`, and the colour scheme.
    pub(crate) fn media(&mut self, media: &str, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "media": media, "features": features }));
    }

    /// The value of an expression.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The middle of an element after it was scrolled to and has come to rest: two frames show it in one
    /// place, with everything laid out about it.
    pub(crate) fn place(&mut self, selector: &str) -> (f64, f64) {
        let found = self.eval(&format!(
            "(async () => {{ const e = document.querySelector({selector:?}); \
             e.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const frame = () => new Promise(done => requestAnimationFrame(done)); \
             let b = e.getBoundingClientRect(); \
             for (let k = 0; k < 100; k++) {{ \
               await frame(); await frame(); \
               const next = e.getBoundingClientRect(); \
               const still = Math.abs(next.x - b.x) + Math.abs(next.y - b.y) < 0.5; b = next; \
               if (still) break; }} \
             return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        ));
        (found[0].as_f64().unwrap(), found[1].as_f64().unwrap())
    }

    pub(crate) fn point_at(&mut self, selector: &str) {
        let (x, y) = self.place(selector);
        self.mouse("mouseMoved", x, y);
    }

    pub(crate) fn click(&mut self, selector: &str) {
        let (x, y) = self.place(selector);
        self.mouse("mouseMoved", x, y);
        self.mouse("mousePressed", x, y);
        self.mouse("mouseReleased", x, y);
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", event);
    }

    pub(crate) fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Writes text into a field, which is clicked until it has the focus.
    pub(crate) fn write(&mut self, selector: &str, text: &str) {
        let focused = format!("document.activeElement === document.querySelector({selector:?})");
        for _ in 0..20 {
            self.click(selector);
            if self.eval(&focused) == json!(true) {
                break;
            }
        }
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Writes a PNG of the window, or of the whole page.
    pub(crate) fn screenshot(&mut self, whole: bool, to: &Path) {
        let asked = json!({ "format": "png", "captureBeyondViewport": whole });
        let answer = self.call("Page.captureScreenshot", asked);
        std::fs::write(to, base64(answer["data"].as_str().unwrap())).unwrap();
    }

    /// Writes the page as PDF.
    pub(crate) fn pdf(&mut self, to: &Path) {
        let asked = json!({ "printBackground": false, "paperWidth": 8.27, "paperHeight": 11.69 });
        let answer = self.call("Page.printToPDF", asked);
        std::fs::write(to, base64(answer["data"].as_str().unwrap())).unwrap();
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).unwrap();
        self.input.flush().unwrap();
        loop {
            let message = self.read();
            if message["id"] == json!(id) {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut bytes = Vec::new();
        let count = self.output.read_until(0, &mut bytes).unwrap();
        assert!(count > 0, "chromium has gone");
        bytes.pop();
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let params = &message["params"];
        match message["method"].as_str().unwrap_or("") {
            "Page.loadEventFired" => self.loaded = true,
            "Runtime.exceptionThrown" => {
                self.complaints.push(params["exceptionDetails"].to_string());
            }
            "Runtime.consoleAPICalled" if params["type"] == "error" => {
                self.complaints.push(params["args"].to_string());
            }
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.complaints.push(params["entry"].to_string());
            }
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or("");
                let own = match self.url.starts_with("http") {
                    true => url.starts_with(&self.url),
                    false => url == self.url,
                };
                if !own && !url.starts_with("data:") && url != "about:blank" {
                    self.complaints.push(format!("requested {url}"));
                }
            }
            _ => {}
        }
        message
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // The browser may have ended already; nothing is left of it either way.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text.bytes().filter(|c| *c != b'=').map(digit).collect();
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let all = group.iter().fold(0, |sum, d| sum << 6 | d) << (6 * (4 - group.len()));
        out.extend(all.to_be_bytes()[1..group.len()].iter());
    }
    out
}
