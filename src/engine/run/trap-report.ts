/**
 * What the log and `run` say of a trap: V8's words, and the guest's own frames, by the names of its
 * name section and by offsets of the original bytes. Frames of the meter and of the daemon are left
 * out: they tell the guest's owner nothing.
 */
import { type OffsetMap, originalOffset } from '../../wasm/offsets.ts';
import { ownModuleName } from '../crossing-module.ts';

const framePattern =
  /^ {4}at (?:(.*) \()?wasm:\/\/wasm\/(.*):wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;
/** V8 makes a URL of the module's name, where it has one, and a hash. */
const urlPattern = /^(.*)-[0-9a-f]+$/;
/** Compilers of C++ and Rust write names of thousands of characters. */
const nameCharsMax = 200;

/** Says why a guest's code ended. */
export function describeTrap(error: unknown, offsets: OffsetMap | undefined): string {
  if (error instanceof WebAssembly.Exception) {
    return 'an exception was thrown that nothing in the module caught';
  }
  if (!(error instanceof Error)) return String(error);
  return [`${error.name}: ${error.message}`, ...framesOf(error, offsets)].join('\n');
}

/** The guest's frames of an error, the innermost first. */
function framesOf(error: Error, offsets: OffsetMap | undefined): string[] {
  const frames: string[] = [];
  for (const line of error.stack?.split('\n') ?? []) {
    const [, name = '', url = '', index = '', offset = ''] = framePattern.exec(line) ?? [];
    if (index === '' || offsets === undefined || Number(index) >= offsets.functionCount) continue;
    const original = originalOffset(offsets, Number.parseInt(offset, 16));
    if (original === undefined) continue;
    const module = urlPattern.exec(url)?.[1];
    if (module === ownModuleName) continue;
    frames.push(
      `    at ${nameOf(name, module) ?? `function ${index}`} (0x${original.toString(16)})`,
    );
  }
  return frames;
}

/**
 * The function's name of V8's `module.function`, where it has one. It is the guest's: without what
 * a terminal obeys, and cut.
 */
function nameOf(name: string, module: string | undefined): string | undefined {
  if (name === '' || name === module) return undefined;
  const own = module !== undefined && name.startsWith(`${module}.`);
  const short = own ? name.slice(module.length + 1) : name;
  return short.replace(/\p{Cc}/gu, '?').slice(0, nameCharsMax);
}
