/**
 * From the text of a module to its bytes, in every proposal that the official suite uses, and to a
 * component where its interfaces are given: the wasm-tools inside an npm package that is large,
 * seldom wanted, and so fetched when it is. Touches npm and the file system.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import makeWabt from 'wabt';
import type { Assemble } from '../../test/conformance/spec/script.ts';

const PACKAGE = '@bytecodealliance/jco-transpile@0.15.0';
/** Where the package keeps wasm-tools as a module with `parse`. */
const TOOLS = 'node_modules/@bytecodealliance/jco-transpile/dist/wasm-tools.js';

interface WasmTools {
  readonly parse: Assemble;
  componentEmbed(options: {
    readonly binary: Uint8Array;
    readonly witSource: string;
    readonly world: string;
  }): Promise<Uint8Array>;
  componentNew(binary: Uint8Array, adapters: readonly never[]): Promise<Uint8Array>;
}

/** `interfaces`: the text of them all, with the component's `world`. */
export type AssembleComponent = (
  wat: string,
  options: { readonly interfaces: string; readonly world: string },
) => Promise<Uint8Array>;

/** Assembles by the module at `path`; without one the package is installed for the time. */
export async function openAssembler(path: string | undefined): Promise<Assemble> {
  const { parse } = path === undefined ? await fetchTools() : await importTools(resolve(path));
  const wabt = await makeWabt();
  return async (wat) => {
    // Only wabt still knows the text of the legacy exceptions.
    if (/\(\s*try\b|\btry\s/.test(wat)) {
      return wabt.parseWat('legacy.wat', wat, { exceptions: true, tail_call: true }).toBinary({})
        .buffer;
    }
    return parse(wat);
  };
}

export async function openComponentAssembler(): Promise<AssembleComponent> {
  const tools = await fetchTools();
  return async (wat, { interfaces, world }) => {
    const binary = await tools.parse(wat);
    const core = await tools.componentEmbed({ binary, witSource: interfaces, world });
    return tools.componentNew(core, []);
  };
}

async function fetchTools(): Promise<WasmTools> {
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-assembler-'));
  try {
    const quietly = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts'];
    const args = ['install', ...quietly, '--prefix', directory, PACKAGE];
    execFileSync('npm', args, { stdio: 'inherit' });
    return await importTools(join(directory, TOOLS));
  } finally {
    // Once it is imported it lives in memory.
    rmSync(directory, { recursive: true, force: true });
  }
}

async function importTools(file: string): Promise<WasmTools> {
  const tools = (await import(pathToFileURL(file).href)) as WasmTools;
  // It reads the rest of itself when it is first used.
  await tools.parse('(module)');
  return tools;
}
