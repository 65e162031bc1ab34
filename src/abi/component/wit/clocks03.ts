/** `wasi:clocks` and `wasi:random` 0.3. */

export const clockTypes03 = `
  type duration = u64;
`;

export const monotonicClock03 = `
  use types.{duration};
  type mark = u64;
  now: func() -> mark;
  get-resolution: func() -> duration;
  wait-until: async func(when: mark);
  wait-for: async func(how-long: duration);
`;

export const systemClock03 = `
  use types.{duration};
  record instant {
    seconds: s64,
    nanoseconds: u32,
  }
  now: func() -> instant;
  get-resolution: func() -> duration;
`;

export const random03 = `
  get-random-bytes: func(max-len: u64) -> list<u8>;
  get-random-u64: func() -> u64;
`;

export const insecure03 = `
  get-insecure-random-bytes: func(max-len: u64) -> list<u8>;
  get-insecure-random-u64: func() -> u64;
`;

export const insecureSeed03 = `
  get-insecure-seed: func() -> tuple<u64, u64>;
`;
