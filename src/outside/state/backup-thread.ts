/** Makes one backup beside the control plane, says what became of it, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorRecord, toErrorRecord } from '../../errors.ts';
import { type BackupSummary, backUp } from './backup.ts';

/** `workerData` of the thread. */
export interface BackupStart {
  readonly stateDirectory: string;
  readonly directory: string;
}

export type BackupEnd =
  | { readonly kind: 'done'; readonly summary: BackupSummary }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

function run({ directory, stateDirectory }: BackupStart): BackupEnd {
  try {
    return { kind: 'done', summary: backUp(stateDirectory, directory) };
  } catch (error) {
    return { kind: 'failed', error: toErrorRecord(error) };
  }
}

parentPort?.postMessage(run(workerData as BackupStart));
