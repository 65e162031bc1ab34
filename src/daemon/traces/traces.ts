/**
 * What becomes of traces: they go to a collector, where there is one, and the newest stay here for
 * the page of a request. Touches nothing by itself.
 */
import type { TraceRecord } from '../../journal/spans.ts';
import type { TraceExporter } from './exporter.ts';

/** The newest, of all threads: some MB at most, however many spans the requests have. */
const tracesKeptMax = 2_048;
const spansKeptMax = 16_384;
const nobodyAsked = { sent: 0, dropped: 0, failed: 0 };

export class Traces {
  readonly #exporter: TraceExporter | undefined;
  /** By the id of the request, the oldest first. */
  readonly #kept = new Map<unknown, TraceRecord>();
  #spans = 0;

  /** @param exporter Undefined: there is no collector. */
  constructor(exporter: TraceExporter | undefined) {
    this.#exporter = exporter;
  }

  /** Since the start, by what became of them. */
  get counts(): Readonly<Record<'sent' | 'dropped' | 'failed', number>> {
    return this.#exporter?.counts ?? nobodyAsked;
  }

  take(records: readonly TraceRecord[]): void {
    this.#exporter?.take(records);
    for (const record of records) this.#keep(record);
  }

  #keep(record: TraceRecord): void {
    const id = record.attributes['faas.invocation_id'];
    this.#spans += record.spans.length - (this.#kept.get(id)?.spans.length ?? 0);
    this.#kept.delete(id);
    this.#kept.set(id, record);
    for (const [oldest, { spans }] of this.#kept) {
      if (this.#kept.size <= tracesKeptMax && this.#spans <= spansKeptMax) return;
      this.#kept.delete(oldest);
      this.#spans -= spans.length;
    }
  }

  /** Undefined where the request was not traced, or is too long ago. */
  traceOf(requestId: string): TraceRecord | undefined {
    return this.#kept.get(requestId);
  }

  /** Sends what there is, within `limitMs`; what is left then is lost. */
  async close(limitMs: number): Promise<void> {
    await this.#exporter?.close(limitMs);
  }
}
