/** The commands there are, in the order of the help. */
import type { Command } from './command.ts';
import { config } from './config.ts';
import { serve } from './serve.ts';

export const commands: readonly Command[] = [serve, config];
