/** What a whole file may have, nested components included, counted while it is read. */
import { type ComponentLimits, refuseComponent } from './limits.ts';

const limitOf = {
  sections: 'sectionsMax',
  'core modules': 'modulesMax',
  components: 'componentsMax',
  types: 'typesMax',
  imports: 'importsMax',
  exports: 'exportsMax',
  'canonical definitions': 'canonsMax',
} as const satisfies Readonly<Record<string, keyof ComponentLimits>>;

export class Counts {
  readonly limits: ComponentLimits;
  readonly #counts = new Map<string, number>();
  #nameBytes = 0;

  constructor(limits: ComponentLimits) {
    this.limits = limits;
  }

  /** @throws TerrafirmaError `module-refused` past the limit */
  count(what: keyof typeof limitOf, offset: number): void {
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    const most = this.limits[limitOf[what]];
    if (count > most) throw refuseComponent(`at most ${most} ${what}`, 'more', offset);
  }

  /** @throws TerrafirmaError `module-refused` where it, or all together, are too long */
  countName(bytes: number, offset: number): void {
    const { nameBytesMax, nameBytesTogetherMax } = this.limits;
    if (bytes > nameBytesMax) {
      throw refuseComponent(`names have at most ${nameBytesMax} bytes`, `${bytes}`, offset);
    }
    this.#nameBytes += bytes;
    if (this.#nameBytes <= nameBytesTogetherMax) return;
    const rule = `all names together have at most ${nameBytesTogetherMax} bytes`;
    throw refuseComponent(rule, 'more', offset);
  }

  /** @throws TerrafirmaError `module-refused` */
  requireDepth(what: 'levelsMax' | 'typeLevelsMax', depth: number, offset: number): void {
    const most = this.limits[what];
    const named = what === 'levelsMax' ? 'components' : 'types';
    if (depth <= most) return;
    throw refuseComponent(`${named} are nested at most ${most} deep`, 'more', offset);
  }
}
