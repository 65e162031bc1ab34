import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const FOLDERS = 300;

/** Each sub-folder is a site of its own, but all are one owner's. */
export const manyFolders: Attack = {
  name: 'many-folders',
  what: `a function that never ends in each of ${FOLDERS} sub-folders, a connection each`,
  async prepare(stage) {
    const module = await terrariumGuest('(loop $again (br $again))');
    for (let folder = 0; folder < FOLDERS; folder += 1) {
      stage.put('mallory', `${folder}/spin.wasm`, module);
      stage.name(`f${folder}.example`, 'mallory', String(folder));
    }
  },
  attack({ port }, signal) {
    return flood((count) => ({ port, host: `f${count % FOLDERS}.example`, path: '/spin.wasm' }), {
      connections: FOLDERS,
      clients: 30,
      signal,
    });
  },
};
