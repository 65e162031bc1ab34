/**
 * A `fastly.toml` with all files that it names, as one piece of bytes: nodes decide about them
 * together. Equal ones make equal bytes. Pure.
 */
import { TerrafirmaError } from '../../errors.ts';
import { objectOf, parseJson } from '../keep/record.ts';

export interface FastlyBundle {
  /** Of the `fastly.toml`. */
  readonly text: string;
  /** By their paths in the folder. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export function encodeBundle({ files, text }: FastlyBundle): Uint8Array {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const named = sorted.map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]);
  return Buffer.from(JSON.stringify({ text, files: named }));
}

/** @throws TerrafirmaError `state` when it is not whole */
export function decodeBundle(bytes: Uint8Array): FastlyBundle {
  const read = objectOf(parseJson(Buffer.from(bytes).toString()), 'a fastly.toml');
  const named: readonly unknown[] = Array.isArray(read.files) ? read.files : [];
  const files = named.map((each): [string, Uint8Array] => {
    const [path, content] = Array.isArray(each) ? each : [];
    if (typeof path === 'string' && typeof content === 'string') {
      return [path, Buffer.from(content, 'base64')];
    }
    const rule = 'each of its files must have a path and bytes';
    throw new TerrafirmaError('state', `Cannot read a fastly.toml of other nodes: ${rule}`);
  });
  return { text: String(read.text), files: new Map(files) };
}
