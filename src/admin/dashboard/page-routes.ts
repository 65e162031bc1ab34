/** The dashboard's page and its files: they hold nothing that a stranger could not know. */
import { type AdminReply, notThere, type Route } from '../request.ts';
import { type Assets, pagePolicy } from './assets.ts';

/** Such files never change: their address does. */
const forGood = { 'cache-control': 'public, max-age=31536000, immutable' };

export const pageHeaders = {
  'content-security-policy': pagePolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};

export function pageRoutes(assets: Assets, role: 'operator' | 'owner'): readonly Route[] {
  const open = { method: 'GET', isOpen: true } as const;
  const file = (version: string, name: string): AdminReply => {
    const asset = assets.find(version, name) ?? notThere('file of the page', name);
    return { kind: 'bytes', ...asset, headers: { ...pageHeaders, ...forGood } };
  };
  return [
    {
      ...open,
      path: '/',
      answer: () => ({
        kind: 'bytes',
        mediaType: 'text/html; charset=utf-8',
        bytes: assets.document(role),
        headers: pageHeaders,
      }),
    },
    {
      ...open,
      path: '/page/{}/{}',
      answer: ({ params: [version = '', name = ''] }) => file(version, name),
    },
    {
      ...open,
      path: '/page/{}/{}/{}',
      answer: ({ params: [version = '', part = '', name = ''] }) =>
        file(version, `${part}/${name}`),
    },
  ];
}
