/** Dates of HTTP (RFC 9110, section 5.6.7): the three forms, always UTC. Pure. */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
const MONTH = `(?<month>${MONTHS.join('|')})`;
const SHORT_DAY = `(?<day>${DAYS.map((day) => day.slice(0, 3)).join('|')})`;
const LONG_DAY = `(?<day>${DAYS.join('|')})`;
const FORMS = [
  /** `Sun, 06 Nov 1994 08:49:37 GMT` */
  new RegExp(String.raw`^${SHORT_DAY}, (?<date>\d\d) ${MONTH} (?<year>\d{4}) ${TIME} GMT$`),
  /** `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850) */
  new RegExp(String.raw`^${LONG_DAY}, (?<date>\d\d)-${MONTH}-(?<shortYear>\d\d) ${TIME} GMT$`),
  /** `Sun Nov  6 08:49:37 1994` (asctime) */
  new RegExp(String.raw`^${SHORT_DAY} ${MONTH} (?<date>\d\d| \d) ${TIME} (?<year>\d{4})$`),
];
/** A year of two digits that seems further ahead than this is one of the past. */
const YEARS_AHEAD_MAX = 50;

/**
 * Milliseconds since the Unix epoch; undefined for whatever is no date: another form, a day that
 * the month has not, the wrong day of the week. `nowMs` settles the century of RFC 850.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) return timeOf(groups, nowMs);
  }
  return undefined;
}

function timeOf(groups: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const { day = '', date, month = '', hour, minute, second } = groups;
  const monthIndex = MONTHS.indexOf(month);
  const [dayOfMonth, hours, minutes] = [Number(date), Number(hour), Number(minute)];
  const year = yearOf(groups, nowMs);
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, monthIndex, dayOfMonth);
  const isThatDay =
    midnight.getUTCMonth() === monthIndex &&
    midnight.getUTCDate() === dayOfMonth &&
    DAYS[midnight.getUTCDay()]?.startsWith(day) === true;
  // A leap second is one of the forms (60).
  if (!isThatDay || hours > 23 || minutes > 59 || Number(second) > 60) return undefined;
  return midnight.getTime() + ((hours * 60 + minutes) * 60 + Number(second)) * 1_000;
}

function yearOf(groups: Readonly<Record<string, string>>, nowMs: number): number {
  const { year, shortYear } = groups;
  if (shortYear === undefined) return Number(year);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const guess = thisYear - (thisYear % 100) + Number(shortYear);
  return guess > thisYear + YEARS_AHEAD_MAX ? guess - 100 : guess;
}
