/** Dates and times of HTTP (RFC 9110, sections 5.6.7 and 10.2.3): always UTC. Pure. */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const time = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
const monthPattern = `(?<month>${months.join('|')})`;
const shortDay = `(?<day>${days.map((day) => day.slice(0, 3)).join('|')})`;
const longDay = `(?<day>${days.join('|')})`;
const forms = [
  /** `Sun, 06 Nov 1994 08:49:37 GMT` */
  new RegExp(String.raw`^${shortDay}, (?<date>\d\d) ${monthPattern} (?<year>\d{4}) ${time} GMT$`),
  /** `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850) */
  new RegExp(
    String.raw`^${longDay}, (?<date>\d\d)-${monthPattern}-(?<shortYear>\d\d) ${time} GMT$`,
  ),
  /** `Sun Nov  6 08:49:37 1994` (asctime) */
  new RegExp(String.raw`^${shortDay} ${monthPattern} (?<date>\d\d| \d) ${time} (?<year>\d{4})$`),
];
/** A year of two digits that seems further ahead than this is one of the past. */
const yearsAheadMax = 50;

/**
 * Milliseconds since the Unix epoch; undefined for whatever is no date: another form, a day that
 * the month has not, the wrong day of the week. `nowMs` settles the century of RFC 850.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of forms) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) return timeOf(groups, nowMs);
  }
  return undefined;
}

/** The form of dates that we send, e.g. `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function formatHttpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}

/**
 * How long Retry-After asks to wait, in milliseconds: seconds or a date, which may have passed;
 * undefined for whatever is neither.
 */
export function parseRetryAfter(text: string, nowMs: number): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const timeMs = parseHttpDate(text, nowMs);
  return timeMs === undefined ? undefined : Math.max(0, timeMs - nowMs);
}

function timeOf(groups: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const { day = '', date, month = '', hour, minute, second } = groups;
  const monthIndex = months.indexOf(month);
  const [dayOfMonth, hours, minutes] = [Number(date), Number(hour), Number(minute)];
  const year = yearOf(groups, nowMs);
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, monthIndex, dayOfMonth);
  const isThatDay =
    midnight.getUTCMonth() === monthIndex &&
    midnight.getUTCDate() === dayOfMonth &&
    days[midnight.getUTCDay()]?.startsWith(day) === true;
  // A leap second is one of the forms (60).
  if (!isThatDay || hours > 23 || minutes > 59 || Number(second) > 60) return undefined;
  return midnight.getTime() + ((hours * 60 + minutes) * 60 + Number(second)) * 1_000;
}

function yearOf(groups: Readonly<Record<string, string>>, nowMs: number): number {
  const { year, shortYear } = groups;
  if (shortYear === undefined) return Number(year);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const guess = thisYear - (thisYear % 100) + Number(shortYear);
  return guess > thisYear + yearsAheadMax ? guess - 100 : guess;
}
