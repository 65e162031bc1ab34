/** What `terrafirma check` finds, one finding a line, and what to do next. */
import { printable } from '../printable.ts';

export type FindingMark = 'ok' | 'note' | 'bad';

export interface Finding {
  readonly mark: FindingMark;
  /** What was looked at: `A`, `TXT`, `folder`, `access`, `module`, … */
  readonly subject: string;
  readonly text: string;
  /** Only of what is bad: what to do about it. */
  readonly nextStep?: string;
}

/** What was looked at: a host name, or a folder by its absolute path. */
export type CheckSubject = { readonly hostName: string } | { readonly folder: string };

export type CheckReport = CheckSubject & {
  readonly findings: readonly Finding[];
  readonly wouldWork: boolean;
  readonly nextStep: string;
};

/** The first bad finding says what to do; without one, `whenGood` does. */
export function summarize(
  subject: CheckSubject,
  findings: readonly Finding[],
  whenGood: string,
): CheckReport {
  const bad = findings.find((finding) => finding.mark === 'bad');
  return {
    ...subject,
    findings,
    wouldWork: bad === undefined,
    nextStep: bad === undefined ? whenGood : (bad.nextStep ?? bad.text),
  };
}

export function describeCheck(report: CheckReport): string {
  const lines = report.findings.map(
    ({ mark, subject, text }) => `  ${mark.padEnd(4)}  ${subject.padEnd(8)}  ${printable(text)}`,
  );
  const verdict = report.wouldWork ? 'It would work.' : 'It would not work.';
  const title = 'folder' in report ? printable(report.folder) : report.hostName;
  return `${[title, ...lines, `${verdict} ${printable(report.nextStep)}`].join('\n')}\n`;
}
