import { stat } from 'node:fs/promises';
import { isMissingFile } from './error-code.ts';

/** 0 for a file that is not there. @throws other errors of the file system */
export async function sizeOf(filePath: string): Promise<number> {
  try {
    return (await stat(filePath)).size;
  } catch (error) {
    if (isMissingFile(error)) return 0;
    throw error;
  }
}
