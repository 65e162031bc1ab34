// Edge: reads guest sources and writes the .wasm beside them. A .wat always gives the same bytes.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import wabt from 'wabt';

const guestsFolder = join(import.meta.dirname, '..', 'test', 'guests');

/** The .wat files of the test guests, as absolute paths, sorted by name. */
export function listWatGuests(): string[] {
  const names = readdirSync(guestsFolder).filter((name) => name.endsWith('.wat'));
  return names.sort().map((name) => join(guestsFolder, name));
}

/** Assembles one .wat file. Throws with wabt's message, which names the line, when it is wrong. */
export async function assembleWat(path: string): Promise<Uint8Array> {
  const { parseWat } = await wabt();
  const module = parseWat(path, readFileSync(path, 'utf8'), { exceptions: true, tail_call: true });
  try {
    module.validate();
    return module.toBinary({ write_debug_names: false }).buffer;
  } finally {
    module.destroy();
  }
}

async function buildAll(): Promise<void> {
  for (const source of listWatGuests()) {
    writeFileSync(source.replace(/\.wat$/, '.wasm'), await assembleWat(source));
  }
}

if (import.meta.main) {
  try {
    await buildAll();
  } catch (error) {
    // Only the message: the stack would show a whole minified line of wabt.
    console.error(String(error));
    process.exitCode = 1;
  }
}
