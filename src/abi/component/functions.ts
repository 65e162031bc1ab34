/** How the host's functions are declared, beside the types of their interface. */
import type { ComponentGuest } from './guest.ts';

/** Takes and gives values as `codec.ts` has them; a promise, or steps, where it waits. */
export type HostCall = (...args: never[]) => unknown;

export interface HostFunction {
  /** Whether the guest may be suspended in it. */
  readonly waits: boolean;
  readonly bind: (guest: ComponentGuest) => HostCall;
}

export interface HostInterface {
  /** With the version that is served: `wasi:io/poll@0.2.0`. */
  readonly name: string;
  /** Its types and functions; see `wit-parser.ts`. */
  readonly text: string;
  /**
   * By the names that components import. One that is left out is about things that no guest can
   * have here, so that its handle is refused before it is called.
   */
  readonly functions: Readonly<Record<string, HostFunction>>;
}

/** A function that answers at once. */
export function prompt(bind: HostFunction['bind']): HostFunction {
  return { waits: false, bind };
}

/** A function that may wait. */
export function waiting(bind: HostFunction['bind']): HostFunction {
  return { waits: true, bind };
}
