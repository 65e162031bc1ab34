/** Whether an accepted file may be the beginning of a longer one that would be accepted, too. */
import { findSection, readSections, SectionId } from './binary/sections.ts';
import { isComponent } from './component.ts';

/**
 * The data of a core module comes behind all else that it consists of: a file cut there is valid,
 * and answers with zeros in place of its texts. What programs are made of has data nearly always.
 * Of a component each module is whole, and what makes it one comes last.
 */
export function lacksData(bytes: Uint8Array): boolean {
  return !isComponent(bytes) && findSection(readSections(bytes), SectionId.data) === undefined;
}
