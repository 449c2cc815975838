//! Endpoint: the paths, and what they answer.

use bytes::Bytes;

use crate::{
    admin::{
        access::Access,
        request::{LONGEST_BODY, Request},
        response::{Response, Status},
        shared_answer::SharedAnswer,
        stage::Stage,
        status_json::StatusJson,
        view::View,
    },
    telemetry::admin_counters::Outcome,
};

/// How many connections `/status.json` shows; their number is told beside.
const CONNECTIONS_SHOWN: usize = 500;

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PATHS: &str = "there are GET /, /healthz, /readyz, /metrics, /status.json and /log-filter, \
    and PUT /log-filter";

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page and what it loads: path, type, content.
pub(super) const FILES: [(&str, &str, &str); 10] = [
    ("/", "text/html; charset=utf-8", include_str!("page/page.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
    ("/curves.js", SCRIPT, include_str!("page/curves.js")),
    ("/elements.js", SCRIPT, include_str!("page/elements.js")),
    ("/history.js", SCRIPT, include_str!("page/history.js")),
    ("/tables.js", SCRIPT, include_str!("page/tables.js")),
    ("/totals.js", SCRIPT, include_str!("page/totals.js")),
    ("/words.js", SCRIPT, include_str!("page/words.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];

/// What answers. Whatever asks the arbiters is asked once for all who wait for it.
#[derive(Debug)]
pub(super) struct Endpoint {
    view: View,
    access: Access,
    stage: SharedAnswer<Stage>,
    metrics: SharedAnswer<Result<Bytes, String>>,
    status: SharedAnswer<Bytes>,
}

impl Endpoint {
    pub(super) fn new(view: View, access: Access) -> Self {
        Self {
            view,
            access,
            stage: SharedAnswer::new(),
            metrics: SharedAnswer::new(),
            status: SharedAnswer::new(),
        }
    }

    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// What a request gets, and what that counts as.
    pub(super) async fn answer(&self, request: &Request) -> (Outcome, Response) {
        match self.access.judge(request) {
            Ok(()) => (Outcome::Answered, self.dispatch(request).await),
            Err(refused) => refused,
        }
    }

    async fn dispatch(&self, request: &Request) -> Response {
        let is_look = matches!(&*request.method, "GET" | "HEAD");
        let is_put = request.method == "PUT";
        let path = &*request.path;
        let file = FILES.iter().find(|(name, ..)| *name == path);
        match (path, file) {
            (_, Some((_, kind, content))) if is_look => {
                Response::new(kind, Bytes::from_static(content.as_bytes()))
            }
            ("/healthz", _) if is_look => Response::line(Status::OK, "ok"),
            ("/readyz", _) if is_look => self.readyz().await,
            ("/metrics", _) if is_look => self.metrics().await,
            ("/status.json", _) if is_look => self.status_json().await,
            ("/log-filter", _) if is_look => Response::line(Status::OK, &self.view.log_filter()),
            ("/log-filter", _) if is_put => self.set_log_filter(request),
            ("/log-filter", _) => refuse_method("GET, HEAD, PUT"),
            ("/healthz" | "/readyz" | "/metrics" | "/status.json", _) | (_, Some(_)) => {
                refuse_method("GET, HEAD")
            }
            _ => Response::line(Status::NOT_FOUND, &format!("there is no such path; {PATHS}")),
        }
    }

    async fn readyz(&self) -> Response {
        let stage = self.stage.answer(async || self.view.stage().await).await;
        if stage.is_ready() {
            return Response::line(Status::OK, "ready");
        }
        Response::line(Status::UNAVAILABLE, &format!("{}: {stage}", stage.label()))
    }

    async fn metrics(&self) -> Response {
        match self.metrics.answer(async || self.view.metrics().await.map(Bytes::from)).await {
            Ok(text) => Response::new(PROMETHEUS, text),
            Err(error) => {
                let text = format!("the metrics cannot be written, which is a bug: {error}");
                Response::line(Status::INTERNAL_SERVER_ERROR, &text)
            }
        }
    }

    async fn status_json(&self) -> Response {
        let make = async || {
            let status = self.view.status(CONNECTIONS_SHOWN).await;
            let starting = || StatusJson::starting(self.view.limits());
            let json = status.as_ref().map_or_else(starting, StatusJson::new);
            // Numbers and texts alone: it can always be written.
            serde_json::to_vec(&json).unwrap_or_default().into()
        };
        Response::new("application/json", self.status.answer(make).await)
    }

    fn set_log_filter(&self, request: &Request) -> Response {
        // A browser names the page that asks; curl does not.
        if request.has_origin {
            let text = "the filter is not for pages in a browser to set; use curl";
            return Response::line(Status::FORBIDDEN, text);
        }
        let Some(filter) = &request.body else {
            let text = format!("a log filter has up to {LONGEST_BODY} bytes; shorten it");
            return Response::line(Status::TOO_LARGE, &text);
        };
        let filter = match str::from_utf8(filter).map(str::trim) {
            Ok("") | Err(_) => {
                let text = "the body is not a log filter; write for example info,spoa_actors=debug";
                return Response::line(Status::BAD_REQUEST, text);
            }
            Ok(filter) => filter,
        };
        match self.view.set_log_filter(filter) {
            Ok(()) => {
                let filter = self.view.log_filter();
                tracing::info!(filter, "log filter changed");
                Response::line(Status::OK, &filter)
            }
            Err(error) => Response::line(Status::BAD_REQUEST, &error.to_string()),
        }
    }
}

fn refuse_method(allowed: &'static str) -> Response {
    let text = format!("this path takes {allowed} alone; {PATHS}");
    Response::line(Status::METHOD_NOT_ALLOWED, &text).with("allow", allowed)
}
