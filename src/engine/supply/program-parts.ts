import type { Crossings } from '../crossings.ts';
import type { Entrance } from '../entrance.ts';
import type { MeterHost } from '../meter-host.ts';
import type { PageMapper } from '../restore/page-mapper.ts';
import type { RestoreMode } from '../restore/snapshot.ts';
import type { ThreadParts } from '../run/activation.ts';
import type { CardTables } from './card-tables.ts';
import type { MemoryStock } from './memories.ts';

/** What all programs of a thread share. */
export interface ProgramParts extends ThreadParts {
  readonly meterHost: MeterHost;
  readonly entrance: Entrance;
  readonly crossings: Crossings;
  readonly stock: MemoryStock;
  readonly cardTables: CardTables;
  /** Looked for when it is first wanted. */
  readonly mapper: () => PageMapper | undefined;
  /** How to restore, whatever is measured; for tests and benchmarks. */
  readonly fixedMode?: RestoreMode | 'never' | undefined;
  /** The same of attempts; see attempt.ts. */
  readonly fixedAttempts?: 'always' | 'never' | undefined;
}
