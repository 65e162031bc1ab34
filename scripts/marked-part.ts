/** Parts of documents that programs write: what stands between two marks. */

/**
 * The text with `lines` between `<!-- kind: name -->` and the next `<!-- /kind -->`.
 *
 * @throws Error where the marks are missing.
 */
export function replaceMarkedPart(
  text: string,
  { kind, name }: { readonly kind: string; readonly name: string },
  lines: readonly string[],
): string {
  const begin = `<!-- ${kind}: ${name} -->`;
  const end = `<!-- /${kind} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0)
    throw new Error(`Cannot write the table: ${begin} … ${end} must be there`);
  return `${text.slice(0, from)}${[begin, '', ...lines, '', ''].join('\n')}${text.slice(to)}`;
}

/** The names of the marked parts of `kind`, in order. */
export function markedParts(text: string, kind: string): readonly string[] {
  return [...text.matchAll(new RegExp(`<!-- ${kind}: ([^\\n]+) -->`, 'g'))].map(
    ([, name = '']) => name,
  );
}
