/** `[[cron]]`: when modules are called without a visitor. */
import { Cron } from 'croner';
import type { ModulePath } from '../../names.ts';
import { quoteReceived } from '../../names.ts';
import { namePlace, type Place, SettingsFault } from './fault.ts';
import { choice, type Kind, modulePath, text, turned } from './kinds.ts';
import { listOf, maybe, needed, record } from './tables.ts';

export const cronEntriesMax = 32;
const scheduleBytesMax = 256;
const zoneBytesMax = 64;
const pathBytesMax = 2_048;

export interface CronEntry {
  /** As written; one minute apart at least. */
  readonly schedule: string;
  readonly modulePath: ModulePath;
  /** Behind the module in the request's target: begins with `/` or `?`, or is empty. */
  readonly target: string;
  /** IANA name. */
  readonly timezone: string;
  /** Whether one run makes up for those that could not be. */
  readonly makesUp: boolean;
}

const nicknames = new Set(['@hourly', '@daily', '@weekly', '@monthly']);
/** Any moment does: a pattern that has no time after it has none at all. */
const someMoment = new Date('2024-01-01T00:00:00Z');

const entry = record({
  schedule: needed(
    text({ bytesMax: scheduleBytesMax, rule: 'must be a schedule, such as "*/15 * * * *"' }),
    'Minute, hour, day, month, day of the week; or @hourly, @daily, @weekly, @monthly',
  ),
  module: needed(modulePath, 'The module that is called: "jobs/clean.wasm"'),
  path: maybe(
    text({
      bytesMax: pathBytesMax,
      rule: 'must begin with "/" or "?" and hold no spaces, "#" or control characters',
      pattern: /^(?:[/?][\x21\x22\x24-\x7e]*)?$/,
      isShown: true,
    }),
    'What follows the module in the address: "/?full=1"',
  ),
  timezone: maybe(
    text({ bytesMax: zoneBytesMax, rule: 'must be a time zone, such as "Europe/Berlin"' }),
    'Default "UTC"',
  ),
  missed: maybe(
    choice(['skip', 'once']),
    'Default "skip"; "once": one run makes up for all missed',
  ),
});

export const cron: Kind<readonly CronEntry[]> = listOf(turned(entry, readEntry), {
  max: cronEntriesMax,
  what: 'entries',
});

function readEntry(read: ReturnType<typeof entry.read>, place: Place): CronEntry {
  const { schedule, module, path = '', timezone = 'UTC', missed = 'skip' } = read;
  requireZone(timezone, [...place, 'timezone']);
  requireSchedule(schedule, [...place, 'schedule']);
  return {
    schedule,
    modulePath: module as ModulePath,
    target: path,
    timezone,
    makesUp: missed === 'once',
  };
}

function requireZone(timezone: string, place: Place): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    const rule = `${namePlace(place)} must be a time zone, such as "Europe/Berlin"`;
    throw new SettingsFault(place, rule, quoteReceived(timezone));
  }
}

function requireSchedule(schedule: string, place: Place): void {
  const refuse = (rule: string): SettingsFault =>
    new SettingsFault(place, `${namePlace(place)} ${rule}`, quoteReceived(schedule));
  if (schedule.startsWith('@') && !nicknames.has(schedule)) {
    throw refuse(`must be five fields, or one of ${[...nicknames].join(', ')}`);
  }
  // The parser also takes a date of ISO 8601, which comes once.
  const isRepeated = schedule.startsWith('@') || schedule.trim().split(/\s+/).length === 5;
  const first = isRepeated ? firstTime(schedule) : undefined;
  if (first === undefined) {
    throw refuse('must be five fields, such as "*/15 * * * *": minute, hour, day, month, weekday');
  }
  if (first === null) throw refuse('must have a time at which it comes');
}

/** Undefined for what is no schedule. */
function firstTime(schedule: string): Date | null | undefined {
  try {
    return nextTime({ schedule, timezone: 'UTC' }, someMoment);
  } catch {
    return undefined;
  }
}

/**
 * The first time of a schedule after `after`; null when there is none. An hour that a change of the
 * clock leaves out runs when it is over; one that comes twice runs once.
 */
export function nextTime(when: CronTimes, after: Date): Date | null {
  return timesOf(when).nextRun(after);
}

/** The last time of a schedule before `before`; undefined when there is none. */
export function lastTime(when: CronTimes, before: Date): Date | undefined {
  return timesOf(when).previousRuns(1, before)[0];
}

type CronTimes = Pick<CronEntry, 'schedule' | 'timezone'>;

function timesOf({ schedule, timezone }: CronTimes): Cron {
  return new Cron(schedule, { mode: '5-part', timezone, paused: true });
}
