/** The control plane's hold on the thread of the engine, of an installation of several nodes. */
import { entryBeside } from '../../../threads/worker.ts';
import type { EngineState, StoreLimits } from '../messages.ts';
import { StoreKeeper } from '../store-keeper.ts';
import { mirrorPathOf } from './cluster-access.ts';
import type { ClusterStart } from './cluster-thread.ts';
import { createEngineCounts } from './engine-counts.ts';
import { createLiveness } from './liveness.ts';
import { removeMirror } from './mirror-file.ts';
import type { ClusterSettings } from './settings.ts';

export interface ClusterKeeperOptions {
  readonly settings: ClusterSettings;
  readonly limits: StoreLimits;
  readonly stateDirectory: string;
  readonly mirrorBytesMax: number;
  readonly staleReadsMs: number;
  readonly onTrouble: (message: string) => void;
  /** Told at each change of the engine's state. */
  readonly onEngine: (engine: EngineState) => void;
  /** Told once a minute while the engine has no room. */
  readonly onFull: (message: string) => void;
}

export function startClusterKeeper(options: ClusterKeeperOptions): StoreKeeper {
  const { limits, mirrorBytesMax, onEngine, onFull, onTrouble, settings } = options;
  const { staleReadsMs, stateDirectory } = options;
  const liveness = createLiveness(1 + settings.shards);
  const counts = createEngineCounts();
  const mirrorPath = mirrorPathOf(stateDirectory);
  removeMirror(mirrorPath);
  const data: ClusterStart = {
    ...{ settings, limits, stateDirectory, mirrorPath, mirrorBytesMax, liveness },
    counts,
  };
  return new StoreKeeper({
    entry: entryBeside(import.meta, './cluster-thread'),
    ...{ data, onEngine, onFull, onTrouble },
    troubleOf: (reason) => `Cannot use the shared store: ${reason}`,
    cluster: { settings, staleReadsMs, liveness },
    counts,
  });
}
