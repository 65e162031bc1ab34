/** The environment of a program for Fastly Compute: what the vendor's own has, and the owner's. */
import type { Run } from '../abi.ts';
import { traceIdOf } from './downstream/trace-id.ts';

/** The one argument, which nobody reads. */
export const programName = 'compute-app';
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `NAME=value` of all variables, one character a byte. */
export function listEnvironment({ exchange, capabilities }: Run): readonly string[] {
  const variables = new Map<string, string>();
  for (const [name, value] of capabilities.settings.environment) {
    if (variableName.test(name)) variables.set(name, value);
  }
  variables.set('FASTLY_TRACE_ID', traceIdOf(exchange.request.id));
  for (const [name, value] of fixed) if (!variables.has(name)) variables.set(name, value);
  return Array.from(variables, ([name, value]) =>
    Buffer.from(`${name}=${value.replaceAll('\0', '')}`, 'utf8').toString('latin1'),
  );
}

/** Of a service that runs in one place; the owner's `[env]` may say otherwise. */
const fixed: readonly (readonly [string, string])[] = [
  // The server's name, and not the one that the visitor asked for.
  ['FASTLY_HOSTNAME', 'localhost'],
  ['FASTLY_SERVICE_ID', '0000000000000000000000'],
  ['FASTLY_SERVICE_VERSION', '0'],
  ['FASTLY_CUSTOMER_ID', '0000000000000000000000'],
  ['FASTLY_POP', 'XXX'],
  ['FASTLY_REGION', 'Somewhere'],
  ['FASTLY_CACHE_GENERATION', '0'],
  ['FASTLY_IS_STAGING', '0'],
];
