/** What `terrafirma doctor` finds, one finding a line, and what to do next. */
import type { Finding } from '../../doctor/finding.ts';
import { printable } from '../printable.ts';

/** What was looked at: a host name, or a folder by its absolute path. */
export type CheckSubject = { readonly hostName: string } | { readonly folder: string };

export type CheckReport = CheckSubject & {
  readonly schemaVersion: 1;
  /** From where it was looked. */
  readonly from: string;
  readonly findings: readonly Finding[];
  readonly wouldWork: boolean;
  readonly nextStep: string;
};

/** The first bad finding says what to do; without one, `whenGood` does. */
export function summarize(
  subject: CheckSubject,
  findings: readonly Finding[],
  about: { readonly from: string; readonly whenGood: string },
): CheckReport {
  const bad = findings.find((finding) => finding.mark === 'bad');
  return {
    schemaVersion: 1,
    ...subject,
    from: about.from,
    findings,
    wouldWork: bad === undefined,
    nextStep: bad === undefined ? about.whenGood : (bad.nextStep ?? bad.text),
  };
}

function verdictOf({ findings, wouldWork }: CheckReport): string {
  if (wouldWork) return 'It would work.';
  const bad = findings.filter(({ mark }) => mark === 'bad');
  // Whoever reads that nothing works looks for what is not wrong.
  return bad.every(({ isCovered }) => isCovered === true)
    ? 'It works with what was accepted before; the files as they are now would not.'
    : 'It would not work.';
}

export function describeCheck(report: CheckReport): string {
  const rows = report.findings.map(({ id, mark, text }) => {
    // The path of a module stands in its text.
    const name = id.replace(/:.*/, '');
    return `  ${mark.padEnd(4)}  ${name.padEnd(11)}  ${printable(text)}`;
  });
  const verdict = verdictOf(report);
  const title = 'folder' in report ? printable(report.folder) : report.hostName;
  const end = [verdict, `Next: ${printable(report.nextStep)}`];
  return `${[title, `  looked at from ${report.from}`, ...rows, ...end].join('\n')}\n`;
}
