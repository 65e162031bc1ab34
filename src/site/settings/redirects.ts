/** `[[redirects]]`: where paths have gone, and which paths stand for others. */

import { quoteReceived } from '../../names.ts';
import { compilePatterns, type PathPattern, type PatternTable } from '../path-patterns.ts';
import { captureNames, expandTarget, type PathTarget, parsePathTarget } from '../path-targets.ts';
import { namePlace, type Place, SettingsFault } from './fault.ts';
import { choice, type Kind, text, turned, yesOrNo } from './kinds.ts';
import { pathPattern, requirePatternCounts, rulesMax } from './patterns.ts';
import { listOf, maybe, needed, record } from './tables.ts';

/** 200 is a rewrite: the visitor does not see it. 410: gone, there is no target. */
export const redirectStatuses = [301, 302, 303, 307, 308, 410, 200] as const;
export type RedirectStatus = (typeof redirectStatuses)[number];

export interface RedirectRule {
  readonly status: RedirectStatus;
  /** Even where a file or module is. */
  readonly isForced: boolean;
  /** Undefined with 410. */
  readonly target?: PathTarget;
}

/** Plain data; `table` numbers the `rules`. */
export interface Redirects {
  readonly table: PatternTable;
  readonly rules: readonly RedirectRule[];
  /** Whether any rule comes before files and modules: without, the road need not look. */
  readonly hasForced: boolean;
}

interface ReadRule extends RedirectRule {
  readonly from: PathPattern;
}

const targetBytesMax = 8_192;
const rule = record({
  from: needed(pathPattern, 'The path: ":name" is one segment, "*" at the end all that follows'),
  to: maybe(
    text({ bytesMax: targetBytesMax, rule: 'must be a path or a full "https:" URL' }),
    'Where to: may use what "from" captures, as ":name" and ":splat"',
  ),
  status: maybe(choice(redirectStatuses), 'Default 301; 200 rewrites, 410 says that it is gone'),
  force: maybe(yesOrNo, 'Even where a file or module is'),
});

export const redirects: Kind<Redirects> = turned(
  listOf(turned(rule, readRule), { max: rulesMax, what: 'rules' }),
  (read, place) => {
    requirePatternCounts(
      read.map(({ from }) => from),
      place,
    );
    return {
      table: compilePatterns(read.map(({ from }) => from)),
      rules: read.map(({ from: _, ...each }) => each),
      hasForced: read.some(({ isForced }) => isForced),
    };
  },
);

function readRule(read: ReturnType<typeof rule.read>, place: Place): ReadRule {
  const { from, to, status = 301, force: isForced = false } = read;
  const toPlace = [...place, 'to'];
  if (to === undefined) {
    if (status === 410) return { from, status, isForced };
    throw new SettingsFault(place, `${namePlace(place)} must have "to"`, 'none');
  }
  if (status === 410) {
    throw new SettingsFault(
      toPlace,
      `${namePlace(toPlace)} must not stand beside status 410`,
      'one',
    );
  }
  const target = parsePathTarget(to, captureNames(from.names, from.hasRest));
  if (typeof target === 'string') {
    throw new SettingsFault(toPlace, `${namePlace(toPlace)} ${target}`, quoteReceived(to));
  }
  if (target.origin !== undefined && status === 200) {
    const wanted = 'must be a path of this site where status is 200; use a back-end for others';
    throw new SettingsFault(toPlace, `${namePlace(toPlace)} ${wanted}`, quoteReceived(to));
  }
  if (leadsToItself(from, target)) {
    throw new SettingsFault(
      toPlace,
      `${namePlace(toPlace)} must differ from "from"`,
      quoteReceived(to),
    );
  }
  return { from, status, isForced, target };
}

/** A slash at the end is no difference: browsers would go round. */
function leadsToItself(from: PathPattern, target: PathTarget): boolean {
  if (target.origin !== undefined || target.hasQuery) return false;
  const captures = new Map(from.names.map((name) => [name, [`:${name}`]]));
  if (from.hasRest) captures.set('splat', ['*']);
  const same = [...from.segments, ...(from.hasRest ? ['*'] : [])].map(encodeURIComponent).join('/');
  const expanded = expandTarget(target, captures, '') ?? '';
  return decodeSlashless(expanded) === decodeSlashless(`/${same}`);
}

function decodeSlashless(path: string): string {
  const cut = path.replace(/#.*$/, '').replace(/\/$/, '');
  try {
    return decodeURIComponent(cut);
  } catch {
    return cut;
  }
}
