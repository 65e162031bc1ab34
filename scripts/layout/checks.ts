/** The checks of the layout: each takes sources and gives one sentence per fault. */
import path from 'node:path';
import { type Room, rooms, sharedByAbis } from './rooms.ts';
import {
  bannedInComments,
  bannedWords,
  edgeModules,
  entryFiles,
  fileLinesMax,
  functionLinesMax,
  impureGlobals,
  lineColumnsMax,
  pureFiles,
  pureFunctions,
  pureModules,
} from './rules.ts';
import type { SourceFile } from './source.ts';
import { findFunctions, lineAt } from './source.ts';

type Sources = readonly SourceFile[];

function isProduct(source: SourceFile): boolean {
  return source.path.startsWith('src/');
}

/** `src/abi/catalogue.ts` → `abi`. */
function roomOf(file: string): string {
  return (file.split('/')[1] ?? '').replace(/\.ts$/, '');
}

/** Who imports whom, types included. */
export function checkImports(sources: Sources): readonly string[] {
  return sources.filter(isProduct).flatMap((source) =>
    source.imports
      .filter((imported) => imported.startsWith('src/'))
      .filter((imported) => !mayImport(source.path, imported))
      .map((imported) => `${source.path} must not import ${imported}: see scripts/layout/rooms.ts`),
  );
}

/** Rooms import only what stands before them: so no two can need each other. */
export function checkRooms(list: readonly Room[]): readonly string[] {
  return list.flatMap(({ name, imports }, place) => {
    const before = new Set(list.slice(0, place).map((room) => room.name));
    // Limits are data that import nothing of their room: see `checkLimits`.
    const others = imports === 'any' ? [] : imports.filter((each) => !each.endsWith('/limits'));
    const needed = others.map((each) => each.split('/')[0] ?? '');
    return needed
      .filter((each) => !before.has(each))
      .map((each) => `the room ${name} must stand after ${each}, which it imports`);
  });
}

/** The limits of a room, which `config` collects before the room itself is there. */
export function checkLimits(sources: Sources): readonly string[] {
  const isLimits = /^src\/capability\/[^/]+\/limits\.ts$/;
  return sources
    .filter(({ path: file }) => isLimits.test(file))
    .flatMap(({ path: file, imports }) =>
      imports
        .filter((imported) => imported !== 'src/config/limit-table.ts')
        .map((imported) => `${file} must be limits alone: it imports ${imported}`),
    );
}

