import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Folders whose files take longest (test/system: up to 90 s each, most of it waiting for real streams), in the order in
 * which they are begun. A long file that is begun last is alone at the end, with the other cores idle.
 */
const longFolders = ['test/chaos/', 'test/system/', 'test/scripts/', 'test/recorder/', 'test/web/'];

/** Folders whose files leave nothing behind in their process: no Temporal runtime, no clock, no environment. */
const sharingFolders = /(^|\/)test\/(activities|api|db|domain|media|security|storage)\//;
/** It installs Temporal's runtime, which a process has once. */
const notSharing = /\/api\/cameras\.test\.ts$/;

/** Short files of other folders that leave nothing behind either; a process of its own costs each 0.5 s of CPU and more. */
const sharingFiles: Record<string, string> = {
  camera: 'frame-counter main',
  chaos: 'chaos-figures',
  recorder:
    'committer covered doubtful-files failed-tries figures journal kept-claims known-spool linger meetings ' +
    'purge-orders quarantine rate-watch run-watch seam-fit unreadable unreadable-kill',
  'recorder/dialer': 'authentication conversation failure framing rate-limit session-description',
  scripts: 'ci-run compose encoder-setting env-example log-line npm-watch unprivileged-user',
  web: 'axis camera-url gap-pieces wall-map words',
  workers: 'encoder-reports encoder-slots encoder-start stop-signals work-folder',
};

/** Whether one process may run this file after others. */
export function sharesProcess(file: string): boolean {
  if (sharingFolders.test(file)) return !notSharing.test(file);
  const [, folder = '', name = ''] = /(?:^|\/)test\/(.+)\/([^/]+)\.test\.ts$/.exec(file) ?? [];
  return sharingFiles[folder]?.split(' ').includes(name) === true;
}

/** Long files first; within a folder as Vitest sorts: by the last run's times where they are known, else by size. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- Vitest's method, not an array's
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

/** Files that take 10 s and more for all that they are small, of which the last ones would be alone at the end. */
const longThoughSmall =
  /\/(activities\/sweep-locked|api\/camera-workflows|db\/two-writers|media\/(calibrate|encode-init|encode-quality)|storage\/(gone-store|listing))\.test\.ts$/;

/** Those that share a process are the last: it ends where the next file is one that does not. */
function rank({ moduleId }: TestSpecification): number {
  if (sharesProcess(moduleId)) {
    if (longThoughSmall.test(moduleId)) return longFolders.length + 1;
    return longFolders.length + (/\/(api|activities|media)\//.test(moduleId) ? 2 : 3);
  }
  const found = longFolders.findIndex((folder) => moduleId.includes(`/${folder}`));
  return found === -1 ? longFolders.length : found;
}
