/** Documents that code and documents point to must be there, with the section that is named. */
import type { SourceFile } from './source.ts';

export interface Document {
  /** From the root of the repository, e.g. `docs/tls.md`. */
  readonly path: string;
  readonly text: string;
}

const citation =
  /(docs\/[\w/-]+\.md)(?:`?\)?, (?:section |rule )?([A-E]?\d*(?:\.\d+)?)(?![\w-]))?/g;

export function checkCitations(
  sources: readonly SourceFile[],
  documents: readonly Document[],
): readonly string[] {
  const known = new Map(documents.map(({ path, text }) => [path, text]));
  const texts = [
    ...sources.filter(({ path }) => path.startsWith('src/')),
    ...documents.filter(({ path }) => path !== 'CHANGELOG.md'),
  ];
  return texts.flatMap(({ path, text }) => faultsOf(path, joinComments(text), known));
}

/** A citation may go on in the next line of a comment. */
function joinComments(text: string): string {
  return text.replaceAll(/\n\s*(?:\*|\/\/) /g, ' ');
}

function faultsOf(
  path: string,
  text: string,
  known: ReadonlyMap<string, string>,
): readonly string[] {
  return [...text.matchAll(citation)].flatMap(([, document = '', section = '']) => {
    const cited = known.get(document);
    if (cited === undefined) return [`${path} cites ${document}, which is not there`];
    if (section === '' || hasSection(cited, section)) return [];
    return [`${path} cites section ${section} of ${document}, which is not there`];
  });
}

/** `## 3. Paths`, or a paragraph that begins with its number in bold: `**3.1** …`. */
function hasSection(text: string, section: string): boolean {
  const number = section.replaceAll('.', String.raw`\.`);
  return new RegExp(String.raw`^(?:##+ |\*\*)${number}(?:[.*]| )`, 'm').test(text);
}
