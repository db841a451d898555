import { createHash } from 'node:crypto';
import type { CoverageReport, ReportedCoverage } from '../domain/coverage-report.ts';
import type { SignedDocument } from '../security/certificates.ts';

const style = `
body { font: 11pt/1.4 system-ui, sans-serif; color: #111; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 16pt; } h2 { font-size: 12pt; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.2rem 0.6rem 0.2rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
td.number, th.number { text-align: right; }
footer { margin-top: 2rem; font-size: 9pt; color: #444; overflow-wrap: anywhere; }
section { break-inside: avoid; } thead { display: table-header-group; } tr { break-inside: avoid; }
@page { margin: 15mm; }`;

/** The page's own policy: its one style sheet by hash, and nothing else at all. */
export const reportPagePolicy = [
  `default-src 'none'`,
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

/** A coverage report for people, made for printing; the signed document it shows is the JSON of the same address. */
export function reportPage(report: CoverageReport, signature: SignedDocument['signature']): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Recording report ${text(report.month)}, ${text(report.tenantName)}</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head><body>
<h1>Recording report ${text(report.month)}</h1>
<p>${text(report.tenantName)}. ${report.final ? 'Final.' : 'Not final: the month, or the week in which late footage is taken in, is not over, or not all of it has been counted.'}
All days are UTC days.</p>${notCounted(report.total.uncountedMs)}
${table('Camera', [...report.cameras.map((camera): Line => [camera.name, camera]), ['All cameras', report.total]])}
${report.cameras
  .map(
    (camera) =>
      `<section><h2>${text(camera.name)}</h2>${notCounted(camera.uncountedMs)}\n${table(
        'Day',
        camera.days.map((day): Line => [day.day, day]),
      )}</section>`,
  )
  .join('\n')}
<footer>Recorded = footage over the time that was to be recorded; paused time is not in it. Issued ${text(report.issuedAt)}.<br>
The same report as JSON is signed with Ed25519, key ${text(signature.keyId)}, signature ${text(signature.value)}.</footer>
</body></html>
`;
}

function notCounted(ms: number): string {
  return ms === 0 ? '' : `\n<p>Not counted: ${duration(ms)} that were to be recorded. They are in no figure here.</p>`;
}

type Line = [name: string, coverage: ReportedCoverage];

function table(first: string, lines: readonly Line[]): string {
  const rows = lines.map(
    ([name, { wantedMs, recordedMs, coveragePpm, gaps, lostMsByReason }]) =>
      `<tr><td>${text(name)}</td><td class="number">${percent(coveragePpm)}</td>` +
      `<td class="number">${duration(wantedMs)}</td><td class="number">${duration(wantedMs - recordedMs)}</td>` +
      `<td class="number">${gaps}</td><td>${text(reasons(lostMsByReason))}</td></tr>`,
  );
  return `<table><thead><tr><th>${first}</th><th class="number">Recorded</th><th class="number">To be recorded</th>
<th class="number">Missing</th><th class="number">Gaps</th><th>Why</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`;
}

/** Rounded down: 100 % means that nothing is missing. */
function percent(ppm: number | null): string {
  return ppm === null ? 'none wanted' : `${(Math.floor(ppm / 100) / 100).toFixed(2)} %`;
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
}

function reasons(lost: ReportedCoverage['lostMsByReason']): string {
  return Object.entries(lost)
    .toSorted((a, b) => b[1] - a[1])
    .map(([reason, ms]) => `${reason} ${duration(ms)}`)
    .join(', ');
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
