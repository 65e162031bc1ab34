// Edge: builds test/guests/fastly/* with the vendor's SDKs into the folder that is named. Needs
// package registries; a language whose SDK or compiler cannot be had is told, and left out.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const sourceFolder = join(import.meta.dirname, '..', 'test', 'guests', 'fastly');
/** Registries and compilers may take minutes on a slow machine; a hanging one may not take all. */
const stepMsMax = 15 * 60_000;

interface Step {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Language {
  /** The folder of its sources, and the name of the module. */
  readonly name: string;
  /** Where the module is when the steps are done. */
  readonly module: string;
  readonly steps: readonly Step[];
}

const languages: readonly Language[] = [
  {
    name: 'javascript',
    module: 'app.wasm',
    steps: [
      {
        command: 'npm',
        args: ['install', '--no-audit', '--no-fund', '--no-save', '@fastly/js-compute@3.46.0'],
      },
      { command: 'node_modules/.bin/js-compute-runtime', args: ['app.js', 'app.wasm'] },
    ],
  },
  {
    name: 'go',
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
    module: 'target/wasm32-wasip1/release/app.wasm',
    steps: [{ command: 'cargo', args: ['build', '--release', '--target', 'wasm32-wasip1'] }],
  },
];

/** Whether the module is in `targetFolder` now. */
function build({ name, module, steps }: Language, targetFolder: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), `terrafirma-fastly-${name}-`));
  try {
    cpSync(join(sourceFolder, name), folder, { recursive: true });
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
      return false;
    }
    cpSync(join(folder, module), join(targetFolder, `${name}.wasm`));
    process.stdout.write(`built: ${name}\n`);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [targetFolder, ...wanted] = process.argv.slice(2);
if (targetFolder === undefined) {
  throw new Error('Cannot build: it needs a folder to build into: received none');
}
mkdirSync(targetFolder, { recursive: true });
for (const language of languages) {
  if (wanted.length === 0 || wanted.includes(language.name)) build(language, targetFolder);
}
