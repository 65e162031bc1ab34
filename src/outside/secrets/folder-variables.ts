/** The file of variables for programs of a folder that is served by its path. Edge: the file. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { TerrafirmaError } from '../../errors.ts';
import { variableNames } from '../../site/settings/environment.ts';

const fileBytesMax = 256 * 1024;

/**
 * `NAME=value`, a line each, as Node.js reads such files; undefined: there is no such file.
 *
 * @throws TerrafirmaError `config`. No message holds a value: it may be a secret.
 */
export function readFolderVariables(file: string | undefined): ReadonlyMap<string, string> {
  if (file === undefined) return new Map();
  const refuse = (rule: string, received: string): TerrafirmaError =>
    new TerrafirmaError('config', `Cannot read ${file}: ${rule}: received ${received}`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw refuse('it must be readable', (error as NodeJS.ErrnoException).code ?? 'an error');
  }
  if (bytes.length > fileBytesMax) {
    throw refuse(`it must have at most ${fileBytesMax} bytes`, String(bytes.length));
  }
  const variables = Object.entries(parseEnv(bytes.toString('utf8'))) as [string, string][];
  const wrong = variables.find(([name]) => !variableNames.pattern.test(name));
  if (wrong !== undefined) {
    throw refuse(`names must be ${variableNames.rule}`, JSON.stringify(wrong[0].slice(0, 80)));
  }
  return new Map(variables);
}
