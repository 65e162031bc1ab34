/**
 * Which line of a TOML text a key stands on. The TOML parser of our choice forgets positions; a
 * person who is told "unknown key" wants the line. Reads text that has been parsed successfully,
 * so it only has to find its way, not to judge.
 */

interface Cursor {
  readonly text: string;
  offset: number;
  line: number;
}

/** Longer paths are not listed: none is read here, and each key would keep its whole path. */
const pathPartsMax = 32;
const pathCharactersMax = 4_096;

/**
 * Key path → line number, counted from 1. Tables are keys too; elements of an array of tables are
 * numbered: `mounts.0.prefix`. Keys inside inline values are not listed: use `lineOf`.
 */
export function scanTomlLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const elements = new Map<string, number>();
  const cursor: Cursor = { text, offset: 0, line: 1 };
  let table: readonly string[] | undefined = [];
  for (skipBlank(cursor); cursor.offset < text.length; skipBlank(cursor)) {
    const line = cursor.line;
    if (peek(cursor) === '[') {
      table = ifListed(readHeader(cursor, elements));
      if (table !== undefined) note(lines, table, line);
    } else {
      const key = ifListed(readKey(cursor));
      const path = table && key && ifListed([...table, ...key]);
      if (path !== undefined) note(lines, path, line);
      skipValue(cursor);
    }
  }
  return lines;
}

/** What is around `path` begins here too, unless it has begun already: `[a.b]` makes `a`. */
function note(lines: Map<string, number>, path: readonly string[], line: number): void {
  for (let length = 1; length < path.length; length += 1) {
    const around = path.slice(0, length).join('.');
    if (!lines.has(around)) lines.set(around, line);
  }
  lines.set(path.join('.'), line);
}

/** The line of `path`, or of the nearest thing around it; 1 when nothing of it is listed. */
export function lineOf(lines: ReadonlyMap<string, number>, path: readonly string[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const line = lines.get(path.slice(0, length).join('.'));
    if (line !== undefined) return line;
  }
  return 1;
}

function ifListed(path: readonly string[]): readonly string[] | undefined {
  const isShort = path.length <= pathPartsMax && path.join('.').length <= pathCharactersMax;
  return isShort ? path : undefined;
}

function peek(cursor: Cursor): string {
  return cursor.text[cursor.offset] ?? '';
}

function advance(cursor: Cursor, length: number): void {
  const end = Math.min(cursor.offset + length, cursor.text.length);
  for (; cursor.offset < end; cursor.offset += 1) {
    if (peek(cursor) === '\n') cursor.line += 1;
  }
}

/** Moves past everything `pattern` (sticky) matches here; what it matched. */
function take(cursor: Cursor, pattern: RegExp): string {
  pattern.lastIndex = cursor.offset;
  const matched = pattern.exec(cursor.text)?.[0] ?? '';
  advance(cursor, matched.length);
  return matched;
}

function skipBlank(cursor: Cursor): void {
  take(cursor, /(?:\s|#[^\n]*)*/y);
}

/** `[dns]`, `[[mounts]]`: the path that following keys stand under. */
function readHeader(cursor: Cursor, elements: Map<string, number>): readonly string[] {
  const brackets = take(cursor, /\[\[?/y).length;
  const path = readKey(cursor);
  take(cursor, /[ \t]*\]\]?/y);
  if (brackets === 1) return path;
  const name = path.join('.');
  const index = elements.get(name) ?? 0;
  elements.set(name, index + 1);
  return [...path, String(index)];
}

/** A bare, quoted or dotted key, and the `=` after it where there is one. */
function readKey(cursor: Cursor): readonly string[] {
  const parts: string[] = [];
  do {
    take(cursor, /[ \t]*/y);
    const part = take(cursor, /"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s.=\]#"']+/y);
    parts.push(part.replace(/^(["'])(.*)\1$/s, '$2'));
    take(cursor, /[ \t]*/y);
  } while (take(cursor, /\./y) !== '');
  take(cursor, /=/y);
  return parts;
}

/** Moves to the end of the line on which the value ends. */
function skipValue(cursor: Cursor): void {
  let depth = 0;
  while (cursor.offset < cursor.text.length) {
    if (takeStringOrComment(cursor) !== '') continue;
    const character = peek(cursor);
    if (character === '\n' && depth === 0) return;
    if (character === '[' || character === '{') depth += 1;
    if (character === ']' || character === '}') depth -= 1;
    advance(cursor, 1);
  }
}

function takeStringOrComment(cursor: Cursor): string {
  return (
    take(cursor, /"""(?:\\[\s\S]|[^\\])*?"{3,5}|'''[\s\S]*?'{3,5}/y) ||
    take(cursor, /"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*/y)
  );
}
