/** Traces as they are shown: read again from what `spans.ts` wrote. Pure. */
import type { SpanAttributes, SpanValue } from './span-text.ts';
import { droppedSpansKey } from './spans.ts';

/** Times are milliseconds since the Unix epoch, with fractions. */
export interface Span {
  readonly name: string;
  readonly parent: 'request' | 'run';
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  readonly attributes: SpanAttributes;
}

/** One traced request. */
export interface TraceRecord {
  readonly traceId: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  readonly spans: readonly Span[];
  /** Those that were too many. */
  readonly droppedSpans: number;
}

/** What a line of a trace has in it, and no other has: strangers' quotes are escaped. */
export function markOfRequest(requestId: string): string {
  return `{"key":"${requestIdKey}","value":{"stringValue":${JSON.stringify(requestId)}}}`;
}

export const requestIdKey = 'faas.invocation_id';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly status: { readonly code?: number };
}

/** @param line of `RequestSpans.end` */
export function readTrace(line: string): TraceRecord {
  const spans = JSON.parse(`[${line.slice(0, line.lastIndexOf(','))}]`) as readonly OtlpSpan[];
  const [own, ...below] = spans;
  if (own === undefined) throw new TypeError('Cannot read a trace: it has no span');
  const { [droppedSpansKey]: dropped = 0, ...attributes } = attributesOf(own);
  return {
    ...{ traceId: own.traceId, name: own.name, attributes, ...timesOf(own) },
    droppedSpans: Number(dropped),
    spans: below.map((span) => ({
      ...{ name: span.name, attributes: attributesOf(span), ...timesOf(span) },
      parent: span.parentSpanId === own.spanId ? 'request' : 'run',
      isError: span.status.code !== undefined,
    })),
  };
}

const nanosecondsInMs = 1_000_000;

function timesOf(span: OtlpSpan): { readonly startMs: number; readonly endMs: number } {
  return {
    startMs: Number(span.startTimeUnixNano) / nanosecondsInMs,
    endMs: Number(span.endTimeUnixNano) / nanosecondsInMs,
  };
}

function attributesOf({ attributes }: OtlpSpan): SpanAttributes {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));
}

function readValue(value: object): SpanValue {
  const [[kind, held] = ['stringValue', '']] = Object.entries(value);
  return kind === 'intValue' ? Number(held) : (held as SpanValue);
}
