/**
 * Which requests of a serving thread are traced, and what becomes of the traces: they gather here
 * and cross to the control plane many at a time. Nobody waits for it; what is too much is counted.
 */
import type { TelemetryConfig } from '../../config/config.ts';
import { firstField } from '../../http/fields.ts';
import type { RequestHead } from '../../http/message.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import {
  parseTraceParent,
  RandomIds,
  RequestSpans,
  type TraceRecord,
} from '../../journal/spans.ts';

export interface TracerOptions {
  readonly telemetry: Pick<TelemetryConfig, 'propagates' | 'sampleRatio'>;
  readonly tell: (records: readonly TraceRecord[]) => void;
  /** Milliseconds since the Unix epoch, with fractions. */
  readonly nowMs: () => number;
}

const batchMax = 64;
const gatherMs = 500;

export class Tracer {
  readonly #options: TracerOptions;
  /** Traces whose first 32 bits are below this are sampled. */
  readonly #threshold: number;
  readonly #ids = new RandomIds();
  #gathered: TraceRecord[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#threshold = Math.round(options.telemetry.sampleRatio * 0x1_0000_0000);
  }

  /** Undefined: the request is not traced. */
  begin(request: Pick<RequestHead, 'headers'>): RequestSpans | undefined {
    const { nowMs, telemetry } = this.#options;
    const { propagates } = telemetry;
    const said = parseTraceParent(firstField(request.headers, 'traceparent'));
    // It stands in a head only where a proxy said it that the operator trusts.
    const isTrusted = said !== undefined && firstField(request.headers, forwarded) !== undefined;
    if (said !== undefined && isTrusted) {
      if (!said.isSampled) return undefined;
      const { spanId: parentId, traceId } = said;
      return new RequestSpans({ traceId, parentId, spanId: this.#ids.hex(8), propagates, nowMs });
    }
    if (this.#threshold === 0) return undefined;
    const traceId = this.#ids.hex(16);
    if (Number.parseInt(traceId.slice(0, 8), 16) >= this.#threshold) return undefined;
    return new RequestSpans({
      ...{ traceId, spanId: this.#ids.hex(8), link: said },
      ...{ propagates, nowMs },
    });
  }

  end(spans: RequestSpans, record: RequestRecord): void {
    this.#gathered.push(spans.end(describe(record)));
    if (this.#gathered.length >= batchMax) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), gatherMs).unref();
  }

  /** Tells all there is. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return;
    const records = this.#gathered;
    this.#gathered = [];
    this.#options.tell(records);
  }
}

const forwarded = 'x-forwarded-for';

/** As OpenTelemetry's conventions for HTTP and functions name it. */
function describe(record: RequestRecord): Pick<TraceRecord, 'attributes' | 'isError' | 'name'> {
  const { cpuUs, digest, folderKey, hostName, id, method, modulePath, outcome, status } = record;
  const attributes = {
    'http.request.method': method,
    'http.response.status_code': status,
    'server.address': hostName,
    'faas.invocation_id': id,
    'terrafirma.outcome': outcome,
    ...(modulePath === undefined ? {} : { 'faas.name': modulePath }),
    ...(digest === undefined ? {} : { 'faas.version': digest }),
    ...(folderKey === undefined ? {} : { 'terrafirma.folder': folderKey }),
    ...(cpuUs === undefined ? {} : { 'terrafirma.cpu_us': cpuUs }),
    ...(record.errorCode === undefined ? {} : { 'error.type': record.errorCode }),
  };
  // Paths are strangers' to choose: a route is a module, or a file.
  const route = modulePath === undefined ? (outcome === 'file' ? 'file' : '') : `/${modulePath}`;
  return { name: `${method} ${route}`.trim(), isError: status >= 500, attributes };
}
