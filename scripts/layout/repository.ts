/** All checks of the layout over the files of a repository. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { loadCommands } from '../../src/commands/catalogue.ts';
import { checkArchitecture } from './architecture.ts';
import {
  checkCycles,
  checkDeadFiles,
  checkImports,
  checkLengths,
  checkLimits,
  checkPurity,
  checkRooms,
  checkShapes,
  checkWords,
} from './checks.ts';
import { checkCitations, type Document } from './citations.ts';
import { checkReadme } from './readme.ts';
import { checkRoads } from './roads.ts';
import { rooms } from './rooms.ts';
import { readSources } from './source.ts';

const directories = ['src', 'test', 'scripts', 'bin', 'bench'];

/** All faults of the repository at `root`, one sentence each. */
export async function checkLayout(root: string): Promise<readonly string[]> {
  const present = directories.filter((directory) => existsSync(path.join(root, directory)));
  const sources = readSources(root, present);
  const architecture = readText(path.join(root, 'docs/architecture.md'));
  return [
    ...checkRooms(rooms),
    ...checkLimits(sources),
    ...checkImports(sources),
    ...checkCycles(sources),
    ...checkLengths(sources),
    ...checkDeadFiles(sources),
    ...checkShapes(sources),
    ...checkWords(sources),
    ...checkPurity(sources),
    ...checkArchitecture(architecture, rooms),
    ...checkRoads(architecture, sources),
    ...checkCitations(sources, readDocuments(root)),
    ...checkReadme(readText(path.join(root, 'README.md')), await loadCommands()),
  ];
}

/** The Markdown files that people read. */
function readDocuments(root: string): readonly Document[] {
  const docs = path.join(root, 'docs');
  const names = existsSync(docs) ? readdirSync(docs, { recursive: true, encoding: 'utf8' }) : [];
  const inDocs = names.map((name) => `docs/${name.split(path.sep).join('/')}`);
  const atTop = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'];
  return [...atTop, ...inDocs]
    .filter((name) => name.endsWith('.md') && existsSync(path.join(root, name)))
    .map((name) => ({ path: name, text: readText(path.join(root, name)) }));
}

/** A README.md that is not there shows nothing of what it must. */
function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
