/** Numbers, sizes and times in words: short, and of the same width as they change. Pure. */

/** @param {number | null | undefined} value */
export function count(value) {
  if (value === null || value === undefined) return '–';
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (Math.abs(value) >= 1e4) return `${(value / 1e3).toFixed(1)}k`;
  // Steps of an axis may lie between two whole numbers.
  if (Math.abs(value) < 10 && !Number.isInteger(value)) return value.toFixed(1);
  return Math.round(value).toLocaleString('en');
}

/** `1, "request"` → `1 request`. @param {number} value @param {string} thing */
export function counted(value, thing) {
  return `${count(value)} ${thing}${value === 1 ? '' : 's'}`;
}

/** Per second. @param {number | null | undefined} value */
export function rate(value) {
  if (value === null || value === undefined) return '–';
  if (value >= 1e4) return count(value);
  if (value >= 10 || value === 0) return Math.round(value).toLocaleString('en');
  return value < 1 ? value.toFixed(2) : value.toFixed(1);
}

/** @param {number | null | undefined} value Milliseconds. */
export function duration(value) {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0 ms';
  if (value < 1) return `${Math.round(value * 1e3)} µs`;
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1e3) return `${Math.round(value)} ms`;
  if (value < 6e4) return `${(value / 1e3).toFixed(value < 1e4 ? 1 : 0)} s`;
  return span(value);
}

/** Minutes, hours, days. @param {number} ms */
export function span(ms) {
  const minutes = Math.floor(ms / 6e4);
  if (minutes < 1) return `${Math.max(0, Math.round(ms / 1e3))} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} days`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** @param {number | null | undefined} value */
export function bytes(value) {
  if (value === null || value === undefined) return '–';
  let unit = 0;
  let rest = value;
  for (; rest >= 1_000 && unit < units.length - 1; unit += 1) rest /= 1_024;
  const digits = unit === 0 || rest >= 100 ? 0 : 1;
  return `${rest.toFixed(digits)} ${units[unit]}`;
}

/**
 * Small shares have more digits, or two steps of an axis would read alike.
 *
 * @param {number} share 0–1
 */
export function percent(share) {
  if (share <= 0 || share >= 0.1) return `${(share * 100).toFixed(0)} %`;
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;
}

/** How long ago, or how far ahead. @param {string} iso */
export function ago(iso) {
  const ms = Date.now() - Date.parse(iso);
  return ms < 0 ? `in ${span(-ms)}` : `${span(ms)} ago`;
}

/** The time of day, of this machine. @param {string | number} at */
export function clock(at) {
  return new Date(at).toLocaleTimeString('en-GB');
}

/** @param {string} iso */
export function dateTime(iso) {
  const at = new Date(iso);
  return `${at.toLocaleDateString('en-CA')} ${at.toLocaleTimeString('en-GB')}`;
}

/** The start of a digest: enough to tell versions apart. @param {string | null} digest */
export function shortDigest(digest) {
  return digest === null ? '–' : digest.slice(0, 12);
}
