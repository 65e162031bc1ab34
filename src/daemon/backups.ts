/** Backups while the daemon runs, one at a time, each in a thread of its own. */
import type { BackupReport } from '../admin/world.ts';
import { fromErrorRecord, TerrafirmaError } from '../errors.ts';
import type { BackupEnd, BackupStart } from '../outside/state/backup-thread.ts';
import { entryBeside, startWorker } from '../threads/worker.ts';

export class Backups {
  readonly #stateDirectory: string;
  #isBusy = false;

  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
  }

  /** Rejects with TerrafirmaError `admin-request`, `admin-busy`, `state`, `internal`. */
  async make(directory: string): Promise<BackupReport> {
    if (this.#isBusy) {
      const detail = 'Cannot back up: there may be one backup at a time: received another';
      throw new TerrafirmaError('admin-busy', detail);
    }
    this.#isBusy = true;
    try {
      return await this.#run({ stateDirectory: this.#stateDirectory, directory });
    } finally {
      this.#isBusy = false;
    }
  }

  #run(data: BackupStart): Promise<BackupReport> {
    return new Promise((resolve, reject) => {
      const entry = entryBeside(import.meta, '../outside/state/backup-thread');
      startWorker<BackupEnd>(
        { entry, name: 'backup', data },
        {
          onMessage: (end) => {
            if (end.kind === 'done') resolve(end.summary);
            else reject(fromErrorRecord(end.error));
          },
          onCrash: (detail) => reject(new TerrafirmaError('internal', detail)),
          onExit: () => reject(new TerrafirmaError('internal', 'Cannot back up: its thread ended')),
        },
      );
    });
  }
}
