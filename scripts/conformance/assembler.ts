/**
 * From the text of a module to its bytes, in every proposal that the official suite uses: the
 * wasm-tools inside an npm package that is large, wanted here alone, and so fetched when it is
 * wanted. Touches npm and the file system.
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

/** Assembles by the module at `path`; without one the package is fetched for the while. */
export async function openAssembler(path: string | undefined): Promise<Assemble> {
  const parse = path === undefined ? await fetchParse() : await importParse(resolve(path));
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

async function fetchParse(): Promise<Assemble> {
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-assembler-'));
  try {
    const quietly = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts'];
    const args = ['install', ...quietly, '--prefix', directory, PACKAGE];
    execFileSync('npm', args, { stdio: 'inherit' });
    return await importParse(join(directory, TOOLS));
  } finally {
    // Once it is imported it lives in memory.
    rmSync(directory, { recursive: true, force: true });
  }
}

async function importParse(file: string): Promise<Assemble> {
  const { parse } = (await import(pathToFileURL(file).href)) as { readonly parse: Assemble };
  // It reads the rest of itself when it is first used.
  await parse('(module)');
  return parse;
}
