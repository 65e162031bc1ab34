/** Grants of what has a name. Pure. */
import type { NamesGrant } from '../site/settings/grants.ts';

/** Whether a name exists for the module: what is not granted does not. */
export function isGranted(grant: NamesGrant | undefined, name: string): boolean {
  if (grant === undefined || typeof grant === 'boolean') return grant !== false;
  return grant.includes(name);
}

/** What a folder grants each of its modules, worked out once while its settings stay the same. */
export class GrantCache<Settings extends object, Grant> {
  readonly #workOut: (settings: Settings, modulePath: string) => Grant;
  readonly #known = new WeakMap<Settings, Map<string, Grant>>();

  constructor(workOut: (settings: Settings, modulePath: string) => Grant) {
    this.#workOut = workOut;
  }

  of(settings: Settings, modulePath: string): Grant {
    let ofFolder = this.#known.get(settings);
    if (ofFolder === undefined) {
      ofFolder = new Map();
      this.#known.set(settings, ofFolder);
    }
    let grant = ofFolder.get(modulePath);
    if (grant === undefined) {
      grant = this.#workOut(settings, modulePath);
      ofFolder.set(modulePath, grant);
    }
    return grant;
  }
}
