/** The media type of a static file, by its name. Pure. Browsers believe it: nosniff is sent. */
import mime from 'mime';

/** The type of the daemon's own answers. */
export const plainText = 'text/plain; charset=utf-8';
const unknown = 'application/octet-stream';

/** What the list of types does not have, or still calls by an older name. */
const ownTypes: ReadonlyMap<string, string> = new Map([
  ['adoc', 'text/plain'],
  ['aiff', 'audio/aiff'],
  ['cjs', 'text/javascript'],
  ['cur', 'image/vnd.microsoft.icon'],
  ['diff', 'text/plain'],
  ['flac', 'audio/flac'],
  ['go', 'text/plain'],
  ['jsonl', 'application/jsonl'],
  ['kt', 'text/plain'],
  ['ndjson', 'application/x-ndjson'],
  ['parquet', 'application/vnd.apache.parquet'],
  ['patch', 'text/plain'],
  ['py', 'text/plain'],
  ['rb', 'text/plain'],
  ['rs', 'text/plain'],
  ['rst', 'text/plain'],
  ['sqlite', 'application/vnd.sqlite3'],
  ['swift', 'text/plain'],
  ['tsx', 'text/plain'],
  ['vcf', 'text/vcard'],
  ['wat', 'text/plain'],
  ['zst', 'application/zstd'],
]);

/** The value of Content-Type for a file of that name; text is UTF-8. */
export function mediaTypeOf(name: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot === -1 ? '' : name.slice(dot + 1).toLowerCase();
  const type = ownTypes.get(extension) ?? mime.getType(name) ?? unknown;
  const isText = type.startsWith('text/') || type === 'application/json' || type.endsWith('+xml');
  return isText || type === 'application/javascript' ? `${type}; charset=utf-8` : type;
}

/** Text, and formats that are text inside or not compressed themselves. */
const compressible = new RegExp(
  [
    String.raw`^text\/`,
    String.raw`^application\/(?:javascript|json|jsonl|xml|x-ndjson|rtf)\b`,
    String.raw`^[\w.-]+\/[\w.-]+\+(?:json|xml)\b`,
    String.raw`^font\/(?:ttf|otf)\b`,
    String.raw`^image\/(?:bmp|vnd\.microsoft\.icon)\b`,
  ].join('|'),
);

/** Whether content of that type gets much smaller by compression. */
export function isCompressible(mediaType: string): boolean {
  return compressible.test(mediaType);
}
