/** `wasi:clocks` and `wasi:random` 0.2. */

export const monotonicClock = `
  use wasi:io/poll.{pollable};
  type instant = u64;
  type duration = u64;
  now: func() -> instant;
  resolution: func() -> duration;
  subscribe-instant: func(when: instant) -> pollable;
  subscribe-duration: func(when: duration) -> pollable;
`;

export const wallClock = `
  record datetime { seconds: u64, nanoseconds: u32 }
  now: func() -> datetime;
  resolution: func() -> datetime;
`;

export const random = `
  get-random-bytes: func(len: u64) -> list<u8>;
  get-random-u64: func() -> u64;
`;

export const insecure = `
  get-insecure-random-bytes: func(len: u64) -> list<u8>;
  get-insecure-random-u64: func() -> u64;
`;

export const insecureSeed = `
  insecure-seed: func() -> tuple<u64, u64>;
`;
