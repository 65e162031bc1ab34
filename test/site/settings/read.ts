/** Reads a settings file as the daemon does, and the sentence about one that is refused. */

import type { SiteSettings } from '../../../src/site/settings/site-settings.ts';
import { parseSettings } from '../../../src/site/settings.ts';

const bytesMax = 4 * 1024 * 1024;

export function read(text: string): SiteSettings {
  return parseSettings(Buffer.from(text), bytesMax);
}

export function faultOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'accepted';
}

/** A list or table of `count` lines. */
export function lines(count: number, line: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => line(n)).join('\n');
}
