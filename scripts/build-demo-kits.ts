// Edge: builds the functions of the demo that take kits of megabytes, each from its template of
// `terrafirma new`. Needs package registries; what cannot be built is told, and left out.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { templates } from '../src/commands/project/templates.ts';
import { readScriptLine, refuseScriptLine } from './command-line.ts';

const rootFolder = join(import.meta.dirname, '..');
const demoFolder = join(rootFolder, 'demo');
const program = join(rootFolder, 'src', 'main.ts');
/** Registries and compilers may take minutes on a slow machine; a hanging one may not take all. */
const stepMsMax = 30 * 60_000;

/** One that git takes no notice of: see `demo/.gitignore`. */
export interface DemoKit {
  /** What it is called in the demo, without `.wasm`. */
  readonly name: string;
  readonly template: string;
  /** Of the site of its project, what it needs beside it in the demo. */
  readonly files?: readonly string[];
}

export const demoKits: readonly DemoKit[] = [
  { name: 'greet-javascript', template: 'javascript-component' },
  { name: 'greet-python', template: 'python-component' },
  { name: 'notes', template: 'fastly-javascript', files: ['fastly.toml'] },
  { name: 'proxy', template: 'fastly-rust' },
];

interface Step {
  readonly command: string;
  readonly args: readonly string[];
}

class StepFailed extends Error {}

function build({ name, template: id, files = [] }: DemoKit): void {
  const template = templates.find((each) => each.id === id);
  if (template?.module === undefined) throw new TypeError(`Cannot build ${name}: no ${id}`);
  const { getTools, module, packages } = template;
  const folder = mkdtempSync(join(tmpdir(), `terrafirma-demo-${name}-`));
  try {
    take(folder, { command: process.execPath, args: [program, 'new', '.', '-t', id] });
    if (packages !== undefined) {
      take(folder, { command: 'npm', args: ['install', '--no-audit', '--no-fund'] });
    }
    if (getTools !== undefined) take(folder, { command: 'sh', args: ['-c', getTools] });
    take(folder, { command: process.execPath, args: [program, 'build'] });
    for (const file of files) cpSync(join(folder, 'site', file), join(demoFolder, file));
    cpSync(join(folder, 'site', module), join(demoFolder, `${name}.wasm`));
    process.stdout.write(`built: demo/${name}.wasm\n`);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    process.exitCode = 1;
    const kept = existsSync(join(demoFolder, `${name}.wasm`)) ? ', and the last one kept' : '';
    process.stdout.write(`not built${kept}: ${name}: ${error.message}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws StepFailed with the last lines that it wrote */
function take(folder: string, { command, args }: Step): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: stepMsMax,
  });
  if (status === 0) return;
  const told = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-5).join('\n');
  throw new StepFailed(`${command} ${args.join(' ')}: ${error?.message ?? told}`);
}

if (import.meta.main) {
  const names = demoKits.map(({ name }) => name);
  const line = {
    command: 'npm run demo:kits --',
    about:
      'Builds functions of the demo with kits from npm, pip and cargo, which take minutes: some ' +
      `of\n${names.join(', ')}, or all. The demo's page has forms for them.`,
    flags: {},
    rest: { usage: '[NAMES]', min: 0, max: names.length },
  };
  const wanted = readScriptLine(line).rest;
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    refuseScriptLine(line, `NAMES are some of ${names.join(', ')}: received ${unknown}`);
  }
  for (const kit of demoKits) {
    if (wanted.length === 0 || wanted.includes(kit.name)) build(kit);
  }
}
