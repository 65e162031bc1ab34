import { describe, expect, test } from 'vitest';
import { matchFirst } from '../../../src/site/path-patterns.ts';
import { expandTarget } from '../../../src/site/path-targets.ts';
import { faultOf, lines, read } from './read.ts';

const one = (text: string) => `[[redirects]]\n${text}`;

describe('[[redirects]]', () => {
  test('a rule with all that it may have', () => {
    const { redirects } = read(`
      [[redirects]]
      from = "/blog/:year/*"
      to = "/posts/:year/:splat"
      status = 308
      force = true
      [[redirects]]
      from = "/old"
      to = "https://other.example/new"
      [[redirects]]
      from = "/gone"
      status = 410
    `);
    const found = redirects && matchFirst(redirects.table, '/blog/2026/a/b');
    const rule = redirects?.rules[found?.rule ?? -1];
    expect(rule).toMatchObject({ status: 308, isForced: true });
    const target = rule?.target;
    expect(target && found && expandTarget(target, found.captures, '')).toBe('/posts/2026/a/b');
    expect(redirects?.rules.map(({ status }) => status)).toEqual([308, 301, 410]);
    expect(redirects?.hasForced).toBe(true);
    expect(structuredClone(redirects)).toEqual(redirects);
  });

  test.each([
    ['to = "/b"', 'toml:1: redirects must have "from"'],
    ['from = "/a"', 'toml:1: redirects must have "to"'],
    ['from = "a"\nto = "/b"', 'toml:2: redirects.from must begin with "/": received "a"'],
    ['from = 1\nto = "/b"', 'redirects.from must be a path'],
    ['from = "/a"\nto = "/b"\nstatus = 200.5', 'redirects.status must be 301, 302, 303, 307, 308'],
    ['from = "/a"\nto = "/b"\nstatus = 404', 'received 404'],
    ['from = "/a"\nto = "/b"\nstatus = 410', 'toml:3: redirects.to must not stand beside'],
    ['from = "/a"\nto = "https://b.example"\nstatus = 200', 'must be a path of this site'],
    ['from = "/a"\nto = "//b.example"', 'toml:3: redirects.to must be a full "https:" URL'],
    ['from = "/a"\nto = "/:b"', 'redirects.to may use only what "from" captures'],
    ['from = "/a/"\nto = "/a"', 'redirects.to must differ from "from"'],
    ['from = "/a"\nto = "/a#b"', 'redirects.to must differ from "from"'],
    ['from = "/caf%C3%A9"\nto = "/café"', 'redirects.to must differ from "from"'],
    ['from = "/a/:b/*"\nto = "/a/:b/:splat"', 'redirects.to must differ from "from"'],
    ['from = "/a"\nto = "/b"\nfroce = true', 'did you mean "force"?'],
  ])('%j is refused', (text, fault) => {
    expect(faultOf(one(text))).toContain(fault);
  });

  test('1,000 plain paths and 100 patterns', () => {
    const plain = (count: number) => lines(count, (n) => one(`from = "/p${n}"\nto = "/x"`));
    const patterns = (count: number) => lines(count, (n) => one(`from = "/p${n}/*"\nto = "/x"`));
    expect(faultOf(`${plain(1_000)}\n${patterns(100)}`)).toBe('accepted');
    expect(faultOf(plain(1_001))).toContain('redirects may hold at most 1000 plain paths');
    expect(faultOf(patterns(101))).toContain('redirects may hold at most 100 paths with ":name"');
    expect(faultOf(`${plain(1_000)}\n${patterns(101)}`)).toContain('at most 1100 rules');
  });
});
