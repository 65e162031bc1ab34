/** Reads the sources as text and finds what the layout check asks about, without a compiler. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  /** As long as `text`, with the inside of strings and comments blanked out. */
  readonly code: string;
  readonly comments: readonly TextPiece[];
  /** Relative imports as paths from the root, packages and `node:` modules by name. */
  readonly imports: readonly string[];
  /** Files that are named by URL: threads that are started, data that is read. */
  readonly starts: readonly string[];
}

export interface TextPiece {
  readonly line: number;
  readonly text: string;
}

export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** All `.ts` and `.js` files below `directories` of `root`. */
export function readSources(root: string, directories: readonly string[]): readonly SourceFile[] {
  return directories.flatMap((directory) =>
    readdirSync(path.join(root, directory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .sort()
      .map((file) => parseSource(file, readFileSync(path.join(root, file), 'utf8'))),
  );
}

export function parseSource(file: string, text: string): SourceFile {
  const { code, comments } = blankOut(text);
  const imports = findSpecifiers(/(?:\bfrom|\bimport\s*\(?)\s*(['"`])/g, { file, text, code });
  const named = findSpecifiers(/\bnew URL\s*\(\s*(['"`])/g, { file, text, code });
  const entry = /\bentryBeside\s*\(\s*import\.meta\s*,\s*(['"`])/g;
  const threads = findSpecifiers(entry, { file, text, code }).map((each) => `${each}.ts`);
  const starts = [...named, ...threads];
  return { path: file, text, code, comments, imports, starts };
}

const regexPattern = String.raw`\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*`;

const piecePattern = [
  String.raw`(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)`,
  String.raw`(?<string>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")`,
  String.raw`(?<template>${'`'}(?:\\[\s\S]|[^${'`'}\\])*${'`'})`,
  // A regular expression can only stand where no value has just ended.
  String.raw`(?<=(?:^|[=(,:;!&|?{}[]|return|=>)\s*)(?<regex>${regexPattern})`,
].join('|');

function blankOut(text: string): {
  readonly code: string;
  readonly comments: readonly TextPiece[];
} {
  const comments: TextPiece[] = [];
  const code = text.replace(new RegExp(piecePattern, 'g'), (piece, ...rest) => {
    const groups = rest.at(-1) as Record<string, string | undefined>;
    if (groups.comment !== undefined) {
      comments.push({ line: lineAt(text, rest.at(-3) as number), text: piece });
      return blank(piece);
    }
    return piece.length < 2 ? piece : `${piece[0]}${blank(piece.slice(1, -1))}${piece.at(-1)}`;
  });
  return { code, comments };
}

function blank(piece: string): string {
  return piece.replace(/[^\n]/g, ' ');
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
  }
  return line;
}

/** Static and dynamic imports and re-exports; or whatever else `pattern` finds before a string. */
function findSpecifiers(
  pattern: RegExp,
  source: { readonly file: string; readonly text: string; readonly code: string },
): readonly string[] {
  const { file, text, code } = source;
  const found = new Set<string>();
  for (const match of code.matchAll(pattern)) {
    const start = match.index + match[0].length;
    const end = code.indexOf(match[1] ?? '', start);
    const specifier = text.slice(start, end).replace(/\.\$\{[^}]*\}$/, '.ts');
    found.add(specifier.startsWith('.') ? resolveFrom(file, specifier) : specifier);
  }
  return [...found];
}

function resolveFrom(file: string, specifier: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
}

const controlWords = new Set(['if', 'for', 'while', 'switch', 'catch', 'await', 'with']);

/** Functions, methods and arrows with a body in braces. */
export function findFunctions(source: SourceFile): readonly FunctionSpan[] {
  const { code } = source;
  const spans: FunctionSpan[] = [];
  for (let at = code.indexOf('{'); at !== -1; at = code.indexOf('{', at + 1)) {
    const name = functionNameBefore(code, at);
    if (name === undefined) continue;
    const line = lineAt(code, name.offset);
    const endLine = lineAt(code, matchForward(code, at));
    spans.push({ name: name.text, line, lines: endLine - line + 1 });
  }
  return spans;
}

interface NamePlace {
  readonly text: string;
  readonly offset: number;
}

/** The name of the function whose body opens at `brace`; undefined when it is no body. */
function functionNameBefore(code: string, brace: number): NamePlace | undefined {
  const before = code.slice(0, brace).trimEnd();
  if (before.endsWith('=>')) {
    const place = before.length - 2;
    const lineStart = before.lastIndexOf('\n', place) + 1;
    return { text: code.slice(lineStart, place).trim().slice(0, 40), offset: place };
  }
  const parameters = parametersEnd(code, before.length - 1);
  if (parameters === undefined) return undefined;
  const open = matchBackward(code, parameters);
  const head = /([\w$#]+)\s*(?:<[^;{}()]*>)?\s*$/.exec(code.slice(Math.max(0, open - 300), open));
  const name = head?.[1] ?? '';
  if (name === '' || controlWords.has(name)) return undefined;
  return { text: name, offset: open };
}

/** From the end of `) : Type` back to the `)`; undefined when the brace opens something else. */
function parametersEnd(code: string, last: number): number | undefined {
  for (let at = last; at >= 0; at -= 1) {
    const character = code[at] ?? '';
    if (character === ')') {
      const between = code.slice(at + 1, last + 1).trim();
      if (between === '' || /^:\s*\S/.test(between)) return at;
      at = matchBackward(code, at);
    } else if (character === '}' || character === ']') {
      at = matchBackward(code, at);
      if (character === '}' && !/([:<|&,]|readonly|=>)\s*$/.test(code.slice(0, at)))
        return undefined;
    } else if (/[;{(=]/.test(character) && code[at + 1] !== '>') {
      return undefined;
    }
  }
  return undefined;
}

const pairs: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' };
const backPairs: Readonly<Record<string, string>> = { '}': '{', ')': '(', ']': '[' };

function matchForward(code: string, open: number): number {
  return match(code, open, { step: 1, other: pairs[code[open] ?? ''] ?? '' });
}

function matchBackward(code: string, close: number): number {
  return match(code, close, { step: -1, other: backPairs[code[close] ?? ''] ?? '' });
}

function match(
  code: string,
  start: number,
  options: { readonly step: 1 | -1; readonly other: string },
): number {
  const same = code[start];
  let depth = 0;
  for (let at = start; at >= 0 && at < code.length; at += options.step) {
    if (code[at] === same) depth += 1;
    if (code[at] === options.other) depth -= 1;
    if (depth === 0) return at;
  }
  return options.step === 1 ? code.length - 1 : 0;
}
