/** `terrafirma inspect`: what a module is, and whether it would be served. */
import path from 'node:path';
import type { Limits } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import { componentLimits, digestBytes, moduleLimits } from '../../deploy/build/artifact.ts';
import { readQuarantined } from '../../deploy/keep/quarantine.ts';
import { TerrafirmaError } from '../../errors.ts';
import { openJournal } from '../../journal/journal.ts';
import { classifyName } from '../../names.ts';
import { listProducers } from '../../wasm/component/producers.ts';
import { isComponent, readComponent } from '../../wasm/component.ts';
import { inspectModule } from '../../wasm/inspect.ts';
import type { ModuleShape } from '../../wasm/shape.ts';
import type { Command } from '../command.ts';
import { ModuleJudge, type ModuleJudgeOptions, readNamedFile } from './judge.ts';
import type { ModuleReport, ReportedComponent } from './report.ts';
import { describeModule, reportRestore, reportShape } from './report.ts';

export const inspect: Command = {
  name: 'inspect',
  summary: 'Show what a module is and whether it would be served',
  positionals: [{ name: 'file.wasm', isRequired: true, summary: 'The module' }],
  flags: [{ name: 'json', summary: 'Print JSON' }],
  // Limits decide whether a module is served.
  readsConfig: true,
  settings: [],
  notes: ['Exits with 0 when the module would be served, with 1 when it would not.'],
  async run(given, io) {
    const { config } = loadConfig({
      flags: given.settings,
      machine: io.machine,
      configFile: given.configFile,
    });
    const file = path.resolve(io.machine.workingDirectory, given.positionals[0] ?? '');
    // Of the daemon on this machine, if any.
    const quarantined = await readQuarantined(config.stateDirectory, openJournal());
    const report = await reportModule(file, { limits: config.limits, quarantined });
    const text = given.has('json')
      ? `${JSON.stringify(report, undefined, 2)}\n`
      : describeModule(report);
    io.write(text);
    return report.verdict.isServed ? 0 : 1;
  },
};

/** Errors: `usage` when the file cannot be read. A bad module is a report like any other. */
export async function reportModule(
  file: string,
  options: ModuleJudgeOptions,
): Promise<ModuleReport> {
  const { limits } = options;
  const bytes = await readNamedFile(file, limits.moduleBytesMax);
  await using judge = new ModuleJudge(options);
  const judged = await judge.judge(bytes);
  const isAccepted = judged.kind === 'accepted';
  const nameProblem = problemOfName(path.basename(file));
  const reason = isAccepted ? (nameProblem ?? judged.start.failure) : judged.error.detail;
  return {
    file,
    bytes: bytes.length,
    digest: digestBytes(bytes),
    abi: isAccepted ? judged.artifact.abi : undefined,
    entry: isAccepted ? judged.artifact.entry : undefined,
    ...reportShape(shapeOf(bytes, limits)),
    initialise: isAccepted ? judged.artifact.initialise : undefined,
    startsOnce: isAccepted ? judged.start.startsOnce : undefined,
    component: describeComponent(bytes, limits),
    restore: isAccepted
      ? reportRestore(judged.artifact.cores.map(({ engine }) => engine))
      : undefined,
    verdict: { isServed: reason === undefined, reason },
  };
}

/** What is known of a component, also of one that is refused for what it imports. */
function describeComponent(
  bytes: Uint8Array<ArrayBuffer>,
  limits: Limits,
): ReportedComponent | undefined {
  if (!isComponent(bytes)) return undefined;
  try {
    const { cores, plan } = readComponent(bytes, {
      limits: componentLimits(limits),
      moduleLimits: moduleLimits(limits),
    });
    return {
      imports: plan.imports,
      exports: plan.exports.map((each) => `${each.interface}#${each.name}`),
      coreModules: cores.length,
      producers: listProducers(bytes),
    };
  } catch (error) {
    if (error instanceof TerrafirmaError) return undefined;
    throw error;
  }
}

/** What is known of a module that is refused, when it is one at all. */
function shapeOf(bytes: Uint8Array, limits: Limits): ModuleShape | undefined {
  try {
    return inspectModule(bytes, moduleLimits(limits));
  } catch (error) {
    if (error instanceof TerrafirmaError) return undefined;
    throw error;
  }
}

function problemOfName(name: string): string | undefined {
  const isServed = classifyName(name) === 'served' && name.endsWith('.wasm');
  if (isServed) return undefined;
  const rule = 'its name must end in .wasm and be no hidden, temporary or conflict copy';
  return `Cannot serve the module: ${rule}: received ${JSON.stringify(name)}`;
}
