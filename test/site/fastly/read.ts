/** Reads a `fastly.toml` with the files that it names, and the sentence about what is wrong. */
import { parseFastlyToml } from '../../../src/site/fastly/fastly-toml.ts';
import {
  type FastlySettings,
  type ReadVariable,
  resolveLocalServer,
} from '../../../src/site/fastly/resolve.ts';

const bytesMax = 4 * 1024 * 1024;

export interface GivenFiles {
  readonly [path: string]: string | Uint8Array;
}

export function read(
  text: string,
  files: GivenFiles = {},
  variable: ReadVariable = () => 'closed',
): FastlySettings {
  const local = parseFastlyToml(Buffer.from(text), bytesMax);
  const known = new Map<string, Uint8Array>();
  for (;;) {
    const resolution = resolveLocalServer(local, { files: known, variable, bytesMax });
    if (resolution.kind === 'resolved') return resolution.settings;
    for (const { path } of resolution.files) {
      const file = files[path];
      if (file === undefined) throw new Error(`the test has no ${path}`);
      known.set(path, Buffer.from(file));
    }
  }
}

export function faultOf(text: string, files: GivenFiles = {}): string {
  try {
    read(text, files);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'accepted';
}
