/** What a folder grants each of its modules, worked out once while its settings stay the same. */

export class GrantCache<Settings extends object, Grant> {
  readonly #workOut: (settings: Settings, modulePath: string) => Grant;
  readonly #known = new WeakMap<Settings, Map<string, { readonly grant: Grant }>>();

  constructor(workOut: (settings: Settings, modulePath: string) => Grant) {
    this.#workOut = workOut;
  }

  of(settings: Settings, modulePath: string): Grant {
    let ofFolder = this.#known.get(settings);
    if (ofFolder === undefined) {
      ofFolder = new Map();
      this.#known.set(settings, ofFolder);
    }
    const known = ofFolder.get(modulePath);
    if (known !== undefined) return known.grant;
    const grant = this.#workOut(settings, modulePath);
    ofFolder.set(modulePath, { grant });
    return grant;
  }
}
