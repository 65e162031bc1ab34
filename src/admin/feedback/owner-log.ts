/**
 * What of the log is an owner's to read, in lines for a file in their folder: what their functions
 * said, which requests failed and why, and what became of each deploy. Visitors' addresses are not
 * in it. Pure but for the ring that it reads.
 */
import { setImmediate } from 'node:timers/promises';
import { counted } from '../../amounts.ts';
import type { LogRing } from '../../journal/log-ring.ts';
import type { FolderKey } from '../../names.ts';

/** What waits for a folder to be written: a file's worth. */
const pendingBytesMax = 256 * 1024;
const foldersMax = 1_000;
const pieceBytes = 256 * 1024;
const messageCharsMax = 2_000;

interface Line {
  readonly [field: string]: unknown;
}

export class OwnerLogs {
  readonly #ring: LogRing;
  readonly #pending = new Map<FolderKey, { text: string; left: number }>();
  #place: number;

  constructor(ring: LogRing) {
    this.#ring = ring;
    this.#place = ring.end;
  }

  /** Reads on, for these folders. Others have their turn between two pieces. */
  async read(folders: ReadonlySet<FolderKey>): Promise<void> {
    for (const key of this.#pending.keys()) if (!folders.has(key)) this.#pending.delete(key);
    const end = this.#ring.end;
    if (folders.size === 0) this.#place = end;
    while (this.#place < end) {
      const { lines, next } = this.#ring.readFrom(this.#place, pieceBytes);
      for (const { text } of lines) this.#take(text, folders);
      if (next === this.#place) return;
      this.#place = next;
      await setImmediate();
    }
  }

  /** What is to be added to the file of the folder; '' for nothing. */
  take(folderKey: FolderKey): string {
    const pending = this.#pending.get(folderKey);
    if (pending === undefined) return '';
    this.#pending.delete(folderKey);
    const { left, text } = pending;
    return left === 0 ? text : `${text}(${counted(left, 'more line')} left out)\n`;
  }

  #take(text: string, folders: ReadonlySet<FolderKey>): void {
    const [, quoted] = /"folderKey":("(?:[^"\\]|\\.)*")/.exec(text) ?? [];
    if (quoted === undefined) return;
    const folderKey = JSON.parse(quoted) as FolderKey;
    if (!folders.has(folderKey)) return;
    const parsed: Line = JSON.parse(text);
    const line = parsed.folderKey === folderKey ? describeLine(parsed) : undefined;
    if (line === undefined) return;
    const pending = this.#pending.get(folderKey) ?? { text: '', left: 0 };
    if (!this.#pending.has(folderKey) && this.#pending.size >= foldersMax) return;
    this.#pending.set(folderKey, pending);
    if (pending.text.length + line.length > pendingBytesMax) pending.left += 1;
    else pending.text += line;
  }
}

/** `time  id  module  outcome  message`; undefined for what is no news to an owner. */
export function describeLine(line: Line): string | undefined {
  const { event, level, msg, outcome } = line;
  if (level === 'trace' || level === 'debug') return undefined;
  if (msg === 'request') {
    const { errorCode } = line;
    if (errorCode === undefined && (outcome === 'replied' || outcome === 'file')) return undefined;
    if (errorCode === undefined && line.modulePath === undefined) return undefined;
    const why = line.errorDetail ?? errorCode ?? '';
    const what = `${line.method} ${line.path} ${line.status}: ${why}`;
    return format(line, { id: line.id, outcome, message: what });
  }
  if (event === undefined) {
    return format(line, { id: line.requestId, outcome: 'said', message: msg });
  }
  const message = `${msg}${line.reason === undefined ? '' : `: ${line.reason}`}`;
  return format(line, { id: '-', outcome: level, message });
}

function format(
  { modulePath, time }: Line,
  { id, message, outcome }: Readonly<Record<'id' | 'message' | 'outcome', unknown>>,
): string {
  const columns = [time, id ?? '-', modulePath ?? '-', outcome, oneLine(message)];
  return `${columns.join('  ')}\n`;
}

/** Lines hold what visitors chose: it must not look like lines of ours, or command a terminal. */
function oneLine(value: unknown): string {
  return (
    String(value)
      .slice(0, messageCharsMax)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
      .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?')
  );
}
