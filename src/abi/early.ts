/**
 * The start of a program that is done once, before any request, up to where it first asks for
 * something that is a request's or the world's; see engine/early. What an ABI has to do with it.
 */
import type { Capabilities } from '../capability/capability.ts';
import type { RequestHead } from '../http/message.ts';
import type { ImportName } from './hostcall.ts';

/** What a start may be told. */
export interface EarlyGiven {
  /** Names and values of the environment that the owner has set. */
  readonly environment: ReadonlyMap<string, string>;
  /** In place of what only a request has; as long as that is. */
  readonly mark: string;
  /** Whether the program finds a `/data`, as its requests will. */
  readonly hasData: boolean;
  readonly fillRandom: Capabilities['fillRandom'];
}

/** `alike`: what a hostcall answers is the same for all requests. `random`: random numbers. */
export type EarlyAnswer = 'alike' | 'random' | 'other';

/** Whoever is to be served by a start: a run, or who makes a guest before there is one. */
export interface EarlyAsker {
  readonly capabilities: Partial<Pick<Capabilities, 'settings' | 'keyValue'>>;
  readonly exchange?: { readonly request: RequestHead; readonly hasBody: boolean };
  /** There where it is one of messages. */
  readonly conversation?: object | undefined;
}

/**
 * What a start is told in place of arguments and environment of a request: so many strings, each of
 * them the mark, of which the first variable is longer. There is the room for what a request has.
 */
export interface EarlyStrings {
  readonly argumentsMax: number;
  readonly variablesMax: number;
  readonly roomBytes: number;
}

/** Of an ABI whose programs may be started before any request. */
export interface EarlyRules {
  /** How long the mark is, in characters of ASCII. */
  readonly markLength: number;
  /** Left out: what only a request has is as long as the mark, and is written over its copies. */
  readonly strings?: EarlyStrings | undefined;
  /**
   * Programs of one owner whose starts are told the same have the same kind; empty where they are
   * told nothing of hers. Undefined: the program must start in this request.
   */
  kindOf(asker: EarlyAsker): string | undefined;
  /** `first`: the first argument. */
  judge(wanted: ImportName, first: unknown): EarlyAnswer;
}

/** One instance's side of it. */
export interface EarlyBinding {
  /** Takes a start, until `release`: hostcalls that answer all requests alike do so. */
  prepare(given: EarlyGiven): void;
  /** What the host has to remember of the start; before `release`. Data. */
  keep(): EarlyKept;
  /** Every run of this instance begins with what the start has left. */
  resume(kept: EarlyKept): void;
  /** What a request has in place of the mark, as long as that; with `strings` nobody asks. */
  markOf(requestId: string): string;
  /** With `strings`: whether no request has a variable of that name, nor has the start. */
  lacks?(name: string): boolean;
  /** With `strings`: what this run tells its program. After `begin`. */
  told?(): EarlyTold;
}

export interface EarlyTold {
  readonly arguments: ToldStrings;
  readonly environment: ToldStrings;
}

export interface ToldStrings {
  /** All of them, with a NUL behind each; one character a byte. */
  readonly text: string;
  /** Where each of them begins in `text`. */
  readonly starts: readonly number[];
}

export interface EarlyKept {
  /** Flags of the three streams. */
  readonly streamFlags: readonly number[];
}
