// Edge: builds test/guests/fastly/* and examples/fastly/* with the vendor's kits into the folder
// that is named. Needs package registries; what cannot be built is told, and left out.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readScriptLine, refuseScriptLine } from './command-line.ts';

const rootFolder = join(import.meta.dirname, '..');
/** Registries and compilers may take minutes on a slow machine; a hanging one may not take all. */
const stepMsMax = 15 * 60_000;

interface Step {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Program {
  /** What its module is called. */
  readonly name: string;
  /** Of its sources. */
  readonly folder: string;
  /** Where the module is when the steps are done, seen from the copy of the sources. */
  readonly module: string;
  readonly steps: readonly Step[];
}

const sdk = '@fastly/js-compute@3.46.0';
/** Of all Rust programs together: what they have in common is compiled once. */
const rustTarget = mkdtempSync(join(tmpdir(), 'terrafirma-fastly-cargo-'));
const rustFolder = join(rustTarget, 'wasm32-wasip1', 'release');
const cargo: Step = {
  command: 'cargo',
  args: ['build', '--release', '--target', 'wasm32-wasip1'],
  env: { CARGO_TARGET_DIR: rustTarget },
};

function javascript(source: string): readonly Step[] {
  return [
    { command: 'npm', args: ['install', '--no-audit', '--no-fund', '--no-save', sdk] },
    { command: 'node_modules/.bin/js-compute-runtime', args: [source, 'app.wasm'] },
  ];
}

/** Of one source, by what their starts do beside the rest. */
function goStart(mode: string): Program {
  const flags = `-X main.mode=${mode}`;
  return {
    name: mode === '' ? 'go-start' : `go-start-${mode}`,
    folder: 'test/guests/fastly/go-start',
    module: 'app.wasm',
    steps: [
      {
        command: 'go',
        args: ['build', '-ldflags', flags, '-o', 'app.wasm', '.'],
        env: { GOOS: 'wasip1', GOARCH: 'wasm' },
      },
    ],
  };
}

/** See test/guests/fastly/go-start/main.go; the first has nothing beside the rest. */
const goStartModes = ' defers derives draws exits generates key panics prints seeds works'.split(
  ' ',
);

const programs: readonly Program[] = [
  ...goStartModes.map(goStart),
  {
    name: 'javascript',
    folder: 'test/guests/fastly/javascript',
    module: 'app.wasm',
    steps: javascript('app.js'),
  },
  {
    name: 'go',
    folder: 'test/guests/fastly/go',
    module: 'app.wasm',
    steps: [
      { command: 'go', args: ['mod', 'tidy'] },
      {
        command: 'go',
        args: ['build', '-o', 'app.wasm', '.'],
        env: { GOOS: 'wasip1', GOARCH: 'wasm' },
      },
    ],
  },
  {
    name: 'rust',
    folder: 'test/guests/fastly/rust',
    module: join(rustFolder, 'app.wasm'),
    steps: [cargo],
  },
  {
    name: 'example-javascript',
    folder: 'examples/fastly/javascript',
    module: 'app.wasm',
    steps: javascript('src/index.js'),
  },
  {
    name: 'example-rust',
    folder: 'examples/fastly/rust',
    module: join(rustFolder, 'proxy.wasm'),
    steps: [cargo],
  },
];

function build({ name, folder: source, module, steps }: Program, targetFolder: string): void {
  const folder = mkdtempSync(join(tmpdir(), `terrafirma-fastly-${name}-`));
  try {
    cpSync(join(rootFolder, source), folder, { recursive: true });
    for (const { command, args, env } of steps) {
      const { status, error, stderr } = spawnSync(command, args, {
        cwd: folder,
        env: { ...process.env, ...env },
        encoding: 'utf8',
        timeout: stepMsMax,
      });
      if (status === 0) continue;
      const reason = error?.message ?? stderr.trim().split('\n').slice(-5).join('\n');
      process.stdout.write(`not built: ${name}: ${command} ${args.join(' ')}: ${reason}\n`);
      return;
    }
    cpSync(resolve(folder, module), join(targetFolder, `${name}.wasm`));
    process.stdout.write(`built: ${name}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const names = programs.map(({ name }) => name);
const line = {
  command: 'node scripts/build-fastly-guests.ts',
  about: `Builds programs of Fastly's kits into DIR; NAMES: some of ${names.join(', ')}.`,
  flags: {},
  rest: { usage: 'DIR [NAMES]', min: 1, max: 1 + names.length },
};
const [targetFolder = '', ...wanted] = readScriptLine(line).rest;
const unknown = wanted.find((name) => !names.includes(name));
if (unknown !== undefined) {
  refuseScriptLine(line, `NAMES are some of ${names.join(', ')}: received ${unknown}`);
}
mkdirSync(targetFolder, { recursive: true });
try {
  for (const program of programs) {
    if (wanted.length === 0 || wanted.includes(program.name)) build(program, targetFolder);
  }
} finally {
  rmSync(rustTarget, { recursive: true, force: true });
}
