/**
 * Spans as OTLP says them in JSON (opentelemetry-proto, trace/v1: ids as hex digits, 64-bit numbers
 * as text), written by hand where they end: as objects each would be cloned for the control plane
 * and encoded there, which cost more than a small guest. Pure.
 */
import { quote } from './json-text.ts';

export type SpanValue = string | number | boolean;
export type SpanAttributes = Readonly<Record<string, SpanValue>>;

/** As OTLP numbers them. */
export const spanKinds = { internal: 1, server: 2, client: 3 } as const;
export type SpanKind = keyof typeof spanKinds;

export interface SpanWords {
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: of the first span, whose sender is not believed or said nothing. */
  readonly parentId: string | undefined;
  /** As JSON, in quotes. */
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since the Unix epoch, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  /** See `attributesText`. */
  readonly attributes: string;
  /** What a visitor says who is not believed, see `linkText`; empty for most. */
  readonly links: string;
}

/** Of `attributes`, without the brackets around them. */
export function attributesText(attributes: SpanAttributes): string {
  return Object.entries(attributes)
    .map(([key, value]) => `{"key":${quote(key)},"value":${valueText(value)}}`)
    .join(',');
}

function valueText(value: SpanValue): string {
  if (typeof value === 'string') return `{"stringValue":${quote(value)}}`;
  if (typeof value === 'boolean') return `{"boolValue":${value}}`;
  return Number.isInteger(value) ? `{"intValue":"${value}"}` : `{"doubleValue":${value}}`;
}

export function linkText({ traceId, spanId }: Pick<SpanWords, 'spanId' | 'traceId'>): string {
  return `,"links":[{"traceId":"${traceId}","spanId":"${spanId}"}]`;
}

const secondMs = 1_000;
const nanosecondsInMs = 1_000_000;
/** Its digits after the first are nine. */
const tenDigits = 1_000_000_000;

/** Writes spans; of one thread, which ends most of them in the second of the last one. */
export class SpanWriter {
  #second = -1;
  #secondText = '';

  write(span: SpanWords): string {
    const { attributes, isError, kind, links, name, parentId, spanId, traceId } = span;
    const parent = parentId === undefined ? '' : `,"parentSpanId":"${parentId}"`;
    return (
      `{"traceId":"${traceId}","spanId":"${spanId}"${parent},"name":${name}` +
      `,"kind":${spanKinds[kind]},"startTimeUnixNano":"${this.#nanoseconds(span.startMs)}"` +
      `,"endTimeUnixNano":"${this.#nanoseconds(span.endMs)}","attributes":[${attributes}]${links}` +
      `,"status":${isError ? '{"code":2}' : '{}'}}`
    );
  }

  /** A double holds milliseconds of today to a quarter of a microsecond. */
  #nanoseconds(ms: number): string {
    const second = Math.floor(ms / secondMs);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = second === 0 ? '' : String(second);
    }
    const rest = Math.floor((ms - second * secondMs) * nanosecondsInMs);
    return this.#secondText + String(tenDigits + rest).slice(1);
  }
}
