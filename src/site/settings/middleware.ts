/** `[[middleware]]`: modules that stand before whatever a path leads to. */
import { foldName, type ModulePath } from '../../names.ts';
import {
  compilePatterns,
  matchAll,
  type PathPattern,
  type PatternTable,
} from '../path-patterns.ts';
import { namePlace, SettingsFault } from './fault.ts';
import { type Kind, modulePath, turned } from './kinds.ts';
import { pathPattern, requirePatternCounts, rulesMax } from './patterns.ts';
import { listOf, needed, record } from './tables.ts';

export interface MiddlewareRule {
  /** The outermost first. */
  readonly links: readonly ModulePath[];
}

/** Plain data; `table` numbers the `rules`, and is of folded names. */
export interface Middleware {
  readonly table: PatternTable;
  readonly rules: readonly MiddlewareRule[];
  /** All of them: they answer nobody by their own names. */
  readonly links: ReadonlySet<ModulePath>;
}

const linksMax = 8;

const rule = record({
  for: needed(pathPattern, 'The paths: ":name" is one segment, "*" at the end all that follows'),
  use: needed(
    listOf(modulePath, { max: linksMax, what: 'modules' }),
    'Modules, the outermost first: ["plugins/auth.wasm"]',
  ),
});

export const middleware: Kind<Middleware> = turned(
  listOf(rule, { max: rulesMax, what: 'rules' }),
  (read, place) => {
    const patterns = read.map((each) => each.for);
    requirePatternCounts(patterns, place);
    const rules = read.map(({ use }) => {
      // It would look as if something stood there.
      if (use.length === 0) {
        const at = [...place, 'use'];
        throw new SettingsFault(at, `${namePlace(at)} must name a module`, 'none');
      }
      return { links: use as readonly ModulePath[] };
    });
    const links = new Set(rules.flatMap((each) => each.links));
    return { table: compilePatterns(patterns.map(folded)), rules, links };
  },
);

/**
 * The rules that stand before any of the `paths`, in the order of the file. A file system that
 * ignores case opens one file under several spellings: so none of them is a way round.
 */
export function rulesBefore(
  { table }: Middleware,
  paths: readonly (readonly string[])[],
): readonly number[] {
  const found = paths.flatMap((path) => matchAll(table, `/${path.map(fold).join('/')}`));
  return [...new Set(found)].sort((left, right) => left - right);
}

function folded(pattern: PathPattern): PathPattern {
  const segments = pattern.segments.map((name) => (name.startsWith(':') ? name : fold(name)));
  return { ...pattern, segments };
}

/** What folds to nothing is a name all the same. */
function fold(name: string): string {
  return foldName(name) || name;
}
