import { expect, test } from 'vitest';
import { readCookie, Sessions } from '../../../src/admin/dashboard/sessions.ts';
import { Tickets } from '../../../src/admin/dashboard/tickets.ts';

function openSessions(sessionsMax = 3) {
  let nowMs = 0;
  const sessions = new Sessions<string>({
    ...{ cookieName: '__Host-x', isSecure: true, sessionsMax, nowMs: () => nowMs },
    ...{ idleMsMax: 1_000, ageMsMax: 5_000 },
  });
  const cookieOf = (setCookie: string): string => setCookie.split(';')[0] ?? '';
  return {
    sessions,
    wait: (ms: number) => {
      nowMs += ms;
    },
    begin: (of: string) => {
      const { session, setCookie } = sessions.begin(of, '192.0.2.1');
      return { session, setCookie, headers: { cookie: cookieOf(setCookie) } };
    },
  };
}

test('a session is found by its cookie, which scripts and other sites do not get', () => {
  const { begin, sessions } = openSessions();
  const { headers, session, setCookie } = begin('alice');
  expect(setCookie).toMatch(
    /^__Host-x=[\w-]{43}; Path=\/; Max-Age=5; HttpOnly; SameSite=Strict; Secure$/,
  );
  expect(sessions.find(headers)).toMatchObject({ id: session.id, of: 'alice' });
  expect(sessions.find({})).toBeUndefined();
  expect(sessions.find({ cookie: `__Host-x=${session.id}` })).toBeUndefined();
});

test('a session that nobody uses ends, and one that is used ends later', () => {
  const { begin, sessions, wait } = openSessions();
  const idle = begin('idle');
  const used = begin('used');
  for (let second = 0; second < 5; second += 1) {
    expect(sessions.find(used.headers)).toBeDefined();
    wait(999);
  }
  expect(sessions.find(idle.headers)).toBeUndefined();
  expect(sessions.list().map(({ of }) => of)).toEqual(['used']);
  wait(5);
  expect(sessions.find(used.headers)).toBeUndefined();
  expect(sessions.list()).toEqual([]);
});

test('whoever has too many gives up his own, and nobody else one', () => {
  let nowMs = 0;
  const sessions = new Sessions<string>({
    ...{ cookieName: 'x', isSecure: true, sessionsMax: 100, nowMs: () => nowMs },
    ...{ idleMsMax: 1_000, ageMsMax: 5_000 },
    ...{ holderOf: (of) => of.split('/')[0] ?? '', sessionsPerHolderMax: 3 },
  });
  sessions.begin('alice/page', '192.0.2.1');
  for (let count = 0; count < 10; count += 1) {
    nowMs += 1;
    sessions.begin(`mallory/${count}`, '192.0.2.2');
  }
  const left = sessions.list().map(({ of }) => of);
  expect(left).toEqual(['mallory/9', 'mallory/8', 'mallory/7', 'alice/page']);
});

test('the least recently used session makes room for a new one', () => {
  const { begin, sessions } = openSessions(2);
  const first = begin('first');
  const second = begin('second');
  sessions.find(first.headers);
  begin('third');
  expect(sessions.find(second.headers)).toBeUndefined();
  expect(sessions.find(first.headers)).toBeDefined();
});

test('an ended session opens nothing', () => {
  const { begin, sessions } = openSessions();
  const { headers, session } = begin('alice');
  expect(sessions.end(session.id)).toBe(true);
  expect(sessions.end(session.id)).toBe(false);
  expect(sessions.find(headers)).toBeUndefined();
});

test('of two cookies of one name neither is taken: somebody else has set one', () => {
  expect(readCookie('a=1; b=2', 'b')).toBe('2');
  expect(readCookie('b=1; b=2', 'b')).toBeUndefined();
  expect(readCookie('bb=1', 'b')).toBeUndefined();
  expect(readCookie(undefined, 'b')).toBeUndefined();
});

test('a ticket opens once, in time, and only so many wait', () => {
  let nowMs = 0;
  const tickets = new Tickets(() => nowMs);
  const first = tickets.issue();
  expect(tickets.redeem('wrong')).toBe(false);
  expect(tickets.redeem(first)).toBe(true);
  expect(tickets.redeem(first)).toBe(false);
  const late = tickets.issue();
  nowMs = 600_000;
  expect(tickets.redeem(late)).toBe(false);
  const oldest = tickets.issue();
  for (let count = 0; count < 16; count += 1) tickets.issue();
  expect(tickets.redeem(oldest)).toBe(false);
});
