/** `wasi:keyvalue` in its two drafts, and the key-value interface of Spin 2. */

const storeError = 'variant error { no-such-store, access-denied, other(string) }';

/** They differ in what a cursor is. */
function store(cursor: 'u64' | 'string'): string {
  return `
  ${storeError}
  record key-response { keys: list<string>, cursor: option<${cursor}> }
  resource bucket {
    get: func(key: string) -> result<option<list<u8>>, error>;
    set: func(key: string, value: list<u8>) -> result<_, error>;
    delete: func(key: string) -> result<_, error>;
    exists: func(key: string) -> result<bool, error>;
    list-keys: func(cursor: option<${cursor}>) -> result<key-response, error>;
  }
  open: func(identifier: string) -> result<bucket, error>;
`;
}

export const storeDraft = store('u64');
export const storeDraft2 = store('string');

export const atomicsDraft = `
  use store.{bucket, error};
  increment: func(bucket: borrow<bucket>, key: string, delta: u64) -> result<u64, error>;
`;

export const atomicsDraft2 = `
  use store.{bucket, error};
  resource cas {
    new: static func(bucket: borrow<bucket>, key: string) -> result<cas, error>;
    current: func() -> result<option<list<u8>>, error>;
  }
  variant cas-error { store-error(error), cas-failed(cas) }
  increment: func(bucket: borrow<bucket>, key: string, delta: s64) -> result<s64, error>;
  swap: func(cas: cas, value: list<u8>) -> result<_, cas-error>;
`;

export const batch = `
  use store.{bucket, error};
  get-many: func(
    bucket: borrow<bucket>, keys: list<string>
  ) -> result<list<option<tuple<string, list<u8>>>>, error>;
  set-many: func(
    bucket: borrow<bucket>, key-values: list<tuple<string, list<u8>>>
  ) -> result<_, error>;
  delete-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<_, error>;
`;

export const spinKeyValue = `
  variant error { store-table-full, no-such-store, access-denied, other(string) }
  resource store {
    open: static func(label: string) -> result<store, error>;
    get: func(key: string) -> result<option<list<u8>>, error>;
    set: func(key: string, value: list<u8>) -> result<_, error>;
    delete: func(key: string) -> result<_, error>;
    exists: func(key: string) -> result<bool, error>;
    get-keys: func() -> result<list<string>, error>;
  }
`;

/** The same of Spin 3: functions are async, and keys come as a stream. */
export const spinKeyValue3 = `
  variant error { store-table-full, no-such-store, access-denied, other(string) }
  resource store {
    open: static async func(label: string) -> result<store, error>;
    get: async func(key: string) -> result<option<list<u8>>, error>;
    set: async func(key: string, value: list<u8>) -> result<_, error>;
    delete: async func(key: string) -> result<_, error>;
    exists: async func(key: string) -> result<bool, error>;
    get-keys: async func() -> tuple<stream<string>, future<result<_, error>>>;
  }
`;
