import { copyFile, link } from 'node:fs/promises';
import { codeOf, isMissingFile } from './file-error.ts';

/** Of another file system, and of those that have no second names for a file, or no more of them. */
const noLinks = ['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** Gives a file a second name, or makes a copy of it where it can have none. @throws errors of the file system */
export async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if (!noLinks.includes(codeOf(error) ?? '')) throw error;
    await copyFile(source, target);
  }
}

/**
 * A name of its own for a file that its owner may remove at any time.
 * @returns false when it is gone already
 * @throws other errors of the file system
 */
export async function linkIfThere(source: string, target: string): Promise<boolean> {
  try {
    await linkOrCopy(source, target);
    return true;
  } catch (error) {
    if (isMissingFile(error)) return false;
    throw error;
  }
}
