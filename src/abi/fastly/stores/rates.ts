/** Counters of what comes how often, and boxes for those who come too often. */
import { text, unsupported } from '../declare.ts';

export const ratesHostcalls = [
  unsupported('check_rate', '#rates', [
    ...text('rc'),
    ...text('entry'),
    ['delta', 'number'],
    ['window', 'number'],
    ['limit', 'number'],
    ...text('pb'),
    ['ttl', 'number'],
    ['blocked', 'out_number'],
  ]),
  unsupported('ratecounter_increment', '#rates', [
    ...text('rc'),
    ...text('entry'),
    ['delta', 'number'],
  ]),
  unsupported('ratecounter_lookup_rate', '#rates', [
    ...text('rc'),
    ...text('entry'),
    ['window', 'number'],
    ['rate', 'out_number'],
  ]),
  unsupported('ratecounter_lookup_count', '#rates', [
    ...text('rc'),
    ...text('entry'),
    ['duration', 'number'],
    ['count', 'out_number'],
  ]),
  unsupported('penaltybox_add', '#rates', [...text('pb'), ...text('entry'), ['ttl', 'number']]),
  unsupported('penaltybox_has', '#rates', [...text('pb'), ...text('entry'), ['has', 'out_number']]),
];
