import { copyFile, link } from 'node:fs/promises';

/** A name of its own for a file that its owner may remove at any time. @returns false when it is gone already */
export async function linkOrCopy(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target).catch(async (error: unknown) => {
      if (!['EXDEV', 'EPERM'].includes(codeOf(error) ?? '')) throw error;
      await copyFile(source, target);
    });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
