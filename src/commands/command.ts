/** What a command is: its words for help, the arguments it takes, and what it does. */
import type { FlagValue } from '../config/resolve.ts';
import type { Machine, Setting } from '../config/schema.ts';

/**
 * 0: done, or the answer is yes. 1: it failed, or the answer is no. 2: the person has to change
 * the arguments or the configuration; trying again without a change cannot help.
 */
export type ExitCode = 0 | 1 | 2;

export interface FlagRow {
  /** Without the dashes. */
  readonly name: string;
  /** Absent: the flag takes no value. */
  readonly placeholder?: string;
  readonly isRepeatable?: boolean;
  /** One letter, with one dash. */
  readonly short?: string;
  readonly summary: string;
}

export interface PositionalRow {
  readonly name: string;
  readonly isRequired: boolean;
  readonly summary: string;
}

/** Signals that a daemon minds. */
export const mindedSignals = [
  'SIGTERM',
  'SIGINT',
  'SIGQUIT',
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
] as const;

export type MindedSignal = (typeof mindedSignals)[number];

/** The process, as far as commands may see it. */
export interface CommandIo {
  readonly machine: Machine;
  /** Whether standard output is one. */
  readonly isTerminal: boolean;
  /** Standard output: what was asked for. Bytes are written as they are. */
  write(output: string | Uint8Array): void;
  /** Standard error: everything else; a line end is added. */
  report(line: string): void;
  readInput(): Promise<Uint8Array>;
  /** One line from a terminal, without an echo; elsewhere the input without its last line end. */
  readSecret(prompt: string): Promise<Uint8Array>;
  /** All commands there are, for who tells of them. */
  loadCommands(): Promise<readonly Command[]>;
  /** What a service manager has said to this process alone: sockets, where to tell how it is. */
  readonly service: Readonly<Record<string, string | undefined>>;
  /** A clock that only goes forward, in milliseconds. */
  nowMs(): number;
  /** Until the returned function is called, the signals no longer end the process. */
  onSignal(listener: (signal: MindedSignal) => void): () => void;
}

export interface Arguments {
  readonly positionals: readonly string[];
  /** The flags that are settings, for `loadConfig`. */
  readonly settings: readonly FlagValue[];
  readonly configFile: string | undefined;
  has(flag: string): boolean;
  value(flag: string): string | undefined;
  values(flag: string): readonly string[];
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly PositionalRow[];
  readonly flags: readonly FlagRow[];
  /** What to do in place of giving it one argument more; begins with "; ". */
  readonly excessHint?: (excess: string) => string;
  /** Whether `--config` is among its flags. */
  readonly readsConfig: boolean;
  /** Settings whose flags this command takes. */
  readonly settings: readonly Setting<unknown>[];
  /** Paragraphs below the flags in the help of the command. */
  readonly notes: readonly string[];
  run(given: Arguments, io: CommandIo): Promise<ExitCode>;
}
