// The status page: asks for status.json each second while it is seen, and shows what it says.

import { curve } from "./curves.js";
import { byId, element, fill, put } from "./elements.js";
import { fallbacksOf, points, remember } from "./history.js";
import { showTables } from "./tables.js";
import { showTotals } from "./totals.js";
import { age, bytes, clock, number, rate, seconds, words } from "./words.js";

const PERIOD = 1000;
const PATIENCE = 4000;
const PAUSED = "paused while it is not seen";
const TOKEN = "token";

let answeredAt = null;
let silentSince = null;
let timer = 0;
let isAsking = false;

function show(status) {
  const point = remember(status);
  showState(status);
  showNow(status, point);
  showTables(status);
  showTotals(status.totals);
  const name = words(status.readiness.state);
  const parts = [name, point.rate == null ? [] : `${rate(point.rate)}/s`, status.program];
  document.title = parts.flat().join(" · ");
}

function showState(status) {
  const state = byId("state");
  state.dataset.state = status.readiness.state;
  document.body.dataset.agent = status.readiness.state;
  put(byId("state-name"), words(status.readiness.state));
  put(byId("state-why"), status.readiness.text === status.readiness.state ? "" : status.readiness.text);
  put(byId("program"), status.program);
  put(byId("version"), status.version);
  put(byId("uptime"), age(status.uptime_seconds));
  put(byId("generation"), number(status.generation));
  const { total, unresponsive } = status.workers;
  put(byId("workers"), unresponsive ? `${number(total)}, ${number(unresponsive)} unresponsive` : number(total));
  put(byId("listeners"), status.listeners.map((one) => one.listener).join(", ") || "–");
}

function showNow(status, point) {
  put(byId("notifies-per-second"), rate(point.rate));
  put(byId("notifies"), number(status.totals.notifies));
  put(byId("latency-p99"), seconds(point.p99));
  put(byId("latency-p50"), seconds(point.p50));
  put(byId("fallbacks-per-second"), rate(point.fallbacks));
  put(byId("fallbacks-total"), number(fallbacksOf(status)));
  byId("fallbacks").classList.toggle("some", points.some((one) => one.fallbacks > 0));
  drawCurves();
  for (const use of byId("use").querySelectorAll("[data-use]")) {
    const amount = use.dataset.use === "memory_bytes" ? bytes : number;
    const [used, limit] = [status.in_use[use.dataset.use], status.limits[use.dataset.use]];
    fill(use.querySelector("dd"), amount(used), " ", element("small", "", `of ${amount(limit)}`));
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

async function ask() {
  if (isAsking) return;
  isAsking = true;
  clearTimeout(timer);
  const begun = performance.now();
  try {
    const token = sessionStorage.getItem(TOKEN);
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch("status.json", { cache: "no-store", headers, signal: AbortSignal.timeout(PATIENCE) });
    byId("token").hidden = answer.status !== 401;
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    const status = await answer.json();
    answeredAt = new Date();
    silentSince = null;
    byId("silence").hidden = true;
    show(status);
    put(byId("freshness"), document.hidden ? PAUSED : `live, ${clock(answeredAt)}`);
  } catch (error) {
    showSilence(error);
  }
  isAsking = false;
  if (!document.hidden) timer = setTimeout(ask, Math.max(100, PERIOD - (performance.now() - begun)));
}

function showSilence(error) {
  silentSince ??= answeredAt ?? new Date();
  const then = answeredAt ? "; what is shown is how it was then" : "";
  put(byId("silence"), `The agent has not answered since ${clock(silentSince)}${then}. It may have ended, or cannot be reached from here, or asks for a token. This page keeps asking.`);
  byId("silence").hidden = false;
  byId("state").dataset.state = document.body.dataset.agent = "gone";
  put(byId("state-name"), "no answer");
  put(byId("state-why"), "");
  put(byId("freshness"), error.name === "TimeoutError" ? "no answer in 4 s" : "not reached");
  document.title = `no answer · ${byId("program").textContent}`;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return void ask();
  clearTimeout(timer);
  put(byId("freshness"), PAUSED);
});

byId("token").addEventListener("submit", (event) => {
  event.preventDefault();
  // Of this tab alone, and no longer than it is open.
  sessionStorage.setItem(TOKEN, event.target.querySelector("input").value.trim());
  ask();
});

addEventListener("resize", drawCurves);
ask();
