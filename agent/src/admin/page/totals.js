// Totals: all counts, in groups.

import { byId, element, fill } from "./elements.js";
import { bytes, number, words } from "./words.js";

const GROUPS = [
  ["Connections", /^(connections|accepts|workers|hellos|healthchecks|listeners|proxy|tls|certificates)/],
  ["Frames", /^(notifies|acks|fragments|unknown_frames|bytes_in|bytes_out)/],
  ["Limits met", /^(memory|reads|read_timeouts|write_timeouts|actions)/],
  ["Handlers", /^(handler|background_panics|messages_)/],
  ["Others", /^/],
];

export function showTotals(totals) {
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
