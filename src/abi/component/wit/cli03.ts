/** `wasi:cli` 0.3, as far as it is not as in 0.2. */

export const environment03 = `
  get-environment: func() -> list<tuple<string, string>>;
  get-arguments: func() -> list<string>;
  get-initial-cwd: func() -> option<string>;
`;

export const cliTypes03 = `
  enum error-code {
    io,
    illegal-byte-sequence,
    pipe,
  }
`;

export const stdin03 = `
  use types.{error-code};
  read-via-stream: func() -> tuple<stream<u8>, future<result<_, error-code>>>;
`;

export const stdout03 = `
  use types.{error-code};
  write-via-stream: func(data: stream<u8>) -> future<result<_, error-code>>;
`;

export const stderr03 = `
  use types.{error-code};
  write-via-stream: func(data: stream<u8>) -> future<result<_, error-code>>;
`;

export const run03 = `
  run: async func() -> result;
`;
