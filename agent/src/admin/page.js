// The status page: asks for status.json each second while it is seen, and shows what it says.
//
// What the agent says is put in as text, never as HTML: peers choose names and engine-ids.
"use strict";

const PERIOD = 1000;
const PATIENCE = 4000;
const WINDOW = 120;

const byId = (id) => document.getElementById(id);
const history = [];
let last = null;
let answeredAt = null;
let silentSince = null;
let timer = 0;
let isAsking = false;

// Numbers and times

const whole = new Intl.NumberFormat("en");
const number = (value) => (value == null ? "–" : whole.format(value));

function rate(value) {
  if (value == null) return "–";
  if (value === 0 || value >= 100) return whole.format(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(2).replace(/0$/, "");
}

function seconds(value) {
  if (value == null) return "–";
  if (value === Infinity) return "> 17 min";
  if (value < 0.000995) return `${Math.round(value * 1e6)} µs`;
  if (value < 0.995) return `${+(value * 1e3).toPrecision(3)} ms`;
  return `${+value.toPrecision(3)} s`;
}

function age(value) {
  if (value == null) return "–";
  const s = Math.floor(value);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function bytes(value) {
  if (value == null) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let index = 0;
  while (value >= 1024 && index + 1 < units.length) { value /= 1024; index += 1; }
  return `${index && value < 100 ? +value.toFixed(1) : Math.round(value)} ${units[index]}`;
}

function clock(date) {
  return date.toLocaleTimeString("en-GB");
}

// Elements

function put(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/// Puts other children into a node, unless it looks like that already.
function fill(node, ...children) {
  const [wanted, there] = [[...element("div", "", ...children).childNodes], node.childNodes];
  const isSo = wanted.length === there.length && wanted.every((child, at) => child.isEqualNode(there[at]));
  if (!isSo) node.replaceChildren(...wanted);
}

/// The rows of a table: each keeps its element while its key stays, so that nothing jumps.
function rows(table, items, key, columns) {
  const body = byId(table).tBodies[0];
  const kept = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const times = new Map();
  items.forEach((item, index) => {
    const time = times.get(key(item)) || 0;
    times.set(key(item), time + 1);
    const name = `${key(item)} ${time}`;
    let row = kept.get(name);
    kept.delete(name);
    if (!row) {
      row = element("tr", "");
      row.dataset.key = name;
      row.setAttribute("role", "row");
      columns.forEach((column, at) => {
        const cell = element(at ? "td" : "th", column.className);
        if (!at) cell.scope = "row";
        cell.setAttribute("role", at ? "cell" : "rowheader");
        cell.dataset.label = column.label;
        row.append(cell);
      });
    }
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] || null);
    columns.forEach((column, at) => column.show(row.cells[at], item, row));
  });
  kept.forEach((row) => row.remove());
  byId(table).hidden = items.length === 0;
  byId(`${table}-empty`).hidden = items.length > 0;
}

// Curves

function drawn(tag, className, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  made.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/// Draws what `value` says of the last two minutes; where there is no value the line has a gap.
///
/// A `scale` makes small differences visible beside large ones.
function curve(tile, value, words, scale = (of) => of) {
  const svg = tile.querySelector("svg");
  const width = svg.clientWidth || 240;
  const height = svg.clientHeight || 52;
  const now = history.length ? history[history.length - 1].at : 0;
  const seen = history.map((point) => [point.at - now + WINDOW, value(point)]);
  const most = Math.max(0, ...seen.map(([, y]) => (y == null || y === Infinity ? 0 : y)));
  const x = (at) => (at / WINDOW) * (width - 4) + 1;
  const y = (of) => height - 2 - (most ? (scale(Math.min(of, most)) / scale(most)) * (height - 6) : 0);
  const pieces = [];
  let piece = null;
  for (const [at, of] of seen) {
    if (of == null) { piece = null; continue; }
    if (!piece) pieces.push((piece = []));
    piece.push(`${x(at).toFixed(1)},${y(of).toFixed(1)}`);
  }
  const made = [drawn("line", "base", { x1: 0, x2: width, y1: height - 1, y2: height - 1 })];
  for (const points of pieces) {
    const [from, to] = [points[0].split(",")[0], points[points.length - 1].split(",")[0]];
    const line = `M${points.join("L")}`;
    made.push(drawn("path", "area", { d: `${line}L${to},${height - 1}L${from},${height - 1}Z` }));
    made.push(drawn("path", "path", { d: line }));
  }
  if (piece) {
    const [cx, cy] = piece[piece.length - 1].split(",");
    made.push(drawn("circle", "end", { cx, cy, r: 2.6 }));
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...made);
  put(tile.querySelector(".most"), most ? `most ${words(most)}` : "");
  svg.setAttribute("aria-label", `${tile.querySelector("h3").textContent}: at most ${words(most)} in the last two minutes`);
}

/// The bound below which this part of the counts lies.
function quantile(buckets, part) {
  const all = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  if (!all) return null;
  let below = 0;
  for (const bucket of buckets) {
    below += bucket.count;
    if (below >= all * part) return bucket.up_to_seconds ?? Infinity;
  }
  return null;
}

/// The counts of `now` that were not there `before`.
function since(now, before) {
  const old = new Map(before.map((bucket) => [bucket.up_to_seconds, bucket.count]));
  return now.map((bucket) => ({ ...bucket, count: bucket.count - (old.get(bucket.up_to_seconds) || 0) }));
}

const fallbacksOf = (status) =>
  Object.entries(status.totals.messages).reduce((sum, [name, count]) => sum + (name === "ok" ? 0 : count), 0);

/// What has happened between two answers, per second of the agent's own clock.
function remember(status) {
  if (last && status.uptime_seconds < last.uptime_seconds) { history.length = 0; last = null; }
  const time = last ? status.uptime_seconds - last.uptime_seconds : 0;
  const point = { at: status.uptime_seconds, rate: null, p50: null, p99: null, fallbacks: null, calls: new Map() };
  if (last && time > 0) {
    if (time > 5) history.push({ at: status.uptime_seconds - 0.01, rate: null, p99: null, fallbacks: null });
    point.rate = Math.max(0, status.totals.notifies - last.totals.notifies) / time;
    point.fallbacks = Math.max(0, fallbacksOf(status) - fallbacksOf(last)) / time;
    const recent = since(status.latency.buckets, last.latency.buckets);
    point.p50 = quantile(recent, 0.5);
    point.p99 = quantile(recent, 0.99);
    const before = new Map(last.routes.map((route) => [route.message, route.calls]));
    for (const route of status.routes) {
      point.calls.set(route.message, Math.max(0, route.calls - (before.get(route.message) || 0)) / time);
    }
  }
  history.push(point);
  while (history[0].at < status.uptime_seconds - WINDOW) history.shift();
  last = status;
  return point;
}

// What is shown

function showState(status) {
  const state = byId("state");
  state.dataset.state = status.readiness.state;
  document.body.dataset.agent = status.readiness.state;
  put(byId("state-name"), status.readiness.state.replace("_", " "));
  put(byId("state-why"), status.readiness.text === status.readiness.state ? "" : status.readiness.text);
  put(byId("version"), status.version);
  put(byId("uptime"), age(status.uptime_seconds));
  const { total, silent } = status.arbiters;
  put(byId("arbiters"), silent ? `${number(total)}, ${number(silent)} silent` : number(total));
  put(byId("listeners"), status.listeners.map((one) => one.listener).join(", ") || "–");
}

function showNow(status, point) {
  put(byId("notifies-per-second"), rate(point.rate));
  put(byId("notifies"), number(status.totals.notifies));
  put(byId("latency-p99"), seconds(point.p99));
  put(byId("latency-p50"), seconds(point.p50));
  put(byId("fallbacks-per-second"), rate(point.fallbacks));
  put(byId("fallbacks-total"), number(fallbacksOf(status)));
  byId("fallbacks").classList.toggle("some", history.some((one) => one.fallbacks > 0));
  drawCurves();
  for (const use of byId("use").querySelectorAll("[data-use]")) {
    const words = use.dataset.use === "memory_bytes" ? bytes : number;
    const [used, limit] = [status.in_use[use.dataset.use], status.limits[use.dataset.use]];
    fill(use.querySelector("dd"), words(used), " ", element("small", "", `of ${words(limit)}`));
    meter(use.querySelector(".meter"), used, limit);
  }
}

function drawCurves() {
  curve(byId("rate"), (one) => one.rate, rate);
  curve(byId("latency"), (one) => one.p99, seconds, Math.cbrt);
  curve(byId("fallbacks"), (one) => one.fallbacks, rate);
}

function meter(node, used, limit) {
  const part = limit ? Math.min(1, used / limit) : 0;
  node.firstElementChild.style.width = part && `max(3px, ${(100 * part).toFixed(1)}%)`;
  node.classList.toggle("high", part >= 0.7 && part < 0.9);
  node.classList.toggle("full", part >= 0.9);
}

/// A name of the JSON as it is said: the words of the protocol keep their case.
const WORDS = { hello: "HELLO", hellos: "HELLOs", notifies: "NOTIFYs", acks: "ACKs", tls: "TLS", http: "HTTP", proxy: "PROXY", healthchecks: "health checks" };
const words = (name) => name.split("_").map((word) => WORDS[word] ?? word).join(" ");

function outcomes(route) {
  const chips = Object.entries(route.outcomes).filter(([, count]) => count > 0).map(([name, count]) => {
    const kind = name === "ok" ? "good" : ["bad_arguments", "overloaded", "full", "oversize"].includes(name) ? "warn" : "bad";
    return element("span", `chip ${kind}`, `${words(name)} ${number(count)}`);
  });
  return chips.length ? chips : [element("span", "quiet", "none yet")];
}

function instances({ up, renewing, down, stopped }) {
  const chip = (count, name, kind) => (count ? [element("span", `chip ${kind}`, `${number(count)} ${name}`)] : []);
  return [...chip(up, "up", "good"), ...chip(renewing, "renewing", "warn"), ...chip(down, "down", "bad"), ...chip(stopped, "stopped", "bad")];
}

function argument({ name, type, length_bytes }) {
  const kind = length_bytes == null ? type : `${type}, ${bytes(length_bytes)}`;
  return element("span", "arg", name || "(no name)", " ", element("i", "", kind));
}

const ROUTES = [
  { label: "message", className: "whole bare", show(cell, route, row) {
    row.dataset.message = route.message;
    const seen = route.arguments.map(argument);
    const rest = seen.length ? element("div", "args", ...seen) : element("small", "", "its arguments are shown once it has been asked");
    fill(cell, element("span", "name", route.message), rest);
  } },
  { label: "calls/s", className: "n", show(cell, route) {
    const point = history[history.length - 1];
    put(cell, rate(point.calls.get(route.message)));
  } },
  { label: "calls", className: "n", show: (cell, route) => put(cell, number(route.calls)) },
  { label: "outcomes", className: "whole", show: (cell, route) => fill(cell, element("span", "chips", ...outcomes(route))) },
  { label: "p50", className: "n", show: (cell, route) => put(cell, seconds(route.p50_seconds)) },
  { label: "p99", className: "n", show: (cell, route) => put(cell, seconds(route.p99_seconds)) },
  { label: "in flight", className: "n", show: (cell, route) => fill(cell, number(route.in_flight), element("small", "", `of ${number(route.in_flight_limit)}`)) },
  { label: "instances", className: "", show: (cell, route) => {
    const optional = route.is_required ? [] : [element("small", "", "optional")];
    fill(cell, element("span", "chips", ...instances(route.instances)), ...optional);
  } },
  { label: "restarts", className: "n", show: (cell, route) => put(cell, number(route.restarts)) },
  { label: "deadline, fallback", className: "", show: (cell, route) => fill(cell, seconds(route.deadline_seconds), element("small", "", route.fallback || "no actions")) },
];

const CONNECTIONS = [
  { label: "engine-id", className: "whole", show: (cell, one) => fill(cell, one.engine_id == null ? element("span", "quiet", "none") : element("span", "mono", one.engine_id)) },
  { label: "peer", className: "", show: (cell, one) => put(cell, one.peer) },
  { label: "listener", className: "", show: (cell, one) => put(cell, one.listener) },
  { label: "agreed", className: "whole", show: (cell, one) => {
    if (one.version == null) return fill(cell, element("span", "quiet", "no HELLO yet"));
    const agreed = `SPOP ${one.version}, frames to ${bytes(one.max_frame_size_bytes)}`;
    fill(cell, agreed, element("small", "", one.capabilities.join(", ") || "no capabilities"));
  } },
  { label: "phase", className: "", show: (cell, one) => {
    const kind = { open: "good", holding: "warn", ending: "warn" }[one.phase] || "";
    fill(cell, element("span", `chip ${kind}`, one.phase));
  } },
  { label: "in flight", className: "n", show: (cell, one) => put(cell, number(one.in_flight)) },
  { label: "keeps", className: "n", show: (cell, one) => put(cell, bytes(one.memory_bytes)) },
  { label: "age", className: "n", show: (cell, one) => put(cell, age(one.age_seconds)) },
];

const VIOLATIONS = [
  { label: "when", className: "nowrap", show: (cell, one) => {
    const date = new Date(one.time_unix_seconds * 1000);
    const passed = Math.max(0, Date.now() / 1000 - one.time_unix_seconds);
    fill(cell, clock(date), element("small", "", `${age(passed)} ago`));
  } },
  { label: "peer", className: "", show: (cell, one) => {
    const engine = one.engine_id == null ? [] : [element("small", "mono", one.engine_id)];
    fill(cell, one.peer, ...engine);
  } },
  { label: "status", className: "", show: (cell, one) => fill(cell, element("span", "chip bad", number(one.status_code)), element("small", "", one.status)) },
  { label: "what it was, and what to do", className: "whole bare", show: (cell, one) => fill(cell, one.text, element("p", "advice", one.advice)) },
];

function showTables(status) {
  rows("routes", status.routes, (route) => route.message, ROUTES);
  put(byId("routes-count"), number(status.routes.length));
  put(byId("routes-empty"), "The agent tells of no route.");
  const { total, shown } = status.connections;
  rows("connections", shown, (one) => `${one.listener} ${one.peer}`, CONNECTIONS);
  put(byId("connections-count"), number(total));
  put(byId("connections-note"), total > shown.length ? `the ${number(shown.length)} oldest of them` : "");
  put(byId("server-line"), serverLine(status.listeners));
  rows("violations", status.violations, (one) => `${one.time_unix_seconds} ${one.peer} ${one.text}`, VIOLATIONS);
  put(byId("violations-count"), status.violations.length ? number(status.violations.length) : "");
}

function serverLine(listeners) {
  const place = listeners.length ? listeners[0].listener : "127.0.0.1:12345";
  const address = place.startsWith("unix:") ? `unix@${place.slice(5)}` : place;
  return `backend agents\n    mode tcp\n    option spop-check\n    server agent1 ${address} check inter 2s`;
}

const GROUPS = [
  ["Connections", /^(connections|accepts|hellos|healthchecks|listeners|proxy|tls|certificates)/],
  ["Frames", /^(notifies|acks|fragments|aborted|oversize|unknown_frames|bytes_in|bytes_out|in_flight|cancelled)/],
  ["Limits met", /^(memory|read_timeouts|write_timeouts|bytes_kept|actions)/],
  ["Handlers", /^(handler|panics|messages_without)/],
  ["Others", /^/],
];

function showTotals(totals) {
  const groups = new Map(GROUPS.map(([title]) => [title, []]));
  for (const [name, value] of Object.entries(totals)) {
    if (typeof value === "number") {
      const title = GROUPS.find(([, pattern]) => pattern.test(name))[0];
      groups.get(title).push([words(name), name.startsWith("bytes") ? bytes(value) : number(value), value]);
    } else if (Array.isArray(value)) {
      groups.set(words(name).replace(/^./, (first) => first.toUpperCase()), value.map(statusCode));
    } else {
      groups.set(words(name).replace(/^./, (first) => first.toUpperCase()), nested(value));
    }
  }
  const boxes = [...groups].filter(([, entries]) => entries.length).map(([title, entries]) => {
    const lines = entries.map(([name, text, value]) =>
      element("div", value ? "" : "zero", element("dt", "", name), element("dd", "", text)));
    return element("div", "", element("h3", "", title), element("dl", "", ...lines));
  });
  fill(byId("totals"), ...boxes);
}

/// Counts below a name: plain ones, and those of frames, which have their bytes beside them.
function nested(counts) {
  return Object.entries(counts).map(([name, value]) => typeof value === "number"
    ? [words(name), number(value), value]
    : [words(name), `${number(value.frames)} · ${bytes(value.bytes)}`, value.frames]);
}

const statusCode = (one) => [`${one.status_code} ${one.status}`, number(one.count), one.count];

function show(status) {
  const point = remember(status);
  showState(status);
  showNow(status, point);
  showTables(status);
  showTotals(status.totals);
  const name = words(status.readiness.state);
  document.title = point.rate == null ? `${name} · spoa-agent` : `${name} · ${rate(point.rate)}/s · spoa-agent`;
}

// Asking

async function ask() {
  if (isAsking) return;
  isAsking = true;
  clearTimeout(timer);
  const begun = performance.now();
  try {
    const answer = await fetch("status.json", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    const status = await answer.json();
    answeredAt = new Date();
    silentSince = null;
    byId("silence").hidden = true;
    show(status);
    put(byId("freshness"), `live, ${clock(answeredAt)}`);
  } catch (error) {
    showSilence(error);
  }
  isAsking = false;
  if (!document.hidden) timer = setTimeout(ask, Math.max(100, PERIOD - (performance.now() - begun)));
}

function showSilence(error) {
  silentSince ??= answeredAt ?? new Date();
  const then = answeredAt ? "; what is shown is how it was then" : "";
  put(byId("silence"), `The agent has not answered since ${clock(silentSince)}${then}. It may have ended, or cannot be reached from here. This page keeps asking.`);
  byId("silence").hidden = false;
  byId("state").dataset.state = document.body.dataset.agent = "gone";
  put(byId("state-name"), "no answer");
  put(byId("state-why"), "");
  put(byId("freshness"), error.name === "TimeoutError" ? "no answer in 4 s" : "not reached");
  document.title = "no answer · spoa-agent";
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return void ask();
  clearTimeout(timer);
  put(byId("freshness"), "paused while it is not seen");
});

addEventListener("resize", drawCurves);
ask();
