/**
 * `terrafirma run`: one request through the engine, without folder and sockets. Touches a temporary
 * directory, for the guest's key-value store, and starts the thread that the guest runs in.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Transferable, Worker } from 'node:worker_threads';
import { Account } from '../../account/account.ts';
import { createSharedAccount } from '../../account/shared.ts';
import { ControlSides } from '../../capability/control.ts';
import type { Config } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import type { Setting } from '../../config/schema.ts';
import { settings } from '../../config/schema.ts';
import { coreMsOf, Turning } from '../../daemon/turning.ts';
import { StoreSeeds } from '../../deploy/folder/seeds.ts';
import { TerrafirmaError, toErrorRecord } from '../../errors.ts';
import { openJournal } from '../../journal/journal.ts';
import type { ModulePath } from '../../names.ts';
import { Resolver } from '../../outside/dns/dns.ts';
import { grantedVariables } from '../../outside/secrets/variables.ts';
import { openStoreClient } from '../../outside/store/open.ts';
import { storePath } from '../../outside/store/sqlite-schema.ts';
import { type StoreKeeper, startStoreKeeper } from '../../outside/store/store-keeper.ts';
import { createLedger, glanceAt } from '../../threads/ledger.ts';
import type { Answers, LoadedModule, Question, ToThread } from '../../threads/messages.ts';
import { entryBeside, startWorker } from '../../threads/worker.ts';
import { withSourceLines } from '../../wasm/source-lines.ts';
import type { Command, CommandIo, ExitCode } from '../command.ts';
import { ModuleJudge, readNamedFile } from '../inspect/judge.ts';
import { printable } from '../printable.ts';
import { findModule, openRunFolder, type RunFolder, runKey } from './folder.ts';
import { linksBefore } from './links.ts';
import type { FromRun, RunEnd, RunStart } from './messages.ts';
import { onOwnLines } from './own-lines.ts';
import { RunPicture } from './picture.ts';
import { usualTarget } from './place.ts';
import type { RunRequest } from './request.ts';
import { describeHead, readRequest } from './request.ts';

/** How often it is looked whether the thread still turns. */
const glanceMs = 100;

export const run: Command = {
  name: 'run',
  summary: 'Send one request to a module, without a server',
  positionals: [{ name: 'file.wasm', isRequired: true, summary: 'The module' }],
  flags: [
    { name: 'path', placeholder: "'/x?y=1'", summary: 'Path and query of the request' },
    { name: 'method', placeholder: 'POST', summary: 'GET, or POST when there is data' },
    { name: 'header', placeholder: "'a: b'", isRepeatable: true, summary: 'A header to send' },
    {
      name: 'data',
      placeholder: '@file',
      summary: 'The body: text, @file, or @- for standard input',
    },
    {
      name: 'folder',
      placeholder: 'directory',
      summary: 'Run it as this folder would: with its files and its settings',
    },
    { name: 'include', summary: 'Print the head of the answer, too' },
    { name: 'trace', summary: 'Print each hostcall: arguments, result, microseconds' },
  ],
  readsConfig: true,
  settings: [
    settings.dnsServers as Setting<unknown>,
    settings.outboundAllowedCidrs as Setting<unknown>,
  ],
  notes: [
    'The answer goes to standard output, what the guest logs to standard error. The same limits ' +
      'hold as in the daemon; the key-value store is empty at first and thrown away at the end.',
    'With --folder the module may be named by its path in that folder, and the path of the ' +
      'request is that of the module, or of its directory for an index.wasm, unless --path says ' +
      'another. Without it the path is /, and a module finds no files and no settings. What ' +
      '[[middleware]] puts before the path runs first, and a link named here runs where it ' +
      'stands; who may read (.kbp_config) is not asked.',
    'With --trace beginnings of texts and bytes are shown, secrets too. A run is traced up to ' +
      'limits.trace_lines_per_run_max hostcalls. Where there is middleware each line names its ' +
      'module.',
    'Exits with 0 only when the guest replied, whatever the status.',
  ],
  async run(given, terminal) {
    using lines = onOwnLines(terminal);
    const io: CommandIo = { ...terminal, write: lines.write, report: lines.report };
    const { config } = loadConfig({
      flags: given.settings,
      machine: io.machine,
      configFile: given.configFile,
    });
    const { workingDirectory } = io.machine;
    const named = given.value('folder');
    const directory = named === undefined ? undefined : path.resolve(workingDirectory, named);
    const file = findModule(given.positionals[0] ?? '', { workingDirectory, directory });
    const variable = grantedVariables(config.secrets.variables, io.machine.environment);
    const world = { limits: config.limits, variable };
    const folder =
      directory === undefined ? undefined : await openRunFolder(directory, file, world);
    for (const note of folder?.notes ?? []) io.report(note);
    if (folder?.lacksSecrets === true) {
      io.report('Sealed secrets are left out: only the daemon of the folder opens them');
    }
    const modulePath = folder?.modulePath ?? (path.basename(file) as ModulePath);
    const request = await readRequest(given, io, {
      limits: config.limits,
      modulePath,
      settings: folder?.settings,
      defaultTarget: folder === undefined ? '/' : usualTarget(modulePath),
    });
    const bytes = await readNamedFile(file, config.limits.moduleBytesMax);
    await using judge = new ModuleJudge({ limits: config.limits });
    const judged = await judge.judge(bytes);
    if (judged.kind === 'refused') {
      io.report(judged.error.detail);
      return 1;
    }
    const picture = folder && new RunPicture({ folder, judge, limits: config.limits });
    picture?.add(modulePath, judged);
    // Now: the time that judging takes is not the time of a run.
    for (const link of linksBefore(folder?.settings ?? {}, request.head.target)) {
      await picture?.verdict(link);
    }
    const end = await runRequest(judged.loaded, request, {
      ...{ config, folder, picture, modulePath, io },
      showsHead: given.has('include'),
      traces: given.has('trace'),
    });
    return tellEnd(end, { modulePath, bytes, io });
  },
};

