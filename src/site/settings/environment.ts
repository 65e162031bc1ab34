/** `[env]`: variables of the environment of programs. */
import type { Kind } from './kinds.ts';
import { text } from './kinds.ts';
import { tableOf } from './tables.ts';

const variablesMax = 256;
const valueBytesMax = 64 * 1024;

export const variableNames = {
  pattern: /^[A-Za-z_][A-Za-z0-9_]{0,255}$/,
  rule: 'letters, digits and "_", not beginning with a digit',
};

export const environment: Kind<ReadonlyMap<string, string>> = tableOf(
  text({ bytesMax: valueBytesMax, rule: 'must be a string' }),
  { max: variablesMax, what: 'variables', names: variableNames },
);
