/** Edge: asks a daemon for the key that seals secrets for a host name. */
import { fetch } from 'undici';
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { FolderKey } from '../../names.ts';

const answerBytesMax = 16 * 1024;
const timeoutMs = 10_000;
const wellKnownPath = '/.well-known/terrafirma-sealing-key';

export interface AskedKey {
  readonly publicKey: Uint8Array;
  /** Undefined where the daemon serves one folder by its path. */
  readonly folder: FolderKey | undefined;
}

/**
 * @param to A host name, or the URL of a site there.
 * @throws TerrafirmaError `usage`
 */
export async function askForKey(to: string): Promise<AskedKey> {
  const url = urlOf(to);
  try {
    const reply = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (reply.status !== 200) throw new TypeError(`it answers ${reply.status}`);
    return parseAnswer(await readBounded(reply.body));
  } catch (error) {
    const reason = error instanceof Error ? describeCause(error) : String(error);
    const rule = `the daemon must give its key at ${url}`;
    const advice = 'or seal on the machine of the daemon, with --folder instead of --to';
    const detail = `Cannot seal: ${rule}: received ${reason}; ${advice}`;
    throw new TerrafirmaError('usage', detail, { cause: error });
  }
}

/** Over plain HTTP anybody on the way could give their own key: only to this machine. */
function urlOf(to: string): URL {
  const text = /^https?:\/\//i.test(to) ? to : `https://${to}`;
  const url = URL.canParse(text) ? new URL(wellKnownPath, text) : undefined;
  const isOwn =
    url !== undefined && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url !== undefined && (url.protocol === 'https:' || isOwn)) return url;
  const rule = '--to must be a host name, or an https: URL';
  throw new TerrafirmaError('usage', `Cannot run secret: ${rule}: received "${to}"`);
}

async function readBounded(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > answerBytesMax) throw new TypeError(`it answers with over ${answerBytesMax} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parseAnswer(text: string): AskedKey {
  const { version, publicKey, folder } = JSON.parse(text) as Record<string, unknown>;
  const bytes = typeof publicKey === 'string' ? Buffer.from(publicKey, 'base64url') : undefined;
  const isKey = version === 1 && bytes?.length === 32;
  if (!isKey || bytes === undefined) throw new TypeError('it answers with something else');
  return {
    publicKey: bytes,
    folder: typeof folder === 'string' ? (folder as FolderKey) : undefined,
  };
}

/** What `fetch` itself says is only that it failed. */
function describeCause(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : describeError(error);
}