interface RunOptions {
  readonly config: Config;
  readonly folder: RunFolder | undefined;
  /** Of the folder. */
  readonly picture: RunPicture | undefined;
  readonly modulePath: ModulePath;
  readonly io: CommandIo;
  readonly showsHead: boolean;
  readonly traces: boolean;
}

async function runRequest(
  loaded: LoadedModule,
  request: RunRequest,
  options: RunOptions,
): Promise<RunEnd> {
  const { config, io, folder, modulePath, picture } = options;
  const directory = await mkdtemp(path.join(tmpdir(), 'terrafirma-run-'));
  const journal = openJournal(({ text }) => io.report(text));
  const store = startStoreKeeper({
    databasePath: storePath(directory),
    synchronous: 'normal',
    limits: config.limits,
    onTrouble: (reason) => journal.tell('key-value-trouble', { reason }),
  });
  const account = createSharedAccount({
    threads: 1,
    bytesMax: config.processMemoryBytesMax,
    memoriesMax: config.limits.instancesMax,
  });
  const capabilities = new ControlSides({
    config: { ...config, stateDirectory: directory },
    journal,
    account: new Account(account, 'control'),
    resolver: new Resolver({
      dns: config.dns,
      limits: config.limits,
      nowMs: () => performance.now(),
    }),
    store,
    tell: () => undefined,
  });
  try {
    if (folder !== undefined) await sow(folder, store, directory);
    const { starts, transfer } = capabilities.connectThread();
    const start: RunStart = {
      config: { ...config, stateDirectory: directory },
      loaded,
      modulePath,
      site: picture?.site,
      request: request.head,
      body: request.body,
      traces: options.traces,
      ledger: createLedger(1),
      account,
      capabilities: starts,
    };
    return await superviseRun(start, { ...options, capabilities, transfer });
  } finally {
    await capabilities.close();
    await store.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Puts into the folder's stores what they begin with. */
async function sow(folder: RunFolder, keeper: StoreKeeper, directory: string): Promise<void> {
  if (folder.seeds.size === 0) return;
  const store = openStoreClient(keeper.connect(), directory);
  try {
    const { notes } = await new StoreSeeds(store).sow(runKey, folder.seeds);
    if (notes.length > 0) throw new TerrafirmaError('bad-settings', notes.join('; '));
  } finally {
    await store.close();
  }
}

/** Passes on what the thread tells, until the run is done or the thread had to be ended. */
async function superviseRun(
  start: RunStart,
  options: RunOptions & {
    readonly capabilities: ControlSides;
    readonly transfer: readonly Transferable[];
  },
): Promise<RunEnd> {
  const { io, showsHead, transfer } = options;
  const done = Promise.withResolvers<RunEnd>();
  let watch: NodeJS.Timeout | undefined;
  const thread = startWorker<FromRun>(
    {
      entry: entryBeside(import.meta, './run-thread'),
      name: 'run',
      data: start,
      transfer,
    },
    {
      onMessage: (message) => {
        if (message.kind === 'begun') watch = watchThread(start, message.systemThread, onStuck);
        if (message.kind === 'head' && showsHead) io.write(describeHead(message.head));
        if (message.kind === 'chunk') io.write(message.chunk);
        if (message.kind === 'log') io.report(message.line);
        if (message.kind === 'done') done.resolve(message.end);
        if (message.kind === 'question') void answer(message, thread, options);
      },
      onCrash: (detail) => done.reject(endedThread(detail)),
      onExit: () => done.reject(endedThread('it ended')),
    },
  );
  const onStuck = (): void => done.resolve(stuckEnd(start.config));
  try {
    return await done.promise;
  } finally {
    clearInterval(watch);
    await thread.terminate();
  }
}

function endedThread(detail: string): TerrafirmaError {
  return new TerrafirmaError('internal', `Cannot run the module: its thread failed: ${detail}`);
}

async function answer(
  { id, question }: Extract<FromRun, { kind: 'question' }>,
  thread: Worker,
  world: RunWorld,
): Promise<void> {
  let message: ToThread;
  try {
    message = { kind: 'answer', id, value: await answerOf(question, world) };
  } catch (error) {
    message = { kind: 'failure', id, error: toErrorRecord(error) };
  }
  thread.postMessage(message);
}

interface RunWorld {
  readonly capabilities: ControlSides;
  readonly picture: RunPicture | undefined;
}

/** What else a serving thread may ask, nobody asks without an installation around it. */
async function answerOf(
  question: Question,
  { capabilities, picture }: RunWorld,
): Promise<Answers[Question['ask']]> {
  if (question.ask === 'capability') return await capabilities.answer(question);
  if (question.ask === 'verdict' && picture !== undefined) {
    return await picture.verdict(question.modulePath);
  }
  if (question.ask === 'module' && picture !== undefined) return picture.moduleOf(question.digest);
  // Nothing is kept that would be worth it.
  if (question.ask === 'compress') return null;
  throw new TerrafirmaError('internal');
}

/** Calls `onStuck` when the guest has held the thread for `threadStuckMs` of a processor's time. */
function watchThread(
  { config, ledger }: RunStart,
  systemThread: string | undefined,
  onStuck: () => void,
): NodeJS.Timeout {
  const turning = new Turning(config.limits.threadStuckMs, performance.now());
  return setInterval(() => {
    const { beat } = glanceAt(ledger, 0);
    const coreMs = coreMsOf(systemThread);
    if (turning.look({ beat, coreMs, nowMs: performance.now() }) !== undefined) onStuck();
  }, glanceMs);
}

function stuckEnd(config: Config): RunEnd {
  const limitMs = config.limits.threadStuckMs;
  const detail = `Cannot answer: the function held its thread for more than ${limitMs} ms`;
  const error = { code: 'guest-out-of-cpu', detail } as const;
  return { outcome: 'out-of-cpu', error, cause: error };
}

/** A file is what a link, or a program's redirect inside its site, has led to. */
const answered: ReadonlySet<RunEnd['outcome']> = new Set(['replied', 'file', 'redirected']);

function tellEnd(
  { cause, error, outcome, modulePath: ended }: RunEnd,
  named: { readonly modulePath: ModulePath; readonly bytes: Uint8Array; readonly io: CommandIo },
): ExitCode {
  if (answered.has(outcome) && error === undefined) return 0;
  const { modulePath, bytes, io } = named;
  const reason = error?.detail ?? `after it had answered${cause ? `: ${cause.detail}` : ''}`;
  const isOfLink = ended !== undefined && ended !== modulePath;
  const told = isOfLink ? reason : withSourceLines(reason, bytes);
  const subject = isOfLink ? `${printable(ended)}, a link before the path,` : 'The function';
  io.report(`${subject} failed (${outcome}): ${told}`);
  return 1;
}
