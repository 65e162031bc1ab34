/** The checks that `scripts/remove-checks.ts` takes out, and the tests that must notice. Pure. */

export interface RemovableCheck {
  /** What is not limited any more. */
  readonly limit: string;
  readonly file: string;
  /** Exactly as it stands there, once. */
  readonly check: string;
  readonly instead: string;
  readonly test: string;
}

const engineLimits = 'test/engine/limits.test.ts';
const inspection = 'test/wasm/inspect.test.ts';
const answers = 'test/serve/answers.test.ts';

export const checks: readonly RemovableCheck[] = [
  {
    limit: 'CPU time of a run',
    file: 'src/engine/activation.ts',
    check: 'if (usedMs - this.#budgetFromMs < this.#cpuMsMax) return;',
    instead: 'if (usedMs >= 0) return;',
    test: 'test/engine/activation.test.ts',
  },
  {
    limit: 'memory of a run',
    file: 'src/engine/activation.ts',
    check: 'if (otherBytes + bytes <= memoryBytesMax) return this.#mayHold(memory, bytes);',
    instead: 'if (otherBytes + bytes <= memoryBytesMax * 4) return true;',
    test: engineLimits,
  },
  {
    limit: 'wall-clock time of a run',
    file: 'src/engine/run-clock.ts',
    check: 'if (watched.deadlineMs > nowMs) return;',
    instead: 'if (watched.deadlineMs > 0) return;',
    test: engineLimits,
  },
  {
    limit: 'requests of a site that wait',
    file: 'src/engine/admission.ts',
    check: 'if (seats.requests >= runsPerSiteMax + queuedRunsPerSiteMax) {',
    instead: 'if (seats.requests < 0) {',
    test: 'test/engine/admission.test.ts',
  },
  {
    limit: 'runs of a site at once',
    file: 'src/engine/admission.ts',
    check: 'if (seats.runs >= this.#options.runsPerSiteMax) return false;',
    instead: '',
    test: 'test/engine/admission.test.ts',
  },
  {
    limit: 'what one owner may hold of the process',
    file: 'src/account/account.ts',
    check: 'return share.held(stock) + amount <= this.bound(share, stock);',
    instead: 'return true;',
    test: 'test/engine/guest-account.test.ts',
  },
  {
    limit: 'what one client may have waiting for it',
    file: 'src/serve/exchange-bytes.ts',
    check: 'if (before > 0 && before + bytes > this.#bytesMax) return false;',
    instead: '',
    test: 'test/serve/held-bytes.test.ts',
  },
  {
    limit: 'the time in which a client must take a piece of a reply',
    file: 'src/serve/reply-pump.ts',
    check: 'const timer = setTimeout(options.cut, options.pieceMs);',
    instead: 'const timer = setTimeout(() => undefined, options.pieceMs);',
    test: 'test/serve/held-bytes.test.ts',
  },
  {
    limit: 'how long a guest may be idle',
    file: 'src/engine/idle-guests.ts',
    check: 'while ((shelf.guests[0]?.sinceMs ?? nowMs) < sinceMsMin && this.#evictFirst(shelf));',
    instead: '',
    test: 'test/engine/guest-account.test.ts',
  },
  {
    limit: 'bytes of idle guests',
    file: 'src/engine/idle-guests.ts',
    check: 'while (this.#bytes > this.#options.bytesMax && this.evictOne());',
    instead: '',
    test: engineLimits,
  },
  {
    limit: 'bytes a kept guest may have grown by',
    file: 'src/engine/guest.ts',
    check: 'memoryBytes - this.#firstBytes <= grownBytesMax',
    instead: 'memoryBytes >= 0',
    test: engineLimits,
  },
  {
    limit: "a hostcall's pointers to the memory its run has",
    file: 'src/engine/instance.ts',
    check: 'byteLength: () => this.#bytesOf(0),',
    instead: 'byteLength: () => memory.buffer.byteLength,',
    test: 'test/engine/reach.test.ts',
  },
  {
    limit: 'what a site grew to that site',
    file: 'src/engine/guest.ts',
    check: 'if (memoryBytes > this.#firstBytes) this.#siteKey = siteKey;',
    instead: '',
    test: 'test/engine/reach.test.ts',
  },
  {
    limit: 'objects of a run',
    file: 'src/engine/object-heap.ts',
    check: 'if (wanted > left) {',
    instead: 'if (wanted < 0) {',
    test: 'test/engine/object-heap.test.ts',
  },
  {
    limit: 'objects of a thread, and of one owner',
    file: 'src/engine/object-heap.ts',
    check: 'if (!this.#heap.allows(this.#owner, bytes)) continue;',
    instead: '',
    test: 'test/engine/object-heap.test.ts',
  },
  {
    limit: 'payloads of exceptions',
    file: 'src/wasm/meter/exceptions.ts',
    check: 'return headerBytes + words * wordBytes;',
    instead: 'return headerBytes;',
    test: 'test/wasm/meter/heap.test.ts',
  },
  {
    limit: 'array operations without a check',
    file: 'src/wasm/meter/arrays.ts',
    check: 'code.i32(chunkElements * split.weight);',
    instead: 'code.i32(0);',
    test: 'test/wasm/meter/arrays.test.ts',
  },
  {
    limit: 'work of compiling what the meter puts in',
    file: 'src/wasm/meter/emitter.ts',
    check: 'if (work > insertedWorkMax) {',
    instead: 'if (work < 0) {',
    test: 'test/wasm/meter.test.ts',
  },
  {
    limit: 'labels that a detour shifts',
    file: 'src/wasm/binary/scan.ts',
    check: 'if (namesLabel(op) && !isRetargeted(op)) this.#markAround(LoopFact.namesLabels);',
    instead: '',
    test: 'test/wasm/meter/detour.test.ts',
  },
  {
    limit: 'instances of the process',
    file: 'src/ledger.ts',
    check: 'if (before + count <= memoriesMax) return true;',
    instead: 'if (before + count >= 0) return true;',
    test: engineLimits,
  },
  {
    limit: 'bytes of a module',
    file: 'src/wasm/inspect.ts',
    check: 'if (bytes.length > limits.moduleBytesMax) {',
    instead: 'if (bytes.length < 0) {',
    test: inspection,
  },
  {
    limit: 'entries of tables',
    file: 'src/wasm/inspect.ts',
    check:
      "...over('entries in all tables', limits.tableEntriesMax, entries, 'table_entries_max'),",
    instead: '',
    test: inspection,
  },
  {
    limit: 'memories of a module',
    file: 'src/wasm/inspect.ts',
    check: "...over('memories', limits.memoriesMax, memories.length),",
    instead: '',
    test: inspection,
  },
  {
    limit: 'pages that memories begin with',
    file: 'src/wasm/inspect.ts',
    check: "'pages of 64 KiB to begin with', limits.memoryPagesMax, pages,",
    instead: "'pages of 64 KiB to begin with', limits.memoryPagesMax, -1,",
    test: inspection,
  },
  {
    limit: 'imports of a module',
    file: 'src/wasm/inspect.ts',
    check: "...over('imports', limits.importsMax, imports.length, 'imports_max'),",
    instead: '',
    test: inspection,
  },
  {
    limit: 'work of compiling a function',
    file: 'src/wasm/binary/scan.ts',
    check: '> limits.compileWorkMax',
    instead: '> Number.POSITIVE_INFINITY',
    test: inspection,
  },
  {
    limit: 'bytes that a closing connection takes',
    file: 'src/serve/lingering.ts',
    check: 'if (bytes > this.limits.lingerBytesMax) socket.destroy();',
    instead: '',
    test: answers,
  },
  {
    limit: 'time for a client to end a connection',
    file: 'src/serve/lingering.ts',
    check: 'const timer = setTimeout(() => socket.destroy(), this.limits.lingerMs);',
    instead: 'const timer = setTimeout(() => undefined, this.limits.lingerMs);',
    test: answers,
  },
  {
    limit: 'requests that a client sends ahead',
    file: 'src/serve/http1-connections.ts',
    check: 'if (connection.waiting >= PIPELINED_REQUESTS_MAX) {',
    instead: 'if (connection.waiting < 0) {',
    test: answers,
  },
  {
    limit: 'bytes of a body that does not say its length',
    file: 'src/abi/wasip1/cgi/body.ts',
    check: 'if (this.#takenBytes + heldBytes > bytesMax) {',
    instead: 'if (heldBytes < 0) {',
    test: 'test/abi/wasip1/cgi/streams.test.ts',
  },
  {
    limit: 'lines that wait to be written',
    file: 'src/journal/log-queue.ts',
    check: 'const free = ring.capacity - ring.used - (isImportant ? 0 : this.#reservedBytes);',
    instead: 'const free = ring.capacity;',
    test: 'test/journal/log-queue.test.ts',
  },
  {
    limit: 'bytes of log of one owner, site and client',
    file: 'src/journal/log-shares.ts',
    check: 'if (share.bytes < share.bytesMax) continue;',
    instead: 'if (share.bytes >= 0) continue;',
    test: 'test/journal/log-shares.test.ts',
  },
  {
    limit: 'characters of a value in the log',
    file: 'src/telemetry.ts',
    check: 'if (text.length <= charsMax) return text;',
    instead: 'if (charsMax > 0) return text;',
    test: 'test/telemetry.test.ts',
  },
  {
    limit: 'headers of an HTTP/2 connection in a second',
    file: 'src/serve/http2-budget.ts',
    check: 'return this.#headers.take(headerBytes, nowMs);',
    instead: 'return nowMs >= 0;',
    test: 'test/serve/http2-flood.test.ts',
  },
  {
    limit: 'frames of an HTTP/2 connection that serve nothing',
    file: 'src/serve/http2-budget.ts',
    check: 'return this.#frames.take(Math.max(0, unexplained), nowMs);',
    instead: 'return unexplained > 0 || nowMs >= 0;',
    test: 'test/serve/http2-budget.test.ts',
  },
  {
    limit: 'requests of an HTTP/2 connection at one turn',
    file: 'src/serve/http2-turns.ts',
    check: 'while (next < this.#waiting.length && begun < this.#perTurn) {',
    instead: 'while (next < this.#waiting.length) {',
    test: 'test/serve/http2-turns.test.ts',
  },
  {
    limit: 'bytes of a program’s /tmp',
    file: 'src/abi/wasip1.ts',
    check: 'bytesMax: limits.tmpBytesPerRunMax,',
    instead: 'bytesMax: 2 ** 24,',
    test: 'test/system/limits.test.ts',
  },
  {
    limit: 'files of a program’s /tmp',
    file: 'src/abi/wasip1.ts',
    check: 'nodesMax: limits.tmpNodesPerRunMax,',
    instead: 'nodesMax: 2 ** 12,',
    test: 'test/system/limits.test.ts',
  },
  {
    limit: 'host names remembered with their site',
    file: 'src/serve/replica.ts',
    check: 'this.#names = new LRUCache({ max: limits.sitesCachedMax });',
    instead: 'this.#names = new LRUCache({ max: 2 ** 16 });',
    test: 'test/serve/replica.test.ts',
  },
];
