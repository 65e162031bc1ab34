/** What rewriting a module's bodies works with. */
import type { ModuleShape } from '../shape.ts';
import type { Additions } from './additions.ts';
import type { CallWatch } from './call-watch.ts';
import type { Charges } from './charges.ts';
import type { Emitter } from './emitter.ts';
import type { EntryStops } from './entry-stops.ts';
import type { HintSection } from './hints.ts';
import type { Replacer } from './replace.ts';

export interface BodyContext {
  readonly bytes: Uint8Array;
  readonly shape: ModuleShape;
  readonly additions: Additions;
  readonly charges: Charges;
  readonly replacer: Replacer;
  readonly emitter: Emitter;
  /** Exceptions may be caught in this module. */
  readonly isCatching: boolean;
  readonly hints: HintSection;
  readonly watch: CallWatch | undefined;
  readonly stops: EntryStops | undefined;
}
