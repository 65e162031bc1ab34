/** What an owner does about a module that cannot run. Pure. */

/** As `abi/verdict.ts` and `abi/component/judge.ts` say it. */
const aboutImports = /[:;] (?:unknown )?import "|[:;] unknown (?:interface|function) "/;

/** @param problem Why it cannot run. */
export function stepForRefused(path: string, problem: string): string {
  const how = aboutImports.test(problem)
    ? `Change what ${path} imports and build it again (\`terrafirma inspect\` lists its imports)`
    : `Replace ${path}`;
  return `${how}: ${problem}`;
}
