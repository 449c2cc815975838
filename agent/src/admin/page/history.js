// History: what has happened between one answer of the agent and the next.

/// How many seconds are kept.
export const WINDOW = 120;
export const points = [];
let last = null;

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

export const fallbacksOf = (status) =>
  Object.entries(status.totals.messages).reduce((sum, [name, count]) => sum + (name === "answered" ? 0 : count), 0);

/// What has happened between two answers, per second of the agent's own clock.
export function remember(status) {
  if (last && status.uptime_seconds < last.uptime_seconds) { points.length = 0; last = null; }
  const time = last ? status.uptime_seconds - last.uptime_seconds : 0;
  const point = { at: status.uptime_seconds, rate: null, p50: null, p99: null, fallbacks: null, calls: new Map() };
  // A worker thread that is unresponsive takes its counts away, and brings them back.
  if (time > 0 && status.workers.unresponsive === last.workers.unresponsive) {
    if (time > 5) points.push({ at: status.uptime_seconds - 0.01, rate: null, p99: null, fallbacks: null });
    point.rate = Math.max(0, status.totals.notifies - last.totals.notifies) / time;
    point.fallbacks = Math.max(0, fallbacksOf(status) - fallbacksOf(last)) / time;
    const recent = since(status.latency.buckets, last.latency.buckets);
    point.p50 = quantile(recent, 0.5);
    point.p99 = quantile(recent, 0.99);
    const before = new Map(last.routes.map((route) => [route.route, route.calls]));
    for (const route of status.routes) {
      point.calls.set(route.route, Math.max(0, route.calls - (before.get(route.route) || 0)) / time);
    }
  }
  points.push(point);
  while (points[0].at < status.uptime_seconds - WINDOW) points.shift();
  last = status;
  return point;
}
