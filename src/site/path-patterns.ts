/**
 * Patterns of paths, as redirects, headers and routes have them: `:name` stands for one segment, a
 * `*` at the end for all that follows. No regular expressions: a path is matched in one pass over
 * its segments. A slash at the end makes no difference. Pure, and plain data: it crosses threads.
 */

/** What a list of rules may hold; a plain path costs one look-up however many there are. */
export const plainPathsMax = 1_000;
export const pathPatternsMax = 100;
const pathCharsMax = 2_048;
const capturesMax = 16;

export interface PathPattern {
  /** Decoded; a name is written `:name`. */
  readonly segments: readonly string[];
  readonly hasRest: boolean;
  /** Of `:name`s, in order. */
  readonly names: readonly string[];
}

/** Rules by what they match; numbers are places in the list that was compiled. */
export interface PatternTable {
  readonly plain: ReadonlyMap<string, readonly number[]>;
  readonly patterns: readonly { readonly rule: number; readonly pattern: PathPattern }[];
}

/** A path's parts by name; what `*` stood for is `splat`. Decoded segments. */
export type Captures = ReadonlyMap<string, readonly string[]>;

export interface PatternMatch {
  readonly rule: number;
  readonly captures: Captures;
}

export const restName = 'splat';
const noCaptures: Captures = new Map();
const namePattern = /^:([A-Za-z][A-Za-z0-9_]*)$/;

/** Reads `/blog/:year/*`; a string says what it must be instead. */
export function parsePathPattern(text: string): PathPattern | string {
  if (!text.startsWith('/')) return 'must begin with "/"';
  if (text.length > pathCharsMax) return `must have at most ${pathCharsMax} characters`;
  if (/[?#\\]/.test(text)) return 'must not hold "?", "#" or "\\"';
  const written = text.endsWith('/') ? text.slice(1, -1) : text.slice(1);
  const raw = written === '' ? [] : written.split('/');
  const hasRest = raw.at(-1) === '*';
  const segments: string[] = [];
  const names: string[] = [];
  for (const part of hasRest ? raw.slice(0, -1) : raw) {
    if (part.includes('*')) return 'may hold "*" only as its last segment';
    const segment = part.startsWith(':') ? part : decodeSegment(part);
    if (segment === undefined) return 'must be a valid path: no "//", "." or ".."';
    if (part.startsWith(':')) {
      const name = namePattern.exec(part)?.[1];
      if (name === undefined) return 'must have a name of letters, digits and "_" after each ":"';
      if (names.includes(name) || name === restName) return `must not hold ":${name}" twice`;
      names.push(name);
    }
    segments.push(segment);
  }
  if (names.length > capturesMax) return `may hold at most ${capturesMax} names`;
  return { segments, hasRest, names };
}

function decodeSegment(raw: string): string | undefined {
  let segment: string;
  try {
    segment = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  const isPlain = !/[\x00-\x1f\x7f-\x9f/\\]/.test(segment);
  return isPlain && segment !== '' && segment !== '.' && segment !== '..' ? segment : undefined;
}

export function isPlainPattern(pattern: PathPattern): boolean {
  return !pattern.hasRest && pattern.names.length === 0;
}

/** Compiled once, for as many paths as will come. */
export function compilePatterns(list: readonly PathPattern[]): PatternTable {
  const plain = new Map<string, number[]>();
  const patterns: { rule: number; pattern: PathPattern }[] = [];
  for (const [rule, pattern] of list.entries()) {
    if (!isPlainPattern(pattern)) patterns.push({ rule, pattern });
    else {
      const key = pattern.segments.join('/');
      plain.set(key, [...(plain.get(key) ?? []), rule]);
    }
  }
  return { plain, patterns };
}

/**
 * The first rule of the list that matches.
 *
 * @param path Decoded, with its first slash, without query: `/blog/2026/a`.
 */
export function matchFirst(table: PatternTable, path: string): PatternMatch | undefined {
  const key = trimSlashes(path);
  const plain = table.plain.get(key)?.[0] ?? Number.POSITIVE_INFINITY;
  const segments = key === '' ? [] : key.split('/');
  for (const { rule, pattern } of table.patterns) {
    if (rule > plain) break;
    const captures = matchPattern(pattern, segments);
    if (captures !== undefined) return { rule, captures };
  }
  return plain === Number.POSITIVE_INFINITY ? undefined : { rule: plain, captures: noCaptures };
}

/** The numbers of all rules that match, in the order of the list. */
export function matchAll(table: PatternTable, path: string): readonly number[] {
  const key = trimSlashes(path);
  const segments = key === '' ? [] : key.split('/');
  const found = table.patterns
    .filter(({ pattern }) => matchPattern(pattern, segments) !== undefined)
    .map(({ rule }) => rule);
  return [...found, ...(table.plain.get(key) ?? [])].sort((left, right) => left - right);
}

function trimSlashes(path: string): string {
  return path.slice(path.startsWith('/') ? 1 : 0, path.endsWith('/') ? -1 : undefined);
}

function matchPattern(pattern: PathPattern, segments: readonly string[]): Captures | undefined {
  const wanted = pattern.segments;
  const isLength = pattern.hasRest
    ? segments.length >= wanted.length
    : segments.length === wanted.length;
  if (!isLength) return undefined;
  for (const [index, segment] of wanted.entries()) {
    const received = segments[index] ?? '';
    if (segment.startsWith(':') ? received === '' : received !== segment) return undefined;
  }
  if (isPlainPattern(pattern)) return noCaptures;
  const captures = new Map<string, readonly string[]>();
  for (const [index, segment] of wanted.entries()) {
    if (segment.startsWith(':')) captures.set(segment.slice(1), [segments[index] ?? '']);
  }
  if (pattern.hasRest) captures.set(restName, segments.slice(wanted.length));
  return captures;
}
