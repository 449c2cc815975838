// Tables: routes, chains, data sets, messages without one, connections and violations.

import { byId, element, fill, put, rows } from "./elements.js";
import { points } from "./history.js";
import { age, bytes, clock, number, rate, seconds, words } from "./words.js";

export function showTables(status) {
  rows("routes", status.routes, (route) => route.route, ROUTES);
  put(byId("routes-count"), number(status.routes.length));
  put(byId("routes-empty"), "The agent tells of no route.");
  const steps = status.chains.flatMap(({ message, handlers }) => handlers.map((handler) => ({ message, ...handler })));
  rows("chains", steps, (step) => `${step.message} ${step.handler}`, STEPS);
  byId("chains").closest("section").hidden = steps.length === 0;
  put(byId("chains-count"), number(status.chains.length));
  rows("data", status.data, (one) => one.data, DATA);
  byId("data").closest("section").hidden = status.data.length === 0;
  put(byId("data-count"), number(status.data.length));
  const unrouted = status.messages_without_route;
  rows("unrouted", unrouted, (one) => one.message, UNROUTED);
  byId("unrouted").closest("section").hidden = unrouted.length === 0;
  put(byId("unrouted-count"), number(unrouted.length));
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

function outcomes(route) {
  const chips = Object.entries(route.outcomes).filter(([, count]) => count > 0).map(([name, count]) => {
    const kind = name === "answered" ? "good" : ["bad_arguments", "agent_overloaded", "route_full", "too_large", "too_many_messages"].includes(name) ? "warn" : "bad";
    return element("span", `chip ${kind}`, `${words(name)} ${number(count)}`);
  });
  return chips.length ? chips : [element("span", "quiet", "none yet")];
}

function instances({ up, restarting, down, stopped }) {
  const chip = (count, name, kind) => (count ? [element("span", `chip ${kind}`, `${number(count)} ${name}`)] : []);
  return [...chip(up, "up", "good"), ...chip(restarting, "restarting", "warn"), ...chip(down, "down", "bad"), ...chip(stopped, "stopped", "bad")];
}

function argument({ name, type, length_bytes }) {
  const kind = length_bytes == null ? type : `${type}, ${bytes(length_bytes)}`;
  return element("span", "arg", name || "(no name)", " ", element("i", "", kind));
}

const ROUTES = [
  { label: "route", className: "whole bare", show(cell, route, row) {
    row.dataset.route = route.route;
    const seen = route.arguments.map(argument);
    const rest = seen.length ? element("div", "args", ...seen) : element("small", "", "its arguments are shown once it has been asked");
    fill(cell, element("span", "name", route.route), rest);
  } },
  { label: "calls/s", className: "n", show(cell, route) {
    const point = points[points.length - 1];
    put(cell, rate(point.calls.get(route.route)));
  } },
  { label: "calls", className: "n", show: (cell, route) => put(cell, number(route.calls)) },
  { label: "outcomes", className: "whole", show: (cell, route) => fill(cell, element("span", "chips", ...outcomes(route))) },
  { label: "p50", className: "n", show: (cell, route) => put(cell, seconds(route.p50_seconds)) },
  { label: "p99", className: "n", show: (cell, route) => put(cell, seconds(route.p99_seconds)) },
  { label: "concurrency", className: "n", show: (cell, route) => fill(cell, number(route.concurrency), element("small", "", `of ${number(route.concurrency_limit)}`)) },
  { label: "instances", className: "", show: (cell, route) => {
    const optional = route.is_required ? [] : [element("small", "", "optional")];
    fill(cell, element("span", "chips", ...instances(route.instances)), ...optional);
  } },
  { label: "restarts", className: "n", show: (cell, route) => {
    const more = ["starts_failed", "times_down", "background_panics"].filter((name) => route[name] > 0);
    fill(cell, number(route.restarts), ...more.map((name) => element("small", "", `${words(name)} ${number(route[name])}`)));
  } },
  { label: "deadline, fallback", className: "", show: (cell, route) => fill(cell, seconds(route.deadline_seconds), element("small", "", route.fallback || "no actions")) },
];

function decisions(step) {
  const kinds = { allow: "good", deny: "bad", drop: "bad", tarpit: "bad" };
  const chips = step.decisions.map(({ action, reason, count }) => element("span", `chip ${kinds[action] || "warn"}`, `${action} ${words(reason)} ${number(count)}`));
  return chips.length ? chips : [element("span", "quiet", "none yet")];
}

const STEPS = [
  { label: "message", className: "", show: (cell, step) => put(cell, step.message) },
  { label: "handler", className: "", show: (cell, step) => {
    const mode = step.mode === "enforce" ? [] : [element("small", "", step.mode)];
    fill(cell, element("span", "name", step.handler), ...mode);
  } },
  { label: "run", className: "n", show: (cell, step) => put(cell, number(step.run)) },
  { label: "skipped", className: "n", show: (cell, step) => put(cell, number(step.skipped)) },
  { label: "failed", className: "n", show: (cell, step) => put(cell, number(step.failed)) },
  { label: "decisions", className: "whole", show: (cell, step) => fill(cell, element("span", "chips", ...decisions(step))) },
];

const DATA = [
  { label: "data", className: "", show: (cell, one) => fill(cell, element("span", "name", one.data)) },
  { label: "state", className: "whole", show: (cell, one) => {
    const [kind, text] = !one.is_up ? ["bad", "not loaded"] : one.is_stale ? ["warn", "stale"] : ["good", "up"];
    const error = one.last_error == null ? [] : [element("small", "", one.last_error)];
    fill(cell, element("span", `chip ${kind}`, text), ...error);
  } },
  { label: "entries", className: "n", show: (cell, one) => put(cell, number(one.entries)) },
  { label: "memory", className: "n", show: (cell, one) => put(cell, bytes(one.memory_bytes)) },
  { label: "bad lines", className: "n", show: (cell, one) => put(cell, number(one.bad_lines)) },
  { label: "loads", className: "n", show: (cell, one) => fill(cell, number(one.loads), ...(one.failures ? [element("small", "", `${number(one.failures)} refused`)] : [])) },
];

const UNROUTED = [
  { label: "message", className: "whole bare", show(cell, one) {
    const seen = one.arguments.map(argument);
    const rest = seen.length ? element("div", "args", ...seen) : element("small", "", "without arguments");
    fill(cell, element("span", "name", one.message || "(no name)"), rest);
  } },
  { label: "received", className: "n", show: (cell, one) => put(cell, number(one.count)) },
  { label: "last seen", className: "n nowrap", show: (cell, one) => put(cell, `${age(one.last_seen_seconds)} ago`) },
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
    const kind = { open: "good", draining: "warn", closing: "warn" }[one.phase] || "";
    fill(cell, element("span", `chip ${kind}`, one.phase));
  } },
  { label: "in flight", className: "n", show: (cell, one) => put(cell, number(one.messages_in_flight)) },
  { label: "buffers", className: "n", show: (cell, one) => put(cell, bytes(one.memory_bytes)) },
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
