/** Limits of what is stored. */
import type { RemovableCheck } from './removable.ts';

export const storeChecks: readonly RemovableCheck[] = [
  {
    limit: 'key-value bytes of one owner',
    file: 'src/outside/store/usage.ts',
    check: 'if (own + added > kvOwnerBytesMax) {',
    instead: 'if (own + added < 0) {',
    test: 'test/outside/store/sqlite-file.test.ts',
  },
  {
    limit: 'the part of the key-value file that one owner may have',
    file: 'src/outside/store/usage.ts',
    check: 'if (mayHold({ max, held, own, added })) return undefined;',
    instead: 'if (held + added <= max) return undefined;',
    test: 'test/outside/store/sqlite-file.test.ts',
  },
  {
    limit: 'key-value writes of one owner that wait',
    file: 'src/capability/kv/client.ts',
    check: 'if (!mayHold({ max, held, own, added: bytes })) {',
    instead: 'if (held + bytes > max) {',
    test: 'test/capability/kv/client.test.ts',
  },
  {
    limit: 'operations of a run on its stores',
    file: 'src/capability/kv/run-store.ts',
    check: 'if (run.operations > kvOperationsPerRunMax) {',
    instead: 'if (run.operations < 0) {',
    test: 'test/capability/kv/named.test.ts',
  },
  {
    limit: 'a file of /data',
    file: 'src/abi/objects/files/working-files.ts',
    check: 'if (sizeBytes > this.#files.options.fileBytesMax)',
    instead: 'if (sizeBytes < 0)',
    test: 'test/abi/wasip1/data.test.ts',
  },
  {
    limit: 'what a run has open of /data',
    file: 'src/abi/objects/files/working-files.ts',
    check: 'if (this.#heldBytes + bytes > bytesMax)',
    instead: 'if (bytesMax < 0)',
    test: 'test/abi/wasip1/data.test.ts',
  },
  {
    limit: 'writes of one commit',
    file: 'src/outside/store/write-rules.ts',
    check: 'if (writes.length > writesPerCommitMax) {',
    instead: 'if (writes.length < 0) {',
    test: 'test/outside/store/direct-contract.test.ts',
  },
];
