/** The guest's own words on their way to the log: bounded, harmless, tagged. */
import { Buffer } from 'node:buffer';
import type { Limits } from '../../config/config.ts';
import type { FolderKey, ModulePath } from '../../names.ts';
import type { GuestLog } from './contract.ts';

export type GuestLogLevel = Parameters<GuestLog['write']>[0] | 'trace';

export type GuestLogLimits = Pick<
  Limits,
  'logLinesPerRunMax' | 'logBytesPerRunMax' | 'traceLinesPerRunMax'
>;

/** Whose words they are. */
export interface GuestLogTag {
  readonly folderKey: FolderKey;
  readonly modulePath: ModulePath;
  readonly requestId: string;
  /** Who asked for the run, where that was a visitor. */
  readonly clientAddress?: string | undefined;
}

/** Where lines go. `message` holds no control characters. */
export type GuestLineSink = (level: GuestLogLevel, message: string, tag: GuestLogTag) => void;

const encoder = new TextEncoder();
/** One line, with nothing to escape, of as many bytes as characters: nearly all are. */
const plainLine = /^[\x20-\x7e]*$/;

/**
 * The log of one run. Lines and bytes beyond the limits are dropped, and one last line says so.
 * Line ends split; other control characters are escaped, because a guest that could write them
 * would forge lines of others or command the operator's terminal.
 */
export class RunLog implements GuestLog {
  readonly #sink: GuestLineSink;
  readonly #tag: GuestLogTag;
  readonly #limits: GuestLogLimits;
  #lines = 0;
  #bytes = 0;
  #isCut = false;
  #traceLines = 0;

  constructor(
    sink: GuestLineSink,
    options: { readonly tag: GuestLogTag; readonly limits: GuestLogLimits },
  ) {
    this.#sink = sink;
    this.#tag = options.tag;
    this.#limits = options.limits;
  }

  get isFull(): boolean {
    return this.#isCut;
  }

  write(level: GuestLogLevel, message: string): void {
    if (this.#isCut) return;
    const { logBytesPerRunMax, logLinesPerRunMax } = this.#limits;
    const bytesLeft = logBytesPerRunMax - this.#bytes;
    const isWithin = message.length <= bytesLeft && this.#lines < logLinesPerRunMax;
    if (isWithin && plainLine.test(message)) {
      this.#lines += 1;
      this.#bytes += message.length;
      this.#sink(level, message, this.#tag);
      return;
    }
    // Every character has at least one byte: more of them need not be looked at.
    const head = message.slice(0, bytesLeft + 1);
    for (const line of head.replace(/(\r\n|\n|\r)$/, '').split(/\r\n|\n|\r/)) {
      this.#writeLine(level, line);
      if (this.#isCut) return;
    }
    if (head.length < message.length) this.#cut();
  }

  trace(line: string): boolean {
    const { traceLinesPerRunMax } = this.#limits;
    if (this.#traceLines > traceLinesPerRunMax) return false;
    this.#traceLines += 1;
    const isLast = this.#traceLines > traceLinesPerRunMax;
    const rule = `… cut: trace_lines_per_run_max: ${traceLinesPerRunMax} hostcalls are told`;
    this.#sink('trace', isLast ? rule : escapeControls(line), this.#tag);
    return !isLast;
  }

  #writeLine(level: GuestLogLevel, line: string): void {
    const escaped = escapeControls(line);
    const bytesLeft = this.#limits.logBytesPerRunMax - this.#bytes;
    const fitting = escaped.slice(0, countCharsWithin(escaped, bytesLeft));
    if (this.#lines >= this.#limits.logLinesPerRunMax || (fitting === '' && escaped !== '')) {
      this.#cut();
      return;
    }
    this.#lines += 1;
    this.#bytes += Buffer.byteLength(fitting);
    this.#sink(level, fitting, this.#tag);
    if (fitting.length < escaped.length) this.#cut();
  }

  #cut(): void {
    this.#isCut = true;
    const { logLinesPerRunMax, logBytesPerRunMax } = this.#limits;
    const rule = `a run may write ${logLinesPerRunMax} lines and ${logBytesPerRunMax} bytes`;
    this.#sink('warn', `… cut: ${rule}`, this.#tag);
  }
}

/** C0 without tab, DEL, C1, line and paragraph separators, and what reorders text, as \u{…}. */
function escapeControls(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped.
    /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u{${character.charCodeAt(0).toString(16)}}`,
  );
}

/** How many UTF-16 units of `text` fit into `bytesMax` bytes of UTF-8, cutting no character. */
function countCharsWithin(text: string, bytesMax: number): number {
  return encoder.encodeInto(text, new Uint8Array(Math.min(bytesMax, text.length * 3))).read;
}
