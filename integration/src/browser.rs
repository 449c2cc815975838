//! A real browser without a window, driven by `chromedriver`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::running::Running;
use crate::witness::Witness;
use crate::{Failure, HttpClient, Scratch, free_port, until};

const START_LIMIT: Duration = Duration::from_secs(30);

/// Without a GPU, and without what it does for its user behind his back.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
];

/// One window; it ends with the value.
#[derive(Debug)]
pub struct Browser {
    http: HttpClient,
    session: String,
    _running: Running,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The width of the window in CSS pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Whether its user likes it dark.
    pub is_dark: bool,
    /// Whether it is a telephone.
    pub is_mobile: bool,
}

impl Browser {
    /// Starts the driver on a free port of loopback, and the browser.
    ///
    /// # Errors
    /// They cannot be fetched, or do not start; with their words.
    pub async fn start() -> Result<Self, Failure> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let driver = Witness::Chromium.program("chromedriver").await?;
        let scratch = Scratch::new()?;
        let capabilities = capabilities(&Witness::Chromium.program("chromium").await?, &scratch);
        let mut command = Command::new(driver);
        command.arg(format!("--port={}", address.port()));
        let http = HttpClient::new(address)?;
        let mut running = Running::start_in(scratch, command)?;
        let is_ready =
            async |_: &Running| http.get("/status").await.is_ok_and(|answer| answer.status == 200);
        running.serves(START_LIMIT, is_ready).await?;
        let session = asked(&http, Method::POST, "/session", &capabilities).await;
        let session = session.map_err(|failure| running.explain(failure))?;
        let id = session["sessionId"].as_str().unwrap_or_default();
        let session = format!("/session/{id}");
        Ok(Self { http, session, _running: running })
    }

    /// Opens a page, and waits until it is loaded.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn open(&self, url: &str) -> Result<(), Failure> {
        self.command("url", &json!({ "url": url })).await.map(|_| ())
    }

    /// What a script gives: `return document.title`.
    ///
    /// # Errors
    /// It throws.
    pub async fn script(&self, script: &str) -> Result<Value, Failure> {
        self.command("execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Waits until a script gives what is wanted.
    ///
    /// # Errors
    /// It does not within `limit`; with what it gave last.
    pub async fn wait(
        &self,
        script: &str,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let mut last = String::new();
        let found = until(script, limit, async || {
            let given = self.script(script).await;
            last = format!("{given:?}");
            given.ok().filter(|value| wanted(value))
        });
        found.await.map_err(|failure| failure.with("last", &last))
    }

    /// Looks at pages in this way from now on.
    ///
    /// # Errors
    /// The browser has ended.
    pub async fn look(&self, view: View) -> Result<(), Failure> {
        let View { width, height, is_dark, is_mobile } = view;
        let metrics = json!({
            "width": width, "height": height, "mobile": is_mobile,
            "deviceScaleFactor": if is_mobile { 2 } else { 1 },
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics).await?;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let media = json!({ "media": "", "features": features });
        self.devtools("Emulation.setEmulatedMedia", &media).await.map(|_| ())
    }

    /// Takes a picture of the whole page, into `target/screenshots`; tells where it is.
    ///
    /// # Errors
    /// The browser has ended, or the disk is full.
    pub async fn screenshot(&self, name: &str) -> Result<PathBuf, Failure> {
        let layout = self.devtools("Page.getLayoutMetrics", &json!({})).await?;
        let (width, height) =
            (&layout["cssContentSize"]["width"], &layout["cssContentSize"]["height"]);
        let page = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let whole = json!({ "captureBeyondViewport": true, "clip": page });
        let picture = self.devtools("Page.captureScreenshot", &whole).await?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
        let path = folder.join(format!("{name}.png"));
        let failed = || Failure::during(format!("cannot write {}", path.display()));
        std::fs::create_dir_all(&folder).map_err(failed())?;
        let png = STANDARD.decode(picture["data"].as_str().unwrap_or_default());
        std::fs::write(&path, png.map_err(Failure::during("no picture"))?).map_err(failed())?;
        Ok(path)
    }

    /// What the console and the network have complained about since the last call: errors and
    /// warnings.
    ///
    /// # Errors
    /// The browser has ended.
    pub async fn complaints(&self) -> Result<Vec<String>, Failure> {
        let entries = self.command("se/log", &json!({ "type": "browser" })).await?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        Ok(entries.iter().map(ToString::to_string).collect())
    }

    /// The URLs that a page has asked for since the last call.
    ///
    /// # Errors
    /// The browser has ended.
    pub async fn requests(&self, page: &str) -> Result<Vec<String>, Failure> {
        let entries = self.command("se/log", &json!({ "type": "performance" })).await?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let urls = entries.iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &event["message"];
            let (method, parameters) = (&message["method"], &message["params"]);
            let is_asked =
                method == "Network.requestWillBeSent" && parameters["documentURL"] == page;
            let url = parameters["request"]["url"].as_str()?;
            is_asked.then(|| url.to_owned())
        });
        Ok(urls.collect())
    }

    async fn devtools(&self, command: &str, parameters: &Value) -> Result<Value, Failure> {
        self.command("goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    async fn command(&self, command: &str, body: &Value) -> Result<Value, Failure> {
        asked(&self.http, Method::POST, &format!("{}/{command}", self.session), body).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser at this; a drop cannot await, so a plain client asks.
        let (address, path) = (self.http.address(), self.session.clone());
        let _ = std::thread::spawn(move || quit(address, &path)).join();
    }
}

fn quit(address: SocketAddr, path: &str) -> std::io::Result<()> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "DELETE {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}

fn capabilities(browser: &Path, scratch: &Scratch) -> Value {
    let profile = format!("--user-data-dir={}", scratch.join("profile").display());
    let flags: Vec<&str> = FLAGS.into_iter().chain([&*profile]).collect();
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "binary": browser, "args": flags },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
    } } })
}

/// The value that the driver answers with.
async fn asked(
    http: &HttpClient,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Value, Failure> {
    let answer = http.send(method, path, |request| request.body(body.to_string())).await?;
    let mut said: Value = serde_json::from_slice(&answer.body)
        .map_err(Failure::during(format!("{path}: chromedriver gives no JSON")))?;
    if answer.status == 200 {
        return Ok(said["value"].take());
    }
    let message = said["value"]["message"].as_str().unwrap_or_default();
    Err(Failure::new(format!("{path} {body}: {message}")))
}
