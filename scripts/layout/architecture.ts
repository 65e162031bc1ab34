/** The table of rooms in docs/architecture.md, made of `rooms.ts`. */
import type { Room } from './rooms.ts';

const begin = '<!-- rooms: npm run check:layout -- --write -->';
const end = '<!-- /rooms -->';

/** The text with the table between its marks brought up to date. */
export function writeRooms(text: string, rooms: readonly Room[]): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) return `${text}\n${begin}\n${tableOf(rooms)}${end}\n`;
  return `${text.slice(0, from)}${begin}\n${tableOf(rooms)}${text.slice(to)}`;
}

export function checkArchitecture(text: string, rooms: readonly Room[]): readonly string[] {
  if (writeRooms(text, rooms) === text) return [];
  return ['docs/architecture.md must show the rooms as they are: npm run check:layout -- --write'];
}

function tableOf(rooms: readonly Room[]): string {
  const rows = rooms.map(({ name, holds, imports }) => {
    const list = imports === 'any' ? 'all' : imports.map((each) => `\`${each}\``).join(' ');
    return `| \`src/${name}\` | ${holds} | ${list} |\n`;
  });
  return `\n| Room | What lives there | What it imports |\n|---|---|---|\n${rows.join('')}\n`;
}
