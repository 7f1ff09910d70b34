// Rates from counters: what the last second and the last minute brought.

/** Values kept for a counter: a minute, as the page asks each second. */
export const SAMPLES = 60;

/** The value before and the rates of the last minute, for each counter by name. */
const counters = new Map();

/** The rate a second of a counter since the call before, and its last minute. `now` is in milliseconds. */
export function rate(name, value, now) {
  const known = counters.get(name);
  if (!known) {
    const fresh = { value, now, last: 0, samples: [] };
    counters.set(name, fresh);
    return fresh;
  }
  const seconds = (now - known.now) / 1000;
  // A counter that went down belongs to a process that started again.
  known.last = seconds > 0 ? Math.max(0, value - known.value) / seconds : known.last;
  known.samples.push(known.last);
  if (known.samples.length > SAMPLES) known.samples.shift();
  known.value = value;
  known.now = now;
  return known;
}
