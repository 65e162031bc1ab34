/** Patterns of paths as values of a settings file, and how many of them a list may hold. */
import { quoteReceived } from '../../names.ts';
import {
  isPlainPattern,
  type PathPattern,
  parsePathPattern,
  pathPatternsMax,
  plainPathsMax,
} from '../path-patterns.ts';
import { namePlace, nameType, type Place, SettingsFault } from './fault.ts';
import type { Kind } from './kinds.ts';

export const pathPattern: Kind<PathPattern> = {
  jsonSchema: { type: 'string', pattern: '^/' },
  read(value, place) {
    const at = namePlace(place);
    if (typeof value !== 'string') {
      throw new SettingsFault(
        place,
        `${at} must be a path, such as "/blog/:year/*"`,
        nameType(value),
      );
    }
    const pattern = parsePathPattern(value);
    if (typeof pattern !== 'string') return pattern;
    throw new SettingsFault(place, `${at} ${pattern}`, quoteReceived(value));
  },
};

/** Longest list that `requirePatternCounts` lets through. */
export const rulesMax = plainPathsMax + pathPatternsMax;

/** Each pattern is tried at each request; plain paths are looked up. */
export function requirePatternCounts(patterns: readonly PathPattern[], place: Place): void {
  const plain = patterns.filter(isPlainPattern).length;
  const others = patterns.length - plain;
  const at = namePlace(place);
  if (plain > plainPathsMax) {
    throw new SettingsFault(
      place,
      `${at} may hold at most ${plainPathsMax} plain paths`,
      `${plain}`,
    );
  }
  if (others > pathPatternsMax) {
    const rule = `${at} may hold at most ${pathPatternsMax} paths with ":name" or "*"`;
    throw new SettingsFault(place, rule, `${others}`);
  }
}
