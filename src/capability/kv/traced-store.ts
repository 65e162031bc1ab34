/** A shared store whose calls are told as spans: for a run that is traced. */
import type { RequestSpans } from '../../journal/spans.ts';
import type { SharedStore } from '../../outside/store/contract.ts';

export function tracedStore(store: SharedStore, spans: RequestSpans): SharedStore {
  return {
    read: (space, keys, options) =>
      spans.watch('kv.read', 'run', () => store.read(space, keys, options)),
    commit: (space, writes, options) =>
      spans.watch('kv.commit', 'run', () => store.commit(space, writes, options)),
    change: (space, change, options) =>
      spans.watch(`kv.${change.op}`, 'run', () => store.change(space, change, options)),
    list: (space, options) => spans.watch('kv.list', 'run', () => store.list(space, options)),
    watch: (space, listener) => store.watch(space, listener),
    blobs: store.blobs,
    get state() {
      return store.state;
    },
    onState: (listener) => store.onState(listener),
    close: () => store.close(),
  };
}
