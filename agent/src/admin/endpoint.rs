//! Endpoint: the paths, what they answer, and what a client may ask of them.

use std::{any::Any, io, net::TcpListener, time::Duration};

use actix_rt::{net::TcpStream, time::timeout};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, Resource,
    dev::Extensions,
    guard,
    http::{StatusCode, header},
    middleware::DefaultHeaders,
    web,
};
use socket2::SockRef;

use crate::admin::{status_json::StatusJson, view::View};

/// How many clients may be connected. Some probes, a Prometheus and the people who look are a dozen; the
/// rest is for those who connect and say nothing.
const CONNECTIONS: usize = 512;
/// How long a client may say nothing between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a request may take to come, its head and its body.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a client may leave unread what was sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a filter of logs may be.
const LONGEST_FILTER: usize = 4096;
/// How many connections `/status.json` shows; their number is told beside.
const CONNECTIONS_SHOWN: usize = 500;

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PATHS: &str = "there are GET /, /healthz, /readyz, /metrics, /status.json and /log-filter, \
    and PUT /log-filter";

/// Nothing from elsewhere, no script or style in the page itself, and no page around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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

/// Serves until the thread ends.
pub(super) async fn serve(listener: TcpListener, view: View) -> io::Result<()> {
    let app = move || {
        let app = App::new().app_data(web::Data::new(view.clone())).wrap(headers());
        app.configure(paths).default_service(web::to(not_found))
    };
    HttpServer::new(app)
        .workers(1)
        .max_connections(CONNECTIONS)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(PATIENCE)
        .client_disconnect_timeout(Duration::from_secs(1))
        .on_connect(limit_writes)
        // They are those of the agent.
        .disable_signals()
        .listen(listener)?
        .run()
        .await
}

fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CACHE_CONTROL, "no-store"))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::CONTENT_SECURITY_POLICY, POLICY))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add(("cross-origin-resource-policy", "same-origin"))
}

/// A client that reads nothing is given up by the kernel.
fn limit_writes(stream: &dyn Any, _: &mut Extensions) {
    if let Some(stream) = stream.downcast_ref::<TcpStream>() {
        // What has no such limit serves all the same.
        let _ = SockRef::from(stream).set_tcp_user_timeout(Some(WRITE_TIMEOUT));
    }
}

fn paths(config: &mut web::ServiceConfig) {
    for (path, kind, content) in FILES {
        let file = move || async move { HttpResponse::Ok().content_type(kind).body(content) };
        config.service(resource(path, "GET, HEAD").route(look().to(file)));
    }
    let log_filter = resource("/log-filter", "GET, HEAD, PUT").route(look().to(log_filter));
    config
        .service(resource("/healthz", "GET, HEAD").route(look().to(healthz)))
        .service(resource("/readyz", "GET, HEAD").route(look().to(readyz)))
        .service(resource("/metrics", "GET, HEAD").route(look().to(metrics)))
        .service(resource("/status.json", "GET, HEAD").route(look().to(status_json)))
        .service(log_filter.route(web::put().to(set_log_filter)));
}

/// A path, which tells other methods what is allowed.
fn resource(path: &str, allowed: &'static str) -> Resource {
    let refuse = move || async move {
        let text = format!("this path takes {allowed} alone; {PATHS}");
        let mut response = line(StatusCode::METHOD_NOT_ALLOWED, &text);
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
        response
    };
    web::resource(path).default_service(web::to(refuse))
}

fn look() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn line(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status).content_type(TEXT).body(format!("{text}\n"))
}

async fn not_found() -> HttpResponse {
    line(StatusCode::NOT_FOUND, &format!("there is no such path; {PATHS}"))
}

async fn healthz() -> HttpResponse {
    line(StatusCode::OK, "ok")
}

async fn readyz(view: web::Data<View>) -> HttpResponse {
    let stage = view.stage().await;
    if stage.is_ready() {
        return line(StatusCode::OK, "ready");
    }
    line(StatusCode::SERVICE_UNAVAILABLE, &format!("{}: {stage}", stage.label()))
}

async fn metrics(view: web::Data<View>) -> HttpResponse {
    match view.metrics().await {
        Ok(text) => HttpResponse::Ok().content_type(PROMETHEUS).body(text),
        Err(error) => {
            let text = format!("the metrics cannot be written, which is a bug: {error}");
            line(StatusCode::INTERNAL_SERVER_ERROR, &text)
        }
    }
}

async fn status_json(view: web::Data<View>) -> HttpResponse {
    let status = view.status(CONNECTIONS_SHOWN).await;
    let json = status.as_ref().map_or_else(|| StatusJson::starting(view.limits()), StatusJson::new);
    HttpResponse::Ok().json(json)
}

async fn log_filter(view: web::Data<View>) -> HttpResponse {
    line(StatusCode::OK, &view.log_filter())
}

async fn set_log_filter(
    view: web::Data<View>,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    // A browser names the page that asks; curl does not.
    if request.headers().contains_key(header::ORIGIN) {
        let text = "the filter is not for pages in a browser to set; use curl";
        return line(StatusCode::FORBIDDEN, text);
    }
    let filter = match timeout(PATIENCE, body.to_bytes_limited(LONGEST_FILTER)).await {
        Ok(Ok(Ok(filter))) => filter,
        Ok(Ok(Err(error))) => return line(StatusCode::BAD_REQUEST, &error.to_string()),
        Ok(Err(_)) => {
            let text = format!("a filter of logs has {LONGEST_FILTER} bytes at most; shorten it");
            return line(StatusCode::PAYLOAD_TOO_LARGE, &text);
        }
        Err(_) => {
            let text = format!("the filter did not come within {PATIENCE:?}; send it again");
            return line(StatusCode::REQUEST_TIMEOUT, &text);
        }
    };
    let filter = match str::from_utf8(&filter).map(str::trim) {
        Ok("") | Err(_) => {
            let text = "the body is no filter of logs; write for example info,spoa_actors=debug";
            return line(StatusCode::BAD_REQUEST, text);
        }
        Ok(filter) => filter,
    };
    match view.set_log_filter(filter) {
        Ok(()) => {
            let filter = view.log_filter();
            tracing::info!(filter, "the filter of logs was changed");
            line(StatusCode::OK, &filter)
        }
        Err(error) => line(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}
