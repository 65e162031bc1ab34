#!/usr/bin/env node
/** argv → one command → exit code. Touches the process; the only place that ends it. */
import { availableParallelism, homedir } from 'node:os';
import process from 'node:process';
import { parseArguments } from './commands/arguments.ts';
import { commandNames, loadCommand, loadCommands } from './commands/catalogue.ts';
import { type CommandIo, type ExitCode, mindedSignals } from './commands/command.ts';
import { describeCommand, describeProgram } from './commands/help.ts';
import { readHiddenLine } from './commands/hidden-input.ts';
import { hideExperimentalWarnings } from './commands/hide-warnings.ts';
import { machineMemoryBytes } from './commands/machine-memory.ts';
import { readVersion } from './commands/version.ts';
import { suggestion } from './config/suggest.ts';
import { describeError, type ErrorCode, TerrafirmaError } from './errors.ts';

// Without a listener of ours, node would open its inspector to every program on this machine.
process.on('SIGUSR1', () => undefined);
hideExperimentalWarnings(process);
const service = takeServiceVariables();
endWithWrapper();

/** What trying again without a change cannot mend. */
const personsToMend: ReadonlySet<ErrorCode> = new Set(['usage', 'config', 'state']);

process.exit(await runProgram(process.argv.slice(2), processIo()));

async function runProgram(argv: readonly string[], io: CommandIo): Promise<ExitCode> {
  try {
    return await runCommand(argv, io);
  } catch (error) {
    if (error instanceof TerrafirmaError) {
      io.report(error.message);
      return personsToMend.has(error.code) ? 2 : 1;
    }
    const forbidden = explainForbidden(error);
    io.report(forbidden ?? describeError(error));
    return forbidden === undefined ? 1 : 2;
  }
}

/** One sentence where the system refused us a file or a directory; undefined for other errors. */
function explainForbidden(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  if (path === undefined || (code !== 'EACCES' && code !== 'EPERM')) return undefined;
  return `Cannot run: the user who runs this must be allowed to use ${path}: ${error.message}`;
}

async function runCommand(argv: readonly string[], io: CommandIo): Promise<ExitCode> {
  const [first, ...rest] = argv;
  if (first === '--version') {
    io.write(`terrafirma ${readVersion()}\n`);
    return 0;
  }
  const asksHelp = first === '--help' || first === '-h' || first === 'help';
  const [name, given] = asksHelp ? [rest[0], ['--help']] : [first, rest];
  if (asksHelp && name === undefined) {
    io.write(describeProgram(await loadCommands()));
    return 0;
  }
  const command = name === undefined ? undefined : await loadCommand(name);
  if (command === undefined) throw unknownCommand(name);
  const parsed = parseArguments(command, given);
  if (parsed.has('help')) {
    io.write(describeCommand(command));
    return 0;
  }
  return command.run(parsed, io);
}

function unknownCommand(name: string | undefined): TerrafirmaError {
  const received = name === undefined ? 'nothing' : `"${name}"${suggestion(name, commandNames)}`;
  return new TerrafirmaError(
    'usage',
    `Cannot run: a command must be given (${commandNames.join(', ')}): received ${received}; ` +
      'see "terrafirma --help"',
  );
}

function processIo(): CommandIo {
  // `terrafirma inspect … | head` closes our output early; that is no failure of ours.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
  return {
    machine: {
      environment: process.env,
      homeDirectory: homedir(),
      workingDirectory: process.cwd(),
      parallelism: availableParallelism(),
      memoryBytes: machineMemoryBytes(),
    },
    isTerminal: process.stdout.isTTY === true,
    write: (output) => process.stdout.write(output),
    report: (line) => process.stderr.write(`${line}\n`),
    loadCommands,
    service,
    readInput: readStandardInput,
    readSecret: readSecretInput,
    nowMs: () => performance.now(),
    onSignal(listener) {
      for (const signal of mindedSignals) process.on(signal, listener);
      return () => {
        for (const signal of mindedSignals) process.off(signal, listener);
      };
    },
  };
}

/**
 * What systemd has said to us is not for the programs that we start. Sockets are ours only when
 * they were meant for this process, or for the older Node.js that stands in for it.
 */
function takeServiceVariables(): CommandIo['service'] {
  const names = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET', 'WATCHDOG_USEC'];
  const taken = Object.fromEntries(names.map((name) => [name, process.env[name]]));
  for (const name of [...names, 'WATCHDOG_PID']) delete process.env[name];
  const wrappers = process.env.TERRAFIRMA_WRAPPED === '1' ? [process.ppid] : [];
  const isForUs = [process.pid, ...wrappers].some((pid) => taken.LISTEN_PID === String(pid));
  return isForUs ? taken : { ...taken, LISTEN_FDS: undefined };
}

/**
 * An older Node.js has started us and stands in for us (`bin/relaunch.js`): when it is killed, so
 * that it cannot pass that on, its end of the channel closes, and we are to end as it did.
 */
function endWithWrapper(): void {
  const hasWrapper = process.env.TERRAFIRMA_WRAPPED === '1' && process.connected;
  // Not for the programs that we start, which have no wrapper.
  delete process.env.TERRAFIRMA_WRAPPED;
  if (!hasWrapper) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // The channel alone must not keep a finished program from ending.
  process.channel?.unref();
}

async function readSecretInput(prompt: string): Promise<Uint8Array> {
  const { stdin, stderr } = process;
  if (stdin.isTTY) {
    return Buffer.from(await readHiddenLine(stdin, prompt, (text) => stderr.write(text)));
  }
  const text = Buffer.from(await readStandardInput()).toString('utf8');
  return Buffer.from(text.replace(/\r?\n$/, ''));
}

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}
