/** `wasi:cli` 0.2. */

export const environment = `
  get-environment: func() -> list<tuple<string, string>>;
  get-arguments: func() -> list<string>;
  initial-cwd: func() -> option<string>;
`;

export const exit = `
  exit: func(status: result);
  exit-with-code: func(status-code: u8);
`;

export const stdin = `
  use wasi:io/streams.{input-stream};
  get-stdin: func() -> input-stream;
`;

export const stdout = `
  use wasi:io/streams.{output-stream};
  get-stdout: func() -> output-stream;
`;

export const stderr = `
  use wasi:io/streams.{output-stream};
  get-stderr: func() -> output-stream;
`;

export const terminalInput = 'resource terminal-input;';
export const terminalOutput = 'resource terminal-output;';

export const terminalStdin = `
  use terminal-input.{terminal-input};
  get-terminal-stdin: func() -> option<terminal-input>;
`;

export const terminalStdout = `
  use terminal-output.{terminal-output};
  get-terminal-stdout: func() -> option<terminal-output>;
`;

export const terminalStderr = `
  use terminal-output.{terminal-output};
  get-terminal-stderr: func() -> option<terminal-output>;
`;

/** What a command exports. */
export const run = 'run: func() -> result;';
