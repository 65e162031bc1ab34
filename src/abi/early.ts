/**
 * The start of a program that is done once, before any request, up to where it first asks for
 * something that is a request's or the world's; see engine/early. What an ABI has to do with it.
 */
import type { Capabilities } from '../capability/capability.ts';
import type { GuestSettings } from '../capability/settings/contract.ts';
import type { ImportName } from './hostcall.ts';

/** What a start may be told. */
export interface EarlyGiven {
  /** Names and values of the environment that the owner has set. */
  readonly environment: ReadonlyMap<string, string>;
  /** In place of what only a request has; as long as that is. */
  readonly mark: string;
  readonly fillRandom: Capabilities['fillRandom'];
}

/** `alike`: what a hostcall answers is the same for all requests. `random`: random numbers. */
export type EarlyAnswer = 'alike' | 'random' | 'other';

/** Of an ABI whose programs may be started before any request. */
export interface EarlyRules {
  /** How long the mark is, in characters of ASCII. */
  readonly markLength: number;
  /**
   * Programs of one owner whose starts are told the same have the same kind; empty where they are
   * told nothing of hers. Undefined: they must start in each request.
   */
  kindOf(settings: GuestSettings): string | undefined;
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
  /** What a request has in place of the mark, as long as that. */
  markOf(requestId: string): string;
}

export interface EarlyKept {
  /** Flags of the three streams. */
  readonly streamFlags: readonly number[];
}
