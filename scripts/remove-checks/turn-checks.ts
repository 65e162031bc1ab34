/** Of those: that code of a guest runs, and calls the host, only while its run has the thread. */
import type { RemovableCheck } from './removable.ts';

const hostcalls = 'test/engine/program-hostcalls.test.ts';

export const turnChecks: readonly RemovableCheck[] = [
  {
    limit: 'guests that go on while the thread serves another',
    file: 'src/engine/crossings.ts',
    check: 'if (scheduler.current?.serving !== serving) throw trap;',
    instead: '',
    test: 'test/engine/crossings.test.ts',
  },
  {
    limit: 'hostcalls of a run that has not the thread',
    file: 'src/engine/run-slot.ts',
    check: ' || activation !== this.#parts.scheduler.current',
    instead: '',
    test: hostcalls,
  },
  {
    limit: 'hostcalls of an instance of another program',
    file: 'src/engine/program-hostcalls.ts',
    check: 'if (port === undefined || port.program !== this) throw this.#options.trap;',
    instead: 'if (port === undefined) throw this.#options.trap;',
    test: hostcalls,
  },
  {
    limit: 'waits in a hostcall that may not wait',
    file: 'src/engine/hostcall-gate.ts',
    check: 'if (!waits) throw new TypeError(',
    instead: 'if (!hasSteps && hasSteps) throw new TypeError(',
    test: hostcalls,
  },
  {
    limit: 'calls into a guest whose run has not the thread',
    file: 'src/engine/entrance.ts',
    check: 'this.#slot.onTurn();',
    instead: '',
    test: 'test/engine/entrance.test.ts',
  },
  {
    limit: 'marks of a guest beside which another is put back',
    file: 'src/engine/restore/card-table.ts',
    check: 'this.#table.leave(this, this.#interrupted);',
    instead: 'this.#table.leave(this, undefined);',
    test: 'test/engine/put-back.test.ts',
  },
];
