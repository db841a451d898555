import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Config } from '../../config.ts';
import { adminLogin, adminPasswordPath } from '../../api/first-start.ts';
import type { Parts } from './parts.ts';
import type { Terminal } from './terminal.ts';

/** What a person needs to go on with: where everything is, and how to get in. */
export function printSummary(
  terminal: Terminal,
  options: { config: Config; dataDir: string; consoleUrl: string; parts: Parts },
): void {
  const { config, dataDir, consoleUrl, parts } = options;
  const rows: [string, string][] = [];
  if (config.roles.includes('api')) {
    rows.push(['Console', terminal.bold(consoleUrl)], ['Login', loginText(dataDir, terminal)]);
    rows.push(['API', `${consoleUrl}/docs`]);
  }
  rows.push(['Temporal', parts.temporalUiUrl ?? parts.temporalAddress]);
  const keys = config.s3.endpoint === undefined ? `, key ${parts.s3.accessKey}, secret in s3-secret-key` : '';
  rows.push(['Storage', `${parts.s3.endpoint}${terminal.dim(`  bucket ${config.s3.bucket}${keys}`)}`]);
  rows.push(['Data', `${shortPath(dataDir)}${terminal.dim(`  logs in ${shortPath(dataDir)}/logs`)}`]);
  terminal.line();
  terminal.table(rows);
  terminal.line();
  terminal.line(terminal.dim('  Ctrl-C stops everything. Cameras and footage stay.'));
  terminal.line();
}

/** The generated password stands in a file until its first change removes it. */
function loginText(dataDir: string, terminal: Terminal): string {
  const path = adminPasswordPath(dataDir);
  if (!existsSync(path)) return terminal.dim('the one you have set');
  const password = readFileSync(path, 'utf8').trim();
  return `${terminal.bold(adminLogin)}  ${terminal.bold(password)}${terminal.dim('  until you change it')}`;
}

function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
