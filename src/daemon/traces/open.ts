/**
 * Opens the exporter of traces, from the configuration and the variables of OpenTelemetry. Touches
 * the environment: what opens a collector is a secret, and the configuration is printed.
 */
import process from 'node:process';
import type { Config } from '../../config/config.ts';
import type { Journal } from '../../journal/journal.ts';
import type { SpanAttributes } from '../../journal/span-text.ts';
import { TraceExporter } from './exporter.ts';
import { Traces } from './traces.ts';

const pairsMax = 64;

/** Undefined where nobody wants traces. */
export function openTraces(
  { telemetry, threads }: Pick<Config, 'telemetry' | 'threads'>,
  from: {
    readonly journal: Journal;
    readonly version: string | undefined;
    readonly nowMs: () => number;
  },
): Traces | undefined {
  const { journal, nowMs, version = '' } = from;
  const { env: environment } = process;
  const own = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const { endpoint, sampleRatio } = telemetry;
  if (endpoint === undefined) {
    return sampleRatio > 0 ? new Traces({ threads, exporter: undefined }) : undefined;
  }
  const url = own === undefined || own === '' ? `${endpoint.replace(/\/$/, '')}/v1/traces` : own;
  const headers = {
    ...readPairs(environment.OTEL_EXPORTER_OTLP_HEADERS),
    ...readPairs(environment.OTEL_EXPORTER_OTLP_TRACES_HEADERS),
  };
  const resource: SpanAttributes = {
    ...readPairs(environment.OTEL_RESOURCE_ATTRIBUTES),
    'service.name': telemetry.serviceName,
    'service.version': version,
  };
  const exporter = new TraceExporter({ url, headers, resource, journal, nowMs });
  return new Traces({ threads, exporter });
}

/** `name=value,name=value`, percent-encoded (OpenTelemetry's specification of its variables). */
export function readPairs(text = ''): Readonly<Record<string, string>> {
  const pairs = text
    .split(',')
    .map((pair) => /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair))
    .filter((match) => match !== null)
    .slice(0, pairsMax)
    .map(([, name = '', value = '']) => [name, decode(value)]);
  return Object.fromEntries(pairs);
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
