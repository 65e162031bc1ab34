/** The header of W3C Trace Context, and the ids of traces. */
import { Buffer } from 'node:buffer';
import { getRandomValues } from 'node:crypto';

export interface TraceParent {
  /** 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** Undefined for what breaks the form (W3C Trace Context, section 3.2.2). */
export function parseTraceParent(text: string | undefined): TraceParent | undefined {
  if (text === undefined) return undefined;
  const [, version, traceId = '', spanId = '', flags = ''] = form.exec(text) ?? [];
  if (version === undefined || version === 'ff') return undefined;
  if (version === '00' && text.length !== 55) return undefined;
  if (traceId === noTrace || spanId === noSpan) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceParent({ traceId, spanId }: Omit<TraceParent, 'isSampled'>): string {
  return `00-${traceId}-${spanId}-01`;
}

const blockBytes = 4_096;

/** Random ids. Digits are made a block at a time: each by itself would cost more than its span. */
export class TraceIds {
  readonly #bytes = Buffer.alloc(blockBytes);
  #digits = '';
  #at = 0;

  traceId(): string {
    const id = this.#take(32);
    return id === noTrace ? this.traceId() : id;
  }

  spanId(): string {
    const id = this.#take(16);
    return id === noSpan ? this.spanId() : id;
  }

  #take(digits: number): string {
    if (this.#at + digits > this.#digits.length) {
      this.#digits = getRandomValues(this.#bytes).toString('hex');
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += digits;
    return this.#digits.slice(at, this.#at);
  }
}
