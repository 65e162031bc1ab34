/** A shared store whose calls are told as spans: for a run that is traced. */
import type { RunSpans } from '../../journal/spans.ts';
import type { SharedStore } from '../../outside/store/contract.ts';

export function tracedStore(store: SharedStore, spans: RunSpans): SharedStore {
  return {
    read: (space, keys, options) => spans.watch('kv.read', () => store.read(space, keys, options)),
    commit: (space, writes, options) =>
      spans.watch('kv.commit', () => store.commit(space, writes, options)),
    change: (space, change, options) =>
      spans.watch(`kv.${change.op}`, () => store.change(space, change, options)),
    list: (space, options) => spans.watch('kv.list', () => store.list(space, options)),
    watch: (space, listener) => store.watch(space, listener),
    blobs: store.blobs,
    get state() {
      return store.state;
    },
    onState: (listener) => store.onState(listener),
    close: () => store.close(),
  };
}
