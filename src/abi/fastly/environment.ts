/** The environment of a program for Fastly Compute: what the vendor's own has, and the owner's. */
import { Buffer } from 'node:buffer';
import type { Run } from '../abi.ts';
import { traceIdOf } from './downstream/trace-id.ts';

/** The one argument, which nobody reads. */
export const programName = 'compute-app';
const traceName = 'FASTLY_TRACE_ID';
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

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
/** On the road of every request: most owners set nothing. */
const fixedLines = linesOf(fixed);

/** `NAME=value` of all variables, one character a byte. */
export function listEnvironment({ exchange, capabilities }: Run): readonly string[] {
  const { environment } = capabilities.settings;
  return listVariables(traceIdOf(exchange.request.id), environment);
}

/** The same of a request whose trace has this id. */
export function listVariables(
  traceId: string,
  environment: ReadonlyMap<string, string>,
): readonly string[] {
  const others = environment.size === 0 ? fixedLines : linesWith(environment);
  return [`${traceName}=${traceId}`, ...others];
}

/** The owner's variables, which may say otherwise than ours. */
function linesWith(environment: ReadonlyMap<string, string>): readonly string[] {
  const variables = new Map(fixed);
  for (const [name, value] of environment) {
    if (variableName.test(name) && name !== traceName) variables.set(name, value);
  }
  return linesOf(variables);
}

function linesOf(variables: Iterable<readonly [string, string]>): readonly string[] {
  return Array.from(variables, ([name, value]) =>
    Buffer.from(`${name}=${value.replaceAll('\0', '')}`, 'utf8').toString('latin1'),
  );
}
