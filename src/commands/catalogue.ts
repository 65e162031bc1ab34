/** The commands there are, in the order of the help. */

import { check } from './check.ts';
import type { Command } from './command.ts';
import { config } from './config.ts';
import { inspect } from './inspect.ts';
import { rollback } from './rollback.ts';
import { run } from './run.ts';
import { serve } from './serve.ts';
import { versions } from './versions.ts';

export const commands: readonly Command[] = [
  serve,
  check,
  inspect,
  run,
  versions,
  rollback,
  config,
];
