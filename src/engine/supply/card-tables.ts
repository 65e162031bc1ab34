/**
 * The card memories of a thread: one for each memory that programs mark, by its number. Memories of
 * one program share addresses, so the marks of one would name cards of the other. Programs of other
 * maxima import other sizes.
 */
import type { Program } from '../../threads/program.ts';
import { CardTable } from '../restore/card-table.ts';
import type { MemoryStock } from './memories.ts';

export class CardTables {
  readonly #tables = new Map<string, CardTable>();

  /**
   * For each memory of `program` the table where its stores are marked.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  openFor({ cores }: Program, stock: MemoryStock): readonly (CardTable | undefined)[] {
    const tables: (CardTable | undefined)[] = [];
    for (const { engine, memories } of cores) {
      const [number] = memories;
      const pages = engine.cards?.cards?.pages;
      if (number === undefined || pages === undefined) continue;
      tables[number] ??= this.#open(number, pages, stock);
    }
    return tables;
  }

  #open(number: number, pages: number, stock: MemoryStock): CardTable | undefined {
    const key = `${number} ${pages}`;
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const [memory] = stock.create([{ pagesMin: pages, pagesMax: pages, is64: false }]);
    if (memory === undefined) return undefined;
    const made = new CardTable(memory);
    this.#tables.set(key, made);
    return made;
  }
}
