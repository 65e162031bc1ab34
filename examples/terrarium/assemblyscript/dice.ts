// Rolls dice and tells the time: /dice.wasm?count=3&sides=6

import { hostcall_rng_next_u64, hostcall_time_now } from './env';
import { queryValue, requestPath, respond } from './terrarium';

export { default_free_impl, default_malloc_impl } from './terrarium';

export function run(): void {
  const path = requestPath();
  const count = numberBetween(queryValue(path, 'count'), 1, 100, 2);
  const sides = numberBetween(queryValue(path, 'sides'), 2, 1000, 6);

  const rolls: string[] = [];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const roll = rollDie(sides);
    sum += roll;
    rolls.push(roll.toString());
  }
  const time = new Date(hostcall_time_now(0) * 1000).toISOString();
  const body = `{"rolls":[${rolls.join(',')}],"sum":${sum},"time":"${time}"}\n`;
  respond(200, 'application/json', body);
}

/** Random numbers at the top end would favour some sides: those are thrown again. */
function rollDie(sides: i32): i32 {
  const fairMax = u64.MAX_VALUE - (u64.MAX_VALUE % (sides as u64));
  let number = hostcall_rng_next_u64();
  while (number >= fairMax) number = hostcall_rng_next_u64();
  return ((number % (sides as u64)) as i32) + 1;
}

function numberBetween(text: string, low: i32, high: i32, otherwise: i32): i32 {
  const number = parseInt(text, 10);
  if (Number.isNaN(number)) return otherwise;
  return Math.min(Math.max(number, low), high) as i32;
}
