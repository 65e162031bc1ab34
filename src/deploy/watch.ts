/**
 * Edge: file events of one folder, from the kernel through chokidar. An event is a hint that the
 * folder is worth a look: its kind, order and name are not trusted, and none at all may come.
 */
import { relative, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { isServedName } from '../names.ts';
import { MANIFEST_NAME } from '../site/manifest.ts';
import { SETTINGS_NAME } from '../site/settings.ts';

export interface WatchOptions {
  readonly directory: string;
  readonly depthMax: number;
  readonly onHint: () => void;
  /** Watching failed, e.g. too many watches on this machine; polling goes on without it. */
  readonly onError: (error: unknown) => void;
}

export class FolderEvents {
  readonly #watcher: FSWatcher;

  constructor(options: WatchOptions) {
    const { directory, depthMax, onHint, onError } = options;
    this.#watcher = watch(directory, {
      ignoreInitial: true,
      followSymlinks: false,
      depth: depthMax,
      backend: 'native',
      ignorePermissionErrors: true,
      atomic: false,
      ignored: (path: string) => !isWatched(directory, path),
    });
    this.#watcher.on('all', onHint).on('error', onError);
  }

  async close(): Promise<void> {
    await this.#watcher.close();
  }
}

/** Names that are never served are not watched either: `.git` alone may have thousands. */
function isWatched(directory: string, path: string): boolean {
  const below = relative(directory, path);
  if (below === '' || below === MANIFEST_NAME || below === SETTINGS_NAME) return true;
  return below.split(sep).every(isServedName);
}
