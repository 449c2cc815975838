// Words: numbers, times and names as people read them.

const whole = new Intl.NumberFormat("en");
export const number = (value) => (value == null ? "–" : whole.format(value));

export function rate(value) {
  if (value == null) return "–";
  if (value === 0 || value >= 100) return whole.format(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(2).replace(/0$/, "");
}

export function seconds(value) {
  if (value == null) return "–";
  if (value === Infinity) return "> 17 min";
  if (value < 0.000995) return `${Math.round(value * 1e6)} µs`;
  if (value < 0.995) return `${+(value * 1e3).toPrecision(3)} ms`;
  return `${+value.toPrecision(3)} s`;
}

export function age(value) {
  if (value == null) return "–";
  const s = Math.floor(value);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function bytes(value) {
  if (value == null) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let index = 0;
  while (value >= 1024 && index + 1 < units.length) { value /= 1024; index += 1; }
  return `${index && value < 100 ? +value.toFixed(1) : Math.round(value)} ${units[index]}`;
}

export function clock(date) {
  return date.toLocaleTimeString("en-GB");
}

/// A name of the JSON as it is said: the words of the protocol keep their case.
const WORDS = { hello: "HELLO", hellos: "HELLOs", notifies: "NOTIFYs", acks: "ACKs", tls: "TLS", http: "HTTP", proxy: "PROXY", healthchecks: "health checks" };
export const words = (name) => name.split("_").map((word) => WORDS[word] ?? word).join(" ");