function mayImport(file: string, imported: string): boolean {
  const from = roomOf(file);
  const to = roomOf(imported);
  // A folder of an ABI stands for itself; the files beside are what all ABIs share.
  if (from === 'abi' && to === 'abi') return mayImportInAbi(file, imported);
  if (from === to) return true;
  const allowed = rooms.find((room) => room.name === from)?.imports;
  if (allowed === undefined) return false;
  if (allowed === 'any') return true;
  const modulePath = imported.replace(/^src\//, '').replace(/\.ts$/, '');
  return allowed.includes(to) || allowed.some((each) => names(each, modulePath));
}

/** `capability/*\/contract` names that file of every folder of the room. */
function names(pattern: string, modulePath: string): boolean {
  const [before, after] = pattern.split('*');
  if (after === undefined) return pattern === modulePath;
  const folder = modulePath.slice(before?.length, -after.length);
  return modulePath === `${before}${folder}${after}` && !folder.includes('/') && folder !== '';
}

/** ABIs never import each other; only the catalogue knows them all. */
function mayImportInAbi(file: string, imported: string): boolean {
  const family = (name: string) => /^src\/abi\/([^/]+)\//.exec(name)?.[1];
  if (file === 'src/abi/catalogue.ts' || sharedByAbis.test(imported)) return true;
  if (sharedByAbis.test(file)) return false;
  if (family(file) !== undefined) return ownFiles(family(file) ?? '').test(imported);
  return ownFiles(path.posix.basename(file, '.ts')).test(imported);
}

function ownFiles(name: string): RegExp {
  return new RegExp(`^src/abi/${name}(\\.ts$|/)`);
}

/** One sentence for every way round that begins at the first file of its circle. */
export function checkCycles(sources: Sources): readonly string[] {
  const imports = new Map(sources.map((source) => [source.path, source.imports]));
  const finished = new Set<string>();
  const faults: string[] = [];
  const visit = (file: string, road: readonly string[]): void => {
    const at = road.indexOf(file);
    if (at !== -1) {
      faults.push(`imports must not go round: ${[...road.slice(at), file].join(' → ')}`);
      return;
    }
    if (finished.has(file)) return;
    for (const imported of imports.get(file) ?? []) visit(imported, [...road, file]);
    finished.add(file);
  };
  for (const source of sources) visit(source.path, []);
  return faults;
}

export function checkLengths(sources: Sources): readonly string[] {
  return sources.flatMap((source) => {
    const lines = source.text.replace(/\n$/, '').split('\n');
    const tooMany =
      lines.length > fileLinesMax
        ? [`${source.path} must have at most ${fileLinesMax} lines: received ${lines.length}`]
        : [];
    const tooLong = lines.flatMap((line, index) =>
      [...line].length > lineColumnsMax
        ? [`${source.path}:${index + 1} must have at most ${lineColumnsMax} columns`]
        : [],
    );
    // The callbacks of describe() hold many tests: their length says nothing.
    const functions = source.path.startsWith('test/') ? [] : findFunctions(source);
    const large = functions
      .filter((span) => span.lines > functionLinesMax)
      .map(
        (span) =>
          `${source.path}:${span.line} "${span.name}" must have at most ${functionLinesMax} ` +
          `lines: received ${span.lines}`,
      );
    return [...tooMany, ...tooLong, ...large];
  });
}

/** Product files that nothing imports and nobody starts. */
export function checkDeadFiles(sources: Sources): readonly string[] {
  const imported = new Set(
    sources.filter(isProduct).flatMap((source) => [...source.imports, ...source.starts]),
  );
  return sources
    .filter(isProduct)
    .filter((source) => !imported.has(source.path))
    .filter((source) => !entryFiles.some((pattern) => pattern.test(source.path)))
    .map((source) => `${source.path} must be imported by some file of src/, or go`);
}

/** Names and shapes that are not used here. */
export function checkShapes(sources: Sources): readonly string[] {
  return sources.flatMap((source) => {
    const faults: string[] = [];
    const name = path.posix.basename(source.path);
    if (/^(index|utils?|helpers?)\.[jt]s$/.test(name)) {
      faults.push(`${source.path} must have a name that says what is in it`);
    }
    const rules: readonly (readonly [RegExp, string])[] = [
      [/\bexport\s+default\b/, 'must not have a default export'],
      [/^(export\s+)?(let|var)\b/m, 'must not have mutable state at module level'],
      ...(/^src\/main\.ts$/.test(source.path)
        ? []
        : ([[/\bprocess\.exit\(/, 'must not end the process: only main.ts does']] as const)),
    ];
    if (!isProduct(source)) return faults;
    // V8 keeps such an object as a dictionary, whose parts optimised code does not find itself.
    if (/^src\/(abi|engine|http|serve)\//.test(source.path)) {
      for (const { index } of source.code.matchAll(/\bget \w+\(\)[^{;]*\{[^{}]*\},/g)) {
        const at = `${source.path}:${lineAt(source.code, index)}`;
        faults.push(`${at} must have no getter in an object: a class has them at no cost`);
      }
    }
    const isEdge = source.imports.some((name) => edgeModules.has(name));
    if (isEdge && !/^(#![^\n]*\n)?\/\*\*/.test(source.text)) {
      faults.push(`${source.path} must begin with a comment that says what it touches`);
    }
    for (const [pattern, rule] of rules) {
      const found = pattern.exec(source.code);
      if (found !== null) faults.push(`${source.path}:${lineAt(source.code, found.index)} ${rule}`);
    }
    return faults;
  });
}

export function checkWords(sources: Sources): readonly string[] {
  return sources.filter(isProduct).flatMap((source) => {
    const code = source.code.split('\n').map((text, index) => ({ line: index + 1, text }));
    return [
      ...code.flatMap((piece) => describeWords(source, piece, bannedWords)),
      ...source.comments.flatMap((piece) =>
        describeWords(source, piece, [...bannedWords, ...bannedInComments]),
      ),
    ];
  });
}

function describeWords(
  source: SourceFile,
  piece: { readonly line: number; readonly text: string },
  words: typeof bannedWords,
): readonly string[] {
  return words.flatMap(({ pattern, instead }) => {
    const found = pattern.exec(piece.text);
    if (found === null) return [];
    const line = piece.line + lineAt(piece.text, found.index) - 1;
    return [`${source.path}:${line} must say ${instead}: received "${found[0]}"`];
  });
}

/** Pure files touch neither input, output, clocks nor chance. */
export function checkPurity(sources: Sources): readonly string[] {
  return sources
    .filter((source) => pureFiles.some((pattern) => pattern.test(source.path)))
    .flatMap((source) => {
      const found = impureGlobals.exec(source.code);
      const globals =
        found === null
          ? []
          : [`${source.path}:${lineAt(source.code, found.index)} must be pure: ${found[0]}`];
      const modules = source.imports
        .filter((name) => !name.startsWith('src/') && !isPureImport(source, name))
        .map((name) => `${source.path} must be pure: it imports ${name}`);
      return [...globals, ...modules];
    });
}

function isPureImport(source: SourceFile, name: string): boolean {
  if (pureModules.has(name)) return true;
  const functions = pureFunctions[name];
  if (functions === undefined) return false;
  const statement = new RegExp(`import\\s+(?:type\\s+)?\\{([^}]*)\\}\\s+from\\s+'${name}'`);
  const names = statement.exec(source.text)?.[1]?.split(',') ?? ['*'];
  return names
    .map((each) => each.replace(/ as .*/s, '').trim())
    .every((each) => each === '' || functions.test(each));
}
