/** Limits of connections that `scripts/remove-checks.ts` takes out. Pure. */
import type { RemovableCheck } from './removable.ts';

export const connectionChecks: readonly RemovableCheck[] = [
  {
    limit: 'time for a connection to say something',
    file: 'src/serve/bare/connection.ts',
    check: 'options.opening.watch(this, options.nowMs());',
    instead: '',
    test: 'test/serve/bare/connection.test.ts',
  },
  {
    limit: 'bytes of a head that is read without node',
    file: 'src/serve/bare/head.ts',
    check: 'const limit = Math.min(bytes.length, this.#bytesMax);',
    instead: 'const limit = bytes.length;',
    test: 'test/serve/bare/head.test.ts',
  },
  {
    limit: 'requests that a client sends ahead',
    file: 'src/serve/http1/connections.ts',
    check: 'if (connection.waiting >= pipelinedRequestsMax) {',
    instead: 'if (connection.waiting < 0) {',
    test: 'test/serve/ahead.test.ts',
  },
  {
    limit: 'bytes that a client sends ahead',
    file: 'src/serve/bare/connection.ts',
    check: 'else if (clientBytes.tryAdd(this.#client, aheadBytesMax)) this.#waiting = chunk;',
    instead: 'else if (this.#client !== undefined) this.#waiting = chunk;',
    test: 'test/serve/bare/connection.test.ts',
  },
];
