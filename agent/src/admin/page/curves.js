// Curves: the last two minutes, drawn by hand.

import { put } from "./elements.js";
import { WINDOW, points } from "./history.js";

function drawn(tag, className, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  made.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/// Draws what `value` says of the last two minutes; where there is no value the line has a gap.
///
/// A `scale` makes small differences visible beside large ones.
export function curve(tile, value, words, scale = (of) => of) {
  const svg = tile.querySelector("svg");
  const width = svg.clientWidth || 240;
  const height = svg.clientHeight || 52;
  const now = points.length ? points[points.length - 1].at : 0;
  const seen = points.map((point) => [point.at - now + WINDOW, value(point)]);
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
