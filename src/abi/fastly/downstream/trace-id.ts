/** The request's id in the form that guests expect. */
import { Buffer } from 'node:buffer';

const digits = 32;
/** As the daemon makes them: the beginning of its own, and the number of the request. */
const ownForm = /^([0-9a-f]{1,20})-([0-9a-z]{1,9})$/;

/**
 * 32 hexadecimal digits for the id that the log has, such as `4fa1c2d3e4b5-1z`: its beginning, and
 * its number at the end.
 */
export function traceIdOf(id: string): string {
  const own = ownForm.exec(id);
  if (own !== null) {
    const [, prefix = '', count = ''] = own;
    const number = Number.parseInt(count, 36);
    return `${prefix}${number.toString(16).padStart(digits - prefix.length, '0')}`;
  }
  const bare = id.replaceAll('-', '');
  if (/^[0-9a-f]{32}$/.test(bare)) return bare;
  return Buffer.from(id, 'utf8').toString('hex').padStart(digits, '0').slice(-digits);
}
