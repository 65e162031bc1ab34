/** The roads of docs/architecture.md: lists of files that can be followed from top to bottom. */
import type { SourceFile } from './source.ts';

/** So many files can be followed in one sitting. */
const filesMax = 15;
const roadNames = ['The request road', 'The deploy road'];
const listed = /^\d+\. `(src\/[\w/.-]+\.ts)`/gm;

export function checkRoads(text: string, sources: readonly SourceFile[]): readonly string[] {
  const known = new Map(sources.map((source) => [source.path, source]));
  return roadNames.flatMap((name) =>
    checkRoad(filesOf(text, name), known).map((fault) => `docs/architecture.md, ${name}: ${fault}`),
  );
}

function filesOf(text: string, name: string): readonly string[] {
  const section = text.split(/^## /m).find((each) => each.startsWith(`${name}\n`)) ?? '';
  return Array.from(section.matchAll(listed), ([, file = '']) => file);
}

/** Each file but the first is one that a file before it imports, or starts as a thread. */
function checkRoad(files: readonly string[], known: ReadonlyMap<string, SourceFile>): string[] {
  if (files.length === 0) return ['it must list its files: received none'];
  const faults: string[] = [];
  if (files.length > filesMax) faults.push(`at most ${filesMax} files: received ${files.length}`);
  const reached = new Set(files.slice(0, 1));
  for (const file of files) {
    const source = known.get(file);
    if (source === undefined) faults.push(`each file must be there: received ${file}`);
    else if (!reached.has(file)) faults.push(`a file before it must import it: received ${file}`);
    for (const next of [...(source?.imports ?? []), ...(source?.starts ?? [])]) reached.add(next);
  }
  return faults;
}
