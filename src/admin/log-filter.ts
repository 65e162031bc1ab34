/** Which lines of the log somebody asks for. Touches nothing. */
import { type AdminRequest, countOf, refuse } from './request.ts';

export interface LogLine {
  readonly level?: unknown;
  readonly time?: unknown;
  readonly [field: string]: unknown;
}

export interface LogFilter {
  /** What stands in each line that could pass: a line without it is not even parsed. */
  readonly texts: readonly string[];
  passes(line: LogLine): boolean;
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const wordCharsMax = 2_000;

/** @throws TerrafirmaError `admin-request`. */
export function readLogFilter(request: Pick<AdminRequest, 'query'>): LogFilter {
  const { query } = request;
  const texts: string[] = [];
  const checks: ((line: LogLine) => boolean)[] = [];
  const want = (parameter: string, fields: readonly string[]): void => {
    const value = query.get(parameter);
    if (value === null) return;
    if (value === '' || value.length > wordCharsMax) {
      refuse(`"${parameter}" must have 1 to ${wordCharsMax} characters`, value);
    }
    texts.push(JSON.stringify(value));
    checks.push((line) => fields.some((field) => line[field] === value));
  };
  want('folder', ['folderKey']);
  want('host', ['hostName']);
  want('module', ['modulePath']);
  want('outcome', ['outcome']);
  want('event', ['event']);
  want('request', ['id', 'requestId']);
  want('trace', ['traceId']);
  const status = query.get('status');
  if (status !== null) checks.push(statusCheck(status));
  const level = query.get('level');
  if (level !== null) checks.push(levelCheck(level));
  const sinceMs = countOf(request, 'sinceMs', {
    fallback: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  });
  if (sinceMs > 0) {
    const since = new Date(sinceMs).toISOString();
    checks.push(({ time }) => typeof time === 'string' && time >= since);
  }
  return { texts, passes: (line) => checks.every((check) => check(line)) };
}

/** The line as an object where it passes; undefined where it does not, or is no line of ours. */
export function readLine(text: string, filter: LogFilter): LogLine | undefined {
  if (!filter.texts.every((wanted) => text.includes(wanted))) return undefined;
  try {
    const line = JSON.parse(text) as LogLine;
    return filter.passes(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

/** `404`, or `5xx`. */
function statusCheck(status: string): (line: LogLine) => boolean {
  if (/^[1-5]xx$/.test(status)) {
    const first = Number(status[0]);
    return (line) => typeof line.status === 'number' && Math.floor(line.status / 100) === first;
  }
  if (!/^[1-5]\d\d$/.test(status)) refuse('"status" must be such as 404 or 5xx', status);
  return (line) => line.status === Number(status);
}

/** That level, and what is more important. */
function levelCheck(level: string): (line: LogLine) => boolean {
  const least = levels.indexOf(level);
  if (least === -1) refuse(`"level" must be one of ${levels.join(', ')}`, level);
  return (line) => levels.indexOf(String(line.level)) >= least;
}
