/** `[[routes]]`: paths that modules answer although they have other names. */
import type { ModulePath } from '../../names.ts';
import { compilePatterns, type PatternTable } from '../path-patterns.ts';
import { type Kind, modulePath, text, turned } from './kinds.ts';
import { pathPattern, requirePatternCounts, rulesMax } from './patterns.ts';
import { listOf, maybe, needed, record } from './tables.ts';

export interface RouteRule {
  readonly modulePath: ModulePath;
  /** Upper case; undefined: any. */
  readonly methods?: ReadonlySet<string>;
  /** Segments before the `*`: the module's SCRIPT_NAME. Undefined where the pattern has none. */
  readonly depth?: number;
}

/** Plain data; `table` numbers the `rules`. */
export interface Routes {
  readonly table: PatternTable;
  readonly rules: readonly RouteRule[];
}

const methodsMax = 16;
const methodBytesMax = 32;
const method = text({
  bytesMax: methodBytesMax,
  rule: 'must hold methods, such as "GET"',
  pattern: /^[A-Za-z][A-Za-z-]*$/,
  isShown: true,
});

const rule = record({
  path: needed(pathPattern, 'The paths: ":name" is one segment, "*" at the end all that follows'),
  module: needed(modulePath, 'The module that answers: "api.wasm"'),
  methods: maybe(listOf(method, { max: methodsMax, what: 'methods' }), 'Default: any'),
});

export const routes: Kind<Routes> = turned(
  listOf(rule, { max: rulesMax, what: 'routes' }),
  (read, place) => {
    const patterns = read.map(({ path }) => path);
    requirePatternCounts(patterns, place);
    const rules = read.map(({ path, module, methods }) => ({
      modulePath: module as ModulePath,
      ...(methods === undefined
        ? {}
        : { methods: new Set(methods.map((each) => each.toUpperCase())) }),
      ...(path.hasRest ? { depth: path.segments.length } : {}),
    }));
    return { table: compilePatterns(patterns), rules };
  },
);
