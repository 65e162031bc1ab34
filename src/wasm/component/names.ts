/**
 * Names of imports and exports of components: what they may look like, which of them are too alike
 * to stand side by side, and which versions of an interface are the same to a guest
 * (component-model, Explainer, "Import and Export Definitions").
 */

/** What a name says of what it names. */
export type ExternName =
  | { readonly kind: 'plain'; readonly label: string }
  | { readonly kind: 'constructor'; readonly resource: string }
  | { readonly kind: 'method' | 'static'; readonly resource: string; readonly label: string }
  | { readonly kind: 'interface' };

const word = '(?:[a-z][0-9a-z]*|[A-Z][0-9A-Z]*)';
const laterWord = '(?:[0-9a-z]+|[0-9A-Z]+)';
const labelPattern = new RegExp(`^${word}(?:-${laterWord})*$`);
const lowerLabel = '[a-z][0-9a-z]*(?:-[0-9a-z]+)*';
const number = '(?:0|[1-9][0-9]*)';
const preRelease = `(?:${number}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)`;
const build = '[0-9a-zA-Z-]+';
const semver =
  `${number}\\.${number}\\.${number}` +
  `(?:-${preRelease}(?:\\.${preRelease})*)?(?:\\+${build}(?:\\.${build})*)?`;
const interfacePattern = new RegExp(
  `^${lowerLabel}:${lowerLabel}/${word}(?:-${laterWord})*(?:@${semver})?$`,
);
const annotated = /^\[(constructor|method|static)\](.*)$/s;

export function isLabel(text: string): boolean {
  return labelPattern.test(text);
}

/** Undefined where it is no name that a component may have. */
export function parseExternName(text: string): ExternName | undefined {
  if (isLabel(text)) return { kind: 'plain', label: text };
  if (interfacePattern.test(text)) return { kind: 'interface' };
  const [, annotation, rest = ''] = annotated.exec(text) ?? [];
  if (annotation === 'constructor') {
    return isLabel(rest) ? { kind: 'constructor', resource: rest } : undefined;
  }
  if (annotation !== 'method' && annotation !== 'static') return undefined;
  const [resource = '', label = '', ...more] = rest.split('.');
  if (more.length > 0 || !isLabel(resource) || !isLabel(label)) return undefined;
  return { kind: annotation, resource, label };
}

/** Two names of one scope that have the same key are too alike ("strongly-unique"). */
export function uniqueKey(text: string): string {
  const lower = text.toLowerCase();
  const name = parseExternName(text);
  if (name === undefined || name.kind === 'plain' || name.kind === 'interface') return lower;
  if (name.kind === 'constructor') return lower;
  const resource = name.resource.toLowerCase();
  const label = name.label.toLowerCase();
  return resource === label ? label : `${resource}.${label}`;
}

/** An interface name in its parts; undefined for other names. */
export function splitVersion(
  text: string,
): { readonly path: string; readonly version: string | undefined } | undefined {
  if (!interfacePattern.test(text)) return undefined;
  const at = text.indexOf('@');
  if (at === -1) return { path: text, version: undefined };
  return { path: text.slice(0, at), version: text.slice(at + 1) };
}

/**
 * The name that all versions of an interface have in common that may stand for each other: the
 * same major version, or below 1.0 the same minor one. Pre-releases and 0.0.x stand for themselves
 * alone. What comes after `+` says nothing of compatibility (semver.org, 10).
 */
export function compatibleName(text: string): string {
  const { path, version } = splitVersion(text) ?? {};
  if (path === undefined || version === undefined) return text;
  const [release = ''] = version.split('+');
  const [major = '0', minor = '0', patch = '0'] = release.split('.');
  if (release.includes('-')) return `${path}@${release}`;
  if (major !== '0') return `${path}@${major}`;
  return minor !== '0' ? `${path}@0.${minor}` : `${path}@0.0.${patch}`;
}
