import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Folders whose files take longest (test/system: up to 90 s each, most of it waiting for real streams), in the order in
 * which they are begun. A long file that is begun last is alone at the end, with the other cores idle.
 */
const longFolders = ['test/chaos/', 'test/system/', 'test/scripts/', 'test/recorder/', 'test/activities/', 'test/web/'];

/** Long files first; within a folder as Vitest sorts: by the last run's times where they are known, else by size. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- Vitest's method, not an array's
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank(file: TestSpecification): number {
  const found = longFolders.findIndex((folder) => file.moduleId.includes(`/${folder}`));
  return found === -1 ? longFolders.length : found;
}
