/** The checks of bodies that pass by, and of what guests send. */
import type { RemovableCheck } from './removable.ts';

export const bodyChecks: readonly RemovableCheck[] = [
  {
    limit: 'pieces that wait for a reader',
    file: 'src/http/body-queue.ts',
    check: 'return this.#heldBytes < this.#options.windowBytesMax;',
    instead: 'return true;',
    test: 'test/http/body-queue.test.ts',
  },
  {
    limit: 'a reply that nobody reads',
    file: 'src/capability/fetch/exchange.ts',
    check: 'else if (!body.push(chunk)) controller.pause();',
    instead: 'else body.push(chunk);',
    test: 'test/capability/fetch/exchange.test.ts',
  },
  {
    limit: 'bodies of a run',
    file: 'src/abi/objects/held-for-run.ts',
    check: 'if (this.#bytes + bytes > bytesMax) {',
    instead: 'if (bytes < 0) {',
    test: 'test/abi/objects/body.test.ts',
  },
  {
    limit: 'what a guest writes to a body that nobody reads',
    file: 'src/abi/objects/contents.ts',
    check: 'return this.#waitingBytes - this.#earlyBytes < this.#windowBytes;',
    instead: 'return true;',
    test: 'test/abi/objects/body.test.ts',
  },
  {
    limit: 'how far one reader of a body is ahead of the other',
    file: 'src/abi/objects/tee.ts',
    check: 'other.bytes >= aheadBytesMax',
    instead: 'other.bytes < 0',
    test: 'test/abi/objects/body.test.ts',
  },
  {
    limit: 'handles of a run',
    file: 'src/abi/handles.ts',
    check: 'const isWithin = count < handlesMax && this.#space.hasNumber;',
    instead: 'const isWithin = this.#space.hasNumber;',
    test: 'test/abi/handles.test.ts',
  },
  {
    limit: 'back-ends that a run adds',
    file: 'src/capability/fetch/backends.ts',
    check: 'if (this.#added.size >= addedMax) {',
    instead: 'if (this.#added.size < 0) {',
    test: 'test/capability/fetch/backends.test.ts',
  },
  {
    limit: 'where a folder lets its modules send requests',
    file: 'src/capability/fetch/grant.ts',
    check: 'if (allowsOrigin(grant.outbound, url)) return;',
    instead: 'if (allowsOrigin([], url) || url.href !== "") return;',
    test: 'test/capability/fetch/backends.test.ts',
  },
  {
    limit: 'files that a folder lets its modules read',
    file: 'src/capability/files/grant.ts',
    check: 'return this.#isGranted(segments) ? this.#files.open(segments) : undefined;',
    instead: 'return this.#files.open(segments);',
    test: 'test/capability/files/grant.test.ts',
  },
];
