/** `[[headers]]`: what answers for some paths carry. */
import { connectionHeaders } from '../../http/connection-headers.ts';
import { tokenPattern } from '../../http/token.ts';
import { quoteReceived } from '../../names.ts';
import { compilePatterns, type PatternTable } from '../path-patterns.ts';
import { namePlace, type Place, SettingsFault } from './fault.ts';
import { choice, type Kind, text, turned } from './kinds.ts';
import { pathPattern, requirePatternCounts, rulesMax } from './patterns.ts';
import { listOf, maybe, needed, record, tableOf } from './tables.ts';

export interface HeaderRule {
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Also on answers of modules, where they do not set it themselves. */
  readonly isForModules: boolean;
}

/** Plain data; `table` numbers the `rules`. All rules that match hold; a later one wins. */
export interface Headers {
  readonly table: PatternTable;
  readonly rules: readonly HeaderRule[];
}

const headersPerRuleMax = 32;
const valueBytesMax = 4_096;

/** What the daemon says itself, for the connection, the body or the whole host name. */
export const refusedHeaders: ReadonlySet<string> = new Set([
  ...connectionHeaders,
  'alt-svc',
  'content-encoding',
  'content-length',
  'set-cookie',
  'strict-transport-security',
  'x-request-id',
]);

/** A token that is not as long as a head. */
const namePattern = new RegExp(`^(?=.{1,128}$)${tokenPattern.source.slice(1)}`);

const set = tableOf(
  text({
    bytesMax: valueBytesMax,
    rule: 'must be visible ASCII, with spaces only inside',
    // RFC 9110, section 5.5, without what is outside of ASCII.
    pattern: /^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/,
  }),
  {
    max: headersPerRuleMax,
    what: 'headers',
    names: { pattern: namePattern, rule: 'names of HTTP headers' },
  },
);

const rule = record({
  for: needed(pathPattern, 'The paths: ":name" is one segment, "*" at the end all that follows'),
  set: needed(turned(set, readHeaders), 'Headers and their values'),
  apply: maybe(choice(['files', 'all']), 'Default "files"; "all": on answers of modules too'),
});

export const headers: Kind<Headers> = turned(
  listOf(rule, { max: rulesMax, what: 'rules' }),
  (read, place) => {
    const patterns = read.map((each) => each.for);
    requirePatternCounts(patterns, place);
    const rules = read.map((each) => ({ headers: each.set, isForModules: each.apply === 'all' }));
    return { table: compilePatterns(patterns), rules };
  },
);

function readHeaders(
  values: ReadonlyMap<string, string>,
  place: Place,
): readonly (readonly [string, string])[] {
  const read = new Map<string, string>();
  for (const [written, value] of values) {
    const name = written.toLowerCase();
    const at = [...place, written];
    if (refusedHeaders.has(name)) {
      const wanted = `${namePlace(place)} may not set what the daemon sets itself`;
      throw new SettingsFault(at, wanted, quoteReceived(written));
    }
    if (read.has(name)) {
      throw new SettingsFault(
        at,
        `${namePlace(place)} may hold each header once`,
        quoteReceived(written),
      );
    }
    read.set(name, value);
  }
  return [...read];
}
