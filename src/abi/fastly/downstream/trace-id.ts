/** The request's id in the form that guests expect. */

const digits = 32;

/**
 * 32 hexadecimal digits for the id that the log has, such as `4fa1c2d3e4b5-1z`: its beginning, and
 * its number at the end.
 */
export function traceIdOf(id: string): string {
  const bare = id.replaceAll('-', '');
  if (/^[0-9a-f]{32}$/.test(bare)) return bare;
  const [prefix = '', count = ''] = id.split('-');
  const number = Number.parseInt(count, 36);
  if (/^[0-9a-f]{1,20}$/.test(prefix) && Number.isSafeInteger(number)) {
    return `${prefix}${number.toString(16).padStart(digits - prefix.length, '0')}`;
  }
  return Buffer.from(id, 'utf8').toString('hex').padStart(digits, '0').slice(-digits);
}
