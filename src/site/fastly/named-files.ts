/** Which files a `fastly.toml` names, also where it is wrong: no visitor gets them. Pure. */
import { SettingsFault } from '../settings/fault.ts';
import type { LocalServer } from './fastly-toml.ts';
import { fileSource } from './sources.ts';

const pathsMax = 1_000;
/** Of these few are paths; to refuse each of the others takes a moment. */
const quotesMax = 100_000;
/** A longer one is no path. */
const quoted = /"([^"\n]{1,1024})"|'([^'\n]{1,1024})'/g;

/** Of one that is right. Files that its JSON files name are known when those are read. */
export function namedFiles(local: LocalServer): readonly string[] {
  return filesIn(local);
}

function filesIn(table: unknown): readonly string[] {
  const paths = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('kind' in value && value.kind === 'file' && 'path' in value) paths.add(String(value.path));
    const inner = value instanceof Map ? value.values() : Object.values(value);
    for (const each of inner) walk(each);
  };
  walk(table);
  return [...paths];
}

/** Of one that is right: those that are secrets whole, be it a store of them, one, or a key. */
export function secretFiles({ backends, secretStores }: LocalServer): readonly string[] {
  const keys = new Map<string, unknown>();
  for (const [name, { clientCertificate }] of backends ?? []) {
    keys.set(name, clientCertificate?.key);
  }
  return filesIn([secretStores, keys]);
}

/** Of any text: whatever stands in quotes and could be a path. */
export function couldBeNamed(text: string): readonly string[] {
  const paths = new Set<string>();
  let quotes = 0;
  for (const [, double, single] of text.matchAll(quoted)) {
    const path = asPath(double ?? single ?? '');
    if (path !== undefined) paths.add(path);
    quotes += 1;
    if (paths.size >= pathsMax || quotes >= quotesMax) break;
  }
  return [...paths];
}

function asPath(value: string): string | undefined {
  try {
    return fileSource.read(value, []).path;
  } catch (error) {
    if (error instanceof SettingsFault) return undefined;
    throw error;
  }
}
