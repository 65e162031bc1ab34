/** `private`: files that modules read and visitors do not get. */
import { quoteReceived } from '../../names.ts';
import { type PrivateRule, parsePrivateRule } from '../private-files.ts';
import { namePlace, nameType, SettingsFault } from './fault.ts';
import type { Kind } from './kinds.ts';
import { listOf } from './tables.ts';

const privateRulesMax = 256;

const privateRule: Kind<PrivateRule> = {
  jsonSchema: { type: 'string', pattern: '^/' },
  read(value, place) {
    const rule = `${namePlace(place)} must hold paths, such as "/app.py" or "/lib/*"`;
    if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
    const parsed = parsePrivateRule(value);
    if (parsed !== undefined) return parsed;
    throw new SettingsFault(place, rule, quoteReceived(value));
  },
};

export const privatePaths: Kind<readonly PrivateRule[]> = listOf(privateRule, {
  max: privateRulesMax,
  what: 'private paths',
});
